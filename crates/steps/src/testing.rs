//! Running a step type in a test the way the engine does: checked against its schemas first.

use std::sync::{Arc, LazyLock};

use serde_json::Value;
use stepwell_core::expr::EvalInterrupt;

use crate::memory::UnlimitedMemory;
use crate::{PureCall, StepBehaviour, StepFailure, StepType, WorkingMemory};

/// Runs a pure step on a whole input and configuration; the output is checked against its schema.
pub(crate) fn run(step: &dyn StepType, input: Value, config: Value) -> Result<Value, StepFailure> {
    let spec = step.type_spec();
    assert_valid(&spec.input, &input, "input");
    assert_valid(&spec.config, &config, "config");
    let StepBehaviour::Pure(_, code) = step.type_behaviour() else {
        panic!("{} is not pure", spec.name)
    };
    let output = code(&pure_call(&Arc::new(input), &config))?;
    assert_valid(&spec.output, &output.value, "output");
    Ok(Value::clone(&output.value))
}

/// A call with memory without a limit, which nothing interrupts.
pub(crate) fn pure_call<'a>(input: &'a Arc<Value>, config: &'a Value) -> PureCall<'a> {
    static MEMORY: LazyLock<Arc<dyn WorkingMemory>> = LazyLock::new(|| Arc::new(UnlimitedMemory));
    static NEVER: LazyLock<EvalInterrupt> = LazyLock::new(|| EvalInterrupt::new(|| false));
    PureCall { input, config, memory: &MEMORY, interrupt: &NEVER }
}

/// Runs a step from text to text.
pub(crate) fn run_text(step: &dyn StepType, text: &str, config: Value) -> String {
    let output = run(step, serde_json::json!({"text": text}), config).unwrap();
    output["text"].as_str().unwrap().to_owned()
}

/// Panics, naming every violation, unless `value` fits `schema`.
pub(crate) fn assert_valid(schema: &Value, value: &Value, what: &str) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let problems: Vec<_> = validator.iter_errors(value).map(|e| e.to_string()).collect();
    assert!(problems.is_empty(), "{what} {value} does not fit {schema}: {problems:?}");
}
