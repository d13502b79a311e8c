//! Schedules after the system's clock was set back.

use std::time::Duration;

use stepwell_core::schedule::{FiringRule, SetBack};
use stepwell_store::objects::{DueObjects, ObjectBatch};
use stepwell_store::{Effects, StoreError};

use super::{ATTEMPTS, App, BATCH};
use crate::AppError;
use crate::objects::{self, Document, Object};
use crate::schedule::Schedule;

impl App {
    /// Corrects the next firings of all schedules. They only become earlier, so a schedule that was
    /// corrected is not read again by the next page, which begins after the last one.
    ///
    /// # Errors
    /// The store could not be read or written.
    pub(in crate::app) async fn set_back_schedules(&self, by: Duration) -> Result<(), AppError> {
        let mut after = None;
        loop {
            let page = DueObjects { after, limit: BATCH, ..DueObjects::first(Schedule::KIND) };
            let found = self.engine.store.due_objects(page).await?;
            let last = found.last().and_then(|last| Some((last.index.due_at?, last.id)));
            if last.is_none() {
                return Ok(());
            }
            after = last;
            for object in found {
                self.set_back_schedule(Object::from_stored(object)?, by).await?;
            }
        }
    }

    async fn set_back_schedule(
        &self,
        mut before: Object<Schedule>,
        by: Duration,
    ) -> Result<(), AppError> {
        let store = &self.engine.store;
        for _ in 0..ATTEMPTS {
            let set_back = SetBack { by, now: self.engine.now() };
            let Schedule { timing, timezone, anchor, progress, .. } = &before.document;
            // One whose time zone no longer exists is processed when it is due.
            let Ok(rule) = FiringRule::new(timing, timezone, *anchor) else { return Ok(()) };
            let Some(corrected) = set_back.next_firing(timing, &rule, *anchor, progress) else {
                return Ok(());
            };
            let mut after = before.clone();
            after.version += 1;
            after.document.anchor = corrected.anchor;
            after.document.progress.next_at = corrected.next_at;
            after.document.due_at = after.document.progress.look_at(set_back.now);
            let batch = ObjectBatch::put(after.to_stored()?, Effects::default());
            match store.write_objects(batch).await {
                Ok(()) | Err(StoreError::Missing(_)) => return Ok(()),
                // Another change was first: it may be older than the setting of the clock.
                Err(StoreError::Outdated(_)) => {
                    match objects::find_object(&**store, before.id).await? {
                        Some(found) => before = found,
                        None => return Ok(()),
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
