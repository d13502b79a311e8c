//! Starts queued executions when there is room in memory.

use std::sync::Arc;
use std::time::Duration;

use stepwell_store::traits::ClaimQueued;

use crate::AppError;
use crate::runtime::background::Stop;
use crate::runtime::engine::Engine;

/// The most executions that are claimed at a time.
const BATCH: usize = 256;
/// How often the queue is read without a notification: another node may have queued something.
const POLL_EVERY: Duration = Duration::from_secs(5);

/// The loop that claims queued executions.
pub(crate) async fn claim_queued(engine: Arc<Engine>, mut stop: Stop) {
    loop {
        if let Err(error) = claim_batches(&engine).await {
            tracing::warn!(%error, "the queue cannot be read");
        }
        tokio::select! {
            () = stop.stopped() => return,
            () = tokio::time::sleep(POLL_EVERY) => {}
            () = engine.queue_changed.notified() => {}
        }
    }
}

async fn claim_batches(engine: &Arc<Engine>) -> Result<(), AppError> {
    while engine.has_room() {
        let room = engine.config().max_active.saturating_sub(engine.registry.active());
        let limit = room.min(BATCH);
        let claimed = engine.store.claim_queued(ClaimQueued { node: engine.node, limit }).await?;
        engine.count_claimed(claimed.len());
        let is_last = claimed.len() < limit;
        for id in claimed {
            engine.start_claimed(id);
        }
        if is_last {
            break;
        }
    }
    Ok(())
}
