//! What must be true of signals in every journal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use stepwell_core::Timestamp;
use stepwell_core::definition::Plan;
use stepwell_core::execution::{Event, RecordedEvent, StepRunId};

/// Reads the events about signals, and panics where one breaks a rule.
#[derive(Default)]
pub struct SignalOracle {
    /// Those that no step has consumed, by number.
    kept: BTreeMap<u64, Signal>,
    ids: BTreeSet<(String, String)>,
    waiting: BTreeMap<StepRunId, Wait>,
    /// The data of the signals that steps have consumed.
    consumed: BTreeMap<StepRunId, Arc<Value>>,
}

struct Signal {
    name: String,
    key: Option<String>,
    data: Arc<Value>,
}

struct Wait {
    name: String,
    key: Option<String>,
    until: Option<Timestamp>,
}

fn fits(name: &str, key: Option<&str>, signal: &Signal) -> bool {
    signal.name == name && (signal.key.is_none() || signal.key.as_deref() == key)
}

impl SignalOracle {
    pub fn read(&mut self, plan: &Plan, recorded: &RecordedEvent) {
        match &recorded.event {
            Event::SignalAwaited { step, signal, key, until } => {
                let (name, key) = (signal.clone(), key.clone());
                let earlier = self.waiting.insert(step.clone(), Wait { name, key, until: *until });
                assert!(earlier.is_none(), "it waits once");
                assert_eq!(until.is_some(), plan[step.step].timeout.is_some());
            }
            Event::SignalReceived { signal, key, id, data } => {
                if let Some(id) = id {
                    let is_new = self.ids.insert((signal.clone(), id.clone()));
                    assert!(is_new, "a signal with an id is received once");
                }
                let signal = Signal { name: signal.clone(), key: key.clone(), data: data.clone() };
                self.kept.insert(recorded.seq, signal);
            }
            Event::SignalConsumed { step, number } => {
                let signal = self.kept.remove(number).expect("each signal is consumed once");
                let config = plan[step.step].config.static_value().expect("without expressions");
                let name = config["signal"].as_str().unwrap();
                let key = config.get("key").and_then(Value::as_str);
                assert!(fits(name, key, &signal), "by a step that waits for it");
                let older = self.kept.range(..number).find(|(_, kept)| fits(name, key, kept));
                assert!(older.is_none(), "in the order of their arrival");
                self.waiting.remove(step);
                self.consumed.insert(step.clone(), signal.data);
            }
            Event::StepCompleted { step, output, port } => {
                self.completed(plan, recorded, (step, output, port.as_deref()));
            }
            Event::StepFailed { step, error, .. } | Event::StepRetrying { step, error, .. } => {
                if let Some(wait) = self.waiting.remove(step)
                    && error.code == "SIGNAL_TIMEOUT"
                {
                    assert!(wait.until.is_some_and(|until| until <= recorded.at), "not too early");
                }
            }
            Event::StepCancelled { step } => drop(self.waiting.remove(step)),
            _ => {}
        }
    }

    fn completed(
        &mut self,
        plan: &Plan,
        recorded: &RecordedEvent,
        (step, output, port): (&StepRunId, &Arc<Value>, Option<&str>),
    ) {
        if plan[step.step].type_name != "WaitForSignal" {
            return;
        }
        let wait = self.waiting.remove(step);
        match self.consumed.remove(step) {
            Some(data) => assert_eq!((&data, port), (output, None), "its data are the output"),
            None => {
                let until = wait.expect("a step that waits").until;
                assert!(until.is_some_and(|until| until <= recorded.at), "not too early");
                assert_eq!(port, Some("timeout"));
            }
        }
    }

    /// Whether a step waits for a signal that is kept.
    pub fn is_undelivered(&self) -> bool {
        self.waiting.values().any(|wait| {
            self.kept.values().any(|signal| fits(&wait.name, wait.key.as_deref(), signal))
        })
    }

    /// Whether a signal with this name and id was received.
    pub fn has_received(&self, id: &(String, String)) -> bool {
        self.ids.contains(id)
    }

    /// How many signals no step has consumed.
    pub fn kept(&self) -> usize {
        self.kept.len()
    }
}
