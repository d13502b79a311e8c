//! The bodies of webhook events. `data` is what the matching GET of this dialect shows.
//!
//! They are written while executions run: straight to text, without a tree in between.

use serde::Serialize;
use serde_json::Value;
use stepwell_core::ids::WebhookId;
use stepwell_engine::app::{ScheduleView, WorkflowView};
use stepwell_engine::approval::Approval;
use stepwell_engine::objects::Object;
use stepwell_engine::payload::{Event, SignalPayload, StepPayload};
use stepwell_engine::view::ExecutionView;
use stepwell_store::record::WorkflowStats;

use super::executions::convert as executions;
use super::executions::wire::Step;
use super::schedules;
use super::statuses::ExecutionStatus;
use super::workflows::convert as workflows;
use crate::respond::{Time, to_text};

/// The whole body.
pub fn event_body(event: Event<'_>) -> String {
    let Event { id, name, at, data } = event;
    let (id, name, at) = (to_text(&id.abi()), to_text(name), to_text(&Time(at)));
    // `data` is JSON text already.
    format!(r#"{{"id":{id},"type":{name},"timestamp":{at},"data":{data}}}"#)
}

/// A workflow, as `GET /workflows/{id}` shows it.
pub fn workflow_payload(view: &WorkflowView, stats: &WorkflowStats) -> String {
    to_text(&workflows::workflow_body(view, stats))
}

/// An execution, as `GET /workflow_executions/{id}` shows it.
pub fn execution_payload(view: &ExecutionView, workflow_name: &str) -> String {
    to_text(&executions::execution_body(view, workflow_name, false))
}

/// A schedule, as `GET /workflow_schedules/{id}` shows it.
pub fn schedule_payload(view: &ScheduleView) -> String {
    to_text(&schedules::shown_schedule(view))
}

#[derive(Serialize)]
struct CompletedStep<'a> {
    execution_id: String,
    workflow_id: String,
    workflow_name: &'a str,
    status: ExecutionStatus,
    step: Step<'a>,
}

/// A step that completed, and which execution it belongs to.
pub fn step_payload(event: StepPayload<'_>) -> String {
    let StepPayload { execution, status, workflow_name, step } = event;
    to_text(&CompletedStep {
        execution_id: execution.id.abi(),
        workflow_id: execution.workflow.abi(),
        workflow_name,
        status: status.into(),
        step: executions::step_body(step, true),
    })
}

#[derive(Serialize)]
struct ReceivedSignal<'a> {
    execution_id: String,
    workflow_id: String,
    workflow_name: &'a str,
    name: &'a str,
    key: Option<&'a str>,
    id: Option<&'a str>,
    data: &'a Value,
}

/// A signal, and which execution received it.
pub fn signal_payload(signal: SignalPayload<'_>) -> String {
    let SignalPayload { execution, workflow_name, name, key, id, data } = signal;
    to_text(&ReceivedSignal {
        execution_id: execution.id.abi(),
        workflow_id: execution.workflow.abi(),
        workflow_name,
        name,
        key,
        id,
        data,
    })
}

/// An approval, as `GET /approvals/{id}` shows it, with the name of its workflow.
pub fn approval_payload(approval: &Object<Approval>, workflow_name: &str) -> String {
    #[derive(Serialize)]
    struct NamedApproval<'a> {
        #[serde(flatten)]
        approval: super::approvals::wire::Approval<'a>,
        workflow_name: &'a str,
    }
    let approval = super::approvals::convert::approval_body(approval);
    to_text(&NamedApproval { approval, workflow_name })
}

#[derive(Serialize)]
struct TestPayload {
    webhook_id: String,
    message: &'static str,
}

/// The data of a test.
pub fn test_payload(webhook: WebhookId) -> String {
    to_text(&TestPayload { webhook_id: webhook.abi(), message: "This is a test of the webhook." })
}
