//! The body that notifies the URL of an execution of a change of status.

use serde::Serialize;
use serde_json::Value;
use stepwell_core::execution::Failure;
use stepwell_engine::payload::StatusChange;
use stepwell_engine::view::{NoticeKind, StepView};

use super::wire;
use crate::respond::{Time, to_text};

#[derive(Serialize)]
struct DeliveryBody<'a> {
    event: &'static str,
    execution_id: String,
    workflow_id: String,
    status: wire::ExecutionStatus,
    timestamp: Time,
    sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<Task<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error<'a>>,
}

#[derive(Serialize)]
struct Task<'a> {
    task_id: String,
    step_id: &'a str,
    #[serde(rename = "type")]
    type_name: &'static str,
    status: wire::TaskStatus,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    step_id: Option<&'a str>,
}

/// One change of the status of an execution or of one of its tasks.
pub fn status_change(change: StatusChange<'_>) -> String {
    let StatusChange { execution, status, notice } = change;
    let (task, output, error) = match &notice.kind {
        NoticeKind::Status { output, error, .. } => (None, output.as_deref(), error.as_ref()),
        NoticeKind::Step { step, .. } => {
            (Some(task_body(step)), step.output.as_deref(), step.error.as_ref())
        }
        NoticeKind::Log(_) | NoticeKind::Delta { .. } => (None, None, None),
    };
    to_text(&DeliveryBody {
        event: if task.is_some() { "task.status" } else { "execution.status" },
        execution_id: execution.id.dataflow(),
        workflow_id: execution.workflow.dataflow(),
        status: status.into(),
        timestamp: Time(notice.at),
        sequence: notice.seq,
        task,
        output,
        error: error.map(error_body),
    })
}

fn task_body(step: &StepView) -> Task<'_> {
    Task {
        task_id: step.run_id.dataflow(),
        step_id: &step.step_id,
        type_name: step.type_name,
        status: step.status.into(),
    }
}

fn error_body(error: &Failure) -> Error<'_> {
    Error { code: &error.code, message: &error.message, step_id: error.step.as_deref() }
}
