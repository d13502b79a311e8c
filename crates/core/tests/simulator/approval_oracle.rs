//! What must be true of approvals in every journal.

use std::collections::BTreeMap;

use serde_json::Value;
use stepwell_core::Timestamp;
use stepwell_core::definition::Plan;
use stepwell_core::execution::{
    ApprovalEvent, ApprovalOutcome, Event, RecordedEvent, StepRunId, Verdict,
};

/// Reads the events about approvals, and panics where one breaks a rule.
#[derive(Default)]
pub struct ApprovalOracle {
    pending: BTreeMap<StepRunId, Pending>,
    ended: BTreeMap<StepRunId, ApprovalOutcome>,
}

struct Pending {
    approvers: Vec<String>,
    quorum: usize,
    until: Option<Timestamp>,
    votes: BTreeMap<String, Verdict>,
}

impl Pending {
    fn outcome(&self) -> Option<ApprovalOutcome> {
        let count = |verdict| self.votes.values().filter(|vote| **vote == verdict).count();
        match (count(Verdict::Approve), count(Verdict::Reject)) {
            (_, 1..) => Some(ApprovalOutcome::Rejected),
            (approvals, 0) if approvals >= self.quorum => Some(ApprovalOutcome::Approved),
            _ => None,
        }
    }
}

impl ApprovalOracle {
    pub fn read(&mut self, plan: &Plan, recorded: &RecordedEvent) {
        match &recorded.event {
            Event::Approval { step, event } => self.read_approval(step, event, recorded.at),
            Event::StepCompleted { step, output, port }
                if plan[step.step].type_name == "Approval" =>
            {
                let outcome = self.ended.remove(step).expect("after the end of the approval");
                assert_eq!(port.as_deref(), outcome.port());
                assert_eq!(output["decision"].as_str(), outcome.port());
                assert_eq!(output["timed_out"], Value::Bool(outcome.is_expired()));
            }
            Event::StepFailed { step, .. } | Event::StepRetrying { step, .. } => {
                assert!(!self.pending.contains_key(step), "its approval has ended");
            }
            Event::StepCancelled { step } => drop(self.pending.remove(step)),
            _ => {}
        }
    }

    fn read_approval(&mut self, step: &StepRunId, event: &ApprovalEvent, at: Timestamp) {
        match event {
            ApprovalEvent::Requested { approvers, quorum, until, .. } => {
                let (approvers, quorum, until) = (approvers.clone(), *quorum as usize, *until);
                let pending = Pending { approvers, quorum, until, votes: BTreeMap::new() };
                assert!(self.pending.insert(step.clone(), pending).is_none(), "once");
                self.ended.remove(step);
            }
            ApprovalEvent::Voted { approver, verdict, .. } => {
                let pending = self.pending.get_mut(step).expect("while it is pending");
                assert_eq!(pending.outcome(), None, "not after it is decided");
                let may = pending.approvers.is_empty() || pending.approvers.contains(approver);
                assert!(may, "only approvers vote");
                let before = pending.votes.insert(approver.clone(), *verdict);
                assert!(before.is_none(), "each votes once");
            }
            ApprovalEvent::Delegated { approver, to, .. } => {
                let pending = self.pending.get_mut(step).expect("while it is pending");
                assert!(!pending.votes.contains_key(approver), "not after the vote");
                assert!(!pending.approvers.contains(to));
                let from = pending.approvers.iter_mut().find(|known| *known == approver);
                to.clone_into(from.expect("by an approver"));
            }
            ApprovalEvent::Escalated { to } => {
                let pending = self.pending.get_mut(step).expect("while it is pending");
                if !pending.approvers.is_empty() {
                    pending.approvers.extend(to.clone());
                }
            }
            ApprovalEvent::Ended { outcome } => self.approval_ended(step, *outcome, at),
            ApprovalEvent::Reminded { .. } => {}
        }
    }

    fn approval_ended(&mut self, step: &StepRunId, outcome: ApprovalOutcome, at: Timestamp) {
        let pending = self.pending.remove(step).expect("a pending one");
        match pending.outcome() {
            Some(decided) => assert_eq!(decided, outcome, "as the votes decide"),
            None => {
                assert!(outcome.is_expired(), "not before it is decided");
                assert!(pending.until.is_some_and(|until| until <= at), "not too early");
            }
        }
        self.ended.insert(step.clone(), outcome);
    }

    /// Whether the votes have decided an approval that has not ended.
    pub fn is_undecided(&self) -> bool {
        self.pending.values().any(|pending| pending.outcome().is_some())
    }
}
