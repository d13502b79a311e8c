//! Looking at executions, following and controlling them.

use std::collections::BTreeMap;

use stepwell_core::audit::AuditAction;
use stepwell_core::definition::SharedPlan;
use stepwell_core::execution::{Execution, ExecutionOrigin};
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_store::lists::{ExecutionCursor, ListExecutions};
use stepwell_store::record::{ExecutionRecord, has_label};
use stepwell_store::traits::FindWorkflow;

use super::{App, ExecutionsQuery, Page, PageAt, cursor, workflows};
use crate::caller::Verb;
use crate::events::Follow;
use crate::execution_log::log_lines;
use crate::memory::Hold;
use crate::runtime::journals::JournalRef;
use crate::runtime::registry::Control;
use crate::view::{ExecutionView, LogLine};
use crate::{AppError, Caller};

impl App {
    /// An execution with all its steps. Scope `read:workflows` or `execute:workflows`. `workflow`:
    /// only where it belongs to that one.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn execution(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<ExecutionView, AppError> {
        self.execution_as(caller, Verb::Read, workflow, id).await
    }

    /// As [`App::execution`], by another scope: whoever may start one may see how it ends.
    pub(super) async fn execution_as(
        &self,
        caller: &Caller,
        verb: Verb,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<ExecutionView, AppError> {
        let (journal, execution) = self.folded(caller, verb, workflow, id).await?;
        Ok(ExecutionView::new(&execution, &journal.record, journal.hold()))
    }

    /// An execution with its journal folded up.
    pub(super) async fn folded(
        &self,
        caller: &Caller,
        verb: Verb,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<(JournalRef, Execution), AppError> {
        let journal = self.journal(caller, verb, workflow, id).await?;
        let mut execution = self.unfolded(&journal.record).await?;
        for event in &journal.events {
            execution.apply_event(event);
        }
        Ok((journal, execution))
    }

    /// The execution that has this external id. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn execution_by_external_id(
        &self,
        caller: &Caller,
        external_id: &str,
    ) -> Result<ExecutionId, AppError> {
        let store = &self.engine.store;
        let found = store.find_by_external_id(caller.workspace, external_id).await?;
        found.ok_or_else(|| AppError::not_found("execution", external_id))
    }

    /// The plan that an execution runs, or ran; for whoever was shown its record.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn plan_of(&self, record: &ExecutionRecord) -> Result<SharedPlan, AppError> {
        self.engine.plans.plan(record.workflow, record.release).await
    }

    /// A page of executions. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound` for the workflow, `InvalidRequest` for a cursor or limit that is wrong.
    pub async fn executions(
        &self,
        caller: &Caller,
        query: ExecutionsQuery,
    ) -> Result<Page<ExecutionRecord>, AppError> {
        match query.workflow {
            Some(workflow) => drop(self.find_with_history(caller, workflow).await?),
            None => caller.require(Verb::Read, workflows::KIND)?,
        }
        let limit = cursor::check_limit(query.limit)?;
        if let Some(external_id) = &query.external_id {
            return self.only_execution(caller, &query, external_id).await;
        }
        let ExecutionsQuery { workflow, statuses, from, until, labels, order, at, count, .. } =
            query;
        let begin = cursor::begin(at, limit, cursor::read_place)?;
        let workspace = caller.workspace;
        let limit_and_next = limit + 1;
        let list = ListExecutions {
            workspace,
            workflow,
            statuses,
            from,
            until,
            labels,
            order,
            begin,
            limit: limit_and_next,
            count,
        };
        let found = self.engine.store.list_executions(list).await?;
        Ok(cursor::listed(found, limit, |record| {
            cursor::write_place(ExecutionCursor { created_at: record.created_at, id: record.id })
        }))
    }

    /// An external id has one execution or none.
    async fn only_execution(
        &self,
        caller: &Caller,
        query: &ExecutionsQuery,
        external_id: &str,
    ) -> Result<Page<ExecutionRecord>, AppError> {
        let ExecutionsQuery { workflow, statuses, from, until, labels, at, .. } = query;
        let store = &self.engine.store;
        let found = match store.find_by_external_id(caller.workspace, external_id).await? {
            Some(id) => self.engine.stored_record(id).await?,
            None => None,
        };
        let wanted = found.filter(|record| {
            workflow.is_none_or(|workflow| record.workflow == workflow)
                && (statuses.is_empty() || statuses.contains(&record.status))
                && from.is_none_or(|from| record.created_at >= from)
                && until.is_none_or(|until| record.created_at <= until)
                && labels.iter().all(|(key, value)| has_label(&record.metadata, key, value))
        });
        let total = Some(u64::from(wanted.is_some()));
        let is_first = match at {
            PageAt::Cursor(cursor) => cursor.is_none(),
            PageAt::Number(number) => *number <= 1,
            PageAt::Skip(skip) => *skip == 0,
        };
        Ok(Page {
            items: wanted.filter(|_| is_first).into_iter().collect(),
            next_cursor: None,
            total,
        })
    }

    /// The names of the workflows that these are executions of, deleted ones too; for whoever was
    /// shown the executions.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn workflow_names(
        &self,
        workflows: &[WorkflowId],
    ) -> Result<BTreeMap<WorkflowId, String>, AppError> {
        let mut names = BTreeMap::new();
        for &id in workflows {
            if names.contains_key(&id) {
                continue;
            }
            let name = match self.engine.plans.workflow(id).await? {
                Some(known) => Some(known.name.clone()),
                None => self
                    .engine
                    .store
                    .find_workflow(FindWorkflow::Id(id))
                    .await?
                    .map(|found| found.name),
            };
            names.insert(id, name.unwrap_or_default());
        }
        Ok(names)
    }

    /// Follows an execution from after `seq` (0: from the beginning). Scope `read:workflows` or
    /// `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn follow(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
        seq: u64,
    ) -> Result<Follow, AppError> {
        self.follow_as(caller, Verb::Read, workflow, id, seq).await
    }

    /// As [`App::follow`], by another scope.
    pub(super) async fn follow_as(
        &self,
        caller: &Caller,
        verb: Verb,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
        seq: u64,
    ) -> Result<Follow, AppError> {
        let record = self.record(caller, verb, workflow, id).await?;
        let execution = self.unfolded(&record).await?;
        Follow::start(self.engine.clone(), execution, seq).await
    }

    /// The log lines of an execution, in order. Scope `read:workflows` or `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn logs(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<Vec<LogLine>, AppError> {
        let journal = self.journal(caller, Verb::Read, workflow, id).await?;
        let execution = self.unfolded(&journal.record).await?;
        Ok(log_lines(&execution, &journal.events))
    }

    /// Cancels an execution; durable when this answers. Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyEnded`.
    pub async fn cancel(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
        reason: Option<String>,
    ) -> Result<(), AppError> {
        self.control(caller, workflow, id, Control::Cancel { reason }).await
    }

    /// Pauses an execution: what is under way finishes, nothing further starts. Scope
    /// `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyEnded`, `WrongState` when paused already.
    pub async fn pause(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<(), AppError> {
        self.control(caller, workflow, id, Control::Pause).await
    }

    /// Resumes a paused execution. Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyEnded`, `WrongState` when not paused.
    pub async fn resume(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<(), AppError> {
        self.control(caller, workflow, id, Control::Resume).await
    }

    async fn control(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
        what: Control,
    ) -> Result<(), AppError> {
        let record = self.record(caller, Verb::Execute, workflow, id).await?;
        if record.status.is_final() {
            return Err(AppError::AlreadyEnded(record.status));
        }
        self.control_noted(caller, &record, what).await
    }

    /// Controls an execution for a caller that may, with a note in the audit log. Refused before the
    /// execution is changed in memory where the store cannot be written.
    pub(super) async fn control_noted(
        &self,
        caller: &Caller,
        record: &ExecutionRecord,
        what: Control,
    ) -> Result<(), AppError> {
        self.require_writable_store().await?;
        let action = match what {
            Control::Cancel { .. } => Some(AuditAction::ExecutionCancelled),
            Control::Pause => Some(AuditAction::ExecutionPaused),
            Control::Resume => Some(AuditAction::ExecutionResumed),
            Control::Expire => None,
        };
        let note = action.map(|action| self.engine.noted(caller, action, record.id));
        let note = note.map(|note| note.with("workflow_id", record.workflow.abi()));
        self.engine.control(record.id, what, note).await
    }

    /// An execution's record and its journal as far as it may be shown: from memory where it is
    /// at work, else from the store.
    async fn journal(
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
            self.may_see(caller, verb, workflow, record).await?;
            let memory = Hold::new(feed.memory().clone());
            return Ok(JournalRef::own(record.clone(), feed.events(), memory));
        }
        let not_found = || AppError::not_found("execution", id.dataflow());
        let found = self.engine.find_stored(id).await?.ok_or_else(not_found)?;
        // Before it is loaded, which may wait for memory.
        self.may_see(caller, verb, workflow, found.record()).await?;
        self.engine.stored_journal(found).await?.ok_or_else(not_found)
    }

    /// An execution's record, where the caller may see it.
    pub(super) async fn record(
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
        self.may_see(caller, verb, workflow, &record).await?;
        Ok(record)
    }

    async fn may_see(
        &self,
        caller: &Caller,
        verb: Verb,
        workflow: Option<WorkflowId>,
        record: &ExecutionRecord,
    ) -> Result<(), AppError> {
        let elsewhere = workflow.is_some_and(|workflow| workflow != record.workflow);
        if record.workspace != caller.workspace || elsewhere {
            return Err(AppError::not_found("execution", record.id.dataflow()));
        }
        self.allowed(caller, verb, record.workflow).await
    }

    /// Checks a scope on the workflow of an execution, which may be deleted by now. Whoever may
    /// execute a workflow may look at what became of it: reading an execution by its id takes
    /// either scope.
    async fn allowed(
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
        let found = self.engine.store.find_workflow(FindWorkflow::Id(workflow)).await?;
        let found = found.ok_or_else(|| AppError::not_found("workflow", workflow.dataflow()))?;
        if verbs.iter().any(|verb| workflows::require(caller, *verb, &found).is_ok()) {
            return Ok(());
        }
        workflows::require(caller, verb, &found)
    }

    /// The execution before its first event.
    pub(super) async fn unfolded(&self, record: &ExecutionRecord) -> Result<Execution, AppError> {
        let plan = self.engine.plans.plan(record.workflow, record.release).await?;
        let (id, workflow, release) = (record.id, record.workflow, record.release);
        Ok(Execution::new(ExecutionOrigin { id, workflow, release, plan }))
    }
}
