//! The clocks of the engine.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::RngExt;
use stepwell_core::Timestamp;
use stepwell_core::execution::TransitionContext;

use super::engine::Engine;

/// The largest drift between the wall clock and the monotonic one that does not mean that the wall
/// clock was set.
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_millis(100);

/// How far the wall clock may be set back without repeating times of creation, in microseconds.
const CREATION_TOLERANCE: i64 = 60_000_000;

impl Engine {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The present time, with randomness, for the state machine.
    pub(crate) fn moment(&self) -> TransitionContext {
        let (now, elapsed) = self.clocks();
        TransitionContext { now, elapsed, entropy: rand::rng().random() }
    }

    /// Both clocks: the wall clock and the monotonic one.
    pub(crate) fn clocks(&self) -> (Timestamp, Duration) {
        (self.clock.now(), self.clock.elapsed())
    }

    /// The present time by a clock that never jumps, for what is counted within this process.
    pub(crate) fn steady_now(&self) -> Timestamp {
        self.steady.now(&*self.clock)
    }

    /// Converts a time of [`Engine::steady_now`] to the wall clock.
    pub(crate) fn to_wall_clock(&self, steady: Timestamp) -> Timestamp {
        let (now, then) = (self.now(), self.steady_now());
        let (ahead, behind) = (now.since(then), then.since(now));
        if ahead.max(behind) < CLOCK_TOLERANCE {
            return steady;
        }
        steady.after(ahead).before(behind)
    }

    /// The time of a creation, with both clocks. Lists are sorted by creation, so a clock that is
    /// set back a little does not repeat times; if it was wrong by more, times may repeat.
    pub(crate) fn creation(&self) -> TransitionContext {
        let moment = self.moment();
        let now = moment.now.as_micros();
        let last = self.last_created.load(Ordering::Relaxed);
        let repeats = last >= now && last - now < CREATION_TOLERANCE;
        let created = if repeats { last + 1 } else { now };
        self.last_created.store(created, Ordering::Relaxed);
        TransitionContext { now: Timestamp::from_micros(created), ..moment }
    }
}
