//! The bodies about approvals.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::fields::request_body;
use crate::respond::Time;

request_body! {
    /// A vote about an approval.
    #[schema(as = abi::VoteRequest,
        example = json!({"approver": "maria", "comment": "the amount is right", "data": {"account": "4711"}}))]
    pub struct VoteRequest {
        /// Who votes. Default: the only approver; if everyone may decide, the name of the key.
        pub approver: Option<String>,
        /// Why, at most 2,000 characters.
        pub comment: Option<String>,
        /// The data of the form; it must fit if the vote is for the approval. Default: `null`.
        pub data: Option<Value>,
    }
}

request_body! {
    /// A delegation of an approval.
    #[schema(as = abi::DelegateRequest, example = json!({"approver": "maria", "to": "tom"}))]
    pub struct DelegateRequest {
        /// Who delegates. Default: the only approver.
        pub approver: Option<String>,
        /// Who decides instead.
        pub to: String,
        /// Why, at most 2,000 characters.
        pub comment: Option<String>,
    }
}

request_body! {
    /// A link for an approver.
    #[schema(as = abi::ApprovalLinkRequest, example = json!({"approver": "maria", "expires_in_seconds": 86400}))]
    pub struct LinkRequest {
        /// Who it is for. Default: the only approver.
        pub approver: Option<String>,
        /// How long it is valid: at most 90 days. Default: 7 days.
        pub expires_in_seconds: Option<f64>,
    }
}

request_body! {
    /// The vote of the approver that a link is for.
    #[schema(as = abi::LinkVoteRequest, example = json!({"verdict": "approve", "comment": "fine"}))]
    pub struct LinkVoteRequest {
        /// `approve` or `reject`.
        pub verdict: String,
        /// Why, at most 2,000 characters.
        pub comment: Option<String>,
        /// The data of the form; it must fit if the vote is for the approval. Default: `null`.
        pub data: Option<Value>,
    }
}

/// An approval.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Approval)]
pub struct Approval<'a> {
    /// Its id.
    #[schema(example = "apr_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// Its status.
    pub status: ApprovalStatus,
    /// What is to be approved.
    pub title: &'a str,
    /// What the approvers have to know.
    pub description: Option<&'a str>,
    /// Its workflow.
    pub workflow_id: String,
    /// Its execution.
    pub execution_id: String,
    /// The step that waits for it.
    pub step: &'a str,
    /// Who may decide; empty: everyone.
    pub approvers: &'a [String],
    /// How many must approve.
    pub quorum: u32,
    /// JSON Schema of the data of a decision; `null`: any.
    #[schema(value_type = Value)]
    pub form: Option<&'a Value>,
    /// The decision, `approved` or `rejected`, also that of the timeout; `null` if there is none.
    pub decision: Option<&'a str>,
    /// The votes in order.
    pub votes: Vec<ApprovalVote<'a>>,
    /// How many reminders were sent.
    pub reminders: u32,
    /// When it was requested.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// When its time is over; `null`: never.
    pub expires_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
}

/// The status of an approval.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = abi::ApprovalStatus)]
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

/// A vote.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::ApprovalVote)]
pub struct ApprovalVote<'a> {
    /// The approver.
    pub approver: &'a str,
    /// `approve` or `reject`.
    pub verdict: &'static str,
    /// Why.
    pub comment: Option<&'a str>,
    /// The data of the form.
    pub data: &'a Value,
    /// When.
    pub at: Time,
}

/// A link with which an approver decides without a key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::ApprovalLink)]
pub struct ApprovalLink {
    /// The secret part of its path. It is shown once.
    pub token: String,
    /// Its path: `GET` shows the approval, `POST` decides.
    pub path: String,
    /// Its URL for approvers, from `api.public_url` or a trusted proxy; without both the path.
    pub url: String,
    /// Who it is for.
    pub approver: String,
    /// Until when it is valid.
    pub expires_at: Time,
}

/// The approval of a link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::LinkedApproval)]
pub struct LinkedApproval<'a> {
    /// Who the link is for.
    pub approver: String,
    /// The approval.
    pub approval: Approval<'a>,
}
