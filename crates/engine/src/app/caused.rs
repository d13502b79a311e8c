//! What changes of workflows cause beside themselves: who is told, and what is written down.

use std::sync::Arc;

use stepwell_core::audit::AuditAction;
use stepwell_core::{Timestamp, Topic};
use stepwell_store::Effects;
use stepwell_store::record::WorkflowRecord;
use stepwell_store::traits::UpdateWorkflow;

use super::workflows::with_parts;
use super::{App, WorkflowView};
use crate::runtime::deliveries::Happened;
use crate::{AppError, Caller};

impl App {
    /// What a change of the object but not its definition causes.
    pub(super) async fn effects_of(
        &self,
        caller: &Caller,
        before: &WorkflowRecord,
        update: &UpdateWorkflow,
    ) -> Result<Effects, AppError> {
        let (topic, action) = match update.active {
            _ if update.delete => (Topic::WorkflowDeleted, AuditAction::WorkflowDeleted),
            // Whoever says it twice has done it once.
            Some(active) if active == before.active => return Ok(Effects::default()),
            Some(true) => (Topic::WorkflowActivated, AuditAction::WorkflowActivated),
            Some(false) => (Topic::WorkflowDeactivated, AuditAction::WorkflowDeactivated),
            None => (Topic::WorkflowUpdated, AuditAction::WorkflowUpdated),
        };
        let after = after(before, update);
        let note = self.engine.noted(caller, action, update.id).named(&after.name);
        let note = note.changing(changed_fields(before, &after));
        if !self.engine.hooks.want(before.workspace, &[topic]) {
            return Ok(Effects::with_audit(note));
        }
        let view = self.view(Arc::new(after)).await?;
        Ok(self.tell_of(topic, &view, update.now).await?.and_audit(note))
    }

    /// What it causes that a workflow is so now.
    pub(super) async fn tell_of(
        &self,
        topic: Topic,
        after: &WorkflowView,
        now: Timestamp,
    ) -> Result<Effects, AppError> {
        let (workspace, id) = (after.record.workspace, after.record.id);
        if !self.engine.hooks.want(workspace, &[topic]) {
            return Ok(Effects::default());
        }
        let stats = self.engine.store.workflow_stats(id).await?;
        let data = || self.engine.tell.workflow(after, &stats);
        let deliveries = self.engine.announce(topic, Happened::to(workspace, id, now), data);
        Ok(Effects::with_deliveries(deliveries))
    }

    /// A change was stored: if it has put something in the outbox, that can be sent.
    pub(super) fn told(&self, told: bool) {
        if told {
            self.engine.outbox_changed.notify_one();
        }
    }
}

/// The workflow as it is stored then; one that is deleted, as it was.
fn after(before: &WorkflowRecord, update: &UpdateWorkflow) -> WorkflowRecord {
    if update.delete {
        return before.clone();
    }
    let parts = update.parts.clone().unwrap_or_else(|| before.parts());
    let mut after = with_parts(before.clone(), parts, update.now);
    match update.active {
        Some(true) => after.activated_at = Some(update.now),
        Some(false) => after.deactivated_at = Some(update.now),
        None => {}
    }
    after.active = update.active.unwrap_or(after.active);
    after
}

/// The names of the fields in which they differ, as far as those are a user's to change.
pub(super) fn changed_fields(
    before: &WorkflowRecord,
    after: &WorkflowRecord,
) -> impl Iterator<Item = &'static str> {
    let fields = [
        ("name", before.name != after.name),
        ("description", before.description != after.description),
        ("type", before.kind != after.kind),
        ("configuration", before.configuration != after.configuration),
        ("integrations", before.integrations != after.integrations),
        ("metadata", before.metadata != after.metadata),
    ];
    fields.into_iter().filter_map(|(name, differs)| differs.then_some(name))
}
