//! What deliveries say, each in the words of the dialect that it belongs to.

use serde_json::Value;
use stepwell_core::ids::WebhookId;
use stepwell_engine::Tell;
use stepwell_engine::app::{ScheduleView, WorkflowView};
use stepwell_engine::tell::{Event, StatusChange, StepOf};
use stepwell_engine::view::ExecutionView;
use stepwell_store::record::WorkflowStats;

use crate::dialects::{abi, dataflow};

/// Words deliveries: webhooks are of the abi dialect, the URL of an execution is of the dataflow
/// dialect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Words;

impl Tell for Words {
    fn event(&self, event: Event<'_>) -> String {
        abi::events::body(event)
    }

    fn workflow(&self, workflow: &WorkflowView, stats: &WorkflowStats) -> Value {
        abi::events::workflow(workflow, stats)
    }

    fn execution(&self, execution: &ExecutionView, workflow_name: &str) -> Value {
        abi::events::execution(execution, workflow_name)
    }

    fn schedule(&self, schedule: &ScheduleView) -> Value {
        abi::events::schedule(schedule)
    }

    fn step(&self, step: StepOf<'_>) -> Value {
        abi::events::step(step)
    }

    fn test(&self, webhook: WebhookId) -> Value {
        abi::events::test(webhook)
    }

    fn status_change(&self, change: StatusChange<'_>) -> String {
        dataflow::deliveries::status_change(change)
    }
}
