//! Bulk operations: starting, listing and cancelling them here; what they do is in `batch`, the
//! loop that works on them in `worker`.

mod batch;
mod requests;
mod results;
mod worker;

use std::time::Duration;

use stepwell_core::audit::AuditAction;
use stepwell_core::ids::{OperationId, WorkflowId, WorkspaceId};
use stepwell_store::lists::{ExecutionFilter, List, Page};
use stepwell_store::objects::{ObjectBatch, ObjectFilter};
use stepwell_store::record::{IdempotencyOutcome, WorkflowRecord};
use stepwell_store::{Effects, StoreError};

pub use requests::{DryRun, NewOperation, OperationFilter};
pub(super) use worker::run_operations;

use super::cursor::{decode_list, encode_page};
use super::{App, Idempotency, workflows};
use crate::bulk_operation::{
    BulkAction, BulkCounts, BulkFilter, BulkOperation, BulkPosition, Creator, OperationStatus,
};
use crate::caller::Verb;
use crate::objects::{self, Document, Object};
use crate::runtime::engine::new_uuid;
use crate::{AppError, Caller};
use results::end_operation;

/// The most operations of a workspace that have not ended.
const MAX_ACTIVE: u64 = 10;

impl App {
    /// Starts a bulk operation. If its idempotency key was used before, returns the first one as it
    /// is now. Scope `execute:workflows` (to purge: `write:workflows`) for the workflow of the filter
    /// or, without one, for all workflows.
    ///
    /// # Errors
    /// `InvalidObject` with every problem; `NotFound` for the workflow; `Conflict` if the workspace
    /// has too many active operations.
    pub async fn create_operation(
        &self,
        caller: &Caller,
        new: NewOperation,
    ) -> Result<Object<BulkOperation>, AppError> {
        new.check()?;
        self.require_bulk(caller, &[new.action.verb()], new.filter.workflow).await?;
        if let Some(outcome) = self.find_replay(caller, new.idempotency.as_ref()).await? {
            return self.stored_operation(Idempotency::created_id(&outcome)?).await;
        }
        self.require_free_operation(caller.workspace).await?;
        // After every execution that was accepted here before, also if the clock was set back.
        let now = self.engine.creation().now;
        let filter = new.fixed_filter(now);
        let matched = self.count_matched(caller.workspace, new.action, &filter).await?;
        let NewOperation { action, reason, idempotency, .. } = new;
        let pending = self.pending_operation(caller, action, filter, matched);
        let document = BulkOperation { reason, ..pending };
        let id = OperationId::from_uuid(new_uuid());
        let operation = Object::new(id, caller.workspace, now, document);
        let entry = self.engine.audit_entry(caller, AuditAction::OperationCreated, operation.id);
        let entry = entry.with("action", action.name()).with("matched", matched);
        let fingerprint = idempotency.as_ref().map(|key| key.fingerprint.clone());
        let created = IdempotencyOutcome::Created(operation.id.into());
        let idempotency = idempotency.map(|key| key.record(caller.workspace, created, now));
        let batch = ObjectBatch::put(operation.to_stored()?, Effects::with_audit(entry));
        match self.engine.store.write_objects(ObjectBatch { idempotency, ..batch }).await {
            Ok(()) => {}
            Err(StoreError::Replayed(found)) => {
                let outcome = Idempotency::outcome_of(&fingerprint.unwrap_or_default(), &found)?;
                return self.stored_operation(Idempotency::created_id(&outcome)?).await;
            }
            Err(error) => return Err(error.into()),
        }
        self.engine.operations_changed.notify_one();
        Ok(operation)
    }

    /// What a bulk operation would be about. Nothing is changed. Scope as
    /// [`App::create_operation`].
    ///
    /// # Errors
    /// As [`App::create_operation`], except `Conflict`.
    pub async fn preview_operation(
        &self,
        caller: &Caller,
        new: &NewOperation,
    ) -> Result<DryRun, AppError> {
        new.check()?;
        self.require_bulk(caller, &[new.action.verb()], new.filter.workflow).await?;
        let filter = new.fixed_filter(self.engine.creation().now);
        let matched = self.count_matched(caller.workspace, new.action, &filter).await?;
        Ok(DryRun { filter, counts: BulkCounts { matched, ..BulkCounts::default() } })
    }

