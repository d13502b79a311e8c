//! The body of a delivery, as the dataflow contract words it. It is made when the event is
//! committed, so that every attempt sends the same bytes.

use serde_json::{Map, Value, json};
use stepwell_core::execution::{Failure, Status};
use stepwell_store::record::ExecutionRecord;

use crate::view::{Notice, StepStatus, StepView, What};

/// One status change of an execution or of one of its tasks.
pub(super) fn status_change(record: &ExecutionRecord, status: Status, notice: &Notice) -> String {
    let mut body = Map::new();
    body.insert("event".into(), "execution.status".into());
    body.insert("execution_id".into(), record.id.dataflow().into());
    body.insert("workflow_id".into(), record.workflow.dataflow().into());
    body.insert("status".into(), execution_status(status).into());
    body.insert("timestamp".into(), notice.at.to_string().into());
    body.insert("sequence".into(), notice.seq.into());
    match &notice.what {
        What::Status { output, error, .. } => {
            if let Some(output) = output {
                body.insert("output".into(), Value::clone(output));
            }
            if let Some(error) = error {
                body.insert("error".into(), failure(error));
            }
        }
        What::Step { step, .. } => add_step(&mut body, step),
        What::Log(_) | What::Delta { .. } => {}
    }
    Value::Object(body).to_string()
}

fn add_step(body: &mut Map<String, Value>, step: &StepView) {
    let task = json!({
        "task_id": step.run_id.dataflow(),
        "step_id": step.step_id,
        "type": step.type_name,
        "status": step_status(step.status),
    });
    body.insert("task".into(), task);
    if let Some(output) = &step.output {
        body.insert("output".into(), Value::clone(output));
    }
    if let Some(error) = &step.error {
        body.insert("error".into(), failure(error));
    }
}

fn failure(error: &Failure) -> Value {
    let mut shown = json!({"code": error.code, "message": error.message});
    if let (Some(step), Some(fields)) = (&error.step, shown.as_object_mut()) {
        fields.insert("step_id".into(), step.as_str().into());
    }
    shown
}

const fn execution_status(status: Status) -> &'static str {
    match status {
        Status::Queued => "PENDING",
        Status::Running | Status::Waiting => "RUNNING",
        Status::Paused => "PAUSED",
        Status::Completed => "COMPLETED",
        Status::Failed | Status::TimedOut => "FAILED",
        Status::Cancelled => "CANCELLED",
    }
}

/// A step's status in the dataflow contract's word.
pub(super) const fn step_status(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "PENDING",
        StepStatus::Running | StepStatus::Waiting => "RUNNING",
        StepStatus::Completed => "COMPLETED",
        StepStatus::Failed => "FAILED",
        StepStatus::Skipped => "SKIPPED",
        StepStatus::Cancelled => "CANCELLED",
    }
}
