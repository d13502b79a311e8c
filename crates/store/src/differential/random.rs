//! Random numbers from a seed (splitmix64), and random values built from them.

use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::Timestamp;
use stepwell_core::execution::{Event, Failure, SkipReason, Status, StepRunId};
use stepwell_core::expr::SecretInsertion;

/// A sequence of random numbers.
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of them.
    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let index = usize::try_from(self.below(from.len() as u64)).unwrap();
        from[index].clone()
    }

    /// One time in `times`, a value.
    pub(super) fn maybe<T>(&mut self, times: u64, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.once_in(times) { Some(make(self)) } else { None }
    }

    pub(super) fn time(&mut self) -> Timestamp {
        Timestamp::from_micros(i64::try_from(self.below(400)).unwrap())
    }

    /// When something was created: within some seconds, days, or before the epoch.
    pub(super) fn created(&mut self) -> Timestamp {
        let spread = self.pick(&[1, 1_000_003, 4_000_000_007]);
        let steps = i64::try_from(self.below(60)).unwrap() - 10;
        Timestamp::from_micros(steps * spread)
    }

    /// A limit: mostly small.
    pub(super) fn limit(&mut self) -> usize {
        self.pick(&[0, 1, 2, 3, 5, 1000])
    }

    pub(super) fn value(&mut self) -> Value {
        match self.below(8) {
            0 => json!(null),
            1 => json!(self.next()),
            2 => json!(self.next().cast_signed()),
            3 => json!(f64::from_bits(self.next())),
            4 => json!("t\u{e9}xt \u{1f680}"),
            5 => json!([self.below(3), "a"]),
            6 => json!({ "a": self.below(2), "b": 2 }),
            _ => json!({ "b": 2, "a": self.below(2) }),
        }
    }

    pub(super) fn status(&mut self) -> Status {
        self.pick(&Status::ALL)
    }

    fn insertions(&mut self) -> Vec<SecretInsertion> {
        let offset = usize::try_from(self.below(9)).unwrap();
        let insertion = SecretInsertion { pointer: "/config/a".into(), offset, name: "K".into() };
        vec![insertion; offset % 3]
    }

    pub(super) fn event(&mut self) -> Event {
        let number = u32::try_from(self.below(5)).unwrap();
        let mut step = StepRunId::from(number);
        if self.once_in(4) {
            step.path = [number, 0].into();
        }
        let value = Arc::new(self.value());
        match self.below(10) {
            0 => Event::Started,
            1 | 2 => Event::StepStarted {
                step,
                attempt: 1 + number,
                input: self.maybe(2, |_| value.clone()),
                config: self.maybe(3, |random| Arc::new(random.value())),
                secrets: self.maybe(3, |random| random.insertions()),
            },
            3 | 4 => Event::StepCompleted { step, output: value, port: None },
            5 => Event::StepWaiting { step, until: self.time() },
            6 => Event::StepSkipped { step, reason: SkipReason::Condition },
            7 => Event::StepFailed {
                step,
                error: Failure { details: self.value(), ..Failure::new("A", "b") },
                handled: self.once_in(2),
            },
            8 => Event::accepted(self.value()),
            _ => Event::Completed { output: value },
        }
    }
}
