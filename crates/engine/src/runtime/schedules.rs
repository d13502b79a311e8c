//! State that the loop of schedules shares with changes of schedules and ends of executions.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use stepwell_core::ids::ScheduleId;
use stepwell_core::{Map, Timestamp};
use tokio::sync::Notify;

/// The label of an execution that names the schedule that started it.
pub(crate) const LABEL: &str = "schedule_id";

/// The most schedules that are remembered because an execution of theirs has ended. Others are
/// checked every few seconds anyway.
const MAX_ENDED: usize = 10_000;

/// Wakes the loop of schedules.
pub(crate) struct Schedules {
    /// In microseconds.
    up_since: AtomicI64,
    changed: Notify,
    /// Until when the loop sleeps; the end of time while it is awake.
    asleep_until: AtomicI64,
    // Insertions only under it, nothing awaits.
    ended: Mutex<BTreeSet<ScheduleId>>,
}

impl Schedules {
    /// This process runs since `now`; `alone`: no other one runs.
    pub(crate) fn new(now: Timestamp, alone: bool) -> Self {
        // Another one may be processing firings that were due a moment ago.
        let up_since = if alone { now } else { Timestamp::from_micros(i64::MIN) };
        Self {
            up_since: AtomicI64::new(up_since.as_micros()),
            changed: Notify::new(),
            asleep_until: AtomicI64::new(0),
            ended: Mutex::default(),
        }
    }

    /// Since when firings are not missed: those due earlier fell into an outage.
    pub(crate) fn up_since(&self) -> Timestamp {
        Timestamp::from_micros(self.up_since.load(Ordering::SeqCst))
    }

    /// The clock was set back, and with it the time since which this process runs.
    pub(crate) fn clock_set_back(&self, by: Duration) {
        let up_since = self.up_since().before(by);
        self.up_since.store(up_since.as_micros(), Ordering::SeqCst);
    }

    /// Wakes the loop.
    pub(crate) fn look_again(&self) {
        self.changed.notify_one();
    }

    /// A schedule was stored that is due at `look_at`: wakes the loop if it would sleep longer.
    /// Changes far ahead of the next firing cost nothing.
    pub(crate) fn stored(&self, look_at: Option<Timestamp>) {
        let asleep_until = self.asleep_until.load(Ordering::SeqCst);
        if look_at.is_some_and(|at| at.as_micros() < asleep_until) {
            self.changed.notify_one();
        }
    }

    /// The loop is awake: whatever is stored from here on wakes it again.
    pub(crate) fn look(&self) {
        self.asleep_until.store(i64::MAX, Ordering::SeqCst);
    }

    /// Sleeps until that time, which is `pause` away, or until something earlier is stored or an
    /// execution ends.
    pub(crate) async fn sleep(&self, until: Timestamp, pause: Duration) {
        self.asleep_until.store(until.as_micros(), Ordering::SeqCst);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.changed.notified() => {}
        }
    }

    /// An execution with these labels has ended: if a schedule started it, a firing may be waiting
    /// for its end. The node that ends it calls this, not the one that queued the firing.
    pub(crate) fn ended(&self, labels: &Map) {
        let Some(id) = labels.get(LABEL).and_then(|label| label.as_str()?.parse().ok()) else {
            return;
        };
        let mut ended = self.lock();
        if ended.len() < MAX_ENDED && ended.insert(id) {
            self.changed.notify_one();
        }
    }

    /// The schedules of which executions have ended since the last call.
    pub(crate) fn take_ended(&self) -> BTreeSet<ScheduleId> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<ScheduleId>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