    /// A bulk operation. Scope `read:workflows`, or the one that its creation requires.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn operation(
        &self,
        caller: &Caller,
        id: OperationId,
    ) -> Result<Object<BulkOperation>, AppError> {
        let found = self.find_operation(caller, id).await?;
        let verbs = [Verb::Read, found.document.action.verb()];
        self.require_bulk(caller, &verbs, found.document.filter.workflow).await?;
        Ok(found)
    }

    /// A page of the bulk operations of the workspace. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound` for the workflow; `InvalidRequest` for an invalid limit or cursor.
    pub async fn operations(
        &self,
        caller: &Caller,
        list: List<OperationFilter, String>,
    ) -> Result<Page<Object<BulkOperation>>, AppError> {
        self.require_history(caller, list.filter.workflow).await?;
        let List { filter, sort, window } = list;
        let list = decode_list(List { filter: ObjectFilter::from(filter), sort, window })?;
        let store = &self.engine.store;
        let found = store.list_objects(BulkOperation::KIND, caller.workspace, list).await?;
        Ok(encode_page(found.try_map_items(Object::from_stored)?, sort.key))
    }

    /// Cancels a bulk operation: no further batch begins. What was done remains. Scope as for its
    /// creation.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if it has ended.
    pub async fn cancel_operation(
        &self,
        caller: &Caller,
        id: OperationId,
    ) -> Result<Object<BulkOperation>, AppError> {
        let found = self.find_operation(caller, id).await?;
        let BulkOperation { action, filter, .. } = &found.document;
        self.require_bulk(caller, &[action.verb()], filter.workflow).await?;
        let edit = |before: &Object<BulkOperation>| {
            if before.document.status.is_final() {
                return None;
            }
            let now = self.engine.now();
            let document = end_operation(&before.document, OperationStatus::Cancelled, now);
            let entry = self.engine.audit_entry(caller, AuditAction::OperationCancelled, id);
            Some((before.next(now, document), Effects::with_audit(entry)))
        };
        let after = objects::edit(&*self.engine.store, id, edit).await?;
        let after = after.ok_or_else(|| not_found(id))?;
        // An operation that ended by itself, or was cancelled before, was not changed.
        let was_cancelled = !found.document.status.is_final()
            && after.document.status == OperationStatus::Cancelled;
        if !was_cancelled {
            let status = after.document.status.name();
            return Err(AppError::Conflict(format!("the operation has already ended as {status}")));
        }
        self.engine.operations_advanced.notify_waiters();
        Ok(after)
    }

    /// The operation that cancels all executions of a workflow that is deleted, to be stored with
    /// the deletion; `None` if it has no unfinished executions.
    pub(in crate::app) async fn deletion_operation(
        &self,
        caller: &Caller,
        workflow: &WorkflowRecord,
    ) -> Result<Option<Object<BulkOperation>>, AppError> {
        let filter = BulkFilter { workflow: Some(workflow.id), ..BulkFilter::default() };
        let matched = self.count_matched(workflow.workspace, BulkAction::Cancel, &filter).await?;
        let in_memory =
            self.engine.registry.active_executions(|record| record.workflow == workflow.id);
        if matched == 0 && in_memory.is_empty() {
            return Ok(None);
        }
        let pending = self.pending_operation(caller, BulkAction::Cancel, filter, matched);
        let reason = Some("the workflow is being deleted".to_owned());
        let document = BulkOperation { reason, ..pending };
        let id = OperationId::from_uuid(new_uuid());
        Ok(Some(Object::new(id, caller.workspace, self.engine.now(), document)))
    }

    /// Waits until an operation has ended, or for so long; returns it as it is then.
    pub(in crate::app) async fn await_operation(
        &self,
        id: OperationId,
        patience: Duration,
    ) -> Result<Object<BulkOperation>, AppError> {
        let ended = async {
            loop {
                let mut advanced = std::pin::pin!(self.engine.operations_advanced.notified());
                advanced.as_mut().enable();
                let found = self.stored_operation(id).await?;
                if found.document.status.is_final() {
                    return Ok(found);
                }
                advanced.await;
            }
        };
        match tokio::time::timeout(patience, ended).await {
            Ok(ended) => ended,
            Err(_) => self.stored_operation(id).await,
        }
    }

    fn pending_operation(
        &self,
        caller: &Caller,
        action: BulkAction,
        filter: BulkFilter,
        matched: u64,
    ) -> BulkOperation {
        BulkOperation {
            action,
            filter,
            reason: None,
            status: OperationStatus::Pending,
            counts: BulkCounts { matched, ..BulkCounts::default() },
            failures: Vec::new(),
            creator: Creator::of(caller),
            started_at: None,
            finished_at: None,
            position: BulkPosition::default(),
            due_at: self.engine.now(),
        }
    }

    /// How many executions the action applies to at present.
    async fn count_matched(
        &self,
        workspace: WorkspaceId,
        action: BulkAction,
        filter: &BulkFilter,
    ) -> Result<u64, AppError> {
        let filter: ExecutionFilter = filter.list_filter(action);
        let list = List::first_page(filter, 0).with_total();
        let found = self.engine.store.list_executions(workspace, list).await?;
        Ok(found.total.unwrap_or_default())
    }

    async fn require_free_operation(&self, workspace: WorkspaceId) -> Result<(), AppError> {
        let mut active = 0;
        for status in [OperationStatus::Pending, OperationStatus::Running] {
            let filter = OperationFilter { status: Some(status), ..OperationFilter::default() };
            let list = List::first_page(ObjectFilter::from(filter), 0).with_total();
            let store = &self.engine.store;
            let found = store.list_objects(BulkOperation::KIND, workspace, list).await?;
            active += found.total.unwrap_or_default();
        }
        if active < MAX_ACTIVE {
            return Ok(());
        }
        Err(AppError::Conflict(format!(
            "a workspace has at most {MAX_ACTIVE} active operations; wait until one has ended, or \
             cancel one"
        )))
    }

    /// Checks one of the permissions on the executions of a workflow, which may be deleted, or of
    /// all workflows.
    async fn require_bulk(
        &self,
        caller: &Caller,
        verbs: &[Verb],
        workflow: Option<WorkflowId>,
    ) -> Result<(), AppError> {
        let Some(id) = workflow else {
            return first_permitted(verbs, |verb| caller.require(verb, workflows::KIND));
        };
        // Before the caller can learn whether there is such a workflow.
        first_permitted(verbs, |verb| caller.require_any(verb, workflows::KIND))?;
        let found = self.find_any_workflow(id).await?;
        if found.workspace != caller.workspace {
            return Err(AppError::not_found("workflow", id.dataflow()));
        }
        first_permitted(verbs, |verb| workflows::require_access(caller, verb, &found))
    }

    /// An operation of the caller's workspace.
    async fn find_operation(
        &self,
        caller: &Caller,
        id: OperationId,
    ) -> Result<Object<BulkOperation>, AppError> {
        let found = self.stored_operation(id).await?;
        if found.workspace == caller.workspace { Ok(found) } else { Err(not_found(id)) }
    }

    async fn stored_operation(&self, id: OperationId) -> Result<Object<BulkOperation>, AppError> {
        let found = objects::find_object(&*self.engine.store, id).await?;
        found.ok_or_else(|| not_found(id))
    }
}

/// `Ok` if one of the permissions is given, otherwise the error of the first.
fn first_permitted(
    verbs: &[Verb],
    check: impl Fn(Verb) -> Result<(), AppError>,
) -> Result<(), AppError> {
    let mut checked = verbs.iter().map(|verb| check(*verb));
    let first = checked.next().unwrap_or(Ok(()));
    first.or_else(|error| checked.find(Result::is_ok).unwrap_or(Err(error)))
}

fn not_found(id: OperationId) -> AppError {
    AppError::not_found(BulkOperation::KIND, id.abi())
}
