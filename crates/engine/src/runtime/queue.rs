//! Taking queued executions into memory as there is room, and those that a dead node left.

use std::sync::Arc;
use std::time::Duration;

use stepwell_store::traits::{ClaimQueued, Unfinished, UnfinishedOf};

use super::background::Stop;
use super::engine::Engine;
use super::recoveries::{try_suspects, wake_recovered};
use super::runner::Because;
use crate::AppError;

/// The most executions that are taken at a time.
const BATCH: usize = 256;
/// How often to look, even if nobody says that there is something.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The loop that claims queued executions until it is told to stop.
pub(crate) async fn claim_queued(engine: Arc<Engine>, mut stop: Stop) {
    loop {
        if let Err(error) = claim(&engine).await {
            tracing::warn!(%error, "the queue cannot be read");
        }
        tokio::select! {
            () = stop.stopped() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = engine.queue_changed.notified() => {}
        }
    }
}

async fn claim(engine: &Arc<Engine>) -> Result<(), AppError> {
    while engine.has_room() {
        let room = engine.config.max_active.saturating_sub(engine.registry.active());
        let limit = room.min(BATCH);
        let claimed = engine.store.claim_queued(ClaimQueued { node: engine.node, limit }).await?;
        engine.count_claimed(claimed.len());
        let all = claimed.len() < limit;
        for id in claimed {
            engine.wake(id, Because::ItIsTime);
        }
        if all {
            break;
        }
    }
    Ok(())
}

/// Resumes everything that this node owns and that does not wait for a moment: what a crash or a
/// stop interrupted. Goes on while there is room, so that a long backlog does not fill memory.
pub(crate) async fn resume_unfinished(engine: Arc<Engine>, mut stop: Stop) {
    let mut suspects = Vec::new();
    let mut after = None;
    loop {
        if !engine.has_room() {
            tokio::select! {
                () = stop.stopped() => return,
                () = engine.runner_gone.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            continue;
        }
        let of = UnfinishedOf::Owner(engine.node);
        let owned = Unfinished { of, after, limit: BATCH };
        match engine.store.unfinished_executions(owned).await {
            Ok(found) if found.is_empty() => break,
            Ok(found) => {
                let last = found.last().copied();
                match wake_recovered(&engine, found).await {
                    Ok(more) => suspects.extend(more),
                    Err(error) => {
                        tracing::warn!(%error, "recoveries cannot be counted");
                        if !stop.sleep(LOOK_EVERY).await {
                            return;
                        }
                        continue;
                    }
                }
                after = last;
            }
            Err(error) => {
                tracing::warn!(%error, "unfinished executions cannot be read");
                if !stop.sleep(LOOK_EVERY).await {
                    return;
                }
            }
        }
    }
    try_suspects(engine, suspects, stop).await;
}
