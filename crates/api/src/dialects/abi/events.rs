//! The bodies that tell webhooks of events. `data` is what the matching GET of this dialect shows.
//!
//! They are written while executions go on: straight to text, no tree in between.

use serde::Serialize;
use stepwell_core::ids::WebhookId;
use stepwell_engine::app::{ScheduleView, WorkflowView};
use stepwell_engine::payload::{Event, StepPayload};
use stepwell_engine::view::ExecutionView;
use stepwell_store::record::WorkflowStats;

use super::statuses::ExecutionStatus;
use super::{executions_wire, schedules, workflows_wire};
use crate::payload::text;
use crate::respond::Time;

/// The whole body.
pub fn body(event: Event<'_>) -> String {
    let Event { id, name, at, data } = event;
    let (id, name, at) = (text(&id.abi()), text(name), text(&Time(at)));
    // `data` is JSON text already.
    format!(r#"{{"id":{id},"type":{name},"timestamp":{at},"data":{data}}}"#)
}

/// A workflow, as `GET /workflows/{id}` shows it.
pub fn workflow(view: &WorkflowView, stats: &WorkflowStats) -> String {
    text(&workflows_wire::workflow(view, stats))
}

/// An execution, as `GET /workflow_executions/{id}` shows it.
pub fn execution(view: &ExecutionView, workflow_name: &str) -> String {
    text(&executions_wire::execution(view, workflow_name, false))
}

/// A schedule, as `GET /workflow_schedules/{id}` shows it.
pub fn schedule(view: &ScheduleView) -> String {
    text(&schedules::shown(view))
}

#[derive(Serialize)]
struct CompletedStep<'a> {
    execution_id: String,
    workflow_id: String,
    workflow_name: &'a str,
    status: ExecutionStatus,
    step: executions_wire::Step<'a>,
}

/// A step that completed, and which execution it belongs to.
pub fn step(of: StepPayload<'_>) -> String {
    let StepPayload { execution, status, workflow_name, step } = of;
    text(&CompletedStep {
        execution_id: execution.id.abi(),
        workflow_id: execution.workflow.abi(),
        workflow_name,
        status: status.into(),
        step: executions_wire::step(step, true),
    })
}

#[derive(Serialize)]
struct Test {
    webhook_id: String,
    message: &'static str,
}

/// What a test says.
pub fn test(webhook: WebhookId) -> String {
    text(&Test { webhook_id: webhook.abi(), message: "This is a test of the webhook." })
}
