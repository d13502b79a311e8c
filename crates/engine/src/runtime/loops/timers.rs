//! Wakes executions that have left memory, when they are due.

use std::sync::Arc;
use std::time::Duration;

use stepwell_core::ids::ExecutionId;
use stepwell_store::StoreError;
use stepwell_store::traits::{Due, DueExecutions, Recovery};

use super::recovery::{recover_suspects, wake_recovered};
use crate::runtime::background::Stop;
use crate::runtime::engine::Engine;
use crate::runtime::registry::WakeReason;

/// The most executions that are woken at a time.
const BATCH: usize = 512;
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The shortest pause: executions that were just woken need time to update their rows.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// The pause after the store could not be read.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The loop that wakes due executions.
pub(crate) async fn wake_sleepers(engine: Arc<Engine>, mut stop: Stop) {
    let mut backlog = TimerBacklog::default();
    loop {
        let pause = match wake_due(&engine, &mut backlog).await {
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

/// The executions that were due when this node started. They are recovered rather than woken.
#[derive(Default)]
struct TimerBacklog {
    /// Whether all were read.
    is_done: bool,
    suspects: Vec<Recovery>,
}

async fn wake_due(
    engine: &Arc<Engine>,
    backlog: &mut TimerBacklog,
) -> Result<Duration, StoreError> {
    let now = engine.now();
    if !engine.has_room() {
        return Ok(SHORTEST_PAUSE);
    }
    let due = Due { node: engine.node, now, limit: BATCH };
    let DueExecutions { ids: due, next } = engine.store.due(due).await?;
    if backlog.is_done {
        for id in due.into_iter().filter(|id| !engine.suspects.contains(*id)) {
            engine.wake(id, WakeReason::Due);
        }
    } else {
        recover_due(engine, due, backlog).await?;
    }
    let pause = next.map_or(LONGEST_PAUSE, |at| at.since(now));
    Ok(pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE))
}

async fn recover_due(
    engine: &Arc<Engine>,
    due: Vec<ExecutionId>,
    backlog: &mut TimerBacklog,
) -> Result<(), StoreError> {
    let is_last = due.len() < BATCH;
    let is_new = |id: &ExecutionId| {
        !engine.suspects.contains(*id) && engine.registry.active_feed(*id).is_none()
    };
    let new = due.into_iter().filter(is_new).collect();
    backlog.suspects.extend(wake_recovered(engine, new).await?);
    if is_last {
        backlog.is_done = true;
        let suspects = std::mem::take(&mut backlog.suspects);
        engine.background.start(|stop| recover_suspects(engine.clone(), suspects, stop));
    }
    Ok(())
}
