//! Conversions between the bodies about executions and the domain.

use std::time::Duration;

use serde_json::Value;
use stepwell_core::definition::model::StepRole;
use stepwell_core::execution::{RerunFrom, SkipReason, Status};
use stepwell_core::{Problem, Problems, Timestamp};
use stepwell_engine::AppError;
use stepwell_engine::app::{RerunRequest as Rerun, Start};
use stepwell_engine::view::{self, AttemptView, ExecutionView, LogLine, StepStatus, StepView};
use stepwell_store::record::ExecutionRecord;

use super::super::statuses::ExecutionStatus;
use super::super::warnings::warnings_body;
use super::wire::{
    Accepted, AttemptFailure, ExecuteRequest, Executed, Execution, ExecutionOptions, ExecutionRow,
    ExecutionWait, Line, RerunRequest, Step, StepAttempt, StepWait,
};
use crate::error::{ApiError, Kind, shorten_text};
use crate::fields::{FieldType, Fields, FromFields as _};
use crate::large::SharedPlace;
use crate::respond::Time;

fn millis_between(from: Option<Timestamp>, until: Option<Timestamp>) -> Option<u64> {
    let length = until?.since(from?).as_millis();
    Some(u64::try_from(length).unwrap_or(u64::MAX))
}

impl<'a> From<&'a ExecutionView> for Executed<'a> {
    fn from(view: &'a ExecutionView) -> Self {
        let ExecutionRecord { id, workflow, status, started_at, ended_at, .. } = &view.record;
        Self {
            execution_id: id.abi(),
            workflow_id: workflow.abi(),
            status: (*status).into(),
            started_at: started_at.map(Time),
            completed_at: ended_at.map(Time),
            duration_ms: millis_between(*started_at, *ended_at),
            parameters: SharedPlace(&view.input),
            result: view.output.as_ref().map(SharedPlace),
            warnings: None,
        }
    }
}

/// As it was when it began: it may have ended since.
impl<'a> From<&'a ExecutionView> for Accepted<'a> {
    fn from(view: &'a ExecutionView) -> Self {
        let ExecutionRecord { id, workflow, started_at, callback_url, .. } = &view.record;
        Self {
            execution_id: id.abi(),
            workflow_id: workflow.abi(),
            status: match started_at {
                Some(_) => ExecutionStatus::Running,
                None => ExecutionStatus::Queued,
            },
            started_at: started_at.map(Time),
            parameters: SharedPlace(&view.input),
            callback_url: callback_url.as_deref(),
            rerun_of: view.rerun_of.map(|id| id.abi()),
            warnings: None,
        }
    }
}

/// An execution; `with_io`: with the inputs and outputs of its steps.
pub fn execution_body<'a>(
    view: &'a ExecutionView,
    workflow_name: &'a str,
    with_io: bool,
) -> Execution<'a> {
    let ExecutionView {
        record,
        input,
        output,
        error,
        release_tag,
        rerun_of,
        variables,
        waiting,
        warnings,
        steps,
        memory: _,
    } = view;
    let ExecutionRow {
        execution_id,
        workflow_id,
        workflow_name,
        status,
        is_waiting: _,
        created_at,
        started_at,
        completed_at,
        duration_ms,
        metadata,
        parent_execution_id,
    } = execution_row(record, workflow_name);
    Execution {
        execution_id,
        workflow_id,
        workflow_name,
        status,
        created_at,
        started_at,
        completed_at,
        duration_ms,
        parameters: SharedPlace(input),
        vars: variables.as_ref().filter(|_| with_io).map(SharedPlace),
        result: output.as_ref().map(SharedPlace),
        error: error.as_ref().map(Into::into),
        waiting: waiting.as_ref().map(Into::into),
        steps: steps.iter().map(|view| step_body(view, with_io)).collect(),
        release: record.release,
        release_tag: release_tag.as_deref(),
        metadata,
        callback_url: record.callback_url.as_deref(),
        rerun_of: rerun_of.map(|id| id.abi()),
        parent_execution_id,
        parent_step: record.parent.as_ref().map(|parent| parent.step.as_str()),
        warnings: warnings_body(warnings),
    }
}

