//! Records and journals of executions that the caller may see.

use stepwell_core::execution::{Execution, ExecutionOrigin};
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_store::record::{ExecutionRecord, WorkflowRecord};
use stepwell_store::traits::FindWorkflow;

use crate::app::{App, workflows};
use crate::caller::Verb;
use crate::memory::Hold;
use crate::runtime::journals::JournalRef;
use crate::{AppError, Caller};

impl App {
    /// An execution with its journal, replayed.
    pub(in crate::app) async fn replayed(
        &self,
        caller: &Caller,
        verb: Verb,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<(JournalRef, Execution), AppError> {
        let journal = self.journal(caller, verb, workflow, id).await?;
        let mut execution = self.empty_execution(&journal.record).await?;
        for event in &journal.events {
            execution.apply_event(event);
        }
        Ok((journal, execution))
    }

    /// The execution before its first event.
    pub(super) async fn empty_execution(
        &self,
        record: &ExecutionRecord,
    ) -> Result<Execution, AppError> {
        let plan = self.engine.plans.plan(record.workflow, record.release).await?;
        let (id, workflow, release) = (record.id, record.workflow, record.release);
        Ok(Execution::new(ExecutionOrigin { id, workflow, release, plan }))
    }

    /// An execution's record with the part of its journal that may be shown: from memory while it
    /// is driven, otherwise from the store.
    pub(super) async fn journal(
        &self,
        caller: &Caller,
        verb: Verb,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<JournalRef, AppError> {
        if let Some(feed) = self.engine.registry.active_feed(id)
            && let Some(record) = feed.record()
            && !feed.is_empty()
        {
            self.require_visible(caller, verb, workflow, record).await?;
            let memory = Hold::new(feed.memory().clone());
            return Ok(JournalRef::own(record.clone(), feed.events(), memory));
        }
        let not_found = || AppError::not_found("execution", id.dataflow());
        let found = self.engine.find_stored(id).await?.ok_or_else(not_found)?;
        // Before the journal is loaded, which may wait for memory.
        self.require_visible(caller, verb, workflow, found.record()).await?;
        self.engine.stored_journal(found).await?.ok_or_else(not_found)
    }

    /// An execution's record, if the caller may see it.
    pub(in crate::app) async fn record(
        &self,
        caller: &Caller,
        verb: Verb,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<ExecutionRecord, AppError> {
        let live = self.engine.registry.active_feed(id).filter(|feed| !feed.is_empty());
        let record = match live.and_then(|feed| feed.record().cloned()) {
            Some(live) => live,
            None => {
                let stored = self.engine.stored_record(id).await?;
                stored.ok_or_else(|| AppError::not_found("execution", id.dataflow()))?
            }
        };
        self.require_visible(caller, verb, workflow, &record).await?;
        Ok(record)
    }

    /// Checks that the execution belongs to the workflow, if one is given, and that the caller has
    /// the scope.
    async fn require_visible(
        &self,
        caller: &Caller,
        verb: Verb,
        workflow: Option<WorkflowId>,
        record: &ExecutionRecord,
    ) -> Result<(), AppError> {
        let is_of_other = workflow.is_some_and(|workflow| workflow != record.workflow);
        if record.workspace != caller.workspace || is_of_other {
            return Err(AppError::not_found("execution", record.id.dataflow()));
        }
        self.require_scope(caller, verb, record.workflow).await
    }

    /// Checks that the caller may read the definition of an execution's workflow, which may be
    /// deleted.
    pub(super) async fn require_definition(
        &self,
        caller: &Caller,
        workflow: WorkflowId,
    ) -> Result<(), AppError> {
        if caller.require(Verb::Read, workflows::KIND).is_ok() {
            return Ok(());
        }
        let found = self.find_any_workflow(workflow).await?;
        workflows::require_access(caller, Verb::Read, &found)
    }

    /// Checks a scope on the workflow of an execution, which may be deleted. Callers that may
    /// execute a workflow may also read its executions by their ids.
    async fn require_scope(
        &self,
        caller: &Caller,
        verb: Verb,
        workflow: WorkflowId,
    ) -> Result<(), AppError> {
        let verbs: &[Verb] = match verb {
            Verb::Read => &[Verb::Read, Verb::Execute],
            Verb::Write => &[Verb::Write],
            Verb::Execute => &[Verb::Execute],
        };
        if verbs.iter().any(|verb| caller.require(*verb, workflows::KIND).is_ok()) {
            return Ok(());
        }
        let found = self.find_any_workflow(workflow).await?;
        if verbs.iter().any(|verb| workflows::require_access(caller, *verb, &found).is_ok()) {
            return Ok(());
        }
        workflows::require_access(caller, verb, &found)
    }

    /// A workflow, which may be deleted.
    pub(in crate::app) async fn find_any_workflow(
        &self,
        workflow: WorkflowId,
    ) -> Result<WorkflowRecord, AppError> {
        let found = self.engine.store.find_workflow(FindWorkflow::Id(workflow)).await?;
        found.ok_or_else(|| AppError::not_found("workflow", workflow.dataflow()))
    }
}
