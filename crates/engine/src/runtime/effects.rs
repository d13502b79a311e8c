//! What is written together with a change: audit entries and deliveries.

use stepwell_core::Map;
use stepwell_core::audit::{AuditAction, AuditedObject};
use stepwell_core::ids::AuditId;
use stepwell_store::audit::AuditRecord;
use stepwell_store::commit::{Admission, RelatedExecutions, StartedExecution};
use stepwell_store::objects::ObjectBatch;
use stepwell_store::{Effects, StoreError};

use super::engine::{Engine, new_uuid};
use crate::Caller;

impl Engine {
    /// The audit entry for an action of the caller on an object of its workspace.
    pub(crate) fn audit_entry(
        &self,
        caller: &Caller,
        action: AuditAction,
        object: impl Into<AuditedObject>,
    ) -> AuditRecord {
        AuditRecord {
            object: Some(object.into()),
            ..self.audit_entry_without_object(caller, action)
        }
    }

    /// The audit entry for an action that concerns no object.
    pub(crate) fn audit_entry_without_object(
        &self,
        caller: &Caller,
        action: AuditAction,
    ) -> AuditRecord {
        AuditRecord {
            id: AuditId::from_uuid(new_uuid()),
            workspace: caller.workspace,
            at: self.now(),
            actor: caller.actor.clone(),
            origin: caller.origin.clone(),
            action,
            object: None,
            object_name: None,
            changed: Vec::new(),
            details: Map::new(),
        }
    }

    /// Writes a change together with its effects in one store call, and wakes the delivery sender
    /// if the effects have deliveries.
    ///
    /// # Errors
    /// Those of `write`; then nothing is written.
    pub(crate) async fn write_change<T, W>(
        &self,
        effects: Effects,
        write: impl FnOnce(Effects) -> W,
    ) -> Result<T, StoreError>
    where
        W: Future<Output = Result<T, StoreError>>,
    {
        let has_deliveries = !effects.deliveries.is_empty();
        let written = write(effects).await?;
        if has_deliveries {
            self.notify_outbox();
        }
        Ok(written)
    }

    /// As [`Engine::write_change`], for objects.
    ///
    /// # Errors
    /// Those of `ObjectStore::write_objects`; then nothing is written.
    pub(crate) async fn write_objects(&self, mut batch: ObjectBatch) -> Result<(), StoreError> {
        let effects = std::mem::take(&mut batch.effects);
        let write = |effects| self.store.write_objects(ObjectBatch { effects, ..batch });
        self.write_change(effects, write).await
    }

    /// Wakes what handles the executions that a commit has started, and the receivers of its
    /// messages.
    pub(crate) fn notify_related(&self, related: &RelatedExecutions) {
        if !related.started.is_empty() {
            related.started.iter().for_each(|started| self.meters.entered(&started.record));
            self.metrics.accepted.increment(related.started.len() as u64);
            self.count_queued(related.started.len());
        }
        let sends = |started: &StartedExecution| match started.admission {
            Admission::Displace(..) | Admission::RequirePlaceOr(_) => true,
            Admission::Wait | Admission::RequirePlace => false,
        };
        if !related.sent.is_empty() || related.started.iter().any(sends) {
            self.messages_changed.notify_one();
        }
    }

    /// Wakes the delivery sender: a delivery was put in the outbox.
    pub(crate) fn notify_outbox(&self) {
        self.outbox_changed.notify_one();
    }
}
