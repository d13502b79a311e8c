//! The bodies that tell webhooks of events. `data` is what the matching GET of this dialect shows.

use serde_json::{Value, json};
use stepwell_core::Timestamp;
use stepwell_core::execution::{Failure, Status};
use stepwell_core::ids::WebhookId;
use stepwell_engine::app::{ScheduleView, WorkflowView};
use stepwell_engine::tell::{Event, StepOf};
use stepwell_engine::view::{ExecutionView, StepStatus, StepView};
use stepwell_store::record::WorkflowStats;

use super::schedules;

/// The whole body.
pub fn body(event: Event<'_>) -> String {
    let Event { id, name, at, data } = event;
    let body = json!({"id": id.abi(), "type": name, "timestamp": time(at), "data": data});
    body.to_string()
}

/// A workflow, as `GET /workflows/{id}` shows it.
pub fn workflow(view: &WorkflowView, stats: &WorkflowStats) -> Value {
    let WorkflowView { record, source, plan: _ } = view;
    let ended = stats.completed + stats.failed + stats.timed_out + stats.cancelled;
    json!({
        "id": record.id.abi(),
        "name": record.name,
        "description": source.get("description"),
        "metadata": record.metadata,
        "status": if record.active { "active" } else { "inactive" },
        "release": record.release,
        "stats": {
            "runs_total": ended,
            "runs_success": stats.completed,
            "runs_failed": stats.failed + stats.timed_out,
            "average_duration_ms": stats.total_micros.checked_div(stats.timed).map_or(0, |mean| mean / 1000),
        },
        "created_at": time(record.created_at),
        "updated_at": time(record.updated_at),
    })
}

/// An execution, as `GET /workflow_executions/{id}` shows it.
pub fn execution(view: &ExecutionView, workflow_name: &str) -> Value {
    let ExecutionView { record, input, output, error, steps } = view;
    json!({
        "execution_id": record.id.abi(),
        "workflow_id": record.workflow.abi(),
        "workflow_name": workflow_name,
        "status": status_name(record.status),
        "started_at": record.started_at.map(time),
        "completed_at": record.ended_at.map(time),
        "duration_ms": duration(record.started_at, record.ended_at),
        "parameters": input,
        "result": output,
        "error": error.as_ref().map(failure),
        "steps": steps.iter().map(shown_step).collect::<Vec<_>>(),
    })
}

/// A schedule, as `GET /workflow_schedules/{id}` shows it.
pub fn schedule(view: &ScheduleView) -> Value {
    json!(schedules::shown(view))
}

/// A step that completed, and which execution it belongs to.
pub fn step(of: StepOf<'_>) -> Value {
    let StepOf { execution, status, workflow_name, step } = of;
    let mut shown = shown_step(step);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("output".into(), step.output.as_deref().cloned().into());
    }
    json!({
        "execution_id": execution.id.abi(),
        "workflow_id": execution.workflow.abi(),
        "workflow_name": workflow_name,
        "status": status_name(status),
        "step": shown,
    })
}

/// What a test says.
pub fn test(webhook: WebhookId) -> Value {
    json!({"webhook_id": webhook.abi(), "message": "This is a test of the webhook."})
}

fn shown_step(step: &StepView) -> Value {
    json!({
        "name": step.step_id,
        "status": step_name(step.status),
        "started_at": step.started_at.map(time),
        "completed_at": step.ended_at.map(time),
        "duration_ms": duration(step.started_at, step.ended_at),
        "attempt": step.attempts,
        "error": step.error.as_ref().map(failure),
    })
}

fn failure(error: &Failure) -> Value {
    let Failure { code, message, step, attempt, details } = error;
    json!({"code": code, "message": message, "step": step, "attempt": attempt, "details": details})
}

fn time(at: Timestamp) -> String {
    at.to_string()
}

fn duration(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<u64> {
    let millis = to?.since(from?).as_millis();
    Some(u64::try_from(millis).unwrap_or(u64::MAX))
}

const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Queued => "pending",
        Status::Running => "running",
        Status::Waiting => "waiting",
        Status::Paused => "paused",
        Status::Completed => "completed",
        Status::Failed => "failed",
        Status::TimedOut => "timed_out",
        Status::Cancelled => "cancelled",
    }
}

const fn step_name(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "pending",
        StepStatus::Running => "running",
        StepStatus::Waiting => "waiting",
        StepStatus::Completed => "completed",
        StepStatus::Failed => "failed",
        StepStatus::Skipped => "skipped",
        StepStatus::Cancelled => "cancelled",
    }
}
