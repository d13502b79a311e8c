//! Workflows and their releases.

use async_trait::async_trait;
use stepwell_core::ids::{WorkflowId, WorkspaceId};

use super::{MemoryStore, Result, State};
use crate::StoreError;
use crate::record::{ReleaseRecord, WorkflowRecord, WorkflowStats};
use crate::traits::{AddRelease, CreateWorkflow, ListWorkflows, UpdateWorkflow, WorkflowStore};

#[async_trait]
impl WorkflowStore for MemoryStore {
    async fn create_workflow(&self, create: CreateWorkflow) -> Result<()> {
        let CreateWorkflow { workflow, release, idempotency, effects } = create;
        let mut state = self.state();
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

    async fn add_release(&self, add: AddRelease) -> Result<u32> {
        let mut state = self.state();
        let workflow = state.live_workflow(add.workflow)?;
        let number = workflow.release + 1;
        workflow.release = number;
        workflow.name = add.name;
        workflow.metadata = add.metadata;
        workflow.retention_seconds = add.retention_seconds;
        workflow.updated_at = add.now;
        let release = ReleaseRecord {
            workflow: add.workflow,
            number,
            source: add.source,
            created_at: add.now,
        };
        state.releases.insert((add.workflow, number), release);
        state.take_effects(add.effects);
        Ok(number)
    }

    async fn update_workflow(&self, update: UpdateWorkflow) -> Result<()> {
        let mut state = self.state();
        let workflow = state.live_workflow(update.id)?;
        workflow.active = update.active.unwrap_or(workflow.active);
        workflow.updated_at = update.now;
        workflow.deleted_at = update.delete.then_some(update.now);
        if update.delete {
            state.schedules.retain(|_, schedule| schedule.workflow != update.id);
        }
        state.take_effects(update.effects);
        Ok(())
    }

    async fn find_workflow(&self, id: WorkflowId) -> Result<Option<WorkflowRecord>> {
        Ok(self.state().workflows.get(&id).cloned())
    }

    async fn find_workflow_by_name(
        &self,
        workspace: WorkspaceId,
        name: &str,
    ) -> Result<Option<WorkflowRecord>> {
        let state = self.state();
        let mut newest_first = state.workflows.values().rev();
        let named = |workflow: &&WorkflowRecord| {
            workflow.workspace == workspace
                && workflow.name == name
                && workflow.deleted_at.is_none()
        };
        Ok(newest_first.find(named).cloned())
    }

    async fn list_workflows(&self, list: ListWorkflows) -> Result<Vec<WorkflowRecord>> {
        let wanted = |workflow: &&WorkflowRecord| {
            workflow.workspace == list.workspace
                && workflow.deleted_at.is_none()
                && list.active.is_none_or(|active| workflow.active == active)
                && list.after.is_none_or(|after| workflow.id < after)
        };
        let state = self.state();
        let newest_first = state.workflows.values().rev();
        Ok(newest_first.filter(wanted).take(list.limit).cloned().collect())
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

impl State {
    pub(super) fn live_workflow(&mut self, id: WorkflowId) -> Result<&mut WorkflowRecord> {
        let found = self.workflows.get_mut(&id).filter(|found| found.deleted_at.is_none());
        found.ok_or(StoreError::Missing("the workflow"))
    }
}
