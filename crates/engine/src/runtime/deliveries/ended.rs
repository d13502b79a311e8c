//! The body that tells of an ended execution, as the abi contract words it: its `data` is what that
//! dialect shows of the execution. A test of the API holds the two together.

use serde_json::{Map, Value, json};
use stepwell_core::Timestamp;
use stepwell_core::execution::{Execution, Failure, Status};
use stepwell_core::ids::DeliveryId;
use stepwell_store::record::ExecutionRecord;

use crate::view::{ExecutionView, StepStatus, StepView};

/// The body of a delivery with that id.
pub(super) fn body(id: DeliveryId, execution: &Execution, record: &ExecutionRecord) -> String {
    let view = ExecutionView::new(execution, record);
    let event = match view.record.status {
        Status::Completed => "execution.completed",
        _ => "execution.failed",
    };
    json!({
        "id": id.abi().replacen("msg_", "evt_", 1),
        "type": event,
        "timestamp": time(view.record.ended_at),
        "data": shown(&view, &execution.origin.plan.name),
    })
    .to_string()
}

fn shown(view: &ExecutionView, workflow_name: &str) -> Value {
    let record = &view.record;
    json!({
        "execution_id": record.id.abi(),
        "workflow_id": record.workflow.abi(),
        "workflow_name": workflow_name,
        "status": status(record.status),
        "created_at": record.created_at.to_string(),
        "started_at": time(record.started_at),
        "completed_at": time(record.ended_at),
        "duration_ms": millis(record.started_at, record.ended_at),
        "parameters": *view.input,
        "result": view.output.as_deref(),
        "error": view.error.as_ref().map(failure),
        "steps": view.steps.iter().map(step).collect::<Vec<_>>(),
        "release": record.release,
        "metadata": record.metadata,
        "callback_url": record.callback_url,
        "rerun_of": view.rerun_of.map(|id| id.abi()),
    })
}

fn step(view: &StepView) -> Value {
    let mut shown = Map::new();
    shown.insert("name".into(), view.step_id.as_str().into());
    shown.insert("type".into(), view.type_name.into());
    shown.insert("status".into(), step_status(view.status).into());
    shown.insert("started_at".into(), json!(time(view.started_at)));
    shown.insert("completed_at".into(), json!(time(view.ended_at)));
    shown.insert("duration_ms".into(), json!(millis(view.started_at, view.ended_at)));
    shown.insert("attempt".into(), view.attempts.into());
    let failed = view.error.as_ref().filter(|_| view.status == StepStatus::Failed);
    shown.insert("error".into(), failed.map(failure).unwrap_or_default());
    shown.insert("reused".into(), view.reused.into());
    Value::Object(shown)
}

fn failure(failure: &Failure) -> Value {
    let Failure { code, message, step, attempt, details } = failure;
    json!({
        "code": code, "message": message, "step": step, "attempt": attempt, "details": details,
    })
}

fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

fn millis(from: Option<Timestamp>, until: Option<Timestamp>) -> Option<u64> {
    let length = until?.since(from?).as_millis();
    Some(u64::try_from(length).unwrap_or(u64::MAX))
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::Queued => "queued",
        Status::Running | Status::Waiting => "running",
        Status::Paused => "paused",
        Status::Completed => "completed",
        Status::Failed => "failed",
        Status::TimedOut => "timed_out",
        Status::Cancelled => "cancelled",
    }
}

const fn step_status(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "pending",
        StepStatus::Running | StepStatus::Waiting => "running",
        StepStatus::Completed => "completed",
        StepStatus::Failed => "failed",
        StepStatus::Skipped => "skipped",
        StepStatus::Cancelled => "cancelled",
    }
}
