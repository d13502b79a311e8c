//! Waking executions whose moment has come.

use std::sync::Arc;
use std::time::Duration;

use stepwell_core::ids::ExecutionId;
use stepwell_store::traits::{Due, DueExecutions, Recovery};

use super::background::Stop;
use super::engine::Engine;
use super::recoveries::{try_suspects, wake_recovered};
use super::runner::Because;

/// The most executions that are woken at a time.
const BATCH: usize = 512;
/// How often to look, even if nobody says that there is something.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The shortest pause: those just woken need a moment to say so in their rows.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long to leave the store alone when it cannot answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The loop that wakes executions until it is told to stop.
pub(crate) async fn wake_sleepers(engine: Arc<Engine>, mut stop: Stop) {
    let mut left_over = LeftOver::default();
    loop {
        let pause = match wake_due(&engine, &mut left_over).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!(%error, "timers cannot be read");
                STORE_PAUSE
            }
        };
        tokio::select! {
            () = stop.stopped() => return,
            () = tokio::time::sleep(pause) => {}
            () = engine.timers_changed.notified() => {}
        }
    }
}

/// What was due when this node started: it is recovered, not just woken.
#[derive(Default)]
struct LeftOver {
    /// All of it was seen.
    is_done: bool,
    suspects: Vec<Recovery>,
}

async fn wake_due(
    engine: &Arc<Engine>,
    left_over: &mut LeftOver,
) -> Result<Duration, stepwell_store::StoreError> {
    let now = engine.now();
    if !engine.has_room() {
        return Ok(LOOK_AGAIN);
    }
    let due = Due { node: engine.node, now, limit: BATCH };
    let DueExecutions { ids: due, next } = engine.store.due(due).await?;
    if left_over.is_done {
        for id in due.into_iter().filter(|id| !engine.suspects.contains(*id)) {
            engine.wake(id, Because::ItIsTime);
        }
    } else {
        recover(engine, due, left_over).await?;
    }
    Ok(next.map_or(LOOK_EVERY, |at| at.since(now)).clamp(LOOK_AGAIN, LOOK_EVERY))
}

async fn recover(
    engine: &Arc<Engine>,
    due: Vec<ExecutionId>,
    left_over: &mut LeftOver,
) -> Result<(), stepwell_store::StoreError> {
    let is_all = due.len() < BATCH;
    let is_new = |id: &ExecutionId| {
        !engine.suspects.contains(*id) && engine.registry.active_feed(*id).is_none()
    };
    let new = due.into_iter().filter(is_new).collect();
    left_over.suspects.extend(wake_recovered(engine, new).await?);
    if is_all {
        left_over.is_done = true;
        let suspects = std::mem::take(&mut left_over.suspects);
        engine.background.start(|stop| try_suspects(engine.clone(), suspects, stop));
    }
    Ok(())
}
