//! Arbitrary text as an expression and as a template: evaluation ends in time with a value or an
//! error, and is deterministic.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use stepwell_core::expr::{Expression, EvalScope, StepScope, ValueTemplate};

#[derive(Debug)]
struct FixedScope {
    inputs: Arc<Value>,
    output: Arc<Value>,
    state: Map<String, Value>,
}

impl EvalScope for FixedScope {
    fn inputs(&self) -> &Arc<Value> {
        &self.inputs
    }

    fn step_scope(&self, id: &str) -> Option<StepScope<'_>> {
        let scope = StepScope { output: &self.output, status: "completed", error: &Value::Null };
        (id == "a").then_some(scope)
    }

    fn step_ids(&self) -> Vec<&str> {
        vec!["a"]
    }

    fn state(&self) -> &Map<String, Value> {
        &self.state
    }

    fn extra_root(&self, name: &str) -> Option<Value> {
        (name == "execution").then(|| json!({"id": "ex-1"}))
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let scope = FixedScope {
        inputs: Arc::new(json!({"n": 1, "f": 2.5, "t": "text", "l": [1, "b", {"c": null}]})),
        output: Arc::new(json!({"text": "x", "rows": [[1, 2], [3]]})),
        state: Map::from_iter([("s".to_owned(), json!([1]))]),
    };
    if let Ok(expr) = Expression::compile_text(text, "when") {
        assert_eq!(expr.eval_json(&scope), expr.eval_json(&scope));
        let _ = expr.eval_bool(&scope);
    }
    for source in [Value::from(text), Value::from(format!("{{{{{text}}}}}"))] {
        if let Ok(template) = ValueTemplate::compile_value(&source, "input") {
            assert_eq!(template.render_value(&scope), template.render_value(&scope));
        }
    }
});
