//! Schedules after the system's clock was set back.

use std::time::Duration;

use stepwell_core::schedule::{FiringRule, SetBack};
use stepwell_store::StoreError;
use stepwell_store::schedules::{ScheduleRecord, UpdateSchedule};

use super::{ATTEMPTS, App, BATCH};
use crate::AppError;

impl App {
    /// Corrects when all schedules fire next.
    ///
    /// # Errors
    /// The store could not be read or written.
    pub(in crate::app) async fn set_back_schedules(&self, by: Duration) -> Result<(), AppError> {
        let mut after = None;
        loop {
            let found = self.engine.store.pending_schedules(after, BATCH).await?;
            let Some(last) = found.last() else { return Ok(()) };
            after = Some(last.id);
            for record in found {
                self.set_back_schedule(record, by).await?;
            }
        }
    }

    async fn set_back_schedule(
        &self,
        mut record: ScheduleRecord,
        by: Duration,
    ) -> Result<(), AppError> {
        let store = &self.engine.store;
        for _ in 0..ATTEMPTS {
            let set_back = SetBack { by, now: self.engine.now() };
            // One whose time zone is gone is settled when it is due.
            let Ok(rule) = FiringRule::new(&record.timing, &record.timezone, record.anchor) else {
                return Ok(());
            };
            let timing = (&record.timing, &rule);
            let Some(after) = set_back.next_firing(timing, record.anchor, &record.progress) else {
                return Ok(());
            };
            let mut schedule = record.clone();
            schedule.anchor = after.anchor;
            schedule.progress.next_at = after.next_at;
            schedule.look_at = schedule.progress.look_at(set_back.now);
            schedule.version += 1;
            match store.update_schedule(UpdateSchedule::quietly(schedule)).await {
                Ok(()) | Err(StoreError::Missing(_)) => return Ok(()),
                // Another change came first: it may have been made before the clock was set.
                Err(StoreError::Outdated(_)) => match store.find_schedule(record.id).await? {
                    Some(found) => record = found,
                    None => return Ok(()),
                },
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
