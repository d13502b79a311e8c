//! People who decide about approvals, also twice, too late, and those who may not.

use std::sync::Arc;

use serde_json::json;
use stepwell_core::execution::{
    ApprovalWait, AttemptId, DecisionAction, DecisionInput, StepRunId, TransitionInput, Verdict,
};

use super::World;
use crate::graph::APPROVERS;

impl World {
    /// Someone decides about some approval, which may have ended.
    pub(super) fn decide_some(&mut self) {
        let steps: Vec<StepRunId> = match self.rng.chance(80) {
            true => self.live.approval_waits().map(|(id, _)| id).collect(),
            false => self.live.steps.iter().map(|(id, _)| id).collect(),
        };
        if steps.is_empty() {
            return;
        }
        let step_run = self.rng.pick(&steps).clone();
        let attempt = self.live.steps.run(&step_run).attempts;
        let approver = (*self.rng.pick(&APPROVERS)).to_owned();
        let action = match self.rng.below(10) {
            0 => DecisionAction::Delegate {
                to: (*self.rng.pick(&["zoe", "ada"])).to_owned(),
                comment: None,
            },
            1 | 2 => self.vote(Verdict::Reject),
            _ => self.vote(Verdict::Approve),
        };
        let approval = AttemptId { step_run, attempt };
        let decision = DecisionInput { approval, approver, action };
        self.try_input(TransitionInput::Decide(decision));
    }

    fn vote(&mut self, verdict: Verdict) -> DecisionAction {
        let data = Arc::new(json!({"vote": self.rng.below(100)}));
        DecisionAction::Vote { verdict, comment: None, data }
    }

    /// An approver rejects an approval that waits without end; returns whether there is one.
    pub(super) fn decide_pending(&mut self) -> bool {
        let Some((step_run, wait)) = self.live.approval_waits().next() else { return false };
        let approval = AttemptId { attempt: self.live.steps.run(&step_run).attempts, step_run };
        let decision = rejection(approval, wait);
        let decided = self.apply_input(TransitionInput::Decide(decision));
        assert_eq!(decided, Ok(()), "the approver may decide");
        true
    }
}

/// The vote of an approver who has not voted, against an approval.
pub fn rejection(approval: AttemptId, wait: &ApprovalWait) -> DecisionInput {
    let names = match wait.approvers.is_empty() {
        true => APPROVERS.map(str::to_owned).to_vec(),
        false => wait.approvers.clone(),
    };
    let has_voted = |name: &String| wait.votes.iter().any(|vote| vote.approver == *name);
    let approver = names.into_iter().find(|name| !has_voted(name)).expect("someone is left");
    let (verdict, data) = (Verdict::Reject, Arc::new(json!("no")));
    DecisionInput {
        approval,
        approver,
        action: DecisionAction::Vote { verdict, comment: None, data },
    }
}
