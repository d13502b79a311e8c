//! Changing workflows: their definition, their other fields, and whether they are active.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stepwell_core::audit::AuditAction;
use stepwell_core::definition::{Definition, SharedPlan};
use stepwell_core::ids::WorkflowId;
use stepwell_core::{Timestamp, Topic};
use stepwell_store::record::{WorkflowParts, WorkflowRecord};
use stepwell_store::traits::{AddRelease, UpdateWorkflow};
use stepwell_store::{Effects, StoreError};

use super::create::{check_integrations, check_labels};
use super::effects::{changed_fields, with_parts};
use super::requests::{ChangeWorkflow, WorkflowView};
use crate::app::App;
use crate::app::requests::Expected;
use crate::caller::Verb;
use crate::integrations;
use crate::objects::Document;
use crate::release_tag::{ReleaseTag, Traffic};
use crate::{AppError, Caller, KeyedMutex};

/// How often a change is repeated because one on another node came first.
const ATTEMPTS: usize = 20;

/// Serialises changes of the same workflow on this node.
static CHANGES: KeyedMutex = KeyedMutex::new();

impl App {
    /// Replaces the definition, by a release if it differs; a definition that changes nothing
    /// writes nothing. The workflow's description and metadata are unchanged if the definition has
    /// none. Scope `write:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `InvalidDefinition`.
    pub async fn update_workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
        source: Value,
    ) -> Result<WorkflowView, AppError> {
        self.find_for(caller, Verb::Write, id).await?;
        let source = &Arc::new(source);
        let changed = self.change_serialised(caller, id, &Expected::Any, |before| async move {
            let (definition, plan) = self.validate(source.clone()).await?;
            let current = self.view(before.clone()).await?.source;
            let parts = parts_after(&before, source, &definition);
            let now = self.engine.now();
            if *source == current {
                let own = WorkflowParts { configuration: before.parts().configuration, ..parts };
                return self.update_parts(caller, &before, own, now).await;
            }
            let add = AddRelease {
                workflow: id,
                expected: Some(before.version),
                name: definition.name,
                source: source.clone(),
                retention_seconds: definition.retention.map(|keep| keep.as_secs()),
                parts,
                objects: Vec::new(),
                now,
                effects: Effects::default(),
            };
            self.add_next_release(caller, &before, add, plan).await
        });
        self.view(Arc::new(changed.await?)).await
    }

    /// Adds a release to the current version of the workflow and moves these tags to it.
    pub(in crate::app) async fn release_tagged(
        &self,
        caller: &Caller,
        id: WorkflowId,
        source: impl Fn(&WorkflowRecord) -> Value,
        tags: &[String],
    ) -> Result<WorkflowRecord, AppError> {
        let source = &source;
        self.change_serialised(caller, id, &Expected::Any, |before| async move {
            let source = Arc::new(source(&before));
            let (definition, plan) = self.validate(source.clone()).await?;
            let parts = parts_after(&before, &source, &definition);
            let traffic = vec![Traffic { release: before.release + 1, weight: 1 }];
            let (mut objects, mut effects) = (Vec::new(), Effects::default());
            for tag in tags {
                let moved = self.moved_tag(&before, tag, traffic.clone()).await?;
                objects.push(moved.to_stored()?);
                let entry = self.tag_audit(caller, &before, tag, &traffic);
                effects.audit.push(entry.named(&definition.name));
            }
            let add = AddRelease {
                workflow: id,
                expected: Some(before.version),
                name: definition.name,
                source,
                retention_seconds: definition.retention.map(|keep| keep.as_secs()),
                parts,
                objects,
                now: self.engine.now(),
                effects,
            };
            self.add_next_release(caller, &before, add, plan).await
        })
        .await
    }

    /// Stores the next release. The effects in `add` follow those of the release.
    async fn add_next_release(
        &self,
        caller: &Caller,
        before: &WorkflowRecord,
        add: AddRelease,
        plan: SharedPlan,
    ) -> Result<WorkflowRecord, AppError> {
        let AddRelease { workflow: id, now, .. } = add;
        let record = WorkflowRecord {
            name: add.name.clone(),
            release: before.release + 1,
            retention_seconds: add.retention_seconds,
            ..with_parts(before.clone(), add.parts.clone(), now)
        };
        let view = WorkflowView { record, source: add.source.clone(), plan: plan.clone() };
        let entry = self
            .engine
            .audit_entry(caller, AuditAction::WorkflowUpdated, id)
            .named(&view.record.name);
        let fields = changed_fields(before, &view.record).chain(["definition"]);
        let entry = entry.changing(fields).with("release", view.record.release);
        let effects = self.workflow_effects(Topic::WorkflowUpdated, &view, now).await?;
        let mut effects = effects.and_audit(entry);
        effects.audit.extend(add.effects.audit.iter().cloned());
        let store = |effects| self.engine.store.add_release(AddRelease { effects, ..add });
        let added = self.engine.write_change(effects, store).await;
        self.engine.plans.changed(id);
        let added = match added {
            // Another writer has moved a tag.
            Err(StoreError::Outdated(ReleaseTag::KIND) | StoreError::UniqueKeyTaken(_)) => {
                return Err(AppError::Changed(before.version));
            }
            added => added,
        };
        let record = found_or_error(id, added)?;
        self.engine.plans.remember(id, record.release, plan);
        Ok(record)
    }

    /// Changes fields that are not part of a release.
    pub(super) async fn update_fields(
        &self,
        caller: &Caller,
        before: &WorkflowRecord,
        update: UpdateWorkflow,
    ) -> Result<WorkflowRecord, AppError> {
        let id = update.id;
        let effects = self.update_effects(caller, before, &update).await?;
        let store =
            |effects| self.engine.store.update_workflow(UpdateWorkflow { effects, ..update });
        let updated = self.engine.write_change(effects, store).await;
        self.engine.plans.changed(id);
        found_or_error(id, updated)
    }

    /// Changes the fields that are not part of a release; writes nothing if they are the same.
    async fn update_parts(
        &self,
        caller: &Caller,
        before: &WorkflowRecord,
        parts: WorkflowParts,
        now: Timestamp,
    ) -> Result<WorkflowRecord, AppError> {
        if parts == before.parts() {
            return Ok(before.clone());
        }
        let (expected, parts) = (Some(before.version), Some(parts));
        let update = UpdateWorkflow { expected, parts, ..UpdateWorkflow::of(before.id, now) };
        self.update_fields(caller, before, update).await
    }

    /// Changes fields of a workflow. If its definition changes, it becomes the next release; a
    /// change after which everything is as before writes nothing.
    /// Concurrent changes are serialised. Scope `write:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `InvalidDefinition`; `Changed` if it does not have an expected version.
    pub async fn change_workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
        change: ChangeWorkflow,
        expected: Expected,
    ) -> Result<WorkflowView, AppError> {
        check_integrations(change.integrations.as_deref().unwrap_or_default())?;
        check_labels(change.metadata.as_ref())?;
        let change = &change;
        let changed = self.change_serialised(caller, id, &expected, |before| async move {
            let before = self.view(before).await?;
            self.apply_change(caller, &before, change.clone()).await
        });
        self.view(Arc::new(changed.await?)).await
    }

    /// Changes a workflow that has an expected version; `change` must pass that version to the
    /// store. Changes of one workflow are serialised on this node; if one on another node came
    /// first and any version is expected, the change is repeated.
    ///
    /// # Errors
    /// `NotFound`, `Changed`, `Unavailable`, and the errors of `change`.
    async fn change_serialised<F>(
        &self,
        caller: &Caller,
        id: WorkflowId,
        expected: &Expected,
        change: impl Fn(Arc<WorkflowRecord>) -> F,
    ) -> Result<WorkflowRecord, AppError>
    where
        F: Future<Output = Result<WorkflowRecord, AppError>>,
    {
        let _guard = CHANGES.lock(&id).await;
        for _ in 0..ATTEMPTS {
            let before = self.find_for(caller, Verb::Write, id).await?;
            expected.check(before.version)?;
            match change(before).await {
                Err(AppError::Changed(_)) if matches!(expected, Expected::Any) => {}
                changed => return changed,
            }
        }
        Err(AppError::Unavailable {
            reason: "other requests keep changing the workflow".into(),
            retry_after: Duration::from_secs(1),
        })
    }

    async fn apply_change(
        &self,
        caller: &Caller,
        before: &WorkflowView,
        change: ChangeWorkflow,
    ) -> Result<WorkflowRecord, AppError> {
        let WorkflowView { record, source, .. } = before;
        let ChangeWorkflow { name, description, kind, configuration, integrations, metadata } =
            change;
        let rebuilds = name.is_some() || kind.is_some() || configuration.is_some();
        let own = record.parts();
        let kind = kind.unwrap_or(own.kind);
        let name = name.unwrap_or_else(|| record.name.clone());
        // A workflow that was created from a definition is configured by it.
        let current = || {
            let definition = ("definition".to_owned(), Value::clone(source));
            own.configuration.clone().unwrap_or_else(|| [definition].into_iter().collect())
        };
        // One that is sent back as it was shown is no change.
        let configuration = configuration.filter(|given| *given != current());
        let is_given = configuration.is_some();
        let configuration = configuration.unwrap_or_else(current);
        let built = match rebuilds {
            true => Some(self.build_definition(&name, &kind, &configuration).await?),
            false => None,
        };
        let has_none = own.configuration.is_none() && !is_given;
        let parts = WorkflowParts {
            description: description.unwrap_or(own.description),
            kind,
            configuration: if has_none { None } else { Some(configuration) },
            integrations: integrations.unwrap_or(own.integrations),
            metadata: metadata.unwrap_or(own.metadata),
        };
        let (id, expected, now) = (record.id, Some(record.version), self.engine.now());
        match built.filter(|(built, _, _)| built != source) {
            Some((source, definition, plan)) => {
                let add = AddRelease {
                    workflow: id,
                    expected,
                    name: definition.name,
                    source,
                    retention_seconds: definition.retention.map(|keep| keep.as_secs()),
                    parts,
                    objects: Vec::new(),
                    now,
                    effects: Effects::default(),
                };
                self.add_next_release(caller, record, add, plan).await
            }
            None => self.update_parts(caller, record, parts, now).await,
        }
    }

    /// Activates or deactivates a workflow; without effect if it already is so. Scope
    /// `write:workflows`.
    ///
    /// # Errors
    /// `NotFound`; `Changed` if it does not have an expected version; `IntegrationMissing` if it is
    /// to be activated, or is active, and lacks an integration.
    pub async fn set_active(
        &self,
        caller: &Caller,
        id: WorkflowId,
        active: bool,
        expected: Expected,
    ) -> Result<WorkflowRecord, AppError> {
        self.change_serialised(caller, id, &expected, |record| async move {
            // Also if it is active already: success would mean that it can be executed.
            if active {
                integrations::require_integrations(&record)?;
            }
            if record.active == active {
                return Ok(Arc::unwrap_or_clone(record));
            }
            let (expected, now) = (Some(record.version), self.engine.now());
            let active = Some(active);
            let update = UpdateWorkflow { expected, active, ..UpdateWorkflow::of(id, now) };
            self.update_fields(caller, &record, update).await
        })
        .await
    }
}

/// The fields outside of the release after a definition has replaced the current one: those that
/// it omits are unchanged.
fn parts_after(before: &WorkflowRecord, source: &Value, definition: &Definition) -> WorkflowParts {
    let own = before.parts();
    let is_given = |field| source.get(field).is_some();
    WorkflowParts {
        description: match is_given("description") {
            true => definition.description.clone(),
            false => own.description,
        },
        configuration: None,
        metadata: match is_given("metadata") {
            true => definition.metadata.clone(),
            false => own.metadata,
        },
        ..own
    }
}

fn found_or_error(
    id: WorkflowId,
    result: Result<WorkflowRecord, StoreError>,
) -> Result<WorkflowRecord, AppError> {
    match result {
        Err(StoreError::Missing(kind)) => Err(AppError::not_found(kind, id)),
        other => Ok(other?),
    }
}
