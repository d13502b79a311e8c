//! Detects that the wall clock was set, and corrects stored times.
//!
//! Waits in memory are measured by the monotonic clock. Stored times are those of the wall clock:
//! when it is set, they are corrected, so that durations keep their length. The offset between the
//! clocks is stored, so that a server that starts later on the same machine knows by how much the
//! wall clock was set in between.

use std::sync::atomic::Ordering;
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_store::traits::{ClockCorrection, ClockMark, LastSeen};

use super::App;
use crate::AppError;
use crate::clock::offset;
use crate::runtime::background::Stop;
use crate::runtime::engine::Engine;
use crate::runtime::registry::Message;
use crate::runtime::time::CLOCK_TOLERANCE;

/// How often the clocks are compared.
const COMPARE_EVERY: Duration = Duration::from_secs(1);

/// The loop that compares the clocks.
pub(super) async fn watch_clock(app: App, mut stop: Stop) {
    let mut last = app.engine.clock_offset.load(Ordering::SeqCst);
    while stop.sleep(COMPARE_EVERY).await {
        let engine = &app.engine;
        let offset = offset(&*engine.clock);
        let micros = offset.saturating_sub(last);
        let by = Duration::from_micros(micros.unsigned_abs());
        if by < CLOCK_TOLERANCE {
            continue;
        }
        if micros < 0 {
            // Until stored times are corrected, waits become longer rather than too short.
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
        engine.wake_after_clock_change();
    }
}

impl App {
    /// Corrects stored times after the wall clock was set while the server ran. Waits of executions
    /// are not corrected for a clock that is set forward: to them, time has passed.
    async fn clock_was_set(&self, micros: i64, offset: i64) -> Result<(), AppError> {
        let waits = micros.min(0);
        self.correct_stored_times(
            ClockCorrections { waits, pauses: micros, limits: micros },
            offset,
            false,
        )
        .await
    }

    /// Corrects stored times for a wall clock that was set while no server ran, and for that time
    /// itself: `last_seen` is the last time at which one is known to have run.
    ///
    /// # Errors
    /// The store could not be read or written.
    pub(super) async fn correct_clock_at_start(&self, last_seen: LastSeen) -> Result<(), AppError> {
        let engine = &self.engine;
        let offset = engine.clock_offset.load(Ordering::SeqCst);
        let LastSeen { heartbeat: Some(last), mark } = last_seen else {
            return self.correct_stored_times(ClockCorrections::default(), offset, true).await;
        };
        let since = engine.now().as_micros().saturating_sub(last.as_micros());
        let set_back = match mark {
            Some(mark) => offset.saturating_sub(mark.offset).min(0),
            // The clock was wrong by at least this much. Then waits do not end early, and at the
            // latest after their length from now.
            None => since.min(0),
        };
        let is_slight = Duration::from_micros(set_back.unsigned_abs()) < CLOCK_TOLERANCE;
        let set_back = if is_slight { 0 } else { set_back };
        // No delivery was attempted while no server ran, so that time does not count.
        let corrections = ClockCorrections { waits: set_back, pauses: set_back, limits: since };
        if set_back < 0 {
            let by = Duration::from_micros(set_back.unsigned_abs());
            tracing::warn!(by = ?by, "the system's clock was set back while no server ran");
        }
        self.correct_stored_times(corrections, offset, true).await
    }

    async fn correct_stored_times(
        &self,
        corrections: ClockCorrections,
        offset: i64,
        at_start: bool,
    ) -> Result<(), AppError> {
        let engine = &self.engine;
        let ClockCorrections { waits, pauses, limits } = corrections;
        let mark = engine.clock.boot().map(|boot| ClockMark { boot, offset });
        let (node, now) = (engine.node, engine.now());
        let correction = ClockCorrection { node, waits, pauses, limits, now, at_start, mark };
        if engine.store.correct_clock(correction).await? && waits < 0 {
            self.set_back_schedules(Duration::from_micros(waits.unsigned_abs())).await?;
        }
        Ok(())
    }
}

/// By how many microseconds stored times are moved.
#[derive(Debug, Clone, Copy, Default)]
struct ClockCorrections {
    /// Waits of executions, and schedules.
    waits: i64,
    /// Next attempts of deliveries.
    pauses: i64,
    /// Ends of attempts of deliveries.
    limits: i64,
}

impl Engine {
    /// The time to compare stored times with: until they are corrected for a clock that was set,
    /// the time that the clock would have otherwise.
    pub(crate) fn uncorrected_now(&self) -> Timestamp {
        let (now, elapsed) = self.clocks();
        let offset = self.clock_offset.load(Ordering::SeqCst);
        let then = Timestamp::from_micros(offset).after(elapsed);
        if now.since(then).max(then.since(now)) < CLOCK_TOLERANCE { now } else { then }
    }

    /// Wakes everything that waits for a time.
    fn wake_after_clock_change(&self) {
        for mailbox in self.registry.mailboxes() {
            // A runner with a full mailbox checks the time anyway.
            let _ = mailbox.try_send(Message::Wake);
        }
        self.timers_changed.notify_one();
        self.notify_outbox();
        self.schedules.look_again();
    }
}
