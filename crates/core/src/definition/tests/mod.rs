//! Definitions as users write them: what is accepted, what it becomes, what is refused and why.

mod bindings;
mod blocks;
mod concurrency;
mod problems;
mod random;
mod variables;

use serde_json::{Value, json};

use super::{DefinitionLimits, Plan, SourceFormat, StepIndex, plan_source, read_source};
use crate::expr::test_scope::TestScope;
use crate::test_support::TestCatalog;

fn try_plan(source: &Value) -> Result<Plan, Vec<String>> {
    plan_source(source, &TestCatalog::new(), &DefinitionLimits::default())
        .map(|(_, plan)| plan)
        .map_err(|problems| problems.0.iter().map(ToString::to_string).collect())
}

fn planned(source: Value) -> Plan {
    try_plan(&source).unwrap_or_else(|problems| panic!("{source}: {problems:#?}"))
}

fn yaml(text: &str) -> Value {
    read_source(text, SourceFormat::Yaml, &DefinitionLimits::default())
        .unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn the_short_form_of_the_seed() {
    let plan = planned(json!({
        "name": "Dummy Workflow",
        "steps": [
            {"type": "StaticTextInput", "input": "Hello, world!"},
            {"type": "TextOperation.Reverse"},
            {"type": "Echo"},
        ],
    }));
    let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["static_text_input", "reverse", "echo"]);
    assert_eq!((plan.top.roots, plan.top.sinks), (vec![0.into()], vec![2.into()]));
    assert!(plan.steps.iter().all(|step| step.input_proven && step.config_proven));
    assert_eq!(plan.input_schema["required"], json!([]));
    assert_eq!(plan.steps[2].output_schema, plan.steps[1].output_schema);
}

#[test]
fn the_full_form() {
    let plan = planned(yaml(
        r#"
name: everything
description: all fields
inputs:
  text: string
  n: { type: integer, default: 3 }
  more: string?
state: { count: 0 }
timeout: 1h30m
retention: 30d
metadata: { team: a }
steps:
  - id: first
    type: TextOperation.Reverse
    input: "{{ inputs.text }}"
    timeout: 5s
    retry: { max_attempts: 5, initial: 100ms, factor: 3, max: 1m, jitter: 0, on: [X] }
    on_error: { goto: rescue }
    at_most_once: true
  - id: approve
    type: Approval
    when: inputs.n > 2
  - id: yes
    type: HttpRequest
    config: { method: POST, url: "http://x/{{ inputs.n }}", headers: { A: "Bearer {{ secrets.KEY }}" } }
    after: approve.approved
    retry: 4
  - id: no
    type: TextOperations.Reverse
    input: { text: "{{ steps.first.output.text }} {{ state.count }}" }
    after: [approve.rejected]
  - id: rescue
    type: Echo
    input: { why: "{{ steps.first.error.message }}" }
    after: []
  - id: end
    type: Echo
    after: ["yes", "no", rescue]
    join: any
outputs:
  all: "{{ steps.end.output }}"
  code: { value: "{{ steps.yes.output.status }}", type: integer }
"#,
    ));
    assert_eq!(plan.timeout, Some(std::time::Duration::from_secs(5400)));
    let step = |id: &str| &plan[plan.by_id[id]];
    assert_eq!(step("first").retry[0].max_attempts, 5);
    assert!(!step("first").repeat_after_crash);
    assert_eq!(step("first").on_error, super::model::OnError::Port);
    assert_eq!(step("rescue").after[0].port.as_deref(), Some("error"));
    assert_eq!(step("yes").effect.name(), "external");
    assert_eq!(step("yes").secrets, ["KEY"]);
    assert_eq!(step("yes").retry[0].max_attempts, 4);
    assert_eq!(step("no").type_name, "TextOperation.Reverse");
    assert_eq!(step("approve").dependents, [2, 3].map(StepIndex::from));
    assert_eq!(plan.outputs[1].schema, json!({"type": "integer"}));
    assert_eq!(plan.with_defaults(json!({"text": "x"})), json!({"text": "x", "n": 3}));
    assert_eq!(plan.with_defaults(Value::Null), json!({"n": 3}));
    assert!(plan.check_input(&json!({"text": "x", "n": 3})).is_ok());
}

