//! Continuing an execution after a wait, a pause or a crash.

use std::time::Duration;

use super::actions::attempt_command;
use super::advance::Transition;
use super::event::Event;
use super::failure::{Failure, codes};
use super::input::{Command, TransitionContext};
use super::state::Status;
use super::step_run::StepState;
use super::step_run_id::{AttemptId, StepRunId};
use crate::catalog::Effect;

impl Transition<'_> {
    /// Handles everything that is due now.
    pub(super) fn handle_timer(&mut self) {
        if self.time_out_if_due() {
            return;
        }
        if self.execution.phase == Status::Paused {
            return;
        }
        self.time_out_blocks();
        let TransitionContext { now, elapsed, .. } = self.moment;
        let waiting = self.execution.steps.iter_current();
        let waiting = waiting.filter(|(_, run)| run.state.wait_bounds().is_some());
        let waiting: Vec<StepRunId> = waiting.map(|(id, _)| id).collect();
        for id in waiting {
            if self.execution.wait_left(&id, now, elapsed) != Some(Duration::ZERO) {
                continue;
            }
            match self.execution.steps.run(&id).state {
                StepState::Waiting { until, .. } => self.end_wait(&id, until),
                StepState::Child { .. } => self.end_child_wait(&id),
                StepState::AwaitingSignal(_) => self.end_signal_wait(&id),
                StepState::AwaitingApproval(_) => self.approval_due(&id),
                StepState::Backoff { attempt, .. } => self.retry_step(id, attempt + 1),
                StepState::Block(_) => {
                    self.blocks.push_back(id);
                    self.start_reached();
                }
                _ => {}
            }
            if self.execution.phase.is_final() {
                return;
            }
        }
        self.complete_if_settled();
    }

    /// Fails the blocks whose timeout is over.
    fn time_out_blocks(&mut self) {
        let TransitionContext { now, elapsed, .. } = self.moment;
        let plan = self.execution.origin.plan.clone();
        for id in self.execution.overdue_blocks(now, elapsed) {
            // The timeout of a block around it may have cancelled it.
            if self.execution.phase != Status::Running || self.execution.steps.block(&id).is_none()
            {
                continue;
            }
            // Items that run on a copy have no runs that are cancelled.
            if self.execution.steps.block(&id).is_some_and(|run| run.is_chunked) {
                self.push_command(Command::Stop { step: id.clone() });
            }
            let timeout = plan[id.step].timeout.unwrap_or_default();
            let message = format!("the block took longer than its timeout of {timeout:?}");
            self.fail_block(&id, Failure::new(codes::STEP_TIMEOUT, message));
            self.start_reached();
        }
    }

    /// Ends the execution if its timeout is over, and returns whether it did.
    pub(super) fn time_out_if_due(&mut self) -> bool {
        let TransitionContext { now, elapsed, .. } = self.moment;
        let is_over = self.execution.timeout_left(now, elapsed) == Some(Duration::ZERO);
        let deadline = self.execution.deadline().filter(|_| is_over);
        if let Some(deadline) = deadline {
            let message = format!("the execution's timeout ended at {deadline}");
            let error = Failure::new(codes::EXECUTION_TIMEOUT, message);
            self.end_execution(Event::TimedOut { error });
        }
        deadline.is_some()
    }

    /// Starts another attempt of a step run, with the input of the previous attempt.
    fn retry_step(&mut self, step: StepRunId, attempt: u32) {
        self.record_event(Event::StepStarted {
            step: step.clone(),
            attempt,
            input: None,
            config: None,
            secrets: None,
        });
        let place = self.execution.steps.run(&step).place.as_deref().cloned();
        let attempt = AttemptId { step_run: step, attempt };
        match place {
            Some(place) => self.await_place(attempt, place),
            None => self.repeat_action(attempt),
        }
    }

    /// Starts the steps that became ready while the execution was paused.
    pub(super) fn start_held_back(&mut self) {
        if self.execution.phase != Status::Running {
            return;
        }
        self.time_out_blocks();
        self.demand_places();
        self.deliver_kept_signals();
        self.settle_approvals();
        self.start_all_ready();
        if !self.execution.phase.is_final() {
            self.handle_timer();
        }
    }

    /// Repeats or fails the attempts that ran when the node stopped.
    pub(super) fn recover_attempts(&mut self) {
        let plan = self.execution.origin.plan.clone();
        let under_way: Vec<AttemptId> = self
            .execution
            .steps
            .iter_current()
            .filter_map(|(step_run, run)| match run.state {
                StepState::Running { attempt } => Some(AttemptId { step_run, attempt }),
                _ => None,
            })
            .collect();
        self.record_event(Event::Recovered);
        self.demand_places();
        for attempt in under_way {
            if self.execution.phase.is_final() {
                return;
            }
            // The failure of another one may have cancelled it.
            if !self.execution.is_under_way(&attempt) {
                continue;
            }
            let planned = &plan[attempt.step_run.step];
            if planned.repeat_after_crash || planned.effect == Effect::Pure {
                // Its place was lost with the node.
                match self.execution.steps.run(&attempt.step_run).place.as_deref().cloned() {
                    Some(place) => self.await_place(attempt, place),
                    None => self.push_command(attempt_command(planned.action, attempt)),
                }
                continue;
            }
            let failure = Failure::new(
                codes::INTERRUPTED,
                "the server stopped while this step ran, and it must not be repeated",
            );
            self.settle_failed(&attempt.step_run, failure);
            self.start_reached();
        }
        if self.execution.phase == Status::Running {
            // Evaluations that were pending are requested again.
            self.start_all_ready();
        }
        if !self.execution.phase.is_final() {
            self.handle_timer();
        }
    }
}
