//! The state of an approval.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::approval_event::ApprovalEvent;
use crate::Timestamp;

/// The most approvers of an approval, and its highest quorum.
pub const MAX_APPROVERS: usize = 50;

/// The most reminders of an approval.
pub const MAX_REMINDERS: u32 = 100;

/// A vote about an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// For it.
    Approve,
    /// Against it.
    Reject,
}

/// How an approval ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalOutcome {
    /// As many approvers as needed approved.
    Approved,
    /// An approver rejected.
    Rejected,
    /// Its time was over, and it counts as approved.
    ExpiredApproved,
    /// Its time was over, and it counts as rejected.
    ExpiredRejected,
    /// Its time was over, and the step fails.
    Expired,
}

impl ApprovalOutcome {
    /// The port by which the step leaves; `None`: it fails.
    pub const fn port(self) -> Option<&'static str> {
        match self {
            Self::Approved | Self::ExpiredApproved => Some("approved"),
            Self::Rejected | Self::ExpiredRejected => Some("rejected"),
            Self::Expired => None,
        }
    }

    /// Whether it ended because its time was over.
    pub const fn is_expired(self) -> bool {
        !matches!(self, Self::Approved | Self::Rejected)
    }
}

/// A recorded vote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    /// The approver.
    pub approver: String,
    /// The vote.
    pub verdict: Verdict,
    /// A comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The data of the form.
    #[serde(default)]
    pub data: Arc<Value>,
    /// When.
    pub at: Timestamp,
}

/// An approval that a step waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct ApprovalWait {
    /// When it was requested.
    pub since: Timestamp,
    /// When its time is over; `None`: never.
    pub until: Option<Timestamp>,
    /// When the next reminder is due.
    pub remind_at: Option<Timestamp>,
    /// When further approvers are added.
    pub escalate_at: Option<Timestamp>,
    /// The number of reminders so far.
    pub reminders: u32,
    /// Who may decide; empty: everyone.
    pub approvers: Vec<String>,
    /// How many must approve.
    pub quorum: u32,
    /// The votes in order.
    pub votes: Vec<Vote>,
}

/// What is due next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApprovalTimer {
    Timeout,
    Escalation,
    Reminder,
}

impl ApprovalWait {
    /// Applies an event that follows its request.
    pub(super) fn apply_event(&mut self, event: &ApprovalEvent, at: Timestamp) {
        match event {
            ApprovalEvent::Voted { approver, verdict, comment, data } => {
                let (approver, comment) = (approver.clone(), comment.clone());
                let (verdict, data) = (*verdict, data.clone());
                self.votes.push(Vote { approver, verdict, comment, data, at });
            }
            ApprovalEvent::Delegated { approver, to, .. } => self.delegate(approver, to),
            ApprovalEvent::Reminded { next } => {
                self.reminders = self.reminders.saturating_add(1);
                self.remind_at = *next;
            }
            ApprovalEvent::Escalated { to } => self.escalate(to),
            ApprovalEvent::Requested { .. } | ApprovalEvent::Ended { .. } => {}
        }
    }

    /// What is due next, and when.
    pub(super) fn next_timer(&self) -> Option<(Timestamp, ApprovalTimer)> {
        let timers = [
            (self.until, ApprovalTimer::Timeout),
            (self.escalate_at, ApprovalTimer::Escalation),
            (self.remind_at, ApprovalTimer::Reminder),
        ];
        let set = timers.into_iter().filter_map(|(at, timer)| Some((at?, timer)));
        set.min_by_key(|(at, _)| *at)
    }

    /// The outcome of the votes; `None`: they do not decide it yet.
    pub(super) fn outcome(&self) -> Option<ApprovalOutcome> {
        let count = |verdict| self.votes.iter().filter(|vote| vote.verdict == verdict).count();
        if count(Verdict::Reject) > 0 {
            return Some(ApprovalOutcome::Rejected);
        }
        let is_enough = count(Verdict::Approve) >= self.quorum as usize;
        is_enough.then_some(ApprovalOutcome::Approved)
    }

    /// Replaces an approver by another one.
    pub(super) fn delegate(&mut self, from: &str, to: &str) {
        if let Some(approver) = self.approvers.iter_mut().find(|approver| *approver == from) {
            to.clone_into(approver);
        }
    }

    /// Adds approvers, unless everyone may decide.
    pub(super) fn escalate(&mut self, to: &[String]) {
        self.escalate_at = None;
        if self.approvers.is_empty() {
            return;
        }
        for approver in to {
            if !self.approvers.contains(approver) {
                self.approvers.push(approver.clone());
            }
        }
    }

    /// The output of the step.
    pub(super) fn output(&self, outcome: ApprovalOutcome) -> Value {
        let verdict = match outcome.port() {
            Some("approved") => Verdict::Approve,
            _ => Verdict::Reject,
        };
        let last = self.votes.iter().rfind(|vote| vote.verdict == verdict);
        let votes = self.votes.iter().map(|vote| {
            json!({"approver": vote.approver, "verdict": vote.verdict, "comment": vote.comment,
                "data": *vote.data, "at": vote.at.to_string()})
        });
        json!({
            "decision": outcome.port(),
            "timed_out": outcome.is_expired(),
            "data": last.map(|vote| Value::clone(&vote.data)),
            "votes": votes.collect::<Vec<_>>(),
        })
    }
}
