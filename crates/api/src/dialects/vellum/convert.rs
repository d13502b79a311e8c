//! From the domain to this dialect's bodies.

use serde_json::{Value, json};
use stepwell_core::definition::plan::Plan;
use stepwell_core::execution::{Failure, Status};
use stepwell_engine::view::{ExecutionView, StepView};

use super::{errors, outputs, wire};
use crate::respond::Time;

/// The type of the step that fails on purpose.
const FAIL: &str = "Fail";

/// The response about an execution that has ended.
pub fn ended_response<'a>(
    view: &'a ExecutionView,
    plan: &Plan,
    thinking: bool,
) -> wire::ExecuteResponse<'a> {
    let ExecutionView {
        record,
        input: _,
        output,
        error,
        release_tag: _,
        rerun_of: _,
        variables: _,
        waiting: _,
        warnings: _,
        steps,
        memory: _,
    } = view;
    let ts = Time(record.ended_at.unwrap_or(record.created_at));
    let id = record.id.to_string();
    let data = match (record.status, output) {
        (Status::Completed, Some(output)) => wire::ResultEvent {
            id,
            state: "FULFILLED",
            ts,
            outputs: Some(outputs::typed_outputs(
                record.workflow,
                &outputs::plan_outputs(plan),
                output,
                thinking,
            )),
            error: None,
        },
        (status, _) => wire::ResultEvent {
            id,
            state: "REJECTED",
            ts,
            outputs: None,
            error: Some(rejection_error(status, error.as_ref(), is_fail(steps, error.as_ref()))),
        },
    };
    wire::ExecuteResponse {
        execution_id: record.id.to_string(),
        run_id: None,
        external_id: record.external_id.as_deref(),
        data,
    }
}

/// Whether a failure is that of a `Fail` step.
fn is_fail(steps: &[StepView], error: Option<&Failure>) -> bool {
    let failed = error.and_then(|error| error.step.as_deref());
    steps.iter().any(|step| Some(step.step_id.as_str()) == failed && step.type_name == FAIL)
}

/// Whether a failure is that of a `Fail` step of this plan.
pub fn is_fail_of(plan: &Plan, error: Option<&Failure>) -> bool {
    let failed = error.and_then(|error| error.step.as_deref());
    let step = failed.and_then(|id| plan.step(*plan.by_id.get(id)?));
    step.is_some_and(|step| step.type_name == FAIL)
}

/// Why an execution that ended so is rejected.
pub fn rejection_error(
    status: Status,
    failure: Option<&Failure>,
    of_fail_step: bool,
) -> wire::EventError<'_> {
    match failure {
        Some(failure) => failure_event(failure, of_fail_step),
        None => {
            let message = format!("the execution has ended as {}", status.name());
            event_error(errors::ending_code(status), message, None)
        }
    }
}

/// A failure as clients read it.
pub fn failure_event(failure: &Failure, of_fail_step: bool) -> wire::EventError<'_> {
    let Failure { code, message, step, attempt, details } = failure;
    let raw = json!({ "code": code, "step_id": step, "attempt": attempt, "details": details });
    event_error(errors::failure_code(failure, of_fail_step), message.as_str(), Some(raw))
}

/// Why a node is rejected that was under way when its execution ended.
pub fn stopped_error() -> wire::EventError<'static> {
    event_error(errors::stopped_code(), "the execution ended first", None)
}

fn event_error<'a>(
    code: errors::FailureCode,
    message: impl Into<std::borrow::Cow<'a, str>>,
    raw_data: Option<Value>,
) -> wire::EventError<'a> {
    let errors::FailureCode { code, error_code } = code;
    wire::EventError { message: message.into(), code, error_code, raw_data, stacktrace: None }
}

/// The status of an execution.
pub fn status_response(view: &ExecutionView) -> wire::StatusResponse<'_> {
    let ExecutionView {
        record,
        input: _,
        output,
        error,
        release_tag: _,
        rerun_of: _,
        variables: _,
        waiting: _,
        warnings: _,
        steps,
        memory: _,
    } = view;
    let (status, outputs, error) = match record.status {
        Status::Queued => ("PENDING", None, None),
        Status::Running | Status::Waiting | Status::Paused => ("INITIATED", None, None),
        Status::Completed => {
            let named = output.as_deref().map(outputs::named_values).unwrap_or_default();
            ("FULFILLED", Some(wire::ByName(named)), None)
        }
        ended @ (Status::Failed | Status::TimedOut | Status::Cancelled) => {
            let of_fail_step = is_fail(steps, error.as_ref());
            ("REJECTED", None, Some(rejection_error(ended, error.as_ref(), of_fail_step)))
        }
    };
    wire::StatusResponse {
        status,
        execution_id: record.id.to_string(),
        outputs,
        error,
        execution_detail_url: None,
    }
}
