//! `Json.Query`: picks and reshapes values by a jq program.

use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::Map;
use stepwell_core::catalog::{ConfigCheck, StepSpec};
use stepwell_core::memory::value_bytes;

use super::jq;
use crate::spec::{base, object};
use crate::values::{fields, required, text};
use crate::{Behaviour, Failure, PureCall, StepOutput, StepType, Work};

pub(crate) struct Query;

impl StepType for Query {
    fn spec(&self) -> StepSpec {
        StepSpec {
            doc: "The language is jq 1.7's, with its standard library as far as it only computes: \
                  there is no `input`, `env`, `now`, `debug` or `halt`, and no modules; \
                  `docs/jq.md` lists all that differs. A program \
                  that runs too long, recurses too deeply or makes too much (more than 10,000 \
                  results, or 4 MiB) fails with `QUERY_LIMIT`. Integers are exact to 64 bits and \
                  objects keep the order of their keys.",
            config: object(
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
            input: object(json!({"value": {"description": "The value to query."}}), &["value"]),
            output: object(
                json!({
                    "value": {"description": "The first result; `null` where there is none."},
                    "values": {"type": "array", "description": "All results, in order."}
                }),
                &["value", "values"],
            ),
            default_input: Some("value"),
            default_output: Some("value"),
            check: Some(|known| check(&known.config)),
            examples: vec![json!({
                "type": "Json.Query",
                "input": {"value": {"items": [{"name": "a", "n": 3}, {"name": "b", "n": 20}]}},
                "config": {"query": "[.items[] | select(.n > 10) | .name]"}
            })],
            ..base("Json.Query", "JSON", "Picks and reshapes values by a jq program.")
        }
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour::Pure(Work::Unbounded, run)
    }

    fn working_bytes(&self, call: &PureCall<'_>) -> usize {
        input_bytes(call)
    }
}

/// What the program's own form of its input takes; what it makes is reserved as it runs.
fn input_bytes(call: &PureCall<'_>) -> usize {
    value_bytes(call.input)
}

fn check(config: &Map) -> ConfigCheck {
    match config.get("query").and_then(Value::as_str) {
        Some(program) => jq::check(program).map_err(|failure| ("query", failure.message)),
        None => Ok(()),
    }
}

fn run(call: &PureCall<'_>) -> Result<StepOutput, Failure> {
    let program = text(call.config, "query")?;
    let memory = jq::Memory { given: Arc::clone(call.memory), held: input_bytes(call) };
    let (input, interrupt) = (required(call.input, "value")?, call.interrupt.clone());
    let values = jq::evaluate(program, input, &jq::LIMITS, memory, interrupt)?;
    let first = values.first().cloned().unwrap_or(Value::Null);
    Ok(StepOutput::new(fields([("value", first), ("values", Value::Array(values))])))
}
