//! `compensate` of a step, and `on_failure` of the workflow.

use serde_json::Value;

use super::step::{STEP_NEEDED, empty_step, parse_fields, parse_type_name};
use super::steps::StepListParser;
use super::walk::describe_value;
use crate::definition::blocks::{BlockDefinition, BlockKind, BodyDefinition, BodyRole};
use crate::definition::model::{ParentBody, StepDefinition, StepRole};
use crate::expr::at_key;
use crate::{Map, Problem};

/// The fields of a compensation.
pub(crate) const FIELDS: &[&str] =
    &["type", "input", "config", "timeout", "retry", "idempotent", "at_most_once"];

/// The id of the block of `on_failure`.
const HANDLER_ID: &str = "on_failure";

/// Reads the compensation of the step at `position`, which was read from `map`.
pub(super) fn parse_compensation(parser: &mut StepListParser<'_>, position: usize, map: &Map) {
    let Some(value) = map.get("compensate").filter(|value| !value.is_null()) else { return };
    let Some(step) = parser.steps.get(position) else { return };
    let path = at_key(&step.path, "compensate");
    let mut compensation = empty_step(path.clone(), step.parent);
    compensation.role = StepRole::Compensation(position);
    if is_inside_handler(&parser.steps, step.parent) {
        let message = "a step of `on_failure` cannot be compensated: it runs after the \
                       compensations; remove `compensate`";
        return parser.walk.add_problem(&path, message);
    }
    if step.block.is_some() {
        let message = format!(
            "a `{}` has no `compensate`; write `compensate` in the steps inside it",
            step.type_name
        );
        return parser.walk.add_problem(&path, message);
    }
    match value {
        Value::String(name) => parse_type_name(parser.walk, &mut compensation, name, &path),
        Value::Object(map) => {
            parser.walk.unknown_fields(map, &path, FIELDS);
            parse_fields(parser.walk, &mut compensation, map, &path);
        }
        other => parser.walk.problems.push(
            Problem::new(path, STEP_NEEDED)
                .with_expectation("object or string", describe_value(other)),
        ),
    }
    // The id follows from that of the step, once that is known.
    compensation.id.clear();
    parser.steps.push(compensation);
}

/// Reads the steps of `on_failure` as the body of a block.
pub(super) fn parse_failure_handler(parser: &mut StepListParser<'_>, value: Option<&Value>) {
    let Some(value) = value.filter(|value| !value.is_null()) else { return };
    let position = parser.steps.len();
    let path = HANDLER_ID.to_owned();
    let body = BodyDefinition { role: BodyRole::Else, path: path.clone() };
    let mut handler = empty_step(path.clone(), None);
    HANDLER_ID.clone_into(&mut handler.id);
    // A `Branch` whose only body always runs.
    "Branch".clone_into(&mut handler.type_name);
    handler.role = StepRole::FailureHandler;
    handler.block = Some(Box::new(BlockDefinition { kind: BlockKind::Branch, bodies: vec![body] }));
    parser.steps.push(handler);
    parser.parse_list(Some(value), &path, Some(ParentBody { block: position, body: 0 }));
}

fn is_inside_handler(steps: &[StepDefinition], parent: Option<ParentBody>) -> bool {
    let around = |parent: &ParentBody| steps.get(parent.block).and_then(|block| block.parent);
    std::iter::successors(parent, around).any(|parent| {
        steps.get(parent.block).is_some_and(|block| block.role == StepRole::FailureHandler)
    })
}
