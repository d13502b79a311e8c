//! Settling the due firings of one schedule.
//!
//! Each step (an execution for a firing, or a firing that starts none) is one transaction over the
//! version of the schedule that was read. So it does not matter what crashes when, nor how many
//! nodes try: for each firing there is exactly one outcome.

use serde_json::{Value, json};
use stepwell_core::audit::AuditAction;
use stepwell_core::execution::codes;
use stepwell_core::ids::{ExecutionId, ScheduleId};
use stepwell_core::schedule::{
    FiringRule, Overlap, ScheduleProgress, SchedulerContext, SchedulerStep, TimingKind,
};
use stepwell_core::{Map, Problems, Timestamp};
use stepwell_store::objects::ObjectBatch;
use stepwell_store::record::WorkflowRecord;
use stepwell_store::{Effects, StoreError};
use tokio::sync::oneshot;

use super::{ATTEMPTS, App, Triggered, not_found};
use crate::app::Start;
use crate::app::executions::Started;
use crate::caller::Verb;
use crate::objects::{self, Document, Object};
use crate::runtime::feed::Outcome;
use crate::runtime::schedules::LABEL;
use crate::schedule::Schedule;
use crate::{AppError, Caller};

/// Why an execution was not started.
enum NotFired {
    /// The schedule was changed or deleted meanwhile: nothing was started.
    Outdated,
    /// The firing cannot start anything.
    Refused { code: &'static str, error: AppError },
    /// Not now.
    Later(AppError),
}

/// Why a schedule starts an execution.
#[derive(Clone, Copy)]
enum FiringReason<'a> {
    /// It is due since that moment.
    Due(Timestamp),
    /// A caller requested it.
    Requested(&'a Caller),
}

impl App {
    /// Settles everything that is due of a schedule.
    ///
    /// # Errors
    /// It cannot be done now; what is not settled stays due.
    pub(super) async fn settle(&self, id: ScheduleId) -> Result<(), AppError> {
        while !self.engine.background.is_stopping() {
            let Some(schedule) = objects::find_object(&*self.engine.store, id).await? else {
                return Ok(());
            };
            if !self.step(&schedule).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Takes one step; returns whether there may be another one.
    async fn step(&self, schedule: &Object<Schedule>) -> Result<bool, AppError> {
        let now = self.engine.now();
        let Schedule { timing, timezone, anchor, progress, policies, last_execution, .. } =
            &schedule.document;
        let rule = match FiringRule::new(timing, timezone, *anchor) {
            Ok(rule) => rule,
            // An update of the time zones has removed this one: there is no next firing.
            Err(problem) => {
                let mut over =
                    ScheduleProgress { next_at: None, queued: Vec::new(), ..progress.clone() };
                let due = progress.next_at.unwrap_or(now);
                over.skip_firing(due, now, "INVALID_SCHEDULE", &problem.to_string());
                return self.advance(schedule, over, now).await;
            }
        };
        let waits = policies.overlap != Overlap::Allow || !progress.queued.is_empty();
        let busy = waits && self.is_running(*last_execution).await?;
        let scene = SchedulerContext { now, up_since: self.engine.schedules.up_since(), busy };
        let SchedulerStep { fire, progress: next } = policies.next_step(&rule, progress, scene);
        let Some(scheduled_at) = fire else {
            let is_settled = next == *progress;
            if is_settled && schedule.document.due_at.is_none_or(|at| at > now) {
                return Ok(false);
            }
            return Ok(self.advance(schedule, next, now).await? && !is_settled);
        };
        let mut skipped = next.clone();
        match self.fire(schedule, next, FiringReason::Due(scheduled_at), now).await {
            Ok(_) => Ok(true),
            Err(NotFired::Outdated) => Ok(true),
            Err(NotFired::Later(error)) => Err(error),
            Err(NotFired::Refused { code, error }) => {
                let id = schedule.id;
                tracing::warn!(schedule = %id, code, %error, "a firing starts nothing");
                skipped.skip_firing(scheduled_at, now, code, &describe_error(&error));
                self.advance(schedule, skipped, now).await
            }
        }
    }

    /// Stores progress that starts nothing.
    async fn advance(
        &self,
        schedule: &Object<Schedule>,
        progress: ScheduleProgress,
        now: Timestamp,
    ) -> Result<bool, AppError> {
        let after = schedule_after(schedule, progress, schedule.document.last_execution, now);
        let batch = ObjectBatch::put(after.to_stored()?, Effects::default());
        match self.engine.store.write_objects(batch).await {
            // Another writer was faster: the next step starts from what it wrote.
            Ok(()) | Err(StoreError::Outdated(_) | StoreError::Missing(_)) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Starts an execution, with the schedule's progress in the same transaction.
    async fn fire(
        &self,
        schedule: &Object<Schedule>,
        progress: ScheduleProgress,
        why: FiringReason<'_>,
        now: Timestamp,
    ) -> Result<Triggered, NotFired> {
        let workflow = self.engine.plans.workflow(schedule.document.workflow).await;
        let Some(workflow) = workflow.map_err(NotFired::Later)? else {
            // Its schedules were deleted with it.
            return Err(NotFired::Outdated);
        };
        let (sender, accepted) = oneshot::channel();
        // The limits of a caller apply to what it requests; a due firing is not rejected.
        let starter = match why {
            FiringReason::Requested(caller) => caller.clone(),
            FiringReason::Due(_) => schedule_owner(schedule),
        };
        let mut prepared = self
            .prepare_execution(
                &starter,
                &workflow,
                Box::new(firing_start(schedule, why)),
                Some(sender),
            )
            .await
            .map_err(|error| refused_firing(error, &workflow))?;
        let execution = prepared.record.id;
        let after = schedule_after(schedule, progress, Some(execution), now);
        let mut effects = self.firing_effects(&after, &workflow.name, &prepared.record);
        if let FiringReason::Requested(caller) = why {
            let entry =
                self.engine.audit_entry(caller, AuditAction::ScheduleTriggered, schedule.id);
            let entry = entry.named(&schedule.document.name);
            effects.audit.push(entry.with("execution_id", execution.abi()));
        }
        let stored = after.to_stored().map_err(|error| NotFired::Later(error.into()))?;
        prepared.objects = Some(Box::new(ObjectBatch::put(stored, effects)));
        let fired = match self.admit_execution(&starter, prepared).await {
            Ok(Started::Running(_, feed, _)) => match accepted.await {
                Ok(result) => result.map_err(NotFired::Later),
                Err(_) => match feed.outcome() {
                    Some(Outcome::NotAccepted(error)) => Err(not_accepted(error)),
                    _ => Err(NotFired::Later(AppError::stopping())),
                },
            },
            Ok(Started::Queued(_) | Started::Replayed(_)) => Ok(()),
            Err(error @ AppError::ConcurrencyLimit(_)) => {
                Err(NotFired::Refused { code: codes::CONCURRENCY_LIMIT, error })
            }
            Err(error) => Err(NotFired::Later(error)),
        };
        fired.map(|()| {
            let metrics = &self.engine.metrics;
            metrics.firings.increment(1);
            if let FiringReason::Due(due) = why {
                metrics.lateness.record(now.since(due));
            }
            Triggered { execution, schedule: after }
        })
    }

    /// Starts an execution of a schedule now, whatever its policies and whether or not it is
    /// enabled; its next firing stays where it is. Scope `execute:schedules`.
    ///
    /// # Errors
    /// `NotFound`, `Inactive`, `InvalidInput`, `Conflict` if its release tag was deleted,
    /// `RateLimited`, `Unavailable`.
    pub async fn trigger_schedule(
        &self,
        caller: &Caller,
        id: ScheduleId,
    ) -> Result<Triggered, AppError> {
        let mut schedule = self.find_schedule(caller, Verb::Execute, id).await?;
        for _ in 0..ATTEMPTS {
            let now = self.engine.now();
            let progress = schedule.document.progress.clone();
            match self.fire(&schedule, progress, FiringReason::Requested(caller), now).await {
                Ok(triggered) => return Ok(triggered),
                Err(NotFired::Refused { error: AppError::UnknownReleaseTag(problem), .. }) => {
                    let message = format!("{}; or change the schedule", problem.message);
                    return Err(AppError::Conflict(message));
                }
                Err(NotFired::Later(error) | NotFired::Refused { error, .. }) => return Err(error),
                Err(NotFired::Outdated) => {}
            }
            let found = objects::find_object(&*self.engine.store, id).await?;
            schedule = found.ok_or_else(|| not_found(id))?;
        }
        Err(StoreError::Outdated(Schedule::KIND).into())
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

/// The caller as which a due schedule executes its workflow.
fn schedule_owner(schedule: &Object<Schedule>) -> Caller {
    Caller::internal_to(schedule.workspace)
}

/// The parameters of the execution; its labels name the schedule.
fn firing_start(schedule: &Object<Schedule>, why: FiringReason<'_>) -> Start {
    let mut metadata = Map::new();
    metadata.insert(LABEL.to_owned(), json!(schedule.id.abi()));
    if let FiringReason::Due(at) = why {
        metadata.insert("scheduled_at".to_owned(), json!(at.to_string()));
    }
    let input = Value::Object(schedule.document.parameters.clone());
    let release_tag = schedule.document.release_tag.clone();
    Start { input: Some(input), metadata, release_tag, ..Start::default() }
}

/// The schedule with other progress.
fn schedule_after(
    schedule: &Object<Schedule>,
    progress: ScheduleProgress,
    last_execution: Option<ExecutionId>,
    now: Timestamp,
) -> Object<Schedule> {
    let due_at = progress.look_at(now);
    let mut document = Schedule { due_at, progress, last_execution, ..schedule.document.clone() };
    // A fixed time fires once; what still waits for the last execution fires first.
    let is_waiting = document.progress.next_at.is_some() || !document.progress.queued.is_empty();
    document.enabled &= is_waiting || document.timing.kind() != TimingKind::FixedTime;
    schedule.next(now, document)
}

/// Why nothing was fired if an execution could not be created.
fn refused_firing(error: AppError, workflow: &WorkflowRecord) -> NotFired {
    let code = match &error {
        AppError::Unavailable { .. } => return NotFired::Later(error),
        AppError::Inactive => "WORKFLOW_INACTIVE",
        AppError::InvalidInput(_) => "PARAMETER_VALIDATION_ERROR",
        AppError::UnknownReleaseTag(_) => "RELEASE_TAG_NOT_FOUND",
        AppError::TooLarge(_) => codes::VALUE_TOO_LARGE,
        AppError::InvalidConcurrencyKey(_) => codes::CONCURRENCY_KEY,
        _ => {
            tracing::error!(workflow = %workflow.id, %error, "a schedule cannot start its workflow");
            "INTERNAL_ERROR"
        }
    };
    NotFired::Refused { code, error }
}

/// The error as a schedule reports it: its parameters are the input of its executions.
fn describe_error(error: &AppError) -> String {
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

/// Why nothing was fired if the store rejected the first commit.
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
