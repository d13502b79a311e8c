//! Delivers kept signals that a crash has left undelivered, and deletes expired ones and old
//! approvals.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_store::objects::{DeleteObject, DueObjects, Kind, ObjectBatch, StoredObject};
use stepwell_store::{Effects, StoreError};

use crate::AppError;
use crate::approval::Approval;
use crate::objects::{Document, Object};
use crate::runtime::background::Stop;
use crate::runtime::engine::Engine;
use crate::signal::{KeptSignal, SignalReceipt};

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The most objects that are read or deleted at a time.
const BATCH: usize = 500;

/// The loop that delivers kept signals and deletes expired ones.
pub(crate) async fn deliver_signals(engine: Arc<Engine>, mut stop: Stop) {
    loop {
        tokio::select! {
            () = stop.stopped() => return,
            looked = look_after_signals(&engine) => {
                if let Err(error) = looked {
                    tracing::warn!(%error, "kept signals cannot be looked after now");
                }
            }
        }
        if !stop.sleep(LOOK_EVERY).await {
            return;
        }
    }
}

async fn look_after_signals(engine: &Arc<Engine>) -> Result<(), AppError> {
    for kind in [KeptSignal::KIND, SignalReceipt::KIND, Approval::KIND] {
        delete_expired(engine, kind).await?;
    }
    deliver_left_over(engine).await
}

async fn delete_expired(engine: &Engine, kind: Kind) -> Result<(), StoreError> {
    loop {
        let due = DueObjects { kind, now: engine.now(), after: None, limit: BATCH };
        let expired = engine.store.due_objects(due).await?;
        let count = expired.len();
        for StoredObject { kind, id, version, .. } in expired {
            let delete = DeleteObject { kind, id, expected: Some(version) };
            match engine.store.write_objects(ObjectBatch::delete(delete, Effects::default())).await
            {
                // An execution received it, or another node deleted it.
                Ok(()) | Err(StoreError::Missing(_) | StoreError::Outdated(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if count < BATCH {
            return Ok(());
        }
    }
}

/// Delivers all kept signals for which executions wait: a process that stopped may have stored one
/// and not delivered it.
async fn deliver_left_over(engine: &Arc<Engine>) -> Result<(), AppError> {
    let mut after = None;
    loop {
        let never = Timestamp::from_micros(i64::MAX);
        let page = DueObjects { kind: KeptSignal::KIND, now: never, after, limit: BATCH };
        let found = engine.store.due_objects(page).await?;
        let Some(last) = found.last() else { return Ok(()) };
        after = last.index.due_at.map(|due| (due, last.id));
        let mut keys = BTreeSet::new();
        for stored in found {
            let kept = Object::<KeptSignal>::from_stored(stored)?;
            keys.insert((kept.workspace, kept.document.key));
        }
        for (workspace, key) in keys {
            engine.deliver_kept_signals(workspace, &key).await?;
        }
    }
}
