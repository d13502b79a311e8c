//! The events that workflows written with this dialect's own kit send: distinguished by `name`, with
//! plain values by name. Executions are streamed in this form as well, and spans consist of it.

use serde_json::{Map, Value, json};
use stepwell_core::Timestamp;
use stepwell_core::definition::SharedPlan;
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, TaskId, WorkflowId};
use stepwell_engine::app::ExecutionDetail;
use stepwell_engine::view::{StepStatus, StepView};
use uuid::Uuid;

use super::wire::EventError;
use super::{convert, outputs};

/// Makes the events of one execution.
pub struct RawEvents {
    /// The execution; its span and its trace have the same id.
    pub id: ExecutionId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// The plan that it runs.
    pub plan: SharedPlan,
}

/// What an event is about.
struct RawEvent<'a> {
    /// `workflow` or `node`.
    subject: &'static str,
    /// `initiated`, `streaming`, …
    what: &'a str,
    at: Timestamp,
    /// Distinguishes those that there are several of.
    count: u64,
}

impl RawEvents {
    /// An event of the execution: `what` is `initiated`, `streaming`, … and `count` distinguishes
    /// those that there are several of.
    pub fn of_workflow(&self, what: &str, at: Timestamp, count: u64, more: Value) -> Value {
        let body = merge_body(json!({ "workflow_definition": self.workflow_definition() }), more);
        let span = self.id.uuid();
        self.event(RawEvent { subject: "workflow", what, at, count }, span, Value::Null, body)
    }

    /// An event of a step.
    pub fn of_node(&self, step: &str, what: &str, at: Timestamp, more: Value) -> Value {
        self.of_node_counted(step, RawEvent { subject: "node", what, at, count: 0 }, more)
    }

    /// An event of a step, of which there are several.
    pub fn of_node_streaming(&self, step: &str, at: Timestamp, count: u64, more: Value) -> Value {
        let event = RawEvent { subject: "node", what: "streaming", at, count };
        self.of_node_counted(step, event, more)
    }

    fn of_node_counted(&self, step: &str, event: RawEvent<'_>, more: Value) -> Value {
        let node = json!({
            "id": outputs::output_id(self.workflow, step), "name": step, "module": [self.plan.name, step],
        });
        let parent = json!({
            "type": "WORKFLOW", "span_id": self.id,
            "workflow_definition": self.workflow_definition(),
        });
        let span = TaskId::for_step_run(self.id, step).uuid();
        let body = merge_body(json!({ "node_definition": node }), more);
        self.event(event, span, parent, body)
    }

    fn workflow_definition(&self) -> Value {
        json!({ "id": self.workflow, "name": self.plan.name, "module": [self.plan.name] })
    }

    fn event(&self, event: RawEvent<'_>, span: Uuid, parent: Value, body: Value) -> Value {
        let RawEvent { subject, what, at, count } = event;
        let id = Uuid::new_v5(&span, format!("{what}/{count}").as_bytes());
        json!({
            "id": id, "timestamp": at.to_string(), "trace_id": self.id, "span_id": span,
            "parent": parent, "links": null, "name": format!("{subject}.execution.{what}"),
            "body": body,
        })
    }

    /// `initiated` of a step.
    pub fn node_initiated(&self, step: &StepView, at: Timestamp) -> Value {
        let inputs = step.input.as_deref().map(by_name).unwrap_or_default();
        self.of_node(&step.step_id, "initiated", at, json!({ "inputs": inputs }))
    }

    /// `fulfilled` or `rejected` of a step; `None` where it has not ended in either way.
    pub fn node_ended(&self, step: &StepView, at: Timestamp) -> Option<Value> {
        let (what, more) = match step.status {
            StepStatus::Completed => {
                let made = step.output.as_deref().map(by_name).unwrap_or_default();
                ("fulfilled", json!({ "outputs": made }))
            }
            StepStatus::Failed => {
                let of_fail_step = convert::is_fail_of(&self.plan, step.error.as_ref());
                let failure =
                    step.error.as_ref().map(|error| convert::failure_event(error, of_fail_step));
                ("rejected", json!({ "error": error_body(&failure?) }))
            }
            StepStatus::Cancelled => (
                "rejected",
                json!({ "error": {
                    "message": "the execution ended first", "code": "NODE_CANCELLED",
                    "raw_data": null,
                }}),
            ),
            _ => return None,
        };
        Some(self.of_node(&step.step_id, what, at, more))
    }
}

/// Values by name, as the body of an event has them.
pub fn by_name(value: &Value) -> Map<String, Value> {
    outputs::named_values(value).into_iter().map(|(name, v)| (name.to_owned(), v.clone())).collect()
}

/// Why something was rejected.
pub fn error_body(failure: &EventError<'_>) -> Value {
    json!({ "message": failure.message, "code": error_code(failure.code), "raw_data": failure.raw_data })
}

/// These events have names of their own for some of the codes.
fn error_code(code: &'static str) -> &'static str {
    match code {
        "WORKFLOW_INITIALIZATION" => "INVALID_WORKFLOW",
        "NODE_EXECUTION_COUNT_LIMIT_REACHED" => "INVALID_STATE",
        "INTERNAL_SERVER_ERROR" => "INTERNAL_ERROR",
        "LLM_PROVIDER" => "PROVIDER_ERROR",
        same => same,
    }
}

fn merge_body(mut body: Value, more: Value) -> Value {
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}

/// What has begun and ended in an execution, the execution itself first. What is under way has no
/// span yet.
pub fn execution_spans(detail: &ExecutionDetail) -> Vec<Value> {
    let record = &detail.view.record;
    let raw = RawEvents { id: record.id, workflow: record.workflow, plan: detail.plan.clone() };
    let whole = record.ended_at.map(|end| workflow_span(&raw, detail, end));
    let nodes = detail.view.steps.iter().filter_map(|step| {
        let end = step.ended_at.or(record.ended_at)?;
        let begun = step.started_at.or(step.ended_at)?;
        let ended = raw.node_ended(step, end)?;
        Some(json!({
            "name": "node.execution",
            "span_id": step.run_id, "parent_span_id": record.id,
            "start_ts": begun.to_string(), "end_ts": end.to_string(),
            "attributes": {
                "label": step.step_id, "node_id": outputs::output_id(record.workflow, &step.step_id),
            },
            "events": [raw.node_initiated(step, begun), ended],
            "usage_result": null,
        }))
    });
    whole.into_iter().chain(nodes).collect()
}

fn workflow_span(raw: &RawEvents, detail: &ExecutionDetail, end: Timestamp) -> Value {
    let view = &detail.view;
    let begun = view.record.created_at;
    let ended = match (view.record.status, &view.output) {
        (Status::Completed, Some(output)) => {
            let more = json!({ "outputs": by_name(output), "final_state": detail.state });
            raw.of_workflow("fulfilled", end, 0, more)
        }
        (status, _) => {
            let of_fail_step = convert::is_fail_of(&raw.plan, view.error.as_ref());
            let rejection = convert::rejection_error(status, view.error.as_ref(), of_fail_step);
            raw.of_workflow("rejected", end, 0, json!({ "error": error_body(&rejection) }))
        }
    };
    let inputs = json!({ "inputs": by_name(&view.input) });
    json!({
        "name": "workflow.execution",
        "span_id": raw.id, "parent_span_id": null,
        "start_ts": begun.to_string(), "end_ts": end.to_string(),
        "attributes": { "label": raw.plan.name, "workflow_id": raw.workflow },
        "events": [raw.of_workflow("initiated", begun, 0, inputs), ended],
        "usage_result": null,
    })
}