#[test]
fn inputs_are_checked_with_every_violation() {
    let plan = planned(json!({
        "name": "n",
        "inputs": {
            "text": "string", "n": "integer?",
            "one": {"type": "object", "properties": {"of": {"enum": ["a", "b"]}}, "required": false},
        },
        "steps": ["Echo"],
    }));
    let found = |input: Value| -> Vec<String> {
        plan.check_input(&input).unwrap_err().0.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        found(json!({"n": "x", "extra": 1, "one": {"of": "c"}})),
        [
            "input.n: the value has the wrong type (expected integer, found string \"x\")",
            "input.one.of: the value is none of those allowed (expected one of a, b, found string \"c\")",
            "input.extra: there is no `extra` here; remove it",
            "input.text: `text` is required",
        ]
    );
    assert_eq!(
        found(json!([])),
        ["input: the value has the wrong type (expected object, found array)"]
    );
}

#[test]
fn the_input_schema_is_inferred() {
    for (steps, expected) in [
        (
            json!(["TextOperation.Reverse"]),
            json!({"properties": {"text": {"type": "string"}}, "required": ["text"]}),
        ),
        (
            json!([{"type": "StaticTextInput", "input": "a {{ inputs.x }} {{ inputs.y | default(1) }}"}]),
            json!({"properties": {"x": {}, "y": {}}, "required": ["x"]}),
        ),
        (
            json!([{"type": "TextOperation.Reverse", "input": "{{ inputs.t }}", "when": "inputs.w is defined"}]),
            json!({"properties": {"w": {}, "t": {"type": "string"}}, "required": ["t"]}),
        ),
        (
            json!([{"type": "HttpRequest", "config": {"url": "{{ inputs.url }}"}}]),
            json!({"properties": {"url": {"type": "string", "minLength": 1}, "body": {}, "query": {"type": "object"}}, "required": ["url"]}),
        ),
        (json!(["Echo"]), json!({"properties": {}, "required": []})),
    ] {
        let plan = planned(json!({"name": "n", "steps": steps}));
        assert_eq!(plan.input_schema["properties"], expected["properties"], "{steps}");
        assert_eq!(plan.input_schema["required"], expected["required"], "{steps}");
    }
}

#[test]
fn effects_follow_the_configuration() {
    for (config, expected) in [
        (json!({"url": "u"}), "idempotent"),
        (json!({"url": "u", "method": "GET"}), "idempotent"),
        (json!({"url": "u", "method": "POST"}), "external"),
        (json!({"url": "u", "method": "{{ inputs.m }}"}), "external"),
    ] {
        let plan =
            planned(json!({"name": "n", "steps": [{"type": "HttpRequest", "config": config}]}));
        assert_eq!(plan.steps[0].effect.name(), expected, "{config}");
    }
}

#[test]
fn rendered_values_are_checked_unless_proven() {
    let plan = planned(json!({
        "name": "n",
        "steps": [{"type": "HttpRequest", "config": {"url": "{{ inputs.url | lower }}"}}],
    }));
    let step = &plan.steps[0];
    assert!(!step.config_proven);
    let scope = TestScope::new(json!({"inputs": {"url": "HTTP"}}));
    let config = step.config.render_value(&scope).unwrap().value;
    let check = |config: &Value| step.check_values(&json!({}), config, None).unwrap();
    assert!(check(&config).is_ok());
    let problems = check(&json!({"url": 1, "x": 2})).unwrap_err();
    assert_eq!(
        problems.0.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(),
        ["config.url", "config.x"]
    );
}

#[test]
fn the_format_schema_accepts_what_is_accepted() {
    let schema = super::format_schema(&TestCatalog::new());
    let validator = jsonschema::validator_for(&schema).unwrap();
    let violations = |source: &Value| -> Vec<String> {
        validator.iter_errors(source).map(|error| error.to_string()).collect()
    };
    let good = random::seed();
    assert_eq!(violations(&good), Vec::<String>::new());
    for (steps, is_valid) in [
        (
            json!([{"type": "HttpRequest", "config": {"url": "u", "method": "{{ inputs.m }}"}}]),
            true,
        ),
        (json!([{"type": "HttpRequest", "config": {"url": "u", "method": "FETCH"}}]), false),
        (json!([{"type": "HttpRequest", "config": {"url": "u", "x": 1}}]), false),
        (json!([{"type": "StaticTextInput", "input": "x"}, "Echo"]), true),
        (json!([{"type": "StaticTextInput", "input": 5}]), false),
        (json!(["Nope"]), false),
        (json!([{"type": "Echo", "retry": {"x": 1}}]), false),
    ] {
        let source = json!({"name": "n", "steps": steps});
        assert_eq!(validator.is_valid(&source), is_valid, "{source}: {:?}", violations(&source));
        assert_eq!(try_plan(&source).is_ok(), is_valid, "{source}");
    }
}
