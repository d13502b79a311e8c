//! Waking executions whose moment has come.

use std::sync::Arc;
use std::time::Duration;

use stepwell_store::traits::Due;

use super::background::Stop;
use super::engine::Engine;
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
    loop {
        let pause = match wake_due(&engine).await {
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

async fn wake_due(engine: &Arc<Engine>) -> Result<Duration, stepwell_store::StoreError> {
    let now = engine.now();
    if !engine.has_room() {
        return Ok(LOOK_AGAIN);
    }
    let due = engine.store.due(Due { node: engine.node, now, limit: BATCH }).await?;
    for id in due {
        engine.wake(id, Because::ItIsTime);
    }
    let next = engine.store.next_wake(engine.node).await?;
    Ok(next.map_or(LOOK_EVERY, |at| at.since(now)).clamp(LOOK_AGAIN, LOOK_EVERY))
}
