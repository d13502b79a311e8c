//! Noticing that the wall clock was set.
//!
//! Whoever sleeps in memory measures time by the monotonic clock. What is stored has moments of
//! the wall clock: when that is set back, they are corrected, so that lengths of time stay as long
//! as they are.

use std::time::Duration;

use super::App;
use crate::clock::Clock;
use crate::runtime::background::Stop;
use crate::runtime::engine::{CLOCK_TOLERANCE, Engine};
use crate::runtime::registry::Message;

/// How often to compare the clocks.
const EVERY: Duration = Duration::from_secs(1);
/// Two readings that took longer than this belong to different moments.
const APART: Duration = Duration::from_millis(20);
/// How often to read the clocks again where the machine is busy.
const READINGS: usize = 5;

/// How far the wall clock is ahead of the monotonic one, in microseconds.
fn offset(clock: &dyn Clock) -> i64 {
    let mut offset = 0;
    for _ in 0..READINGS {
        let before = clock.elapsed();
        let now = clock.now();
        offset = now.before(before).as_micros();
        if clock.elapsed().saturating_sub(before) <= APART {
            break;
        }
    }
    offset
}

/// The loop that compares the clocks until it is told to stop.
pub(super) async fn watch_clock(app: App, mut stop: Stop) {
    let mut last = offset(&*app.engine.clock);
    while stop.sleep(EVERY).await {
        let engine = &app.engine;
        let offset = offset(&*engine.clock);
        let micros = offset.saturating_sub(last);
        let by = Duration::from_micros(micros.unsigned_abs());
        if by < CLOCK_TOLERANCE {
            continue;
        }
        if micros < 0 {
            if let Err(error) = app.clock_set_back(by, false).await {
                tracing::warn!(%error, "stored waits cannot be corrected for the clock; trying again");
                continue;
            }
            engine.schedules.clock_set_back(by);
        }
        last = offset;
        tracing::warn!(by = ?by, back = micros < 0, "the system's clock was set");
        engine.look_at_clock();
    }
}

impl Engine {
    /// Has everything looked at that waits for a moment.
    fn look_at_clock(&self) {
        for mailbox in self.registry.mailboxes() {
            // A full mailbox has its runner look as well.
            let _ = mailbox.try_send(Message::Wake);
        }
        self.timers_changed.notify_one();
        self.outbox_changed.notify_one();
        self.schedules.look_again();
    }
}