/// A step; `with_io`: with its input, output and configuration.
pub fn step_body(view: &StepView, with_io: bool) -> Step<'_> {
    let StepView {
        step_run: _,
        run_id: _,
        step_id,
        type_name,
        status,
        input,
        output,
        error,
        attempt_count,
        attempts,
        waiting,
        config,
        started_at,
        ended_at,
        skip_reason,
        reused,
        parent: _,
        child,
        role,
    } = view;
    Step {
        name: step_id,
        type_name,
        status: (*status).into(),
        started_at: started_at.map(Time),
        completed_at: ended_at.map(Time),
        duration_ms: millis_between(*started_at, *ended_at),
        attempt: *attempt_count,
        attempts: attempts.iter().map(Into::into).collect(),
        waiting: waiting.as_ref().map(Into::into),
        // The error of an attempt that is tried again is in `attempts`, not here.
        error: error.as_ref().filter(|_| *status == StepStatus::Failed).map(Into::into),
        skip_reason: skip_reason.map(SkipReason::name),
        reused: *reused,
        compensates: compensated_step(role),
        input: input.as_ref().filter(|_| with_io).map(SharedPlace),
        output: output.as_ref().filter(|_| with_io).map(SharedPlace),
        config: config.as_ref().filter(|_| with_io).map(|config| SharedPlace(&config.value)),
        config_truncated: config.as_ref().is_some_and(|config| with_io && config.is_shortened),
        child_execution_id: child.as_ref().map(|child| child.execution.abi()),
    }
}

fn compensated_step(role: &StepRole<String>) -> Option<&str> {
    match role {
        StepRole::Compensation(step) => Some(step),
        StepRole::Regular | StepRole::FailureHandler => None,
    }
}

impl<'a> From<&'a AttemptView> for StepAttempt<'a> {
    fn from(attempt: &'a AttemptView) -> Self {
        let AttemptView { number, status, started_at, ended_at, error, next_at } = attempt;
        Self {
            number: *number,
            status: (*status).into(),
            started_at: Time(*started_at),
            completed_at: ended_at.map(Time),
            duration_ms: millis_between(Some(*started_at), *ended_at),
            error: error.as_ref().map(Into::into),
            next_attempt_at: next_at.map(Time),
        }
    }
}

impl<'a> From<&'a view::AttemptFailure> for AttemptFailure<'a> {
    fn from(failure: &'a view::AttemptFailure) -> Self {
        let view::AttemptFailure { code, message } = failure;
        Self { code, message }
    }
}

impl<'a> From<&'a view::ExecutionWait> for ExecutionWait<'a> {
    fn from(wait: &'a view::ExecutionWait) -> Self {
        let view::ExecutionWait { reason, step_id, until, signal, place } = wait;
        let key_of_place = place.as_ref().and_then(|place| place.key.as_deref());
        Self {
            reason: reason.name(),
            step: step_id.as_deref(),
            until: until.map(Time),
            signal: signal.as_ref().map(|signal| signal.name.as_str()),
            key: signal.as_ref().and_then(|signal| signal.key.as_deref()).or(key_of_place),
            limit: place.as_ref().map(|place| place.limit),
            position: place.as_ref().and_then(|place| place.position),
        }
    }
}

impl<'a> From<&'a view::StepWait> for StepWait<'a> {
    fn from(view::StepWait { reason, until, signal, place }: &'a view::StepWait) -> Self {
        let key_of_place = place.as_ref().and_then(|place| place.key.as_deref());
        Self {
            reason: reason.name(),
            until: until.map(Time),
            signal: signal.as_ref().map(|signal| signal.name.as_str()),
            key: signal.as_ref().and_then(|signal| signal.key.as_deref()).or(key_of_place),
            limit: place.as_ref().map(|place| place.limit),
            position: place.as_ref().and_then(|place| place.position),
        }
    }
}

/// An execution in a list.
pub fn execution_row<'a>(record: &'a ExecutionRecord, workflow_name: &'a str) -> ExecutionRow<'a> {
    let ExecutionRecord {
        id,
        workspace: _,
        workflow,
        release: _,
        status,
        seq: _,
        created_at,
        started_at,
        ended_at,
        wake_at: _,
        owner: _,
        external_id: _,
        metadata,
        webhook_url: _,
        callback_url: _,
        started_by: _,
        parent,
        concurrency: _,
    } = record;
    ExecutionRow {
        execution_id: id.abi(),
        workflow_id: workflow.abi(),
        workflow_name,
        status: (*status).into(),
        is_waiting: *status == Status::Waiting,
        created_at: Time(*created_at),
        started_at: started_at.map(Time),
        completed_at: ended_at.map(Time),
        duration_ms: millis_between(*started_at, *ended_at),
        metadata,
        parent_execution_id: parent.as_ref().map(|parent| parent.execution.abi()),
    }
}

