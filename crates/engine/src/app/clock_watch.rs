//! Noticing that the wall clock was set.
//!
//! Whoever sleeps in memory measures time by the monotonic clock. What is stored has moments of
//! the wall clock: when that is set, they are corrected, so that lengths of time stay as long as
//! they are. How both clocks go together is noted in the store, so that a server that starts later
//! on the same machine knows by how much the wall clock was set in between.

use std::sync::atomic::Ordering;
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_store::traits::{ClockCorrection, ClockMark, LastSeen};

use super::App;
use crate::AppError;
use crate::clock::offset;
use crate::runtime::background::Stop;
use crate::runtime::engine::{CLOCK_TOLERANCE, Engine};
use crate::runtime::registry::Message;

/// How often to compare the clocks.
const EVERY: Duration = Duration::from_secs(1);

/// The loop that compares the clocks until it is told to stop.
pub(super) async fn watch_clock(app: App, mut stop: Stop) {
    let mut last = app.engine.clock_offset.load(Ordering::SeqCst);
    while stop.sleep(EVERY).await {
        let engine = &app.engine;
        let offset = offset(&*engine.clock);
        let micros = offset.saturating_sub(last);
        let by = Duration::from_micros(micros.unsigned_abs());
        if by < CLOCK_TOLERANCE {
            continue;
        }
        if micros < 0 {
            // What is compared meanwhile with moments that are not corrected yet waits longer,
            // not too short.
            engine.clock_offset.store(offset, Ordering::SeqCst);
        }
        if let Err(error) = app.clock_was_set(micros, offset).await {
            tracing::warn!(%error, "stored waits cannot be corrected for the clock; trying again");
            continue;
        }
        if micros < 0 {
            engine.schedules.clock_set_back(by);
        }
        engine.clock_offset.store(offset, Ordering::SeqCst);
        last = offset;
        tracing::warn!(by = ?by, back = micros < 0, "the system's clock was set");
        engine.look_at_clock();
    }
}

impl App {
    /// Corrects what is stored after the wall clock was set in a running server. Waits of
    /// executions take a clock that is set forward for time that went by.
    async fn clock_was_set(&self, micros: i64, offset: i64) -> Result<(), AppError> {
        let waits = micros.min(0);
        self.correct_clock(Moved { waits, pauses: micros, limits: micros }, offset, false).await
    }

    /// Corrects what is stored for what happened to the wall clock while no server ran, and for
    /// that time itself: `last_seen` is the last moment of which it is known that one did.
    ///
    /// # Errors
    /// The store could not be read or written.
    pub(super) async fn correct_clock_at_start(&self, last_seen: LastSeen) -> Result<(), AppError> {
        let engine = &self.engine;
        let offset = engine.clock_offset.load(Ordering::SeqCst);
        let LastSeen { heartbeat: Some(last), mark } = last_seen else {
            return self.correct_clock(Moved::default(), offset, true).await;
        };
        let since = engine.now().as_micros().saturating_sub(last.as_micros());
        let set_back = match mark {
            Some(mark) => offset.saturating_sub(mark.offset).min(0),
            // It was wrong by at least so much. Waits do not end early then, and still not later
            // than their length from now.
            None => since.min(0),
        };
        let is_slight = Duration::from_micros(set_back.unsigned_abs()) < CLOCK_TOLERANCE;
        let set_back = if is_slight { 0 } else { set_back };
        // Nothing was tried while no server ran, so that is no reason to give up.
        let moved = Moved { waits: set_back, pauses: set_back, limits: since };
        if set_back < 0 {
            let by = Duration::from_micros(set_back.unsigned_abs());
            tracing::warn!(by = ?by, "the system's clock was set back while no server ran");
        }
        self.correct_clock(moved, offset, true).await
    }

    async fn correct_clock(
        &self,
        moved: Moved,
        offset: i64,
        at_start: bool,
    ) -> Result<(), AppError> {
        let engine = &self.engine;
        let Moved { waits, pauses, limits } = moved;
        let mark = engine.clock.boot().map(|boot| ClockMark { boot, offset });
        let (node, now) = (engine.node, engine.now());
        let correction = ClockCorrection { node, waits, pauses, limits, now, at_start, mark };
        if engine.store.correct_clock(correction).await? && waits < 0 {
            self.set_back_schedules(Duration::from_micros(waits.unsigned_abs())).await?;
        }
        Ok(())
    }
}

/// By how many microseconds stored moments are moved.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    /// Waits of executions, and schedules.
    waits: i64,
    /// Next attempts of deliveries.
    pauses: i64,
    /// Ends of attempts of deliveries.
    limits: i64,
}

impl Engine {
    /// Now, as stored moments have it: as long as they are not corrected for a clock that was set,
    /// the moment that it would be otherwise.
    pub(crate) fn uncorrected_now(&self) -> Timestamp {
        let (now, elapsed) = self.clocks();
        let offset = self.clock_offset.load(Ordering::SeqCst);
        let then = Timestamp::from_micros(offset).after(elapsed);
        if now.since(then).max(then.since(now)) < CLOCK_TOLERANCE { now } else { then }
    }

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
