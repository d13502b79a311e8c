//! One step of a bulk operation: the batch that was selected before is worked on, then its results
//! are stored together with the next batch.
//!
//! Acting on an execution again has no second effect, and an execution that already is as intended
//! counts as done. So it does not matter when a step is interrupted, nor whether two nodes take it:
//! the results of a batch are written over the version with that batch, once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use stepwell_core::audit::AuditAction;
use stepwell_core::execution::Status;
use stepwell_core::ids::OperationId;
use stepwell_store::lists::{ExecutionCursor, ExecutionFilter, List, Order, PageStart};
use stepwell_store::objects::ObjectBatch;
use stepwell_store::traits::{Heartbeat, HeartbeatKind, Purge};
use stepwell_store::{Effects, StoreError};

use super::results::{BatchResults, ItemOutcome, LEASE, finish_pass, item_outcome};
use crate::app::App;
use crate::bulk_operation::{BulkAction, BulkItem, BulkOperation, BulkPosition, OperationStatus};
use crate::objects::{self, Object};
use crate::runtime::registry::Control;
use crate::{AppError, Caller};

/// The most executions in a batch.
const BATCH: usize = 128;
/// The most executions that are changed at the same time: they share transactions.
const AT_ONCE: usize = 16;
/// How often changing an execution is tried that does not respond.
const ATTEMPTS: usize = 3;
/// The pause between these attempts.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(500);

/// What is left of an operation after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterStep {
    /// There is another step.
    Continues,
    /// Nothing for this node.
    Ends,
}

impl App {
    /// Takes one step of an operation.
    ///
    /// # Errors
    /// It cannot be done now; the same step is to be taken again.
    pub(super) async fn step_operation(&self, id: OperationId) -> Result<AfterStep, AppError> {
        let found = objects::find_object::<BulkOperation>(&*self.engine.store, id).await?;
        let Some(operation) = found.filter(|found| !found.document.status.is_final()) else {
            return Ok(AfterStep::Ends);
        };
        let results = self.work_batch(&operation).await?;
        let counted = results.add_to(&operation.document);
        let next = self.next_position(&operation, counted).await?;
        let after = operation.next(self.engine.now(), next);
        let written = self
            .engine
            .store
            .write_objects(ObjectBatch::put(after.to_stored()?, Effects::default()));
        let is_final = after.document.status.is_final();
        let after_step = match written.await {
            Ok(()) if is_final => AfterStep::Ends,
            Ok(()) => AfterStep::Continues,
            Err(StoreError::Outdated(_) | StoreError::Missing(_)) => {
                self.count_after_end(&operation, &results).await?;
                AfterStep::Ends
            }
            Err(error) => return Err(error.into()),
        };
        let BatchResults { done, skipped, failures } = &results;
        let outcomes = [*done, *skipped, failures.len() as u64];
        self.engine.metrics.operations.count(operation.document.action, outcomes);
        self.engine.operations_advanced.notify_waiters();
        Ok(after_step)
    }

    /// Adds the results of a batch to an operation that was cancelled while the batch was worked
    /// on. If another node counts the batch, nothing is added.
    async fn count_after_end(
        &self,
        before: &Object<BulkOperation>,
        results: &BatchResults,
    ) -> Result<(), AppError> {
        let batch = &before.document.position.batch;
        let edit = |found: &Object<BulkOperation>| {
            let document = &found.document;
            if document.status != OperationStatus::Cancelled || document.position.batch != *batch {
                return None;
            }
            let mut counted = results.add_to(document);
            counted.position.batch = Vec::new();
            Some((found.next(self.engine.now(), counted), Effects::default()))
        };
        objects::edit(&*self.engine.store, before.id, edit).await?;
        Ok(())
    }

    /// Changes the executions of the present batch.
    async fn work_batch(
        &self,
        operation: &Object<BulkOperation>,
    ) -> Result<BatchResults, AppError> {
        let batch = &operation.document.position.batch;
        if batch.is_empty() {
            return Ok(BatchResults::default());
        }
        if operation.document.action == BulkAction::Purge {
            let ids = batch.iter().map(|item| item.execution).collect();
            self.engine.store.purge(Purge::Ended(ids)).await?;
            // What was not deleted now was deleted before: an execution cannot start again.
            let done = batch.len() as u64;
            return Ok(BatchResults { done, ..BatchResults::default() });
        }
        self.require_writable_store().await?;
        let caller = operation.document.creator.caller(operation.workspace)?;
        let operation = Arc::new(operation.clone());
        let changes = batch.clone().into_iter().map(|item| {
            let (app, caller, operation) = (self.clone(), caller.clone(), operation.clone());
            async move { (item, app.change_item(&caller, &operation, item).await) }
        });
        let mut changes = futures_util::stream::iter(changes).buffer_unordered(AT_ONCE);
        let mut results = BatchResults::default();
        while let Some((item, outcome)) = changes.next().await {
            results.add(item, outcome?);
        }
        Ok(results)
    }

