//! Workflows and their releases.

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::{WorkflowId, WorkspaceId};

use super::lists::cut_page;
use super::{MemoryStore, Result, State};
use crate::StoreError;
use crate::lists::{List, Page, WorkflowCursor, WorkflowFilter};
use crate::objects::ObjectBatch;
use crate::record::{ReleaseRecord, WorkflowParts, WorkflowRecord, WorkflowStats, has_label};
use crate::traits::{AddRelease, CreateWorkflow, FindWorkflow, UpdateWorkflow, WorkflowStore};

#[async_trait]
impl WorkflowStore for MemoryStore {
    async fn create_workflow(&self, create: CreateWorkflow) -> Result<()> {
        let CreateWorkflow { workflow, release, idempotency, effects } = create;
        let mut state = self.writable()?;
        state.require_new_key(idempotency.as_ref())?;
        if state.workflows.contains_key(&workflow.id) {
            return Err(StoreError::Corrupt(format!("workflow {} is already there", workflow.id)));
        }
        state.take_key(idempotency);
        state.releases.insert((release.workflow, release.number), release);
        state.workflows.insert(workflow.id, workflow);
        state.take_effects(effects);
        Ok(())
    }

    async fn add_release(&self, add: AddRelease) -> Result<WorkflowRecord> {
        let mut state = self.writable()?;
        state.live_workflow(add.workflow, add.expected)?;
        let objects = ObjectBatch { puts: add.objects, ..ObjectBatch::default() };
        state.objects.check(&objects)?;
        let workflow = state.live_workflow(add.workflow, add.expected)?;
        let number = workflow.release + 1;
        workflow.release = number;
        workflow.name = add.name;
        workflow.retention_seconds = add.retention_seconds;
        workflow.take(add.parts, add.now);
        let changed = workflow.clone();
        state.objects.write(objects.puts, Vec::new());
        let release = ReleaseRecord {
            workflow: add.workflow,
            number,
            source: add.source,
            created_at: add.now,
        };
        state.releases.insert((add.workflow, number), release);
        state.take_effects(add.effects);
        Ok(changed)
    }

    async fn update_workflow(&self, update: UpdateWorkflow) -> Result<WorkflowRecord> {
        let UpdateWorkflow {
            id, expected, active, delete, delete_children, parts, objects, ..
        } = update;
        let (now, effects) = (update.now, update.effects);
        let mut state = self.writable()?;
        state.live_workflow(id, expected)?;
        let objects = ObjectBatch { puts: objects, ..ObjectBatch::default() };
        state.objects.check(&objects)?;
        let workflow = state.live_workflow(id, expected)?;
        let parts = parts.unwrap_or_else(|| workflow.parts());
        workflow.take(parts, now);
        match active {
            Some(true) => workflow.activated_at = Some(now),
            Some(false) => workflow.deactivated_at = Some(now),
            None => {}
        }
        workflow.active = active.unwrap_or(workflow.active);
        workflow.deleted_at = delete.then_some(now);
        let changed = workflow.clone();
        if delete {
            state.objects.delete_children(id.into(), &delete_children);
        }
        state.objects.write(objects.puts, Vec::new());
        state.take_effects(effects);
        Ok(changed)
    }

    async fn find_workflow(&self, find: FindWorkflow) -> Result<Option<WorkflowRecord>> {
        let state = self.state();
        let (workspace, name) = match find {
            FindWorkflow::Id(id) => return Ok(state.workflows.get(&id).cloned()),
            FindWorkflow::Name(workspace, name) => (workspace, name),
        };
        let mut newest_first = state.workflows.values().rev();
        let named = |workflow: &&WorkflowRecord| {
            workflow.workspace == workspace
                && workflow.name == name
                && workflow.deleted_at.is_none()
        };
        Ok(newest_first.find(named).cloned())
    }

    async fn list_workflows(
        &self,
        workspace: WorkspaceId,
        list: List<WorkflowFilter>,
    ) -> Result<Page<WorkflowRecord, WorkflowCursor>> {
        let WorkflowFilter { active, kind, labels } = &list.filter;
        let is_listed = |workflow: &&WorkflowRecord| {
            let has = |(name, value): &(String, String)| has_label(&workflow.metadata, name, value);
            workflow.workspace == workspace
                && workflow.deleted_at.is_none()
                && active.is_none_or(|active| workflow.active == active)
                && kind.as_ref().is_none_or(|kind| workflow.kind == *kind)
                && labels.iter().all(has)
        };
        let state = self.state();
        Ok(cut_page(&list, state.workflows.values().filter(is_listed).collect()))
    }

    async fn find_release(
        &self,
        workflow: WorkflowId,
        number: u32,
    ) -> Result<Option<ReleaseRecord>> {
        Ok(self.state().releases.get(&(workflow, number)).cloned())
    }

    async fn workflow_stats(&self, workflow: WorkflowId) -> Result<WorkflowStats> {
        Ok(self.state().stats.get(&workflow).copied().unwrap_or_default())
    }
}

impl WorkflowRecord {
    /// Takes on what is in no release; one change.
    fn take(&mut self, parts: WorkflowParts, now: Timestamp) {
        let WorkflowParts { description, kind, configuration, integrations, metadata } = parts;
        self.description = description;
        self.kind = kind;
        self.configuration = configuration;
        self.integrations = integrations;
        self.metadata = metadata;
        self.updated_at = now;
        self.version += 1;
    }
}

impl State {
    pub(super) fn live_workflow(
        &mut self,
        id: WorkflowId,
        expected: Option<u64>,
    ) -> Result<&mut WorkflowRecord> {
        let found = self.workflows.get_mut(&id).filter(|found| found.deleted_at.is_none());
        let found = found.ok_or(StoreError::Missing("the workflow"))?;
        if expected.is_some_and(|expected| expected != found.version) {
            return Err(StoreError::Changed(found.version));
        }
        Ok(found)
    }
}
