//! Showing, listing and following executions.

use std::collections::BTreeMap;

use stepwell_core::Timestamp;
use stepwell_core::definition::SharedPlan;
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_store::lists::{ExecutionCursor, ListExecutions, Order};
use stepwell_store::record::{ExecutionRecord, has_label};
use stepwell_store::traits::FindWorkflow;

use crate::app::requests::{Page, PagePosition};
use crate::app::{App, cursor, workflows};
use crate::caller::Verb;
use crate::events::Follow;
use crate::execution_log::log_lines;
use crate::view::{ExecutionView, LogLine};
use crate::{AppError, Caller};

/// Lists executions, sorted by creation.
#[derive(Debug, Clone, Default)]
pub struct ExecutionsQuery {
    /// Only this workflow's.
    pub workflow: Option<WorkflowId>,
    /// Only those in one of these statuses; empty: all.
    pub statuses: Vec<Status>,
    /// Only the one with this external id.
    pub external_id: Option<String>,
    /// Only those created at this time or later.
    pub from: Option<Timestamp>,
    /// Only those created at this time or earlier.
    pub until: Option<Timestamp>,
    /// Only those that have all of these labels.
    pub labels: Vec<(String, String)>,
    /// The sort order.
    pub order: Order,
    /// The start of the page.
    pub at: PagePosition,
    /// The size of the page, 1 to 100.
    pub limit: usize,
    /// Whether to return the total.
    pub count: bool,
}

impl App {
    /// An execution with all its steps. Scope `read:workflows` or `execute:workflows`. With
    /// `workflow`, only if it belongs to that one.
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
        Ok(ExecutionView::new(&execution, &journal.record, journal.hold()))
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
        query: ExecutionsQuery,
    ) -> Result<Page<ExecutionRecord>, AppError> {
        match query.workflow {
            Some(workflow) => drop(self.find_with_history(caller, workflow).await?),
            None => caller.require(Verb::Read, workflows::KIND)?,
        }
        let limit = cursor::check_limit(query.limit)?;
        if let Some(external_id) = &query.external_id {
            return self.list_by_external_id(caller, &query, external_id).await;
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

    /// The page for an external id, which at most one execution has.
    async fn list_by_external_id(
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
        let found = found.filter(|record| {
            workflow.is_none_or(|workflow| record.workflow == workflow)
                && (statuses.is_empty() || statuses.contains(&record.status))
                && from.is_none_or(|from| record.created_at >= from)
                && until.is_none_or(|until| record.created_at <= until)
                && labels.iter().all(|(key, value)| has_label(&record.metadata, key, value))
        });
        let total = Some(u64::from(found.is_some()));
        let is_first = match at {
            PagePosition::Cursor(cursor) => cursor.is_none(),
            PagePosition::Number(number) => *number <= 1,
            PagePosition::Skip(skip) => *skip == 0,
        };
        Ok(Page {
            items: found.filter(|_| is_first).into_iter().collect(),
            next_cursor: None,
            total,
        })
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
