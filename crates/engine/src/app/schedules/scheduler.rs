//! The loop that fires schedules.
//!
//! It asks for the nearest firing, sleeps until then, and settles what is due. However many
//! schedules sleep, that is one look at one index.

use std::time::Duration;

use futures_util::StreamExt;
use stepwell_core::ids::ScheduleId;
use stepwell_store::schedules::DueSchedules;

use super::{AT_ONCE, App, BATCH};
use crate::AppError;
use crate::runtime::background::Stop;

/// How often to look, even if nobody says that there is something: another node may have stored
/// a schedule and died before its firing.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The shortest pause.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// How long to leave the store alone when it cannot answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The loop that fires schedules until it is told to stop.
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

/// Settles what is due or waited for an execution that has ended, and answers how long to sleep.
async fn settle_due(app: &App) -> Result<Duration, AppError> {
    let engine = &app.engine;
    engine.schedules.look();
    settle_all(app, engine.schedules.take_ended()).await?;
    loop {
        let due = DueSchedules { now: engine.now(), limit: BATCH };
        let due = engine.store.due_schedules(due).await?;
        if due.is_empty() || engine.background.is_stopping() {
            break;
        }
        settle_all(app, due.into_iter().map(|record| record.id)).await?;
    }
    let next = engine.store.next_schedule().await?;
    let pause = next.map_or(LOOK_EVERY, |at| at.since(engine.now()));
    Ok(pause.clamp(LOOK_AGAIN, LOOK_EVERY))
}

/// Settles each, whatever becomes of the others; answers the first failure.
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
