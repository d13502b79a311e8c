//! `Json.Query`: selects and transforms values with a jq program.

use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::Map;
use stepwell_core::catalog::{ConfigCheck, StepSpec};
use stepwell_core::memory::value_bytes;

use super::jq;
use crate::spec::{base_spec, object_schema};
use crate::values::{object_value, required_field, text_field};
use crate::{PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound};

pub(crate) struct QueryJson;

impl StepType for QueryJson {
    fn type_spec(&self) -> StepSpec {
        StepSpec {
            doc: "The language is jq 1.7, with the standard library except for I/O: \
                  there is no `input`, `env`, `now`, `debug` or `halt`, and no modules; \
                  `docs/jq.md` lists all differences. A program \
                  that runs too long, recurses too deeply or has too many results (more than 10,000, \
                  or 4 MiB) fails with `QUERY_LIMIT`. Integers are exact to 64 bits and \
                  objects keep the order of their keys.",
            config: object_schema(
                json!({
                    "query": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": jq::MAX_PROGRAM,
                        "description": "The jq program, such as `.items[] | select(.price > 10)`."
                    }
                }),
                &["query"],
            ),
            input: object_schema(
                json!({"value": {"description": "The value to query."}}),
                &["value"],
            ),
            output: object_schema(
                json!({
                    "value": {"description": "The first result; `null` if there is none."},
                    "values": {"type": "array", "description": "All results, in order."}
                }),
                &["value", "values"],
            ),
            default_input: Some("value"),
            default_output: Some("value"),
            check: Some(|known| check_query(&known.config)),
            examples: vec![json!({
                "type": "Json.Query",
                "input": {"value": {"items": [{"name": "a", "n": 3}, {"name": "b", "n": 20}]}},
                "config": {"query": "[.items[] | select(.n > 10) | .name]"}
            })],
            ..base_spec("Json.Query", "JSON", "Selects and transforms values with a jq program.")
        }
    }

    fn type_behaviour(&self) -> StepBehaviour {
        StepBehaviour::Pure(WorkBound::Unbounded, run_query)
    }

    fn working_bytes(&self, call: &PureCall<'_>) -> usize {
        input_bytes(call)
    }
}

/// What the program's own form of its input takes; what it makes is reserved as it runs.
fn input_bytes(call: &PureCall<'_>) -> usize {
    value_bytes(call.input)
}

fn check_query(config: &Map) -> ConfigCheck {
    match config.get("query").and_then(Value::as_str) {
        Some(program) => jq::check_program(program).map_err(|failure| ("query", failure.message)),
        None => Ok(()),
    }
}

fn run_query(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let program = text_field(call.config, "query")?;
    let memory = jq::ProgramMemory { given: Arc::clone(call.memory), held: input_bytes(call) };
    let (input, interrupt) = (required_field(call.input, "value")?, call.interrupt.clone());
    let values = jq::evaluate_program(program, input, &jq::LIMITS, memory, interrupt)?;
    let first = values.first().cloned().unwrap_or(Value::Null);
    Ok(StepOutput::new(object_value([("value", first), ("values", Value::Array(values))])))
}
