//! What happens to an approval, as the journal records it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::approval_wait::{ApprovalOutcome, Verdict};
use crate::Timestamp;

/// What can happen to an approval that a step waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalEvent {
    /// A step waits for the decision of people (`Approval`).
    Requested {
        /// Who may decide; empty: everyone.
        #[serde(rename = "by", default, skip_serializing_if = "Vec::is_empty")]
        approvers: Vec<String>,
        /// How many must approve.
        #[serde(rename = "q", default = "one", skip_serializing_if = "is_one")]
        quorum: u32,
        /// When its time is over; `None`: never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// When the first reminder is due.
        #[serde(rename = "remind", default, skip_serializing_if = "Option::is_none")]
        remind_at: Option<Timestamp>,
        /// When further approvers are added.
        #[serde(rename = "esc", default, skip_serializing_if = "Option::is_none")]
        escalate_at: Option<Timestamp>,
    },
    /// An approver voted.
    Voted {
        /// The approver.
        #[serde(rename = "by")]
        approver: String,
        /// The vote.
        #[serde(rename = "v")]
        verdict: Verdict,
        /// A comment.
        #[serde(rename = "msg", default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
        /// The data of the form.
        #[serde(default)]
        data: Arc<Value>,
    },
    /// An approver named another one to decide instead.
    Delegated {
        /// The approver.
        #[serde(rename = "by")]
        approver: String,
        /// The other one.
        to: String,
        /// A comment.
        #[serde(rename = "msg", default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// The approvers were reminded.
    Reminded {
        /// When the next reminder is due.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Timestamp>,
    },
    /// Approvers were added because the approval was not decided.
    Escalated {
        /// The added ones.
        to: Vec<String>,
    },
    /// It is decided, or its time is over. The end of its step follows.
    Ended {
        /// How.
        #[serde(rename = "out")]
        outcome: ApprovalOutcome,
    },
}

impl ApprovalEvent {
    /// Whether the execution decides it, and not an approver: while it is paused, there is none.
    pub const fn is_own_decision(&self) -> bool {
        match self {
            Self::Requested { .. }
            | Self::Reminded { .. }
            | Self::Escalated { .. }
            | Self::Ended { .. } => true,
            Self::Voted { .. } | Self::Delegated { .. } => false,
        }
    }
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_one(n: &u32) -> bool {
    *n == 1
}
