//! Between the bodies about approvals and the domain.

use std::sync::Arc;
use std::time::Duration;

use stepwell_core::execution::{Verdict, Vote};
use stepwell_core::ids::{ApprovalId, ExecutionId};
use stepwell_engine::app::{ApprovalFilter, Delegation, NewApprovalLink, NewVote};
use stepwell_engine::approval::{self, ApprovalStatus};
use stepwell_engine::objects::Object;
use stepwell_store::objects::ObjectSort;

use super::super::ids::{ParseId, parse_id};
use super::wire;
use crate::error::{ApiError, Kind};
use crate::query::{Params, invalid_parameter};
use crate::respond::Time;

/// What a list can be sorted by.
pub const SORT_KEYS: [(&str, ObjectSort); 2] =
    [("created_at", ObjectSort::CreatedAt), ("updated_at", ObjectSort::UpdatedAt)];

impl ParseId for ApprovalId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parse_id(text, Kind::NoObject)
    }
}

/// The filter of a list.
pub fn read_filter(params: &Params) -> Result<ApprovalFilter, ApiError> {
    let status = params.one("status")?;
    let status = status.map(|text| {
        let known = ApprovalStatus::ALL.into_iter().find(|status| status.name() == text);
        known.ok_or_else(|| {
            let names = ApprovalStatus::ALL.map(ApprovalStatus::name).join(", ");
            invalid_parameter("status", &names, text)
        })
    });
    let execution = params.one("execution_id")?.map(|text| {
        let id = text.parse::<ExecutionId>();
        id.map_err(|_| invalid_parameter("execution_id", "the id of an execution", text))
    });
    Ok(ApprovalFilter {
        status: status.transpose()?,
        execution: execution.transpose()?,
        approver: params.one("approver")?.map(str::to_owned),
    })
}

/// The vote of a request.
pub fn new_vote(request: wire::VoteRequest, verdict: Verdict) -> NewVote {
    let wire::VoteRequest { approver, comment, data } = request;
    NewVote { approver, verdict, comment, data: Arc::new(data.unwrap_or_default()) }
}

/// The vote of a request with a link.
///
/// # Errors
/// The verdict is wrong.
pub fn link_vote(request: wire::LinkVoteRequest) -> Result<NewVote, ApiError> {
    let wire::LinkVoteRequest { verdict, comment, data } = request;
    let verdict = match verdict.as_str() {
        "approve" => Verdict::Approve,
        "reject" => Verdict::Reject,
        _ => return Err(ApiError::invalid("verdict", "must be `approve` or `reject`")),
    };
    let data = Arc::new(data.unwrap_or_default());
    Ok(NewVote { approver: None, verdict, comment, data })
}

/// The delegation of a request.
pub fn delegation(request: wire::DelegateRequest) -> Delegation {
    let wire::DelegateRequest { approver, to, comment } = request;
    Delegation { approver, to, comment }
}

/// The link of a request.
///
/// # Errors
/// The validity is no duration.
pub fn new_link(request: wire::LinkRequest) -> Result<NewApprovalLink, ApiError> {
    let wire::LinkRequest { approver, expires_in_seconds } = request;
    let validity = expires_in_seconds.map(Duration::try_from_secs_f64).transpose();
    let validity = validity
        .map_err(|_| ApiError::invalid("expires_in_seconds", "must be a number of seconds"))?;
    Ok(NewApprovalLink { approver, validity })
}

/// An approval.
pub fn approval_body(approval: &Object<approval::Approval>) -> wire::Approval<'_> {
    let Object { id, workspace: _, version: _, created_at, updated_at, document } = approval;
    let approval::Approval {
        workflow,
        execution,
        step,
        place: _,
        title,
        description,
        approvers,
        quorum,
        form,
        status,
        decision,
        votes,
        reminders,
        expires_at,
        ended_at,
    } = document;
    wire::Approval {
        id: id.abi(),
        status: (*status).into(),
        title,
        description: description.as_deref(),
        workflow_id: workflow.abi(),
        execution_id: execution.abi(),
        step,
        approvers,
        quorum: *quorum,
        form: form.as_deref(),
        decision: decision.as_deref(),
        votes: votes.iter().map(vote_body).collect(),
        reminders: *reminders,
        created_at: Time(*created_at),
        updated_at: Time(*updated_at),
        expires_at: expires_at.map(Time),
        ended_at: ended_at.map(Time),
    }
}

fn vote_body(vote: &Vote) -> wire::ApprovalVote<'_> {
    let Vote { approver, verdict, comment, data, at } = vote;
    wire::ApprovalVote {
        approver,
        verdict: match verdict {
            Verdict::Approve => "approve",
            Verdict::Reject => "reject",
        },
        comment: comment.as_deref(),
        data,
        at: Time(*at),
    }
}

impl From<ApprovalStatus> for wire::ApprovalStatus {
    fn from(status: ApprovalStatus) -> Self {
        match status {
            ApprovalStatus::Pending => Self::Pending,
            ApprovalStatus::Approved => Self::Approved,
            ApprovalStatus::Rejected => Self::Rejected,
            ApprovalStatus::Expired => Self::Expired,
            ApprovalStatus::Cancelled => Self::Cancelled,
        }
    }
}
