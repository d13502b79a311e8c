//! The bodies that tell webhooks of events. `data` is what the matching GET of this dialect shows.

use serde::Serialize;
use serde_json::{Value, json};
use stepwell_core::ids::WebhookId;
use stepwell_engine::app::{ScheduleView, WorkflowView};
use stepwell_engine::tell::{Event, StepOf};
use stepwell_engine::view::ExecutionView;
use stepwell_store::record::WorkflowStats;

use super::statuses::ExecutionStatus;
use super::{executions_wire, schedules, workflows_wire};
use crate::respond::Time;

/// The whole body.
pub fn body(event: Event<'_>) -> String {
    let Event { id, name, at, data } = event;
    let body = json!({"id": id.abi(), "type": name, "timestamp": Time(at), "data": data});
    body.to_string()
}

/// A workflow, as `GET /workflows/{id}` shows it.
pub fn workflow(view: &WorkflowView, stats: &WorkflowStats) -> Value {
    shown(&workflows_wire::workflow(view, stats))
}

/// An execution, as `GET /workflow_executions/{id}` shows it.
pub fn execution(view: &ExecutionView, workflow_name: &str) -> Value {
    shown(&executions_wire::execution(view, workflow_name, false))
}

/// A schedule, as `GET /workflow_schedules/{id}` shows it.
pub fn schedule(view: &ScheduleView) -> Value {
    shown(&schedules::shown(view))
}

/// A step that completed, and which execution it belongs to.
pub fn step(of: StepOf<'_>) -> Value {
    let StepOf { execution, status, workflow_name, step } = of;
    json!({
        "execution_id": execution.id.abi(),
        "workflow_id": execution.workflow.abi(),
        "workflow_name": workflow_name,
        "status": ExecutionStatus::from(status),
        "step": executions_wire::step(step, true),
    })
}

/// What a test says.
pub fn test(webhook: WebhookId) -> Value {
    json!({"webhook_id": webhook.abi(), "message": "This is a test of the webhook."})
}

/// Bodies are plain data: nothing in them can fail to be written.
fn shown(body: &impl Serialize) -> Value {
    serde_json::to_value(body).unwrap_or_default()
}
