//! Signals: data that arrive from outside for the steps that wait for them.
//!
//! A signal is recorded when it arrives, and consumed by exactly one step: by one that waits for
//! it, or later by the first one that begins to wait. While the execution is paused or queued,
//! signals are only kept.

use std::sync::Arc;

use serde_json::Value;

use super::advance::Transition;
use super::event::Event;
use super::input::{SignalInput, StepResult, TransitionError, UnawaitedSignal};
use super::signal_wait::SignalWait;
use super::state::{Execution, Status};
use super::step_run::StepState;
use super::step_run_id::StepRunId;
use crate::Timestamp;

impl Execution {
    /// The steps that wait for signals, and what for.
    pub fn signal_waits(&self) -> impl Iterator<Item = (StepRunId, &SignalWait)> {
        self.steps.iter_current().filter_map(|(id, run)| match &run.state {
            StepState::AwaitingSignal(wait) => Some((id, &**wait)),
            _ => None,
        })
    }

    /// The number of signals that no step has consumed yet.
    pub fn kept_signals(&self) -> usize {
        self.signals.kept.len()
    }

    /// The step that has waited longest for a signal of this name and key.
    fn first_waiting(&self, name: &str, key: Option<&str>) -> Option<StepRunId> {
        let fitting = self.signal_waits().filter(|(_, wait)| wait.is_for(name, key));
        fitting.min_by_key(|(_, wait)| wait.since).map(|(id, _)| id)
    }
}

impl Transition<'_> {
    /// Records a signal and gives it to a step that waits for it.
    pub(super) fn receive_signal(&mut self, signal: SignalInput) -> Result<(), TransitionError> {
        let SignalInput { name, key, id, data, unawaited } = signal;
        if self.execution.signals.is_repeated(&name, id.as_deref()) {
            return Err(TransitionError::RepeatedSignal);
        }
        let waiting = self.execution.first_waiting(&name, key.as_deref());
        if waiting.is_none() && unawaited == UnawaitedSignal::Reject {
            return Err(TransitionError::NotAwaited);
        }
        let is_consumed = waiting.is_some() && self.execution.phase == Status::Running;
        if !is_consumed && self.execution.signals.is_full(&name) {
            return Err(TransitionError::TooManySignals);
        }
        self.record_event(Event::SignalReceived { signal: name, key, id, data });
        if let Some(step) = waiting.filter(|_| is_consumed) {
            self.consume_signal(&step);
            self.start_reached();
        }
        Ok(())
    }

    /// Gives the signals that arrived while the execution was paused to the steps that wait for
    /// them.
    pub(super) fn deliver_kept_signals(&mut self) {
        let mut waiting: Vec<(Timestamp, StepRunId)> =
            self.execution.signal_waits().map(|(id, wait)| (wait.since, id)).collect();
        waiting.sort_by_key(|(since, _)| *since);
        for (_, step) in waiting {
            if self.execution.phase != Status::Running {
                return;
            }
            if self.consume_signal(&step) {
                self.start_reached();
            }
        }
    }

    /// Completes a step that waits with the first kept signal that fits; returns whether there is
    /// one.
    fn consume_signal(&mut self, step: &StepRunId) -> bool {
        // The steps that were started before may have cancelled it.
        let StepState::AwaitingSignal(wait) = &self.execution.steps.run(step).state else {
            return false;
        };
        let wait = wait.clone();
        self.consume_for(step, &wait)
    }

    /// As `consume_signal`, for a step that is about to wait.
    pub(super) fn consume_for(&mut self, step: &StepRunId, wait: &SignalWait) -> bool {
        let found = self.execution.signals.first_for(wait);
        let Some((number, data)) = found.map(|signal| (signal.number, signal.data.clone())) else {
            return false;
        };
        self.record_event(Event::SignalConsumed { step: step.clone(), number });
        self.record_event(Event::StepCompleted { step: step.clone(), output: data, port: None });
        self.reach_dependents(step);
        true
    }

    /// Ends the wait of a step because the signal did not arrive in time.
    pub(super) fn leave_by_port(&mut self, step: &StepRunId, port: &str) {
        let output = Arc::new(Value::Null);
        self.complete_step(step, StepResult { output, port: Some(port.to_owned()) });
    }
}
