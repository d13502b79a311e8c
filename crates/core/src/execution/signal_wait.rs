//! Waits for signals, and the signals that an execution received.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use crate::Timestamp;

/// The most signals of one name that an execution keeps.
pub const MAX_SIGNALS_PER_NAME: usize = 100;

/// The most signals that an execution keeps.
pub const MAX_SIGNALS: usize = 1_000;

/// The number of last ids of signals that are remembered, to ignore repeated ones.
const MAX_IDS: usize = 1_000;

/// What a step waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalWait {
    /// When it began.
    pub since: Timestamp,
    /// When it ends without a signal; `None`: never.
    pub until: Option<Timestamp>,
    /// The name of the signal.
    pub name: String,
    /// Its correlation key.
    pub key: Option<String>,
}

impl SignalWait {
    /// Whether a signal of this name and key is the one that it waits for. One without a key was
    /// sent to the execution, and fits every wait for its name.
    pub fn is_for(&self, name: &str, key: Option<&str>) -> bool {
        self.name == name && (key.is_none() || key == self.key.as_deref())
    }
}

/// A signal that no step has consumed yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KeptSignal {
    /// The sequence number of its event.
    pub(super) number: u64,
    name: String,
    key: Option<String>,
    pub(super) data: Arc<Value>,
}

/// The signals that an execution received.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::execution) struct ReceivedSignals {
    /// In the order of their arrival.
    pub(super) kept: VecDeque<KeptSignal>,
    /// The names and ids of the last signals that had one.
    ids: BTreeSet<(String, String)>,
    /// The same in the order of their arrival.
    id_order: VecDeque<(String, String)>,
}

impl ReceivedSignals {
    pub(super) fn add(&mut self, number: u64, name: &str, key: Option<&str>, data: &Arc<Value>) {
        let (name, key) = (name.to_owned(), key.map(str::to_owned));
        self.kept.push_back(KeptSignal { number, name, key, data: data.clone() });
    }

    pub(super) fn remember_id(&mut self, name: &str, id: &str) {
        let id = (name.to_owned(), id.to_owned());
        if !self.ids.insert(id.clone()) {
            return;
        }
        self.id_order.push_back(id);
        if self.id_order.len() > MAX_IDS
            && let Some(oldest) = self.id_order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, number: u64) {
        self.kept.retain(|signal| signal.number != number);
    }

    pub(super) fn is_repeated(&self, name: &str, id: Option<&str>) -> bool {
        id.is_some_and(|id| self.ids.contains(&(name.to_owned(), id.to_owned())))
    }

    pub(super) fn is_full(&self, name: &str) -> bool {
        let same_name = self.kept.iter().filter(|signal| signal.name == name);
        self.kept.len() >= MAX_SIGNALS || same_name.count() >= MAX_SIGNALS_PER_NAME
    }

    /// The first one that fits a wait.
    pub(super) fn first_for(&self, wait: &SignalWait) -> Option<&KeptSignal> {
        self.kept.iter().find(|signal| wait.is_for(&signal.name, signal.key.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(key: Option<&str>) -> SignalWait {
        let (since, until) = (Timestamp::default(), None);
        SignalWait { since, until, name: "paid".into(), key: key.map(str::to_owned) }
    }

    #[test]
    fn a_signal_fits_by_name_and_key() {
        for (wait_key, name, key, expect) in [
            (None, "paid", None, true),
            (None, "sent", None, false),
            (Some("1"), "paid", Some("1"), true),
            (Some("1"), "paid", Some("2"), false),
            (Some("1"), "paid", None, true),
            (None, "paid", Some("1"), false),
        ] {
            assert_eq!(wait(wait_key).is_for(name, key), expect, "{wait_key:?} {name} {key:?}");
        }
    }

    #[test]
    fn the_first_signal_that_fits_is_taken_and_the_number_is_bounded() {
        let mut signals = ReceivedSignals::default();
        let data = Arc::new(Value::Null);
        signals.add(3, "paid", Some("2"), &data);
        signals.add(4, "paid", None, &data);
        signals.add(5, "paid", Some("1"), &data);
        let number = |signals: &ReceivedSignals, key| {
            signals.first_for(&wait(key)).map(|signal| signal.number)
        };
        assert_eq!(number(&signals, Some("1")), Some(4));
        signals.remove(4);
        assert_eq!(number(&signals, Some("1")), Some(5));
        assert_eq!(number(&signals, Some("3")), None);
        for number in 0..MAX_SIGNALS_PER_NAME as u64 - 2 {
            assert!(!signals.is_full("paid"));
            signals.add(10 + number, "paid", None, &data);
        }
        assert!(signals.is_full("paid") && !signals.is_full("sent"));
    }

    #[test]
    fn the_last_ids_are_remembered() {
        let mut signals = ReceivedSignals::default();
        for n in 0..=MAX_IDS {
            signals.remember_id("paid", &n.to_string());
        }
        assert!(signals.is_repeated("paid", Some("1")));
        assert!(!signals.is_repeated("paid", Some("0")), "too long ago");
        assert!(!signals.is_repeated("sent", Some("1")) && !signals.is_repeated("paid", None));
    }
}