impl<'a> From<&'a LogLine> for Line<'a> {
    fn from(line: &'a LogLine) -> Self {
        let LogLine { seq, at, step_id, level, message } = line;
        Self { sequence: *seq, timestamp: Time(*at), step: step_id.as_deref(), level, message }
    }
}

/// The longest timeout of an execution for which no request waits: a year.
const MAX_TIMEOUT: f64 = 365.0 * 86_400.0;

pub fn invalid_parameters(error: ApiError) -> ApiError {
    error.recast(Kind::InvalidRequest, Kind::InvalidParameters)
}

/// Places of what does not fit, as this dialect's requests name them.
pub fn execute_error(error: AppError) -> ApiError {
    invalid_parameters(ApiError::from(error).replaced("input", "parameters"))
}

/// The input that a rerun does not accept is that of the step.
pub fn rerun_error(error: AppError) -> ApiError {
    match error {
        AppError::InvalidInput(Problems(problems)) => {
            let intro = "the input does not fit the step's input schema";
            ApiError::with_problems(Kind::InvalidInput, intro, problems)
        }
        other => invalid_parameters(other.into()),
    }
}

impl FieldType for ExecutionOptions {
    fn read(fields: &mut Fields, name: &'static str) -> Option<Self> {
        let mut read = Self::default();
        for (option, value) in fields.object(name)? {
            let path = format!("{name}.{option}");
            match (option.as_str(), value) {
                (_, Value::Null) => {}
                ("timeout_seconds", value) => {
                    match value.as_f64().filter(|s| *s > 0.0 && *s <= MAX_TIMEOUT) {
                        Some(seconds) => {
                            read.timeout_seconds = Some(Duration::from_secs_f64(seconds));
                        }
                        None => fields.push(Problem::new(
                            path,
                            "must be a number of seconds, more than 0, at most a year",
                        )),
                    }
                }
                ("wait_for_completion", Value::Bool(wait)) => {
                    read.wait_for_completion = Some(wait);
                }
                ("wait_for_completion", _) => {
                    fields.push(Problem::new(path, "must be true or false"));
                }
                _ => {
                    let shown: String = path.chars().take(100).collect();
                    let known = "timeout_seconds, wait_for_completion";
                    let message = format!("is unknown; the options are {known}");
                    fields.push(Problem::new(shown, message));
                }
            }
        }
        Some(read)
    }
}

/// Reads a request to execute.
pub fn execute_request(mut fields: Fields) -> Result<ExecuteRequest, ApiError> {
    let request = ExecuteRequest::read(&mut fields);
    fields.finish().map_err(invalid_parameters)?;
    Ok(request)
}

/// Reads a request for a rerun.
pub fn rerun_request(mut fields: Fields) -> Result<Rerun, ApiError> {
    let RerunRequest { from, from_step, input, parameters, callback_url, release_tag, traffic_key } =
        RerunRequest::read(&mut fields);
    let parameters = parameters.map(Value::Object);
    let from = match (from.as_deref(), from_step) {
        (Some(_), Some(_)) => {
            fields.push(Problem::new("from_step", "give either from or from_step, not both"));
            None
        }
        (None, Some(id)) => Some(RerunFrom::Step { id, input: input.clone() }),
        (Some("failed"), None) => Some(RerunFrom::Failed),
        (None | Some("start"), None) => None,
        (Some(other), None) => {
            let other = shorten_text(other);
            let problem = Problem::new("from", "must be start or failed; name a step as from_step");
            fields.push(problem.with_expectation("start or failed", other));
            None
        }
    };
    if input.is_some() && !matches!(from, Some(RerunFrom::Step { .. })) {
        fields.push(Problem::new("input", "is the input of a step: name the step as from_step"));
    }
    if parameters.is_some() && from.is_some() {
        let message = "only an execution that is run from its start can have other parameters";
        fields.push(Problem::new("parameters", message));
    }
    if traffic_key.is_some() && release_tag.is_none() {
        let message = "decides between the releases of a tag: add release_tag, or omit it";
        fields.push(Problem::new("traffic_key", message));
    }
    fields.finish().map_err(invalid_parameters)?;
    let start = Start { callback_url, release_tag, traffic_key, ..Start::default() };
    Ok(Rerun { from, input: parameters, start })
}
