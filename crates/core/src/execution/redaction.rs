//! Redaction of events: every event is redacted before it is applied, so the journal, the state in
//! memory and everything derived from them (views, streams, webhooks) agree, and replay needs no
//! secrets.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

use super::approval_event::ApprovalEvent;
use super::blocks::block_run::BodyResult;
use super::end_outcome::EndOutcome;
use super::event::Event;
use super::failure::Failure;
use super::rerun_source::{RerunSource, ReusedOutcome};
use crate::Map;
use crate::expr::SecretInsertion;
use crate::redact::{Redact, redacted_around, redacted_map, redacted_members, redacted_value};

/// The number of values remembered as redacted: an output is mostly the next step's input.
const REMEMBERED: usize = 16;

/// Redacts the events of one execution.
#[derive(Debug, Clone)]
pub(super) struct EventRedaction {
    redact: Arc<dyn Redact>,
    /// The last scanned values, so that a shared large value is scanned once.
    scanned: VecDeque<Arc<Value>>,
}

impl EventRedaction {
    pub(super) fn new(redact: Arc<dyn Redact>) -> Self {
        Self { redact, scanned: VecDeque::new() }
    }

    /// The event without secrets.
    pub(super) fn redact_event(&mut self, mut event: Event) -> Event {
        match &mut event {
            Event::Accepted { input, state, rerun, vars, concurrency, .. } => {
                if let Some(place) = concurrency {
                    self.redact_text(&mut place.key);
                }
                self.redact_value(input);
                if let Some(vars) = vars {
                    // Their names are in the definition.
                    *vars = redacted_members(&*self.redact, vars);
                }
                if let Some(state) = state {
                    self.redact_map(state);
                }
                if let Some(rerun) = rerun {
                    self.redact_rerun(rerun);
                }
            }
            Event::StepStarted { input, config, secrets, .. } => {
                let insertions = secrets.as_deref_mut().unwrap_or_default();
                for (value, pointer) in [(input, "/input"), (config, "/config")] {
                    if let Some(value) = value {
                        self.redact_value_around(value, pointer, insertions);
                    }
                }
            }
            Event::StepCompleted { output: value, .. }
            | Event::Completed { output: value }
            | Event::StepCheckpoint { value, .. } => self.redact_value(value),
            Event::StepRetrying { error, .. }
            | Event::StepFailed { error, .. }
            | Event::Failed { error }
            | Event::TimedOut { error } => self.redact_failure(error),
            Event::BodyEnded { output, error, .. } => {
                if let Some(output) = output {
                    self.redact_value(output);
                }
                if let Some(error) = error {
                    self.redact_failure(error);
                }
            }
            Event::ItemsEnded { results, .. } => self.redact_results(results),
            Event::PlaceAwaited { place, .. } => self.redact_text(&mut place.key),
            Event::SignalAwaited { key, .. } => {
                if let Some(key) = key {
                    self.redact_text(key);
                }
            }
            Event::Ending { outcome } => self.redact_outcome(outcome),
            Event::SignalReceived { data, .. } => self.redact_value(data),
            Event::Approval { event, .. } => self.redact_approval(event),
            Event::StateSet { values } => self.redact_map(values),
            Event::StepLogged { message, .. } => self.redact_text(message),
            Event::Cancelled { reason: Some(reason) } => self.redact_text(reason),
            Event::Started
            | Event::StepWaiting { .. }
            | Event::ChildStarted { .. }
            | Event::PlaceTaken { .. }
            | Event::SignalConsumed { .. }
            | Event::StepSkipped { .. }
            | Event::StepCancelled { .. }
            | Event::BodyStarted { .. }
            | Event::Recovered
            | Event::Paused
            | Event::Resumed
            | Event::Cancelled { reason: None } => {}
        }
        event
    }

    fn redact_outcome(&mut self, outcome: &mut EndOutcome) {
        match outcome {
            EndOutcome::Failed { error } | EndOutcome::TimedOut { error } => {
                self.redact_failure(error);
            }
            EndOutcome::Cancelled { reason: Some(reason) } => self.redact_text(reason),
            EndOutcome::Cancelled { reason: None } => {}
        }
    }

