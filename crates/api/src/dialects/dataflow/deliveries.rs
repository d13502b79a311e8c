//! The body that tells the URL of an execution of a change of a status.

use serde_json::{Map, Value, json};
use stepwell_core::execution::Failure;
use stepwell_engine::tell::StatusChange;
use stepwell_engine::view::{StepView, What};

use super::wire;

/// One change of the status of an execution or of one of its tasks.
pub fn status_change(change: StatusChange<'_>) -> String {
    let StatusChange { execution, status, notice } = change;
    let mut body = Map::new();
    body.insert("event".into(), "execution.status".into());
    body.insert("execution_id".into(), execution.id.dataflow().into());
    body.insert("workflow_id".into(), execution.workflow.dataflow().into());
    body.insert("status".into(), wire::ExecutionStatus::from(status).name().into());
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
        "status": wire::TaskStatus::from(step.status),
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
