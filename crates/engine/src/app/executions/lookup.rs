//! Showing, listing and following executions.

use std::collections::{BTreeMap, HashMap};

use stepwell_core::definition::SharedPlan;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_store::lists::{ExecutionFilter, List, Page, PageStart};
use stepwell_store::record::{ExecutionRecord, has_label};
use stepwell_store::traits::{ConcurrencyKey, FindWorkflow, Unfinished, UnfinishedOf};

use crate::app::cursor::{check_limit, decode_list, encode_page};
use crate::app::{App, workflows};
use crate::caller::Verb;
use crate::concurrency::MAX_POSITION;
use crate::events::Follow;
use crate::execution_log::log_lines;
use crate::runtime::step_concurrency::StepKey;
use crate::view::{ExecutionView, LogLine};
use crate::{AppError, Caller};

impl App {
    /// An execution with all its steps. Scope `read:workflows` or `execute:workflows`; the steps
    /// have their configurations only with `read:workflows`, as they are part of the definition.
    /// With `workflow`, only if it belongs to that one.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn execution(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<ExecutionView, AppError> {
        let (journal, execution) = self.replayed(caller, Verb::Read, workflow, id).await?;
        let (record, memory) = (&journal.record, journal.hold());
        // Callers that may only execute a workflow do not see its definition.
        let view = match self.require_definition(caller, record.workflow).await {
            Ok(()) => ExecutionView::with_configs(&execution, record, memory),
            Err(AppError::Forbidden(_)) => ExecutionView::new(&execution, record, memory),
            Err(error) => return Err(error),
        };
        self.with_positions(view).await
    }

    /// An execution that the caller started. Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn started_execution(
        &self,
        caller: &Caller,
        id: ExecutionId,
    ) -> Result<ExecutionView, AppError> {
        self.execution_as(caller, Verb::Execute, None, id).await
    }

    /// As [`App::execution`], with another scope: callers that may start one may see its result.
    pub(super) async fn execution_as(
        &self,
        caller: &Caller,
        verb: Verb,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<ExecutionView, AppError> {
        let (journal, execution) = self.replayed(caller, verb, workflow, id).await?;
        let view = ExecutionView::new(&execution, &journal.record, journal.hold());
        self.with_positions(view).await
    }

    /// The view with the positions in the queues, if the execution or steps of it wait for a place
    /// under a concurrency limit.
    pub(super) async fn with_positions(
        &self,
        mut view: ExecutionView,
    ) -> Result<ExecutionView, AppError> {
        self.add_positions_of_steps(&mut view);
        let wait = view.waiting.as_mut().filter(|wait| wait.step_id.is_none());
        let wait = wait.and_then(|wait| wait.place.as_mut());
        let (Some(wait), Some(place)) = (wait, &view.record.concurrency) else { return Ok(view) };
        let (workflow, key) = (view.record.workflow, place.needed.key.clone());
        let of = UnfinishedOf::AwaitingPlace(ConcurrencyKey { workflow, key });
        let list = Unfinished { of, after: None, limit: MAX_POSITION };
        let waiting = self.engine.store.unfinished_executions(list).await?;
        // None if it is behind the last one, or has got its place meanwhile.
        wait.position = (1..).zip(waiting).find(|(_, id)| *id == view.record.id).map(|(n, _)| n);
        Ok(view)
    }

    /// Adds the positions of the steps that wait for a place on this server.
    fn add_positions_of_steps(&self, view: &mut ExecutionView) {
        let (execution, workflow) = (view.record.id, view.record.workflow);
        let mut queues = HashMap::new();
        for step in &mut view.steps {
            let Some(place) = step.waiting.as_mut().and_then(|wait| wait.place.as_mut()) else {
                continue;
            };
            let id = step.step_id.rsplit('.').next().unwrap_or_default().to_owned();
            let key = place.key.clone().unwrap_or_default();
            let queue = queues.entry(StepKey { workflow, step: id, key });
            let positions = queue
                .or_insert_with_key(|key| self.engine.step_concurrency.positions(key, execution));
            place.position = positions.get(&step.step_run).copied();
            // It is shown as what the execution waits for as well.
            if let Some(wait) = &mut view.waiting
                && wait.step_id.as_ref() == Some(&step.step_id)
            {
                wait.place = Some(place.clone());
            }
        }
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

    /// The plan of an execution, for callers that already have its record.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn plan_of(&self, record: &ExecutionRecord) -> Result<SharedPlan, AppError> {
        self.engine.plans.plan(record.workflow, record.release).await
    }

    /// A page of executions. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound` for the workflow, `InvalidRequest` for an invalid cursor or limit.
    pub async fn executions(
        &self,
        caller: &Caller,
        list: List<ExecutionFilter, String>,
    ) -> Result<Page<ExecutionRecord>, AppError> {
        self.require_history(caller, list.filter.workflow).await?;
        let list = decode_list(list)?;
        let found = self.engine.store.list_executions(caller.workspace, list).await?;
        Ok(encode_page(found, ()))
    }

    /// The page of a list for an external id, which at most one execution has. Scope
    /// `read:workflows`.
    ///
    /// # Errors
    /// `NotFound` for the workflow, `InvalidRequest` for an invalid limit.
    pub async fn executions_with_external_id(
        &self,
        caller: &Caller,
        external_id: &str,
        list: List<ExecutionFilter, String>,
    ) -> Result<Page<ExecutionRecord>, AppError> {
        self.require_history(caller, list.filter.workflow).await?;
        check_limit(list.window.size)?;
        let ExecutionFilter { workflow, parent, statuses, from, until, labels } = list.filter;
        let store = &self.engine.store;
        let found = match store.find_by_external_id(caller.workspace, external_id).await? {
            Some(id) => self.engine.stored_record(id).await?,
            None => None,
        };
        let found = found.filter(|record| {
            workflow.is_none_or(|workflow| record.workflow == workflow)
                && parent.is_none_or(|parent| record.is_child_of(parent))
                && (statuses.is_empty() || statuses.contains(&record.status))
                && from.is_none_or(|from| record.created_at >= from)
                && until.is_none_or(|until| record.created_at <= until)
                && labels.iter().all(|(key, value)| has_label(&record.metadata, key, value))
        });
        let total = Some(u64::from(found.is_some()));
        let is_first = matches!(list.window.start, PageStart::Skip(0));
        Ok(Page { items: found.filter(|_| is_first).into_iter().collect(), total, next: None })
    }

    /// Checks that the caller may list the executions of a workflow, or of all of them.
    pub(in crate::app) async fn require_history(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
    ) -> Result<(), AppError> {
        match workflow {
            Some(workflow) => self.find_with_history(caller, workflow).await.map(drop),
            None => caller.require(Verb::Read, workflows::KIND),
        }
    }

    /// The names of the workflows of executions, including deleted ones, for callers that already
    /// have the executions.
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
                None => {
                    let found = self.engine.store.find_workflow(FindWorkflow::Id(id)).await?;
                    found.map(|found| found.name)
                }
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
        let record = self.record(caller, Verb::Read, workflow, id).await?;
        self.follow_record(&record, seq).await
    }

    /// Follows an execution that the caller started, from the beginning. Scope
    /// `execute:workflows`.
    pub(super) async fn follow_started(
        &self,
        caller: &Caller,
        id: ExecutionId,
    ) -> Result<Follow, AppError> {
        let record = self.record(caller, Verb::Execute, None, id).await?;
        self.follow_record(&record, 0).await
    }

    async fn follow_record(&self, record: &ExecutionRecord, seq: u64) -> Result<Follow, AppError> {
        let execution = self.empty_execution(record).await?;
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
        let execution = self.empty_execution(&journal.record).await?;
        Ok(log_lines(&execution, &journal.events))
    }
}
