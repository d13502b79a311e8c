//! `Merge`: gives the outputs of the steps that lead to it, and completes at once.

use std::sync::Arc;

use serde_json::Value;

use crate::Map;
use crate::execution::advance::Transition;
use crate::execution::event::Event;
use crate::execution::flow::taken_edges;
use crate::execution::step_run::StepState;
use crate::execution::step_run_id::StepRunId;
use crate::expr::shared_null;

pub(super) fn start_merge(transition: &mut Transition<'_>, id: &StepRunId, config: &Value) {
    let execution = &transition.execution;
    let plan = &execution.origin.plan;
    let mut outputs = taken_edges(plan, execution, id).into_iter().map(|from| {
        // A step that failed or was bypassed has none.
        let output = match &execution.steps.run(&id.sibling(from)).state {
            StepState::Completed { output, .. } => output.clone(),
            _ => shared_null().clone(),
        };
        (plan[from].id.clone(), output)
    });
    let takes_first = config.get("output").and_then(Value::as_str) == Some("first");
    let output = match takes_first {
        true => outputs.next().map(|(_, output)| output).unwrap_or_default(),
        false => {
            let fields = outputs.map(|(id, output)| (id, Arc::unwrap_or_clone(output)));
            Arc::new(Value::Object(fields.collect::<Map>()))
        }
    };
    transition.record_event(Event::StepCompleted { step: id.clone(), output, port: None });
    transition.reach_dependents(id);
}
