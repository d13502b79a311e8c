//! The bodies of deliveries, each in the format of the dialect that it belongs to.

use stepwell_core::ids::WebhookId;
use stepwell_engine::PayloadRenderer;
use stepwell_engine::app::{ScheduleView, WorkflowView};
use stepwell_engine::approval::Approval;
use stepwell_engine::objects::Object;
use stepwell_engine::payload::{Event, SignalPayload, StatusChange, StepPayload};
use stepwell_engine::view::ExecutionView;
use stepwell_store::record::WorkflowStats;

use crate::dialects::{abi, dataflow};

/// Renders the bodies of deliveries: those of webhooks in the format of the abi dialect, those to the
/// `webhook_url` of an execution in the format of the dataflow dialect.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApiPayloads;

impl PayloadRenderer for ApiPayloads {
    fn render_event(&self, event: Event<'_>) -> String {
        abi::events::event_body(event)
    }

    fn render_workflow(&self, workflow: &WorkflowView, stats: &WorkflowStats) -> String {
        abi::events::workflow_payload(workflow, stats)
    }

    fn render_execution(&self, execution: &ExecutionView, workflow_name: &str) -> String {
        abi::events::execution_payload(execution, workflow_name)
    }

    fn render_schedule(&self, schedule: &ScheduleView) -> String {
        abi::events::schedule_payload(schedule)
    }

    fn render_step(&self, step: StepPayload<'_>) -> String {
        abi::events::step_payload(step)
    }

    fn render_signal(&self, signal: SignalPayload<'_>) -> String {
        abi::events::signal_payload(signal)
    }

    fn render_approval(&self, approval: &Object<Approval>, workflow_name: &str) -> String {
        abi::events::approval_payload(approval, workflow_name)
    }

    fn render_test(&self, webhook: WebhookId) -> String {
        abi::events::test_payload(webhook)
    }

    fn render_status_change(&self, change: StatusChange<'_>) -> String {
        dataflow::deliveries::status_change(change)
    }
}
