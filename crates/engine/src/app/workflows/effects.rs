//! Deliveries and audit entries of changes of workflows.

use std::sync::Arc;

use stepwell_core::audit::AuditAction;
use stepwell_core::{Timestamp, Topic};
use stepwell_store::Effects;
use stepwell_store::record::{WorkflowParts, WorkflowRecord};
use stepwell_store::traits::UpdateWorkflow;

use super::requests::WorkflowView;
use crate::app::App;
use crate::runtime::deliveries::EventContext;
use crate::{AppError, Caller};

impl App {
    /// The effects of an update of fields that are not part of a release.
    pub(super) async fn update_effects(
        &self,
        caller: &Caller,
        before: &WorkflowRecord,
        update: &UpdateWorkflow,
    ) -> Result<Effects, AppError> {
        let (topic, action) = match update.active {
            _ if update.delete => (Topic::WorkflowDeleted, AuditAction::WorkflowDeleted),
            // A repeated request changes nothing.
            Some(active) if active == before.active => return Ok(Effects::default()),
            Some(true) => (Topic::WorkflowActivated, AuditAction::WorkflowActivated),
            Some(false) => (Topic::WorkflowDeactivated, AuditAction::WorkflowDeactivated),
            None => (Topic::WorkflowUpdated, AuditAction::WorkflowUpdated),
        };
        let after = apply_update(before, update);
        let entry = self.engine.audit_entry(caller, action, update.id).named(&after.name);
        let entry = entry.changing(changed_fields(before, &after));
        if !self.engine.subscriptions.want(before.workspace, &[topic]) {
            return Ok(Effects::with_audit(entry));
        }
        let view = self.view(Arc::new(after)).await?;
        Ok(self.workflow_effects(topic, &view, update.now).await?.and_audit(entry))
    }

    /// The deliveries of an event about a workflow, which is `after` now.
    pub(super) async fn workflow_effects(
        &self,
        topic: Topic,
        after: &WorkflowView,
        now: Timestamp,
    ) -> Result<Effects, AppError> {
        let (workspace, id) = (after.record.workspace, after.record.id);
        if !self.engine.subscriptions.want(workspace, &[topic]) {
            return Ok(Effects::default());
        }
        let stats = self.engine.store.workflow_stats(id).await?;
        let data = || self.engine.payloads.render_workflow(after, &stats);
        let context = EventContext::new(workspace, id, now);
        let deliveries = self.engine.build_webhook_deliveries(topic, context, data);
        Ok(Effects::with_deliveries(deliveries))
    }
}

/// The workflow after an update; a deleted one as it was before.
fn apply_update(before: &WorkflowRecord, update: &UpdateWorkflow) -> WorkflowRecord {
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

/// The next version of a workflow, with other parts.
pub(super) fn with_parts(
    before: WorkflowRecord,
    parts: WorkflowParts,
    now: Timestamp,
) -> WorkflowRecord {
    let WorkflowParts { description, kind, configuration, integrations, metadata } = parts;
    WorkflowRecord {
        description,
        kind,
        configuration,
        integrations,
        metadata,
        updated_at: now,
        version: before.version + 1,
        ..before
    }
}

/// The names of the fields that users can change and in which the two differ.
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
