//! The bodies of webhook deliveries. The engine knows the event and its receivers; the API, which
//! owns the formats, renders the bodies.
//!
//! A body is rendered when its event is committed, so that every attempt sends the same bytes. This
//! happens while the execution continues, so bodies are text from the start, without a JSON tree.

use serde_json::Value;
use stepwell_core::Timestamp;
use stepwell_core::execution::Status;
use stepwell_core::ids::{EventId, WebhookId};
use stepwell_store::record::{ExecutionRecord, WorkflowStats};

use crate::app::{ScheduleView, WorkflowView};
use crate::approval::Approval;
use crate::objects::Object;
use crate::view::{ExecutionView, Notice, StepView};

/// The event name of a webhook's test delivery.
pub const TEST_EVENT_NAME: &str = "webhook.test";

/// Renders the bodies of webhook deliveries. The data of an event is JSON text.
pub trait PayloadRenderer: Send + Sync + 'static {
    /// The whole body of an event for webhooks.
    fn render_event(&self, event: Event<'_>) -> String;
    /// The data of an event about a workflow, as the API shows the workflow.
    fn render_workflow(&self, workflow: &WorkflowView, stats: &WorkflowStats) -> String;
    /// The data of an event about an execution, as the API shows the execution.
    fn render_execution(&self, execution: &ExecutionView, workflow_name: &str) -> String;
    /// The data of an event about a schedule, as the API shows the schedule.
    fn render_schedule(&self, schedule: &ScheduleView) -> String;
    /// The data of an event about a step of an execution.
    fn render_step(&self, step: StepPayload<'_>) -> String;
    /// The data of an event about a signal that an execution received.
    fn render_signal(&self, signal: SignalPayload<'_>) -> String;
    /// The data of an event about an approval, as the API shows the approval.
    fn render_approval(&self, approval: &Object<Approval>, workflow_name: &str) -> String;
    /// The data of a test delivery.
    fn render_test(&self, webhook: WebhookId) -> String;
    /// The whole body of a status change, for the `webhook_url` of an execution.
    fn render_status_change(&self, change: StatusChange<'_>) -> String;
}

/// An event for webhooks.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// Its id, the same for all webhooks.
    pub id: EventId,
    /// Its name: `execution.completed`.
    pub name: &'a str,
    /// When it happened.
    pub at: Timestamp,
    /// The rendered data, JSON text.
    pub data: String,
}

/// A step and the execution that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct StepPayload<'a> {
    /// The execution's record.
    pub execution: &'a ExecutionRecord,
    /// The execution's status.
    pub status: Status,
    /// The name of its workflow.
    pub workflow_name: &'a str,
    /// The step as it is now.
    pub step: &'a StepView,
}

/// A signal that an execution received.
#[derive(Debug, Clone, Copy)]
pub struct SignalPayload<'a> {
    /// The execution's record.
    pub execution: &'a ExecutionRecord,
    /// The name of its workflow.
    pub workflow_name: &'a str,
    /// The name of the signal.
    pub name: &'a str,
    /// The correlation key that it was sent with.
    pub key: Option<&'a str>,
    /// The id that the sender gave it.
    pub id: Option<&'a str>,
    /// Its data.
    pub data: &'a Value,
}

/// A change of the status of an execution or of one of its steps.
#[derive(Debug, Clone, Copy)]
pub struct StatusChange<'a> {
    /// The execution's record.
    pub execution: &'a ExecutionRecord,
    /// The execution's status.
    pub status: Status,
    /// The change.
    pub notice: &'a Notice,
}
