//! Which body of a `Branch` or `Switch` is run.

use serde_json::Value;

use crate::definition::blocks::BodyRole;
use crate::definition::plan_block::PlanBlock;
use crate::execution::scope::ExecutionScope;
use crate::expr::EvalError;

/// The body with which a block begins; `None`: it is bypassed.
pub(in crate::execution) fn choose_body(
    block: &PlanBlock,
    scope: &ExecutionScope<'_>,
    input: &Value,
) -> Result<Option<u32>, EvalError> {
    for (body, planned) in (0..).zip(&block.bodies) {
        let is_chosen = match &planned.role {
            BodyRole::When(condition) => condition.eval_bool(scope)?,
            BodyRole::Equals(values) => values.iter().any(|value| is_same(value, input)),
            _ => true,
        };
        if is_chosen {
            return Ok(Some(body));
        }
    }
    Ok(None)
}

/// Equality as in expressions: numbers by their value.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_f64().zip(right.as_f64()).is_some_and(|(a, b)| a == b)
        }
        _ => one == other,
    }
}
