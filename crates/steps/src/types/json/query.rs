//! `Json.Query`: selects and transforms values with a jq program.

use std::sync::Arc;

use jq_bounded::{JqError, JqLimits, MemoryReservation, ProgramMemory};
use serde_json::{Value, json};
use stepwell_core::Map;
use stepwell_core::catalog::{ConfigCheck, StepSpec};
use stepwell_core::memory::value_bytes;

use crate::spec::{base_spec, object_schema};
use crate::values::{MAX_OUTPUT_BYTES, object_value, required_field, text_field};
use crate::{
    PureCall, StepBehaviour, StepFailure, StepOutput, StepType, WorkBound, WorkingMemory,
    memory_shortage,
};

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
                        "maxLength": jq_bounded::MAX_PROGRAM,
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
        Some(program) => {
            jq_bounded::check_program(program).map_err(|error| ("query", error.to_string()))
        }
        None => Ok(()),
    }
}

fn run_query(call: &PureCall<'_>) -> Result<StepOutput, StepFailure> {
    let program = text_field(call.config, "query")?;
    let memory = ProgramMemory {
        reservation: Arc::new(StepReservation(Arc::clone(call.memory))),
        held: input_bytes(call),
    };
    let (input, interrupt) = (required_field(call.input, "value")?, call.interrupt.clone());
    let values = jq_bounded::evaluate_program(program, input, &LIMITS, memory, interrupt)
        .map_err(to_failure)?;
    let first = values.first().cloned().unwrap_or(Value::Null);
    Ok(StepOutput::new(object_value([("value", first), ("values", Value::Array(values))])))
}

/// The limits of a program in a step.
const LIMITS: JqLimits = JqLimits { output_bytes: MAX_OUTPUT_BYTES, ..jq_bounded::DEFAULT_LIMITS };

/// The memory of a program is the working memory of its step.
#[derive(Debug)]
struct StepReservation(Arc<dyn WorkingMemory>);

impl MemoryReservation for StepReservation {
    fn reserve_bytes(&self, bytes: usize) -> Result<(), String> {
        self.0.reserve_blocking(bytes).map_err(|failure| failure.message)
    }
}

fn to_failure(error: JqError) -> StepFailure {
    match error {
        JqError::InvalidProgram(message) => {
            StepFailure::permanent_failure("INVALID_QUERY", message)
        }
        JqError::Failed(message) => StepFailure::permanent_failure("QUERY_FAILED", message),
        JqError::LimitExceeded(message) => StepFailure::permanent_failure("QUERY_LIMIT", message),
        JqError::NoThread(message) => StepFailure::transient_failure("QUERY_FAILED", message),
        JqError::MemoryShortage(message) => memory_shortage(message),
        JqError::Interrupted => StepFailure::interrupted_failure(),
    }
}
