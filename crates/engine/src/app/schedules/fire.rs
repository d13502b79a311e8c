//! Settling what is due of one schedule.
//!
//! Each step (an execution for a firing, or a firing that starts none) is one transaction over the
//! version of the schedule that was read. So it does not matter what crashes when, nor how many
//! nodes try: for each firing there is exactly one outcome.

use serde_json::{Value, json};
use stepwell_core::audit::AuditAction;
use stepwell_core::execution::codes;
use stepwell_core::ids::{ExecutionId, ScheduleId};
use stepwell_core::schedule::{
    FiringRule, Overlap, ScheduleProgress, SchedulerContext, SchedulerStep,
};
use stepwell_core::{Map, Problems, Timestamp};
use stepwell_store::StoreError;
use stepwell_store::record::WorkflowRecord;
use stepwell_store::schedules::{ScheduleRecord, UpdateSchedule};
use tokio::sync::oneshot;

use super::{ATTEMPTS, App, Triggered, not_found};
use crate::app::Start;
use crate::app::executions::Started;
use crate::caller::Verb;
use crate::runtime::feed::Outcome;
use crate::runtime::schedules::LABEL;
use crate::{AppError, Caller};

/// Why an execution was not started.
enum NotFired {
    /// Somebody else has written the schedule, or deleted it: nothing was started.
    Outdated,
    /// The firing cannot start anything.
    Refused { code: &'static str, error: AppError },
    /// Not now.
    Later(AppError),
}

/// Why a schedule starts an execution.
#[derive(Clone, Copy)]
enum Why<'a> {
    /// It is due since that moment.
    Due(Timestamp),
    /// Somebody asked for it.
    Asked(&'a Caller),
}

impl App {
    /// Settles everything that is due of a schedule.
    ///
    /// # Errors
    /// It cannot be done now; what is not settled stays due.
    pub(super) async fn settle(&self, id: ScheduleId) -> Result<(), AppError> {
        while !self.engine.background.is_stopping() {
            let Some(record) = self.engine.store.find_schedule(id).await? else { return Ok(()) };
            if !self.step(&record).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Takes one step; answers whether there may be another one.
    async fn step(&self, record: &ScheduleRecord) -> Result<bool, AppError> {
        let now = self.engine.now();
        let progress = &record.progress;
        let rule = match FiringRule::new(&record.timing, &record.timezone, record.anchor) {
            Ok(rule) => rule,
            // The time zone is gone with an update of the database: nobody knows when to fire.
            Err(problem) => {
                let mut over =
                    ScheduleProgress { next_at: None, queued: Vec::new(), ..progress.clone() };
                let due = progress.next_at.unwrap_or(now);
                over.skip_firing(due, now, "INVALID_SCHEDULE", &problem.to_string());
                return self.advance(record, over, now).await;
            }
        };
        let waits = record.policies.overlap != Overlap::Allow || !progress.queued.is_empty();
        let busy = waits && self.is_running(record.last_execution).await?;
        let scene = SchedulerContext { now, up_since: self.engine.schedules.up_since(), busy };
        let turn = record.policies.next_step(&rule, progress, scene);
        let SchedulerStep { fire, progress } = turn;
        let Some(scheduled_at) = fire else {
            if progress == record.progress && record.look_at.is_none_or(|at| at > now) {
                return Ok(false);
            }
            let settled = progress == record.progress;
            return Ok(self.advance(record, progress, now).await? && !settled);
        };
        let mut skipped = progress.clone();
        match self.fire(record, progress, Why::Due(scheduled_at), now).await {
            Ok(_) => Ok(true),
            Err(NotFired::Outdated) => Ok(true),
            Err(NotFired::Later(error)) => Err(error),
            Err(NotFired::Refused { code, error }) => {
                tracing::warn!(schedule = %record.id, code, %error, "a firing starts nothing");
                skipped.skip_firing(scheduled_at, now, code, &told(&error));
                self.advance(record, skipped, now).await
            }
        }
    }

    /// Stores progress that starts nothing.
    async fn advance(
        &self,
        record: &ScheduleRecord,
        progress: ScheduleProgress,
        now: Timestamp,
    ) -> Result<bool, AppError> {
        let schedule = after(record, progress, record.last_execution, now);
        match self.engine.store.update_schedule(UpdateSchedule::quietly(schedule)).await {
            // Whoever was faster has settled it, or it is settled from what they wrote.
            Ok(()) | Err(StoreError::Outdated(_) | StoreError::Missing(_)) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Starts an execution, with the schedule's progress in the same transaction.
    async fn fire(
        &self,
        record: &ScheduleRecord,
        progress: ScheduleProgress,
        why: Why<'_>,
        now: Timestamp,
    ) -> Result<Triggered, NotFired> {
        let workflow = self.engine.plans.workflow(record.workflow).await;
        let Some(workflow) = workflow.map_err(NotFired::Later)? else {
            // Its schedules were deleted with it.
            return Err(NotFired::Outdated);
        };
        let (sender, accepted) = oneshot::channel();
        // Who asks for it is held to its limits; what is due is not refused.
        let starter = match why {
            Why::Asked(caller) => caller.clone(),
            Why::Due(_) => owner(record),
        };
        let mut prepared = self
            .prepare_execution(&starter, &workflow, Box::new(start(record, why)), Some(sender))
            .await
            .map_err(|error| refused(error, &workflow))?;
        let execution = prepared.record.id;
        let schedule = after(record, progress, Some(execution), now);
        let mut effects = self.tell_of_firing(&schedule, &workflow.name, &prepared.record);
        if let Why::Asked(caller) = why {
            let note = self.engine.audit_entry(caller, AuditAction::ScheduleTriggered, record.id);
            effects.audit.push(note.named(&record.name).with("execution_id", execution.abi()));
        }
        prepared.schedule = Some(Box::new(UpdateSchedule { schedule: schedule.clone(), effects }));
        let fired = match self.admit_execution(&starter, prepared).await {
            Ok(Started::Running(_, feed, _)) => match accepted.await {
                Ok(answer) => answer.map_err(NotFired::Later),
                Err(_) => match feed.outcome() {
                    Some(Outcome::NotAccepted(error)) => Err(not_accepted(error)),
                    _ => Err(NotFired::Later(AppError::stopping())),
                },
            },
            Ok(Started::Queued(_) | Started::Replayed(_)) => Ok(()),
            Err(error) => Err(NotFired::Later(error)),
        };
        fired.map(|()| {
            let metrics = &self.engine.metrics;
            metrics.firings.increment(1);
            if let Why::Due(due) = why {
                metrics.lateness.record(now.since(due));
            }
            Triggered { execution, schedule }
        })
    }

    /// Starts an execution of a schedule now, whatever its policies and whether or not it is
    /// enabled; its next firing stays where it is. Scope `execute:schedules`.
    ///
    /// # Errors
    /// `NotFound`, `Inactive`, `InvalidInput`, `RateLimited`, `Unavailable`.
    pub async fn trigger_schedule(
        &self,
        caller: &Caller,
        id: ScheduleId,
    ) -> Result<Triggered, AppError> {
        let mut record = self.find_schedule(caller, Verb::Execute, id).await?;
        for _ in 0..ATTEMPTS {
            let now = self.engine.now();
            match self.fire(&record, record.progress.clone(), Why::Asked(caller), now).await {
                Ok(triggered) => return Ok(triggered),
                Err(NotFired::Later(error) | NotFired::Refused { error, .. }) => return Err(error),
                Err(NotFired::Outdated) => {}
            }
            let found = self.engine.store.find_schedule(id).await?;
            record = found.ok_or_else(|| not_found(id))?;
        }
        Err(StoreError::Outdated("the schedule").into())
    }

    /// Whether an execution has not ended. One that is purged has.
    async fn is_running(&self, id: Option<ExecutionId>) -> Result<bool, AppError> {
        let Some(id) = id else { return Ok(false) };
        if let Some(feed) = self.engine.registry.active_feed(id) {
            return Ok(feed.outcome().is_none());
        }
        let found = self.engine.stored_record(id).await?;
        Ok(found.is_some_and(|record| !record.status.is_final()))
    }
}

/// As whom a schedule that is due executes its workflow.
fn owner(record: &ScheduleRecord) -> Caller {
    Caller::internal_to(record.workspace)
}

/// What it executes it with; the labels tell where the execution comes from.
fn start(record: &ScheduleRecord, why: Why<'_>) -> Start {
    let mut metadata = Map::new();
    metadata.insert(LABEL.to_owned(), json!(record.id.abi()));
    if let Why::Due(at) = why {
        metadata.insert("scheduled_at".to_owned(), json!(at.to_string()));
    }
    Start { input: Some(Value::Object(record.parameters.clone())), metadata, ..Start::default() }
}

/// The schedule with that progress.
fn after(
    record: &ScheduleRecord,
    progress: ScheduleProgress,
    last_execution: Option<ExecutionId>,
    now: Timestamp,
) -> ScheduleRecord {
    ScheduleRecord {
        look_at: progress.look_at(now),
        progress,
        last_execution,
        version: record.version + 1,
        updated_at: now,
        ..record.clone()
    }
}

/// What it means that an execution could not even begin.
fn refused(error: AppError, workflow: &WorkflowRecord) -> NotFired {
    let code = match &error {
        AppError::Unavailable { .. } => return NotFired::Later(error),
        AppError::Inactive => "WORKFLOW_INACTIVE",
        AppError::InvalidInput(_) => "PARAMETER_VALIDATION_ERROR",
        AppError::TooLarge(_) => codes::VALUE_TOO_LARGE,
        _ => {
            tracing::error!(workflow = %workflow.id, %error, "a schedule cannot start its workflow");
            "INTERNAL_ERROR"
        }
    };
    NotFired::Refused { code, error }
}

/// The error in the words of a schedule, whose parameters are the input of its executions.
fn told(error: &AppError) -> String {
    match error {
        AppError::InvalidInput(problems) => {
            let problems = problems.clone().moved_to("input", "parameters");
            format!("the parameters do not fit the workflow's input schema: {problems}")
        }
        AppError::TooLarge(problem) => {
            Problems::from(problem.clone()).moved_to("input", "parameters").to_string()
        }
        other => other.to_string(),
    }
}

/// What it means that the store refused the first commit.
fn not_accepted(error: &StoreError) -> NotFired {
    match error {
        StoreError::Outdated(_) | StoreError::Missing(_) => NotFired::Outdated,
        StoreError::Unavailable(reason) => {
            NotFired::Later(StoreError::Unavailable(reason.clone()).into())
        }
        StoreError::Fenced => NotFired::Later(StoreError::Fenced.into()),
        other => {
            let error = AppError::Internal(other.to_string());
            NotFired::Refused { code: "INTERNAL_ERROR", error }
        }
    }
}
