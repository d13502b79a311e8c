//! Applies events to an execution. Total: an event of the journal is never rejected, and replay
//! uses nothing else.

use std::time::Duration;

use serde_json::Value;

use super::approval_event::ApprovalEvent;
use super::approval_wait::ApprovalWait;
use super::blocks::block_run::{BlockPause, BlockRun, BodyResult, BodyRunId, BodyRunKey};
use super::compensation::CompensationLog;
use super::event::{Event, RecordedEvent, SkipReason};
use super::failure::Failure;
use super::item_files::body_result;
use super::rerun_source::{RerunSource, ReusedOutcome, ReusedStep};
use super::signal_wait::SignalWait;
use super::state::{Execution, Status};
use super::step_run::{NextAttempt, StepState};
use super::step_run_id::StepRunId;
use crate::Timestamp;
use crate::catalog::StepAction;
use crate::definition::blocks::ItemCollection;
use crate::definition::plan_block::PlanBlockKind;

impl Execution {
    /// Applies the next event.
    pub fn apply_event(&mut self, recorded: &RecordedEvent) {
        self.seq = recorded.seq;
        let at = recorded.at;
        match &recorded.event {
            Event::Accepted { .. } => self.apply_accepted(&recorded.event, at),
            Event::Started => {
                self.phase = Status::Running;
                self.started_at = Some(at);
            }
            Event::StepStarted { .. }
            | Event::StepWaiting { .. }
            | Event::ChildStarted { .. }
            | Event::PlaceAwaited { .. }
            | Event::PlaceTaken { .. }
            | Event::SignalAwaited { .. }
            | Event::Approval { .. }
            | Event::StepRetrying { .. }
            | Event::StepCheckpoint { .. }
            | Event::StepCompleted { .. }
            | Event::StepFailed { .. }
            | Event::StepSkipped { .. }
            | Event::StepCancelled { .. }
            | Event::BodyStarted { .. }
            | Event::BodyEnded { .. }
            | Event::ItemsEnded { .. } => self.apply_step_event(&recorded.event, at),
            Event::SignalReceived { signal, key, id, data } => {
                self.signals.add(recorded.seq, signal, key.as_deref(), data);
                if let Some(id) = id {
                    self.signals.remember_id(signal, id);
                }
            }
            Event::SignalConsumed { number, .. } => self.signals.remove(*number),
            Event::StateSet { values } => self.set_state_values(values),
            Event::StepLogged { .. } | Event::Recovered => {}
            Event::Paused => self.phase = Status::Paused,
            Event::Resumed => {
                let begun = self.started_at.is_some();
                self.phase = if begun { Status::Running } else { Status::Queued };
            }
            Event::Ending { outcome } => {
                // Also of a paused one: what undoes its steps does not wait.
                self.phase = Status::Running;
                self.ending = Some(outcome.clone());
            }
            Event::Completed { output } => {
                self.output = Some(output.clone());
                self.set_ended(Status::Completed, at);
            }
            Event::Failed { error } => self.set_failed(Status::Failed, error, at),
            Event::TimedOut { error } => self.set_failed(Status::TimedOut, error, at),
            Event::Cancelled { .. } => self.set_ended(Status::Cancelled, at),
        }
    }

    fn apply_accepted(&mut self, event: &Event, at: Timestamp) {
        let Event::Accepted {
            input,
            state,
            previous,
            tag,
            timeout_millis,
            rerun,
            parent,
            vars,
            secrets,
            concurrency,
        } = event
        else {
            return;
        };
        self.input = input.clone();
        self.set_state_values(state.iter().flatten());
        self.previous = *previous;
        self.has_secrets = *secrets;
        self.variables.clone_from(vars);
        self.parent.clone_from(parent);
        self.concurrency.clone_from(concurrency);
        self.tag.clone_from(tag);
        self.timeout = timeout_millis.map(Duration::from_millis);
        if let Some(rerun) = rerun {
            self.take_over(rerun, at);
        }
        self.created_at = at;
    }

