//! A small catalog for tests.

use serde_json::{Value, json};

use crate::catalog::{Effect, SAME_AS_INPUT, StepAction, StepCatalog, StepSpec};

/// A few step types of each kind.
#[derive(Debug)]
pub(crate) struct TestCatalog(Vec<StepSpec>);

fn spec(name: &'static str, config: Value, input: Value, output: Value) -> StepSpec {
    StepSpec {
        name,
        aliases: &[],
        summary: "",
        doc: "",
        category: "Test",
        config,
        input,
        output,
        default_input: None,
        default_output: None,
        check: None,
        check_input: None,
        is_source: false,
        effect: Effect::Pure,
        effect_of: None,
        action: StepAction::Run,
        block: None,
        sensitive: &[],
        ports: &[],
        examples: Vec::new(),
    }
}

fn object(properties: Value, required: Value) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn none() -> Value {
    object(json!({}), json!([]))
}

fn text() -> Value {
    object(json!({"text": {"type": "string"}}), json!(["text"]))
}

fn http() -> StepSpec {
    let config = object(
        json!({
            "method": {"type": "string", "enum": ["GET", "POST", "PUT"]},
            "url": {"type": "string", "minLength": 1},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        }),
        json!(["url"]),
    );
    let input = object(json!({"body": {}, "query": {"type": "object"}}), json!([]));
    let output = object(
        json!({"status": {"type": "integer"}, "body": {}, "headers": {"type": "object"}}),
        json!(["status", "body", "headers"]),
    );
    StepSpec {
        default_input: Some("body"),
        default_output: Some("body"),
        effect: Effect::External,
        effect_of: Some(|config| match config.get("method").and_then(Value::as_str) {
            None | Some("GET") => Effect::Idempotent,
            Some(_) => Effect::External,
        }),
        sensitive: &["config.headers"],
        ..spec("HttpRequest", config, input, output)
    }
}

impl TestCatalog {
    pub(crate) fn new() -> Self {
        let texts = |name, config| StepSpec {
            default_input: Some("text"),
            default_output: Some("text"),
            ..spec(name, config, text(), text())
        };
        let counted = object(json!({"count": {"type": "integer"}}), json!(["count"]));
        let delay = object(json!({"for": {"type": ["string", "number"]}}), json!(["for"]));
        let split = object(json!({"separator": {"type": "string"}}), json!([]));
        let block = |name, input| StepSpec {
            action: StepAction::Block,
            block: Some(json!({"properties": {}, "required": []})),
            ..spec(name, none(), input, json!({}))
        };
        Self(vec![
            StepSpec {
                ports: &["approved", "rejected"],
                ..spec("Approval", none(), json!({}), json!({}))
            },
            block("Branch", json!({})),
            StepSpec { action: StepAction::Delay, ..spec("Delay", delay, json!({}), json!({})) },
            spec("Echo", none(), json!({}), json!({SAME_AS_INPUT: true})),
            http(),
            block("Loop", json!({})),
            block("Map", json!({"type": "array"})),
            block("Parallel", json!({})),
            StepSpec {
                action: StepAction::SetState,
                ..spec("SetState", none(), json!({"type": "object"}), json!({}))
            },
            StepSpec { is_source: true, ..texts("StaticTextInput", none()) },
            block("Switch", json!({})),
            StepSpec {
                aliases: &["TextOperations.Reverse"],
                ..texts("TextOperation.Reverse", none())
            },
            StepSpec {
                output: counted,
                default_output: Some("count"),
                ..texts("TextOperation.Size", none())
            },
            texts("TextOperation.Split", split),
            block("Try", json!({})),
        ])
    }
}

impl StepCatalog for TestCatalog {
    fn find_type(&self, name: &str) -> Option<&StepSpec> {
        self.0.iter().find(|spec| spec.name == name || spec.aliases.contains(&name))
    }

    fn all_types(&self) -> Vec<&StepSpec> {
        self.0.iter().collect()
    }
}
