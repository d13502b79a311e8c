//! Plain words for deliveries.

use serde_json::json;
use stepwell_core::ids::WebhookId;
use stepwell_engine::Tell;
use stepwell_engine::app::{ScheduleView, WorkflowView};
use stepwell_engine::tell::{Event, StatusChange, StepOf};
use stepwell_engine::view::{ExecutionView, What};
use stepwell_store::record::WorkflowStats;

pub struct Words;

impl Tell for Words {
    fn event(&self, event: Event<'_>) -> String {
        let Event { id, name, at, data } = event;
        let (id, at) = (id.abi(), at.as_micros());
        format!(r#"{{"id":"{id}","type":"{name}","at":{at},"data":{data}}}"#)
    }

    fn workflow(&self, workflow: &WorkflowView, stats: &WorkflowStats) -> String {
        let WorkflowView { record, source, .. } = workflow;
        json!({"name": record.name, "active": record.active, "release": record.release,
            "completed": stats.completed, "steps": source["steps"]})
        .to_string()
    }

    fn execution(&self, execution: &ExecutionView, workflow_name: &str) -> String {
        json!({"execution": execution.record.id, "workflow": workflow_name,
            "status": execution.record.status.name(), "output": execution.output,
            "settled": execution.progress().0})
        .to_string()
    }

    fn schedule(&self, schedule: &ScheduleView) -> String {
        let ScheduleView { record, workflow_name, last } = schedule;
        let schedule = &record.document;
        json!({"schedule": record.id, "name": schedule.name, "enabled": schedule.enabled,
            "workflow": workflow_name, "version": record.version,
            "last": last.as_ref().map(|last| last.id)})
        .to_string()
    }

    fn step(&self, step: StepOf<'_>) -> String {
        json!({"execution": step.execution.id, "step": step.step.step_id}).to_string()
    }

    fn test(&self, webhook: WebhookId) -> String {
        json!({"webhook": webhook}).to_string()
    }

    fn status_change(&self, change: StatusChange<'_>) -> String {
        let StatusChange { execution, status, notice } = change;
        let (task, output) = match &notice.what {
            What::Step { step, .. } => {
                let status = format!("{:?}", step.status).to_uppercase();
                let status = status.replace("WAITING", "RUNNING");
                (Some(json!({"step_id": step.step_id, "status": status})), None)
            }
            What::Status { output, .. } => (None, output.clone()),
            other => panic!("{other:?} is no change"),
        };
        let status = status.name().to_uppercase().replace("QUEUED", "PENDING");
        json!({"execution_id": execution.id.dataflow(), "status": status, "sequence": notice.seq, "task": task, "output": output})
        .to_string()
    }
}
