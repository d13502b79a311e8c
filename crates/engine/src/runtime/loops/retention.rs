//! Deletes what is older than it must be kept, in small batches.

use std::sync::Arc;
use std::time::Duration;

use stepwell_store::traits::OldData;

use crate::runtime::background::Stop;
use crate::runtime::engine::Engine;

/// How often old rows are looked for.
const PURGE_EVERY: Duration = Duration::from_secs(60);
/// The pause between batches.
const BATCH_PAUSE: Duration = Duration::from_millis(50);
/// The most executions that are deleted in one transaction.
const BATCH: usize = 500;

/// The loop that deletes old executions, deliveries, idempotency keys and audit entries.
pub(crate) async fn purge_old(engine: Arc<Engine>, mut stop: Stop) {
    loop {
        let now = engine.now();
        let keep = Duration::from_secs(engine.config().retention_seconds);
        let audit = Duration::from_secs(engine.config().audit_retention_seconds);
        let old = OldData {
            now,
            default_before: (!keep.is_zero()).then(|| now.before(keep)),
            idempotency_before: now
                .before(Duration::from_secs(engine.config().idempotency_seconds)),
            deliveries_before: now
                .before(Duration::from_secs(engine.config().webhook_history_seconds)),
            audit_before: (!audit.is_zero()).then(|| now.before(audit)),
            limit: BATCH,
        };
        let pause = match engine.store.purge(old.into()).await {
            Ok(purged) if purged as usize >= BATCH => BATCH_PAUSE,
            Ok(_) => PURGE_EVERY,
            Err(error) => {
                tracing::warn!(%error, "old executions cannot be deleted");
                PURGE_EVERY
            }
        };
        if !stop.sleep(pause).await {
            return;
        }
    }
}
