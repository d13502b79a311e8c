//! Senders of signals: they send again what was not confirmed, and sometimes what was.

use std::sync::Arc;

use serde_json::json;
use stepwell_core::execution::{
    SignalInput, SignalWait, TransitionError, TransitionInput, UnawaitedSignal,
};

use super::World;
use crate::graph::{KEYS, SIGNALS};

/// The signals with an id that were sent.
#[derive(Default)]
pub struct SentSignals {
    count: u64,
    /// Not durable yet.
    pending: Vec<SignalInput>,
    /// Confirmed: durable.
    pub acknowledged: Vec<SignalInput>,
    /// Lost by a crash: their senders send them again.
    lost: Vec<SignalInput>,
}

impl SentSignals {
    /// The events are durable, which is when senders get their responses.
    pub fn acknowledge(&mut self) {
        self.acknowledged.append(&mut self.pending);
    }

    /// The events are lost, and the senders get no response.
    pub fn lose(&mut self) {
        self.lost.append(&mut self.pending);
    }
}

impl World {
    /// A new signal, one that was lost, or a repeated one.
    pub(super) fn send_some_signal(&mut self) {
        let repeats = !self.sent.acknowledged.is_empty() && self.rng.chance(30);
        let signal = match self.sent.lost.pop() {
            Some(lost) => lost,
            None if repeats => self.rng.pick(&self.sent.acknowledged).clone(),
            None => self.new_signal(),
        };
        self.send(signal);
    }

    fn new_signal(&mut self) -> SignalInput {
        self.sent.count += 1;
        let number = self.sent.count;
        SignalInput {
            name: (*self.rng.pick(&SIGNALS)).to_owned(),
            key: self.rng.chance(50).then(|| (*self.rng.pick(&KEYS)).to_owned()),
            id: self.rng.chance(80).then(|| number.to_string()),
            data: Arc::new(json!({"signal": number})),
            unawaited: match self.rng.chance(70) {
                true => UnawaitedSignal::Keep,
                false => UnawaitedSignal::Reject,
            },
        }
    }

    fn send(&mut self, signal: SignalInput) {
        let is_repeated = |known: &SignalInput| {
            signal.id.is_some() && known.id == signal.id && known.name == signal.name
        };
        let was_received = self.sent.acknowledged.iter().any(is_repeated)
            || self.sent.pending.iter().any(is_repeated);
        // Before, because a step that starts may make the events durable.
        self.sent.pending.extend(signal.id.is_some().then(|| signal.clone()));
        let result = self.apply_input(TransitionInput::Signal(signal.clone()));
        if result.is_err() && signal.id.is_some() {
            self.sent.pending.pop();
        }
        match result {
            Ok(()) => assert!(!was_received, "a repeated signal is ignored"),
            Err(TransitionError::RepeatedSignal) => assert!(was_received, "only a repeated one"),
            Err(TransitionError::NotAwaited) => {
                assert_eq!(signal.unawaited, UnawaitedSignal::Reject, "it was to be kept");
            }
            Err(_) => {}
        }
    }

    /// Sends a signal that a step waits for without end; returns whether there is one.
    pub(super) fn send_awaited_signal(&mut self) -> bool {
        let wait = self.live.signal_waits().next();
        let Some(signal) = wait.map(|(_, wait)| awaited_signal(wait)) else { return false };
        self.send(signal);
        true
    }
}

/// The signal that a step waits for.
pub fn awaited_signal(wait: &SignalWait) -> SignalInput {
    let (name, key) = (wait.name.clone(), wait.key.clone());
    let (unawaited, data) = (UnawaitedSignal::Reject, Arc::new(json!({"late": true})));
    SignalInput { name, key, unawaited, id: None, data }
}