    /// Applies an event about a step run or the body of a block.
    fn apply_step_event(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::StepStarted { step, attempt, input, config, secrets } => {
                if self.steps.run(step).attempts == 0 {
                    self.note_started(step);
                }
                let planned = self.origin.plan.step(step.step);
                let block = planned.and_then(|planned| planned.block.as_deref());
                if let Some(run) = self.steps.get_mut(step) {
                    run.begin_attempt(*attempt, at);
                    if let Some(block) = block {
                        let is_chunked =
                            !self.records_all_items && block.is_chunked(input.as_deref());
                        let run_of_block = BlockRun { is_chunked, ..BlockRun::new(at) };
                        run.state = StepState::Block(Box::new(run_of_block));
                    }
                    if input.is_some() {
                        run.input.clone_from(input);
                        run.config.clone_from(config);
                        run.secrets.clone_from(secrets);
                    }
                }
            }
            Event::StepWaiting { step, until } => {
                if let Some(block) = self.steps.block_mut(step) {
                    block.pause = Some(BlockPause { since: at, until: *until });
                } else if let Some(run) = self.steps.get_mut(step) {
                    run.state = StepState::Waiting { since: at, until: *until };
                }
            }
            Event::ChildStarted { step, child, until } => {
                if let Some(run) = self.steps.get_mut(step) {
                    run.await_child(child, at, *until);
                }
            }
            Event::PlaceAwaited { step, .. } | Event::PlaceTaken { step } => {
                if let Some(run) = self.steps.get_mut(step) {
                    run.apply_place_event(event, at);
                }
            }
            Event::StepRetrying { step, error, until, policy } => {
                self.unlink_rejected_child(step, error);
                if let Some(run) = self.steps.get_mut(step) {
                    run.await_retry(error, at, NextAttempt { at: *until, policy: *policy });
                }
            }
            Event::StepCheckpoint { step, value } => {
                if let Some(run) = self.steps.get_mut(step) {
                    run.checkpoint = Some(value.clone());
                }
            }
            Event::StepCompleted { .. }
            | Event::StepFailed { .. }
            | Event::StepSkipped { .. }
            | Event::StepCancelled { .. } => self.apply_settled(event, at),
            Event::BodyStarted { .. } | Event::BodyEnded { .. } | Event::ItemsEnded { .. } => {
                self.apply_body_event(event, at);
            }
            Event::SignalAwaited { step, signal, key, until } => {
                if let Some(run) = self.steps.get_mut(step) {
                    let (name, key) = (signal.clone(), key.clone());
                    let wait = SignalWait { since: at, until: *until, name, key };
                    run.state = StepState::AwaitingSignal(Box::new(wait));
                }
            }
            Event::Approval { step, event } => self.apply_approval_event(step, event, at),
            _ => {}
        }
    }

    /// Applies the end of a step run.
    fn apply_settled(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::StepCompleted { step, output, port } => {
                self.note_settled(step, true);
                let (output, port) = (output.clone(), port.clone());
                self.steps.settle_at(
                    &self.origin.plan,
                    step,
                    at,
                    StepState::Completed { output, port },
                );
            }
            Event::StepFailed { step, error, handled } => {
                self.note_settled(step, false);
                self.unlink_rejected_child(step, error);
                if *handled && self.ending.is_none() {
                    self.handled_failures.add(error);
                }
                let (error, handled) = (error.clone(), *handled);
                self.steps.settle_at(
                    &self.origin.plan,
                    step,
                    at,
                    StepState::Failed { error, handled },
                );
            }
            Event::StepSkipped { step, reason } => {
                self.steps.settle_at(
                    &self.origin.plan,
                    step,
                    at,
                    StepState::Skipped { reason: *reason },
                );
            }
            Event::StepCancelled { step } => {
                self.note_settled(step, false);
                self.steps.settle_at(&self.origin.plan, step, at, StepState::Cancelled)
            }
            _ => {}
        }
    }

    /// Applies an event about an approval.
    fn apply_approval_event(&mut self, step: &StepRunId, event: &ApprovalEvent, at: Timestamp) {
        let Some(run) = self.steps.get_mut(step) else { return };
        match (event, &mut run.state) {
            (
                ApprovalEvent::Requested { approvers, quorum, until, remind_at, escalate_at },
                state,
            ) => {
                *state = StepState::AwaitingApproval(Box::new(ApprovalWait {
                    since: at,
                    until: *until,
                    remind_at: *remind_at,
                    escalate_at: *escalate_at,
                    reminders: 0,
                    approvers: approvers.clone(),
                    quorum: *quorum,
                    votes: Vec::new(),
                }));
            }
            (event, StepState::AwaitingApproval(wait)) => wait.apply_event(event, at),
            _ => {}
        }
    }

    /// Applies an event about the body of a block.
    fn apply_body_event(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::BodyStarted { step, body, index } => {
                let key = BodyRunKey { body: *body, index: *index };
                let body = BodyRunId { block: step.clone(), key };
                self.begin_body(&body);
                if self.rerun_of.is_some() {
                    self.steps.begin_kept_blocks(&self.origin.plan, &body, at);
                }
            }
            Event::BodyEnded { step, body, index, output, error } => {
                let key = BodyRunKey { body: *body, index: *index };
                if let Some(error) = error.as_ref().filter(|_| self.ending.is_none()) {
                    self.handled_failures.add(error);
                }
                let result = body_result(output.as_ref(), error.as_ref());
                self.end_body(&BodyRunId { block: step.clone(), key }, result);
            }
            Event::ItemsEnded { step, index, results } => {
                for result in results {
                    if let BodyResult::Failed(error) = result
                        && self.ending.is_none()
                    {
                        self.handled_failures.add(error);
                    }
                }
                let collection = self.item_collection(step);
                let Some(block) = self.steps.block_mut(step) else { return };
                for (index, result) in (*index..).zip(results) {
                    block.count_end(result);
                    block.add_item(index, result.clone(), collection);
                    block.started = index.saturating_add(1);
                }
            }
            _ => {}
        }
    }

    /// What a `Map` keeps of its items.
    fn item_collection(&self, id: &StepRunId) -> ItemCollection {
        let planned = self.origin.plan.step(id.step).and_then(|step| step.block.as_deref());
        match planned.map(|planned| &planned.kind) {
            Some(PlanBlockKind::Map(map)) => map.collection,
            _ => ItemCollection::All,
        }
    }

    fn begin_body(&mut self, id: &BodyRunId) {
        let open = match self.rerun_of {
            // Runs that were taken over have settled before.
            Some(_) => self.steps.count_open(&self.origin.plan, id),
            None => id.step_list(&self.origin.plan).map_or(0, |list| list.steps.len()),
        };
        if let Some(block) = self.steps.block_mut(&id.block) {
            block.active.insert(id.key, open);
            block.started = block.started.max(id.key.index.saturating_add(1));
            block.pause = None;
            block.is_chunked = false;
            block.gaps_from = block.gaps_from.map(|_| id.key.index.saturating_add(1));
        }
    }

    fn end_body(&mut self, id: &BodyRunId, result: BodyResult) {
        let plan = &self.origin.plan;
        let planned = plan.step(id.block.step).and_then(|step| step.block.as_deref());
        let ended = self.steps.inside(plan, id);
        for id in &ended {
            self.waits.steps.remove(id);
        }
        self.steps.keep_ended(ended);
        let Some(block) = self.steps.block_mut(&id.block) else { return };
        block.active.remove(&id.key);
        block.count_end(&result);
        if let BodyResult::Completed(output) = &result {
            block.last = Some(output.clone());
        }
        let BodyRunKey { body, index } = id.key;
        match planned.map(|planned| &planned.kind) {
            Some(PlanBlockKind::Parallel { .. } | PlanBlockKind::Try) => {
                block.set_result(body as usize, result)
            }
            Some(PlanBlockKind::Map(map)) => block.add_item(index, result, map.collection),
            Some(PlanBlockKind::Loop(planned)) if planned.collect => {
                block.set_result(index as usize, result);
            }
            _ => {}
        }
    }

    /// Settles the steps that a rerun takes over.
    fn take_over(&mut self, rerun: &RerunSource, at: Timestamp) {
        let RerunSource { of, steps, given, events } = rerun;
        self.rerun_of = Some(*of);
        self.given.clone_from(given);
        for event in events {
            self.apply_step_event(event, at);
        }
        self.steps.mark_taken_over();
        // What an earlier execution did is not compensated by this one.
        self.compensations = CompensationLog::default();
        for ReusedStep { step, input, how } in steps {
            let plan = self.origin.plan.clone();
            // Runs in iterations exist only once they have begun.
            if plan.step(step.step).is_none()
                || (step.path.is_empty() && self.steps.get(step).is_none())
            {
                continue;
            }
            let state = match how {
                ReusedOutcome::Completed { output, port } => {
                    let planned = plan.step(step.step);
                    if planned.is_some_and(|planned| planned.action == StepAction::SetState) {
                        self.set_state_values(output.as_object().into_iter().flatten());
                    }
                    StepState::Completed { output: output.clone(), port: port.clone() }
                }
                ReusedOutcome::Failed { error } => {
                    self.handled_failures.add(error);
                    StepState::Failed { error: error.clone(), handled: true }
                }
                ReusedOutcome::Skipped => StepState::Skipped { reason: SkipReason::NotTaken },
                ReusedOutcome::Bypassed => StepState::Skipped { reason: SkipReason::Condition },
            };
            if let Some(run) = self.steps.settle_run(&plan, step, state) {
                run.input.clone_from(input);
                run.reused = true;
            }
        }
    }

    fn set_state_values<'v>(&mut self, values: impl IntoIterator<Item = (&'v String, &'v Value)>) {
        self.state.extend(values.into_iter().map(|(k, v)| (k.clone(), v.clone())));
    }

    fn set_failed(&mut self, status: Status, error: &Failure, at: Timestamp) {
        self.error = Some(error.clone());
        self.set_ended(status, at);
    }

    fn set_ended(&mut self, status: Status, at: Timestamp) {
        self.phase = status;
        self.ended_at = Some(at);
    }
}