    /// Changes one execution.
    ///
    /// # Errors
    /// No execution can be changed now.
    async fn change_item(
        &self,
        caller: &Caller,
        operation: &Object<BulkOperation>,
        item: BulkItem,
    ) -> Result<ItemOutcome, AppError> {
        let BulkOperation { action, reason, .. } = &operation.document;
        let (control, entry) = match action {
            BulkAction::Cancel => {
                let reason = reason.clone();
                (Control::Cancel { reason }, AuditAction::ExecutionCancelled)
            }
            BulkAction::Pause => (Control::Pause, AuditAction::ExecutionPaused),
            BulkAction::Resume => (Control::Resume, AuditAction::ExecutionResumed),
            // It does not change single executions.
            BulkAction::Purge => return Ok(ItemOutcome::Skipped),
        };
        let mut attempt = 1;
        loop {
            let entry = self.engine.audit_entry(caller, entry, item.execution);
            let entry = entry.with("workflow_id", item.workflow.abi());
            let entry = entry.with("operation_id", operation.id.abi());
            let changed = self.engine.control(item.execution, control.clone(), Some(entry)).await;
            match changed {
                Err(AppError::Unavailable { .. }) if attempt < ATTEMPTS => {
                    attempt += 1;
                    self.pause_attempts().await?;
                }
                Err(error) => {
                    if matches!(error, AppError::Unavailable { .. }) {
                        self.require_own_writes().await?;
                    }
                    return Ok(item_outcome(*action, &error));
                }
                Ok(_) => return Ok(ItemOutcome::Done),
            }
        }
    }

    /// Checks that this node can write at all: otherwise each execution would fail.
    async fn require_own_writes(&self) -> Result<(), AppError> {
        if self.engine.background.is_stopping() {
            return Err(AppError::stopping());
        }
        let (node, now) = (self.engine.node, self.engine.now());
        Ok(self.engine.store.heartbeat(Heartbeat { node, now, kind: HeartbeatKind::Renew }).await?)
    }

    async fn pause_attempts(&self) -> Result<(), AppError> {
        tokio::select! {
            () = self.engine.background.stopping() => Err(AppError::stopping()),
            () = tokio::time::sleep(ATTEMPT_PAUSE) => Ok(()),
        }
    }

    /// The operation with its next batch, or after its end.
    async fn next_position(
        &self,
        operation: &Object<BulkOperation>,
        mut counted: BulkOperation,
    ) -> Result<BulkOperation, AppError> {
        let now = self.engine.now();
        counted.started_at = counted.started_at.or(Some(now));
        let batch = self.select_batch(operation).await?;
        let Some((last, _)) = batch.last() else { return Ok(finish_pass(counted, now)) };
        counted.position = BulkPosition {
            cursor: Some(*last),
            batch: batch.iter().map(|(_, item)| *item).collect(),
            node: Some(self.engine.node),
            ..counted.position
        };
        Ok(BulkOperation { status: OperationStatus::Running, due_at: now.after(LEASE), ..counted })
    }

    /// The executions after those of the last batch, each with its place in the list.
    async fn select_batch(
        &self,
        operation: &Object<BulkOperation>,
    ) -> Result<Vec<(ExecutionCursor, BulkItem)>, AppError> {
        let BulkOperation { action, filter, position, .. } = &operation.document;
        let cursor = position.cursor;
        let filter = filter.list_filter(*action);
        // A list by labels is read from its first time on.
        let from = filter.from.max(cursor.map(|cursor| cursor.created_at));
        let start = cursor.map_or(PageStart::Skip(0), PageStart::After);
        let list = List::first_page(ExecutionFilter { from, ..filter }, BATCH)
            .sorted_by((), Order::Ascending)
            .starting_at(start);
        let found = self.engine.store.list_executions(operation.workspace, list).await?.items;
        let is_meant = |status: Status| action.applies_to(status);
        let found = found.into_iter().filter(|record| is_meant(record.status));
        Ok(found
            .map(|record| {
                let cursor = ExecutionCursor { created_at: record.created_at, id: record.id };
                (cursor, BulkItem { execution: record.id, workflow: record.workflow })
            })
            .collect())
    }
}
