//! Signals with a correlation key: finding the executions that wait for them, and delivering the
//! ones that are kept.
//!
//! A signal that is sent by its key goes to the execution that has waited longest, or is kept. The
//! sender stores a kept signal and then looks for waits; an execution stores its wait and then
//! looks for kept signals. So one of both finds the other. The kept signal is deleted in the
//! transaction in which an execution receives it, so it is received once. What a crash leaves is
//! found by the loop in `loops/signals.rs`.

use std::sync::Arc;

use stepwell_core::execution::{SignalInput, UnawaitedSignal};
use stepwell_core::ids::{ExecutionId, SubjectId, WorkspaceId};
use stepwell_store::audit::AuditRecord;
use stepwell_store::lists::{List, Order};
use stepwell_store::objects::{DeleteObject, ObjectBatch, ObjectFilter, ObjectSort};
use stepwell_store::{Effects, StoreError};

use super::engine::Engine;
use super::registry::{Control, ControlEffect, SignalDelivery};
use crate::AppError;
use crate::objects::{Document, Object};
use crate::signal::{KeptSignal, SignalKey, StoredWait};

/// The most waits with the same key that are tried for one signal.
const MAX_WAITS: usize = 100;

/// A kept signal that an execution received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeliveredSignal {
    /// The kept signal.
    pub(crate) signal: SubjectId,
    /// The execution.
    pub(crate) execution: ExecutionId,
}

/// A signal for an execution, with the audit entry of the request.
pub(crate) type AuditedDelivery = (SignalDelivery, Option<AuditRecord>);

impl Engine {
    /// Delivers kept signals to an execution that has stored its waits. It is done by a task of its
    /// own, since the execution itself receives them.
    pub(crate) async fn offer_kept_signals(
        self: &Arc<Self>,
        workspace: WorkspaceId,
        waits: Vec<SignalKey>,
    ) {
        for key in waits {
            match self.kept_signals(workspace, &key, 1).await {
                Ok(kept) if kept.is_empty() => {}
                Ok(_) => {
                    let engine = self.clone();
                    tokio::spawn(async move {
                        if let Err(error) = engine.deliver_kept_signals(workspace, &key).await {
                            tracing::warn!(%error, "kept signals are delivered later");
                        }
                    });
                }
                Err(error) => tracing::warn!(%error, "kept signals are delivered later"),
            }
        }
    }

    /// Delivers the kept signals with a key, as far as executions wait for them.
    ///
    /// # Errors
    /// The store cannot be used, or an execution cannot be reached now.
    pub(crate) async fn deliver_kept_signals(
        self: &Arc<Self>,
        workspace: WorkspaceId,
        key: &SignalKey,
    ) -> Result<Vec<DeliveredSignal>, AppError> {
        let _guard = self.signal_locks.lock(&(workspace, key)).await;
        let mut delivered = Vec::new();
        loop {
            let Some(kept) = self.kept_signals(workspace, key, 1).await?.pop() else { break };
            let delete =
                DeleteObject { kind: KeptSignal::KIND, id: kept.id, expected: Some(kept.version) };
            let KeptSignal { id, data, .. } = kept.document;
            let delivery = SignalDelivery {
                signal: SignalInput {
                    name: key.signal.clone(),
                    key: Some(key.key.clone()),
                    id,
                    data,
                    unawaited: UnawaitedSignal::Reject,
                },
                objects: ObjectBatch::delete(delete.clone(), Effects::default()),
            };
            match self.deliver_to_waiting(workspace, key, |_| Ok((delivery.clone(), None))).await? {
                Some((execution, effect)) => {
                    if effect == ControlEffect::SignalRepeated {
                        let batch = ObjectBatch::delete(delete, Effects::default());
                        self.store.write_objects(batch).await?;
                    }
                    delivered.push(DeliveredSignal { signal: kept.id, execution });
                }
                None => break,
            }
        }
        Ok(delivered)
    }

    /// Gives a signal to the execution that has waited longest for its key; `None`: none waits.
    /// The caller has locked the key.
    ///
    /// # Errors
    /// The store cannot be used, or an execution cannot be reached now.
    pub(crate) async fn deliver_to_waiting(
        self: &Arc<Self>,
        workspace: WorkspaceId,
        key: &SignalKey,
        delivery: impl Fn(ExecutionId) -> Result<AuditedDelivery, AppError>,
    ) -> Result<Option<(ExecutionId, ControlEffect)>, AppError> {
        let mut tried = None;
        for wait in self.stored_waits(workspace, key).await? {
            let execution = wait.document.execution;
            if tried == Some(execution) {
                continue;
            }
            tried = Some(execution);
            let (delivery, audit) = delivery(execution)?;
            let control = Control::Signal(Arc::new(delivery));
            match self.control(execution, control, audit).await {
                Ok(effect) => return Ok(Some((execution, effect))),
                // It does not wait any more, or has signals enough.
                Err(
                    AppError::SignalNotAwaited
                    | AppError::AlreadyEnded(_)
                    | AppError::TooManySignals(_)
                    | AppError::NotFound { .. },
                ) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The kept signals with a key, the oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn kept_signals(
        &self,
        workspace: WorkspaceId,
        key: &SignalKey,
        limit: usize,
    ) -> Result<Vec<Object<KeptSignal>>, StoreError> {
        self.objects_of_key(workspace, key, limit).await
    }

    async fn stored_waits(
        &self,
        workspace: WorkspaceId,
        key: &SignalKey,
    ) -> Result<Vec<Object<StoredWait>>, StoreError> {
        self.objects_of_key(workspace, key, MAX_WAITS).await
    }

    async fn objects_of_key<D: Document>(
        &self,
        workspace: WorkspaceId,
        key: &SignalKey,
        limit: usize,
    ) -> Result<Vec<Object<D>>, StoreError> {
        let filter = ObjectFilter { parent: Some(key.parent(workspace)), ..Default::default() };
        let list =
            List::first_page(filter, limit).sorted_by(ObjectSort::CreatedAt, Order::Ascending);
        let found = self.store.list_objects(D::KIND, workspace, list).await?;
        found.items.into_iter().map(Object::from_stored).collect()
    }
}
