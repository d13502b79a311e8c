//! The loop that fires schedules.
//!
//! It finds the next due time, sleeps until then, and processes what is due. However many schedules
//! there are, that is one search of one index.

use std::time::Duration;

use futures_util::StreamExt;
use stepwell_core::Timestamp;
use stepwell_core::ids::ScheduleId;
use stepwell_store::StoreError;
use stepwell_store::objects::DueObjects;

use super::{AT_ONCE, App, BATCH};
use crate::AppError;
use crate::objects::Document;
use crate::runtime::background::Stop;
use crate::runtime::engine::Engine;
use crate::schedule::Schedule;

/// How often to look without a notification: another node may have stored a schedule and died
/// before its firing.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The shortest pause.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// The pause after a failure of the store.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The loop that fires schedules until it is stopped.
pub(in crate::app) async fn fire_schedules(app: App, mut stop: Stop) {
    loop {
        let pause = match settle_due(&app).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!(%error, "schedules cannot be fired now");
                STORE_PAUSE
            }
        };
        let until = app.engine.now().after(pause);
        tokio::select! {
            () = stop.stopped() => return,
            () = app.engine.schedules.sleep(until, pause) => {}
        }
    }
}

/// Settles schedules that are due, and those that waited for an execution that has ended. Returns
/// how long to sleep.
async fn settle_due(app: &App) -> Result<Duration, AppError> {
    let engine = &app.engine;
    engine.schedules.look();
    settle_all(app, engine.schedules.take_ended()).await?;
    loop {
        let first = DueObjects::first(Schedule::KIND);
        let due = DueObjects { now: engine.now(), limit: BATCH, ..first };
        let due = engine.store.due_objects(due).await?;
        if due.is_empty() || engine.background.is_stopping() {
            break;
        }
        let ids = due.into_iter().map(|schedule| ScheduleId::from_uuid(schedule.id.uuid()));
        settle_all(app, ids).await?;
    }
    let next = engine.next_schedule().await?;
    let pause = next.map_or(LOOK_EVERY, |at| at.since(engine.now()));
    Ok(pause.clamp(LOOK_AGAIN, LOOK_EVERY))
}

impl Engine {
    /// When the first schedule is due, of all workspaces.
    ///
    /// # Errors
    /// The store could not be read.
    pub(in crate::app) async fn next_schedule(&self) -> Result<Option<Timestamp>, StoreError> {
        let first = self.store.due_objects(DueObjects::first(Schedule::KIND)).await?;
        Ok(first.first().and_then(|schedule| schedule.index.due_at))
    }
}

/// Settles each, whether or not others fail; returns the first failure.
async fn settle_all(app: &App, ids: impl IntoIterator<Item = ScheduleId>) -> Result<(), AppError> {
    let settling = ids.into_iter().map(|id| {
        let app = app.clone();
        async move { app.settle(id).await }
    });
    let mut settling = futures_util::stream::iter(settling).buffer_unordered(AT_ONCE);
    let mut failed = None;
    while let Some(settled) = settling.next().await {
        failed = failed.or(settled.err());
    }
    failed.map_or(Ok(()), Err)
}
