//! Failed bodies: what they mean for their block, and the cancellation of what still runs in it.

use super::block_run::{BodyRunId, BodyRunKey};
use crate::definition::blocks::BodyRole;
use crate::definition::plan_block::PlanBlockKind;
use crate::execution::advance::Transition;
use crate::execution::event::Event;
use crate::execution::failure::Failure;
use crate::execution::input::Command;
use crate::execution::step_run::StepState;
use crate::execution::step_run_id::StepRunId;

impl Transition<'_> {
    /// Ends a body because a step in it failed and nothing handled that.
    pub(in crate::execution) fn fail_body(&mut self, failed: &BodyRunId, failure: Failure) {
        self.cancel_body(failed);
        if let Some(item) = self.item.as_mut().filter(|item| item.block == failed.block) {
            item.failure = Some(failure);
            return;
        }
        let plan = self.execution.origin.plan.clone();
        let id = &failed.block;
        let Some(block) = plan[id.step].block.as_deref() else { return };
        match &block.kind {
            PlanBlockKind::Branch | PlanBlockKind::Switch | PlanBlockKind::Loop(_) => {
                self.fail_block(id, failure);
            }
            PlanBlockKind::Map(planned) if planned.collect_errors => {
                self.record_failed_body(failed, failure);
                self.blocks.push_back(id.clone());
            }
            PlanBlockKind::Map(_) => self.fail_block(id, failure),
            PlanBlockKind::Parallel { needed, .. } => {
                let failed_before = self.execution.steps.block(id).map_or(0, |run| run.failed);
                let needed = self.needed_branches(id, *needed);
                let may_fail = block.bodies.len().saturating_sub(needed);
                if failed_before as usize >= may_fail {
                    return self.fail_block(id, failure);
                }
                self.record_failed_body(failed, failure);
                self.blocks.push_back(id.clone());
            }
            PlanBlockKind::Try => {
                let role = block.bodies.get(failed.key.body as usize).map(|body| &body.role);
                if matches!(role, Some(BodyRole::Finally)) {
                    return self.fail_block(id, failure);
                }
                self.record_failed_body(failed, failure);
                self.blocks.push_back(id.clone());
            }
        }
    }

    /// How many branches of a `Parallel` must complete.
    pub(super) fn needed_branches(&self, id: &StepRunId, needed: Option<usize>) -> usize {
        let planned = &self.execution.origin.plan[id.step];
        // It did not start with an impossible number.
        needed.unwrap_or_else(|| self.execution.computed_join(planned).unwrap_or(1))
    }

    fn record_failed_body(&mut self, failed: &BodyRunId, failure: Failure) {
        let BodyRunKey { body, index } = failed.key;
        let step = failed.block.clone();
        let error = Some(failure);
        self.record_event(Event::BodyEnded { step, body, index, output: None, error });
    }

    /// Fails a block: what still runs in it is cancelled.
    pub(in crate::execution) fn fail_block(&mut self, id: &StepRunId, failure: Failure) {
        self.cancel_bodies(id);
        self.settle_failed(id, failure);
    }

    /// Cancels what runs in all bodies of a block.
    pub(in crate::execution) fn cancel_bodies(&mut self, id: &StepRunId) {
        let keys: Vec<BodyRunKey> = match self.execution.steps.block(id) {
            Some(run) => run.active.keys().copied().collect(),
            None => return,
        };
        for key in keys {
            self.cancel_body(&BodyRunId { block: id.clone(), key });
        }
    }

    fn cancel_body(&mut self, body: &BodyRunId) {
        let plan = self.execution.origin.plan.clone();
        let inside = self.execution.steps.inside(&plan, body);
        self.cancel_runs(&inside);
    }

    /// Cancels those of the step runs that have begun and not settled.
    pub(in crate::execution) fn cancel_runs(&mut self, ids: &[StepRunId]) {
        for id in ids {
            let state = &self.execution.steps.run(id).state;
            let stop = match state {
                StepState::Running { .. } | StepState::AwaitingPlace(_) => true,
                StepState::Block(run) => run.is_chunked,
                _ => false,
            };
            let is_begun = stop
                || matches!(
                    state,
                    StepState::Waiting { .. }
                        | StepState::Child { .. }
                        | StepState::AwaitingSignal(_)
                        | StepState::AwaitingApproval(_)
                        | StepState::Backoff { .. }
                        | StepState::Block(_)
                );
            if is_begun {
                self.record_event(Event::StepCancelled { step: id.clone() });
            }
            if stop {
                self.push_command(Command::Stop { step: id.clone() });
            }
        }
    }
}
