//! The loop that works on bulk operations.
//!
//! An operation belongs to the node that last wrote it, until it is due: its node writes it with
//! every batch. An operation that is due has not begun, or its node is gone; then any node takes it.
//! The operations of a node alternate, a batch each. After each round the loop pauses as long as the
//! round took, so that most of the time is left for everything else.

use std::collections::BTreeSet;
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::ids::OperationId;
use stepwell_store::objects::{DeleteObject, DueObjects, ObjectBatch, StoredObject};
use stepwell_store::{Effects, StoreError};

use super::batch::AfterStep;
use crate::AppError;
use crate::app::App;
use crate::bulk_operation::BulkOperation;
use crate::objects::{Document, Object};
use crate::runtime::background::Stop;

/// How often to look without a notification: another node may have stored an operation.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The pause after a failure of the store.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// The shortest pause between rounds.
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
/// The longest pause between rounds.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// The most operations that are read at a time.
const BATCH: usize = 100;

/// The operations that this node works on.
#[derive(Default)]
struct OwnOperations {
    ids: BTreeSet<OperationId>,
    /// Whether those were taken over that an earlier process of a sole node has left.
    has_looked: bool,
}

/// The loop that works on bulk operations until it is stopped.
pub(in crate::app) async fn run_operations(app: App, mut stop: Stop) {
    let mut own = OwnOperations::default();
    loop {
        let began = app.engine.clock.elapsed();
        let found = app.take_operations(&mut own).await;
        app.engine.metrics.operations.set_active(own.ids.len());
        let worked = app.work_round(&mut own).await;
        app.engine.metrics.operations.set_active(own.ids.len());
        let took = app.engine.clock.elapsed().saturating_sub(began);
        let pause = match found.and(worked) {
            Err(error) => {
                tracing::warn!(%error, "bulk operations cannot be worked on now");
                STORE_PAUSE
            }
            Ok(()) if own.ids.is_empty() => LOOK_EVERY,
            Ok(()) => took.clamp(SHORTEST_PAUSE, LONGEST_PAUSE),
        };
        let is_idle = own.ids.is_empty();
        tokio::select! {
            () = stop.stopped() => return,
            () = tokio::time::sleep(pause) => {}
            () = app.engine.operations_changed.notified(), if is_idle => {}
        }
    }
}

impl App {
    /// Takes operations that are due, and deletes those that have been kept long enough.
    async fn take_operations(&self, own: &mut OwnOperations) -> Result<(), AppError> {
        let now = self.engine.now();
        let takes_all = self.engine.config().sole_node && !own.has_looked;
        let until = if takes_all { Timestamp::from_micros(i64::MAX) } else { now };
        let first = DueObjects::first(BulkOperation::KIND);
        let due = DueObjects { now: until, limit: BATCH, ..first };
        for stored in self.engine.store.due_objects(due).await? {
            let is_due = stored.index.due_at.is_none_or(|at| at <= now);
            match Object::<BulkOperation>::from_stored(stored.clone()) {
                Ok(found) if !found.document.status.is_final() => drop(own.ids.insert(found.id)),
                Ok(_) if is_due => self.delete_operation(stored).await?,
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "a bulk operation cannot be read"),
            }
        }
        own.has_looked = true;
        Ok(())
    }

    async fn delete_operation(&self, stored: StoredObject) -> Result<(), AppError> {
        let StoredObject { kind, id, version, .. } = stored;
        let delete = DeleteObject { kind, id, expected: Some(version) };
        let batch = ObjectBatch::delete(delete, Effects::default());
        match self.engine.store.write_objects(batch).await {
            // Another node was faster.
            Ok(()) | Err(StoreError::Outdated(_) | StoreError::Missing(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes one step of each operation, whether or not others fail; returns the first failure.
    async fn work_round(&self, own: &mut OwnOperations) -> Result<(), AppError> {
        let mut failed = None;
        for id in own.ids.clone() {
            if self.engine.background.is_stopping() {
                break;
            }
            match self.step_operation(id).await {
                Ok(AfterStep::Continues) => {}
                Ok(AfterStep::Ends) => drop(own.ids.remove(&id)),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(()), Err)
    }
}
