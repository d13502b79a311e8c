//! `SetState`: sets values of the execution's state and completes at once.

use std::sync::Arc;

use serde_json::Value;

use crate::execution::advance::Transition;
use crate::execution::event::Event;
use crate::execution::failure::{Failure, codes};
use crate::execution::step_run_id::StepRunId;
use crate::{Map, names};

pub(super) fn start_set_state(transition: &mut Transition<'_>, id: &StepRunId, input: Arc<Value>) {
    let values: Map = input.as_object().cloned().unwrap_or_default();
    if let Err(problem) = names::check_visible_keys("input", &values) {
        let failure = Failure::new(codes::STEP_INPUT, problem.to_string());
        return transition.settle_failed(id, failure);
    }
    transition.record_event(Event::StateSet { values });
    transition.record_event(Event::StepCompleted { step: id.clone(), output: input, port: None });
    transition.reach_dependents(id);
}
