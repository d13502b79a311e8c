//! Approvals as configured objects: what steps wait for, and how it was decided. Each is derived from
//! its execution and written in the commits of the events that change it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stepwell_core::audit::ObjectKind;
use stepwell_core::execution::{
    ApprovalEvent, ApprovalOutcome, ApprovalWait, AttemptId, Event, Execution, IterationPath,
    StepIndex, StepRunId, Verdict, Vote,
};
use stepwell_core::ids::{ApprovalId, ExecutionId, WorkflowId, WorkspaceId};
use stepwell_core::{Map, Timestamp};
use stepwell_store::objects::{IndexFields, Kind};

use crate::objects::Document;

/// How long an approval that has ended is kept, in seconds: 90 days.
const KEPT_SECONDS: u64 = 90 * 24 * 60 * 60;

/// The status of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStatus {
    /// It is not decided yet.
    Pending,
    /// It was approved.
    Approved,
    /// It was rejected.
    Rejected,
    /// Its time was over.
    Expired,
    /// Its execution ended, or its step was cancelled.
    Cancelled,
}

impl ApprovalStatus {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Approved, Self::Rejected, Self::Expired, Self::Cancelled];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

impl From<ApprovalOutcome> for ApprovalStatus {
    fn from(outcome: ApprovalOutcome) -> Self {
        match outcome {
            ApprovalOutcome::Approved => Self::Approved,
            ApprovalOutcome::Rejected => Self::Rejected,
            ApprovalOutcome::ExpiredApproved
            | ApprovalOutcome::ExpiredRejected
            | ApprovalOutcome::Expired => Self::Expired,
        }
    }
}

/// An approval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Its workflow.
    pub workflow: WorkflowId,
    /// Its execution.
    pub execution: ExecutionId,
    /// The step run as it is written: `check`, `orders[3].check`.
    pub step: String,
    /// The position of the step, the iterations, and the attempt.
    pub place: (u32, Vec<u32>, u32),
    /// What is to be approved.
    pub title: String,
    /// What the approvers have to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who may decide; empty: everyone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// How many must approve.
    pub quorum: u32,
    /// JSON Schema of the data of a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Arc<Value>>,
    /// Its status.
    pub status: ApprovalStatus,
    /// How it was decided, if it was: `approved` or `rejected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// The votes in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Vote>,
    /// The number of reminders so far.
    #[serde(default)]
    pub reminders: u32,
    /// When its time is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl Approval {
    /// The id of the approval that an attempt of a step waits for: always the same.
    pub fn id_of(execution: ExecutionId, attempt: &AttemptId) -> ApprovalId {
        let AttemptId { step_run, attempt } = attempt;
        ApprovalId::of_step(execution, step_run.step.number(), &step_run.path.to_string(), *attempt)
    }

    /// The approval that a step run waits for.
    pub(crate) fn of_wait(execution: &Execution, id: &StepRunId, wait: &ApprovalWait) -> Self {
        let config = execution.step_config(id);
        let field = |name: &str| config.and_then(|config| config.get(name));
        let text = |name: &str| field(name).and_then(Value::as_str).map(str::to_owned);
        let plan = &execution.origin.plan;
        Self {
            workflow: execution.origin.workflow,
            execution: execution.origin.id,
            step: id.display_in(plan).to_string(),
            place: (id.step.number(), id.path.indexes().to_vec(), execution.steps.run(id).attempts),
            title: text("title").unwrap_or_default(),
            description: text("description"),
            approvers: wait.approvers.clone(),
            quorum: wait.quorum,
            form: field("form").filter(|form| !form.is_null()).map(|form| Arc::new(form.clone())),
            status: ApprovalStatus::Pending,
            decision: None,
            votes: wait.votes.clone(),
            reminders: wait.reminders,
            expires_at: wait.until,
            ended_at: None,
        }
    }

    /// The attempt that waits for it.
    pub(crate) fn attempt(&self) -> AttemptId {
        let (step, path, attempt) = &self.place;
        let path = IterationPath::from(path.as_slice());
        let step_run = StepRunId { step: StepIndex::from(*step), path };
        AttemptId { step_run, attempt: *attempt }
    }

    /// Applies an event about its step; returns whether it ends the approval.
    pub(crate) fn apply_event(&mut self, event: &Event, at: Timestamp) -> bool {
        match event {
            Event::Approval {
                event: ApprovalEvent::Voted { approver, verdict, comment, data },
                ..
            } => {
                self.votes.push(Vote {
                    approver: approver.clone(),
                    verdict: *verdict,
                    comment: comment.clone(),
                    data: data.clone(),
                    at,
                });
                false
            }
            Event::Approval { event: ApprovalEvent::Ended { outcome }, .. } => {
                self.status = (*outcome).into();
                self.decision = outcome.port().map(str::to_owned);
                self.ended_at = Some(at);
                true
            }
            Event::StepCancelled { .. } => {
                self.status = ApprovalStatus::Cancelled;
                self.ended_at = Some(at);
                true
            }
            _ => false,
        }
    }

    /// The label that lists are filtered by.
    pub(crate) fn approver_label(approver: &str) -> String {
        format!("approver/{approver}")
    }
}

impl Document for Approval {
    type Id = ApprovalId;
    const KIND: Kind = ObjectKind::Approval.name();

    fn index(&self, _: WorkspaceId) -> IndexFields {
        let labels = self.approvers.iter();
        let labels: Map = labels.map(|name| (Self::approver_label(name), json!("true"))).collect();
        let kept = std::time::Duration::from_secs(KEPT_SECONDS);
        IndexFields {
            name: Some(self.title.clone()),
            parent: Some(self.execution.into()),
            status: Some(self.status.name().to_owned()),
            labels,
            due_at: self.ended_at.map(|ended| ended.after(kept)),
            ..IndexFields::default()
        }
    }
}

/// Whether a vote is for the approval.
pub fn is_approval(vote: &Vote) -> bool {
    vote.verdict == Verdict::Approve
}
