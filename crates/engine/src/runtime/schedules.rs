//! What the loop of schedules and those who change schedules share.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::ids::ScheduleId;
use tokio::sync::Notify;

/// What waits for schedules.
#[derive(Default)]
pub(crate) struct Schedules {
    changed: Notify,
    /// Until when the loop sleeps; the end of time while it looks.
    asleep_until: AtomicI64,
    // Look-ups only under it, nothing awaits.
    watched: Mutex<HashSet<ScheduleId>>,
}

impl Schedules {
    /// A schedule was stored that must be looked at then: wakes the loop where it would sleep
    /// longer. Changes far ahead of the next firing cost nothing.
    pub(crate) fn stored(&self, look_at: Option<Timestamp>) {
        let asleep_until = self.asleep_until.load(Ordering::SeqCst);
        if look_at.is_some_and(|at| at.as_micros() < asleep_until) {
            self.changed.notify_one();
        }
    }

    /// The loop looks now: whatever is stored from here on wakes it.
    pub(crate) fn look(&self) {
        self.asleep_until.store(i64::MAX, Ordering::SeqCst);
    }

    /// Sleeps until that moment, which is `pause` away, or until something earlier is stored.
    pub(crate) async fn sleep(&self, until: Timestamp, pause: Duration) {
        self.asleep_until.store(until.as_micros(), Ordering::SeqCst);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.changed.notified() => {}
        }
    }

    /// Whether nobody watched that schedule until now; somebody does from now on.
    pub(crate) fn watch(&self, id: ScheduleId) -> bool {
        self.lock().insert(id)
    }

    /// Nobody watches it any more.
    pub(crate) fn unwatch(&self, id: ScheduleId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<ScheduleId>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
