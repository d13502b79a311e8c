//! The memory of an execution's values while it is driven.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;
use stepwell_core::Map;
use stepwell_core::execution::{ApprovalEvent, BodyResult, Event, RecordedEvent};
use stepwell_core::memory::value_bytes;

/// Values of this size are remembered, so that each is counted once: a step's input mostly is the
/// output of the previous step.
const LARGE: usize = 16 << 10;

/// The memory of an execution's values.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    bytes: usize,
    /// The largest value.
    largest: usize,
    /// The address of the value counted last: mostly the next step's input.
    last: usize,
    /// The addresses of the large ones; the journal keeps them alive.
    large: HashSet<usize>,
}

impl Retained {
    /// All values together, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The largest of them, in bytes.
    pub(crate) fn largest(&self) -> usize {
        self.largest
    }

    /// Counts the values of further events.
    pub(crate) fn count<'a>(&mut self, events: impl IntoIterator<Item = &'a RecordedEvent>) {
        for recorded in events {
            match &recorded.event {
                Event::Accepted { input, state, vars, .. } => {
                    vars.iter().for_each(|value| self.value(value));
                    self.value(input);
                    self.fields(state.as_ref());
                }
                Event::StepStarted { input, config, .. } => {
                    input.iter().chain(config).for_each(|value| self.value(value));
                }
                Event::StepCompleted { output, .. } | Event::Completed { output } => {
                    self.value(output);
                }
                Event::SignalReceived { data, .. }
                | Event::Approval { event: ApprovalEvent::Voted { data, .. }, .. } => {
                    self.value(data);
                }
                Event::BodyEnded { output: Some(output), .. } => self.value(output),
                Event::ItemsEnded { results, .. } => {
                    for result in results {
                        if let BodyResult::Completed(output) = result {
                            self.value(output);
                        }
                    }
                }
                Event::StateSet { values, .. } => self.fields(Some(values)),
                _ => {}
            }
        }
    }

    fn value(&mut self, value: &Arc<Value>) {
        let place = Arc::as_ptr(value).addr();
        if place == self.last || !self.large.is_empty() && self.large.contains(&place) {
            return;
        }
        self.last = place;
        let bytes = value_bytes(value);
        if bytes >= LARGE {
            self.large.insert(place);
            self.largest = self.largest.max(bytes);
        }
        self.bytes += bytes;
    }

    fn fields(&mut self, fields: Option<&Map>) {
        let values = fields.into_iter().flat_map(Map::values);
        // They are in the event and in the state.
        self.bytes += 2 * values.map(value_bytes).sum::<usize>();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stepwell_core::Timestamp;

    use super::*;

    fn event(event: Event) -> RecordedEvent {
        RecordedEvent { seq: 1, at: Timestamp::default(), event }
    }

    #[test]
    fn a_shared_value_counts_once() {
        let value = Arc::new(json!("x".repeat(1 << 20)));
        let mut retained = Retained::default();
        retained.count(&[event(Event::Completed { output: value.clone() })]);
        let once = retained.bytes();
        assert!(once > 1 << 20 && retained.largest() == once);
        retained.count(&[event(Event::Completed { output: value.clone() })]);
        assert_eq!(retained.bytes(), once);
        let copy = Arc::new(json!("x".repeat(1 << 20)));
        retained.count(&[event(Event::Completed { output: copy })]);
        assert_eq!(retained.bytes(), 2 * once);
        // As a journal does: its address is not that of another value meanwhile.
        drop(value);
    }
}
