//! Short bodies of deliveries, for the tests.

use serde_json::json;
use stepwell_core::ids::WebhookId;
use stepwell_engine::PayloadRenderer;
use stepwell_engine::app::{ScheduleView, WorkflowView};
use stepwell_engine::approval::Approval;
use stepwell_engine::objects::Object;
use stepwell_engine::payload::{Event, SignalPayload, StatusChange, StepPayload};
use stepwell_engine::view::{ExecutionView, NoticeKind};
use stepwell_store::record::WorkflowStats;

pub struct TestPayloads;

impl PayloadRenderer for TestPayloads {
    fn render_event(&self, event: Event<'_>) -> String {
        let Event { id, name, at, data } = event;
        let (id, at) = (id.abi(), at.as_micros());
        format!(r#"{{"id":"{id}","type":"{name}","at":{at},"data":{data}}}"#)
    }

    fn render_workflow(&self, workflow: &WorkflowView, stats: &WorkflowStats) -> String {
        let WorkflowView { record, source, .. } = workflow;
        json!({"name": record.name, "active": record.active, "release": record.release,
            "completed": stats.completed, "steps": source["steps"]})
        .to_string()
    }

    fn render_execution(&self, execution: &ExecutionView, workflow_name: &str) -> String {
        json!({"execution": execution.record.id, "workflow": workflow_name,
            "status": execution.record.status.name(), "output": execution.output,
            "settled": execution.progress().0})
        .to_string()
    }

    fn render_schedule(&self, schedule: &ScheduleView) -> String {
        let ScheduleView { record, workflow_name, last, warnings: _ } = schedule;
        let schedule = &record.document;
        json!({"schedule": record.id, "name": schedule.name, "enabled": schedule.enabled,
            "workflow": workflow_name, "version": record.version,
            "last": last.as_ref().map(|last| last.id)})
        .to_string()
    }

    fn render_step(&self, step: StepPayload<'_>) -> String {
        json!({"execution": step.execution.id, "step": step.step.step_id}).to_string()
    }

    fn render_signal(&self, signal: SignalPayload<'_>) -> String {
        let SignalPayload { execution, workflow_name: _, name, key, id, data } = signal;
        json!({"execution": execution.id, "name": name, "key": key, "id": id, "data": data})
            .to_string()
    }

    fn render_approval(&self, approval: &Object<Approval>, _: &str) -> String {
        let Approval { step, status, .. } = &approval.document;
        json!({"id": approval.id, "step": step, "status": status.name()}).to_string()
    }

    fn render_test(&self, webhook: WebhookId) -> String {
        json!({"webhook": webhook}).to_string()
    }

    fn render_status_change(&self, change: StatusChange<'_>) -> String {
        let StatusChange { execution, status, notice } = change;
        let (task, output) = match &notice.kind {
            NoticeKind::Step { step, .. } => {
                let status = format!("{:?}", step.status).to_uppercase();
                let status = status.replace("WAITING", "RUNNING");
                (Some(json!({"step_id": step.step_id, "status": status})), None)
            }
            NoticeKind::Status { output, .. } => (None, output.clone()),
            other => panic!("{other:?} is no change"),
        };
        let status = status.name().to_uppercase().replace("QUEUED", "PENDING");
        json!({"execution_id": execution.id.dataflow(), "status": status, "sequence": notice.seq, "task": task, "output": output})
        .to_string()
    }
}
