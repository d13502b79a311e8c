//! The progress that a running step stores.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use stepwell_core::memory::json_size;

/// The shortest time between two stored checkpoints of an attempt.
const INTERVAL: Duration = Duration::from_secs(1);

/// The largest checkpoint, in bytes as JSON text.
pub(super) const MAX_CHECKPOINT_BYTES: usize = 16 << 10;

/// What becomes of a checkpoint.
#[derive(Debug, PartialEq)]
pub(super) enum CheckpointAction {
    /// It is stored now.
    Store(Value),
    /// It is stored later, unless another one comes.
    Keep,
    /// It is too large.
    Refuse,
}

/// Limits how often an attempt stores its progress.
#[derive(Debug, Default)]
pub(super) struct CheckpointLimiter {
    // Nothing awaits while it is held.
    state: Mutex<LimiterState>,
}

#[derive(Debug, Default)]
struct LimiterState {
    stored_at: Option<Duration>,
    /// The last one that was not stored.
    pending: Option<Value>,
}

impl CheckpointLimiter {
    /// Decides about a checkpoint at this reading of the monotonic clock.
    pub(super) fn add(&self, value: Value, elapsed: Duration) -> CheckpointAction {
        if json_size(&value, MAX_CHECKPOINT_BYTES + 1) > MAX_CHECKPOINT_BYTES {
            return CheckpointAction::Refuse;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due =
            state.stored_at.is_none_or(|stored| elapsed.saturating_sub(stored) >= INTERVAL);
        if is_due {
            *state = LimiterState { stored_at: Some(elapsed), pending: None };
            return CheckpointAction::Store(value);
        }
        state.pending = Some(value);
        CheckpointAction::Keep
    }

    /// The last checkpoint, if it was not stored.
    pub(super) fn take_pending(&self) -> Option<Value> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).pending.take()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_checkpoint_a_second_is_stored_and_the_last_one_is_kept() {
        let limiter = CheckpointLimiter::default();
        let at = Duration::from_millis;
        assert_eq!(limiter.add(json!(1), at(0)), CheckpointAction::Store(json!(1)));
        assert_eq!(limiter.add(json!(2), at(10)), CheckpointAction::Keep);
        assert_eq!(limiter.add(json!(3), at(999)), CheckpointAction::Keep);
        assert_eq!(limiter.add(json!(4), at(1000)), CheckpointAction::Store(json!(4)));
        assert_eq!(limiter.take_pending(), None, "replaced by a later one");
        assert_eq!(limiter.add(json!(5), at(1500)), CheckpointAction::Keep);
        assert_eq!(limiter.take_pending(), Some(json!(5)));
        assert_eq!(limiter.take_pending(), None);
        let large = json!("x".repeat(MAX_CHECKPOINT_BYTES));
        assert_eq!(limiter.add(large, at(9000)), CheckpointAction::Refuse);
    }
}
