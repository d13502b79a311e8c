//! What deliveries say. The engine knows what happened and who is to be told; how that is worded
//! is for whoever owns the bodies, the API.
//!
//! A body is made when the event is committed, so that every attempt sends the same bytes. It is
//! made while an execution goes on: as text from the start, without a tree in between.

use stepwell_core::Timestamp;
use stepwell_core::execution::Status;
use stepwell_core::ids::{EventId, WebhookId};
use stepwell_store::record::{ExecutionRecord, WorkflowStats};

use crate::app::{ScheduleView, WorkflowView};
use crate::view::{ExecutionView, Notice, StepView};

/// What the test of a webhook is called.
pub const TEST_EVENT: &str = "webhook.test";

/// Words what happened. The data of an event is JSON text.
pub trait Tell: Send + Sync + 'static {
    /// The whole body that tells a webhook of an event.
    fn event(&self, event: Event<'_>) -> String;
    /// The data of an event about a workflow: what asking for it would show.
    fn workflow(&self, workflow: &WorkflowView, stats: &WorkflowStats) -> String;
    /// The data of an event about an execution: what asking for it would show.
    fn execution(&self, execution: &ExecutionView, workflow_name: &str) -> String;
    /// The data of an event about a schedule: what asking for it would show.
    fn schedule(&self, schedule: &ScheduleView) -> String;
    /// The data of an event about a step of an execution.
    fn step(&self, step: StepOf<'_>) -> String;
    /// The data of a test delivery.
    fn test(&self, webhook: WebhookId) -> String;
    /// The whole body that tells the URL of an execution of a change of a status.
    fn status_change(&self, change: StatusChange<'_>) -> String;
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
    /// What the other methods made of what it is about.
    pub data: String,
}

/// A step and the execution that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct StepOf<'a> {
    /// The execution's identity.
    pub execution: &'a ExecutionRecord,
    /// Where the execution stands.
    pub status: Status,
    /// The name of its workflow.
    pub workflow_name: &'a str,
    /// The step as it is now.
    pub step: &'a StepView,
}

/// A change of the status of an execution or of one of its steps.
#[derive(Debug, Clone, Copy)]
pub struct StatusChange<'a> {
    /// The execution's identity.
    pub execution: &'a ExecutionRecord,
    /// Where the execution stands.
    pub status: Status,
    /// What changed.
    pub notice: &'a Notice,
}
