//! What events of nodes say of executions that they started: the data of sub-workflow nodes and of
//! map nodes.

use serde_json::{Value, json};
use stepwell_core::execution::{Execution, StepRunId};
use stepwell_engine::view::StepView;

/// The types of steps with such data.
const SUB_WORKFLOW: &str = "SubWorkflow";
const MAP: &str = "Map";

/// The data of a node in an event with this state; `null` for all other nodes.
pub fn node_data(execution: &Execution, view: &StepView, state: &str) -> Value {
    match view.type_name {
        SUB_WORKFLOW => match &view.child {
            Some(child) => {
                json!({"type": "SUBWORKFLOW", "data": {"execution_id": child.execution}})
            }
            None => Value::Null,
        },
        MAP => json!({
            "type": "MAP",
            "data": {
                "execution_ids": executions_inside(execution, &view.step_run),
                "iteration_state": state,
            },
        }),
        _ => Value::Null,
    }
}

/// The executions that the steps inside a block run started, as far as their runs are kept.
fn executions_inside(execution: &Execution, block: &StepRunId) -> Vec<Value> {
    let is_inside = |id: &StepRunId| {
        let around = std::iter::successors(Some(id.clone()), |id| execution.enclosing_block(id));
        around.skip(1).any(|around| around == *block)
    };
    let started = execution.steps.iter().filter_map(|(id, run)| Some((id, run.child.as_ref()?)));
    let inside = started.filter(|(id, _)| is_inside(id));
    inside.map(|(_, child)| json!(child.execution)).collect()
}