    fn redact_approval(&mut self, event: &mut ApprovalEvent) {
        let comment = match event {
            ApprovalEvent::Voted { comment, data, .. } => {
                self.redact_value(data);
                comment
            }
            ApprovalEvent::Delegated { comment, .. } => comment,
            ApprovalEvent::Requested { .. }
            | ApprovalEvent::Reminded { .. }
            | ApprovalEvent::Escalated { .. }
            | ApprovalEvent::Ended { .. } => return,
        };
        if let Some(comment) = comment {
            self.redact_text(comment);
        }
    }

    fn redact_results(&mut self, results: &mut [BodyResult]) {
        for result in results {
            match result {
                BodyResult::Completed(output) => self.redact_value(output),
                BodyResult::Failed(error) => self.redact_failure(error),
            }
        }
    }

    fn redact_value(&mut self, value: &mut Arc<Value>) {
        if self.scanned.iter().any(|known| Arc::ptr_eq(known, value)) {
            return;
        }
        *value = redacted_value(&*self.redact, value);
        if self.scanned.len() == REMEMBERED {
            self.scanned.pop_front();
        }
        self.scanned.push_back(Arc::clone(value));
    }

    fn redact_value_around(
        &mut self,
        value: &mut Arc<Value>,
        pointer: &str,
        insertions: &mut [SecretInsertion],
    ) {
        if insertions.is_empty() {
            return self.redact_value(value);
        }
        *value = redacted_around(&*self.redact, value, pointer, insertions);
    }

    fn redact_map(&self, map: &mut Map) {
        if let Some(redacted) = redacted_map(&*self.redact, map) {
            *map = redacted;
        }
    }

    fn redact_text(&self, text: &mut String) {
        if let Some(redacted) = self.redact.redact_text(text) {
            *text = redacted;
        }
    }

    fn redact_failure(&self, failure: &mut Failure) {
        let Failure { code, message, step: _, attempt: _, details } = failure;
        self.redact_text(code);
        self.redact_text(message);
        if !details.is_null() {
            let whole = Arc::new(std::mem::take(details));
            let kept = redacted_value(&*self.redact, &whole);
            drop(whole);
            *details = Arc::unwrap_or_clone(kept);
        }
    }

    fn redact_rerun(&mut self, rerun: &mut RerunSource) {
        for step in &mut rerun.steps {
            if let Some(input) = &mut step.input {
                self.redact_value(input);
            }
            match &mut step.how {
                ReusedOutcome::Completed { output, .. } => self.redact_value(output),
                ReusedOutcome::Failed { error } => self.redact_failure(error),
                ReusedOutcome::Skipped | ReusedOutcome::Bypassed => {}
            }
        }
        for event in &mut rerun.events {
            *event = self.redact_event(event.clone());
        }
        if let Some(given) = &mut rerun.given {
            self.redact_value(&mut given.input);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::super::step_run_id::StepRunId;
    use super::*;

    /// Finds nothing and counts the bytes that it scanned.
    #[derive(Debug, Default)]
    struct ScanCounter(AtomicUsize);

    impl Redact for ScanCounter {
        fn redact_text(&self, text: &str) -> Option<String> {
            self.0.fetch_add(text.len(), Ordering::Relaxed);
            None
        }

        fn redact_bytes(&self, _: &[u8]) -> Option<Vec<u8>> {
            None
        }
    }

    #[test]
    fn a_value_that_is_passed_on_is_scanned_once() {
        let count = Arc::new(ScanCounter::default());
        let mut redaction = EventRedaction::new(count.clone());
        let value = Arc::new(json!("x".repeat(1000)));
        for step in 0..50_u32 {
            let step = StepRunId::from(step);
            let input = Some(value.clone());
            let secrets = None;
            let config = None;
            let started =
                Event::StepStarted { step: step.clone(), attempt: 1, input, config, secrets };
            redaction.redact_event(started);
            redaction.redact_event(Event::StepCompleted {
                step,
                output: value.clone(),
                port: None,
            });
        }
        assert_eq!(count.0.load(Ordering::Relaxed), 1000);
    }
}
