//! What is refused: each with its place and what to change.

use serde_json::{Value, json};

use super::{try_plan, yaml};

fn check(source: &Value, expected: &[&str]) {
    let problems = match try_plan(source) {
        Ok(_) => panic!("accepted: {source}"),
        Err(problems) => problems,
    };
    for part in expected {
        assert!(
            problems.iter().any(|problem| problem.starts_with(part)),
            "{source}\nlacks {part}\nhas {problems:#?}"
        );
    }
    assert_eq!(problems.len(), expected.len(), "{source}\nhas {problems:#?}");
}

fn check_steps(steps: Value, expected: &[&str]) {
    check(&json!({"name": "n", "steps": steps}), expected);
}

#[test]
fn shapes() {
    for (source, expected) in [
        (json!(1), vec!["a definition is an object"]),
        (json!({}), vec!["name: a definition needs", "steps: a definition needs"]),
        (json!({"name": " ", "steps": []}), vec!["name: `name` must", "steps: a definition needs"]),
        (
            json!({"name": "n", "stepz": [], "steps": ["Echo"]}),
            vec!["stepz: there is no field `stepz`; did you mean `steps`?"],
        ),
        (
            json!({"name": "n", "steps": ["Echo"], "parallelism": {}, "on_failure": "x"}),
            vec![
                "parallelism: there is no field `parallelism`; known here are name, description",
                "on_failure: `on_failure` has the wrong type",
            ],
        ),
        (
            json!({"name": 5, "steps": ["Echo"], "timeout": "soon", "inputs": {"a": "strng", "b": 3}}),
            vec![
                "name: `name` has the wrong type (expected string, found integer 5)",
                "timeout: `soon` is not a duration; write `500ms`, `30s`, ",
                "inputs.a: there is no type `strng`; did you mean `string`?",
                "inputs.b: an input is a type's name",
            ],
        ),
        (
            json!({"name": "n", "steps": ["Echo"], "inputs": {"type": "object", "properties": 3}}),
            vec!["inputs: not a valid JSON Schema"],
        ),
        (
            json!({"name": "n", "steps": ["Echo"], "inputs": {"a": {"$ref": "http://x/"}}}),
            vec!["inputs.a: not a valid JSON Schema: the reference `http://x/` leads out"],
        ),
        (
            json!({"name": "n", "steps": ["Echo"], "inputs": {"a": {"allOf": [{"$ref": "#"}]}}}),
            vec!["inputs.a: not a valid JSON Schema: the reference `#` leads back to itself"],
        ),
        (
            json!({"name": "n", "steps": ["Echo"], "inputs": {"a": {"type": "integer", "default": "x"}}}),
            vec!["inputs.a.default: the value has the wrong type"],
        ),
        (
            json!({"name": "n", "steps": [{"type": "Echo", "config": 1, "retry": {"max_attempts": 0, "jiter": 1},
            "on_error": "compensate", "concurrency_key": "x", "join": "most", "timeout": 0}, 7]}),
            vec![
                "steps[0].concurrency_key: there is no field `concurrency_key`",
                "steps[0].config: `config` has the wrong type (expected object",
                "steps[0].join: there is no such join",
                "steps[0].timeout: a duration must be longer than 0",
                "steps[0].retry.jiter: there is no field `jiter`; did you mean `jitter`?",
                "steps[0].retry.max_attempts: `max_attempts` has the wrong type",
                "steps[0].on_error: there is no such way to treat errors",
                "steps[1]: a step is an object",
            ],
        ),
        (
            json!({"name": "n", "steps": [{"id": "a b", "type": "Echo"}, {"type": "Echo", "idempotent": true, "at_most_once": true}]}),
            vec![
                "steps[0].id: `a b` cannot be a step's id",
                "steps[1].at_most_once: `idempotent` and `at_most_once` say opposite things",
            ],
        ),
        (
            json!({"name": "n", "steps": [{"id": "a", "type": "Echo"}, {"id": "a", "type": "Echo"}]}),
            vec!["steps[1].id: the id `a` is already that of steps[0]"],
        ),
    ] {
        check(&source, &expected);
    }
}

#[test]
fn failure_handling() {
    for (source, expected) in [
        (
            json!({"name": "n", "steps": [
                {"id": "a", "type": "Echo", "retry": []},
                {"id": "b", "type": "Echo", "retry": [3, {"on": "X"}, {}, {"on": ["Y", "X"]}, {}]},
                {"id": "c", "type": "Echo", "retry": "often"},
            ]}),
            vec![
                "steps[0].retry: a list of policies has 1 to 16 entries",
                "steps[1].retry[0]: `retry[0]` has the wrong type",
                "steps[1].retry[3].on: an earlier entry has the code `X`, so it never applies here",
                "steps[1].retry[4].on: an earlier entry without `on` fits every error",
                "steps[2].retry: `retry` has the wrong type (expected object, list of objects, or",
            ],
        ),
        (
            json!({"name": "n", "steps": [
                {"id": "a", "type": "Echo", "compensate": 5},
                {"id": "b", "type": "Echo", "compensate": {"type": "Echo", "when": "true", "id": "x"}},
                {"id": "c", "type": "Map", "over": [1], "compensate": "Echo", "steps": ["Echo"]},
                {"id": "d", "type": "Delay", "config": {"for": 1}, "compensate": "SetState"},
                {"id": "e", "type": "Loop", "until": "true", "steps": [
                    {"id": "f", "type": "Echo", "compensate": {"type": "Echo", "input": "{{ last }} {{ steps.g.output }}"}},
                    {"id": "g", "type": "Echo", "after": ["f.compensation"], "input": "{{ error.code }}"},
                ]},
            ], "on_failure": [{"id": "h", "type": "Echo", "input": "{{ steps.f.output }} {{ error.cod }}", "compensate": "Echo"}],
            "outputs": {"x": "{{ steps.h.output }}"}}),
            vec![
                "steps[0].compensate: a step is an object with a `type`, or the type's name",
                "steps[1].compensate.when: there is no field `when`",
                "steps[1].compensate.id: there is no field `id`",
                "steps[2].compensate: a `Map` has no `compensate`; write `compensate` in the steps",
                "on_failure[0].compensate: a step of `on_failure` cannot be compensated",
                "steps[4].steps[1].after[0]: the step `f` has no port `compensation`",
                "steps[3].compensate: a `SetState` does no work that compensates a step",
                "steps[3].compensate: a `Delay` does no work that can be compensated",
                "steps[3].compensate: what flows here has the wrong type; write the input",
                "steps[4].steps[0].compensate.input: `last` exists only in the steps of a `Loop`",
                "steps[4].steps[0].compensate.input: step `g` does not come before this one",
                "steps[4].steps[1].input: `error` exists only in the steps of `catch` and `on_failure`",
                "on_failure[0].input: the step `f` is inside the block `e`",
                "on_failure[0].input: `error` has no `cod`",
                "outputs.x: the step `h` runs only if the execution fails",
            ],
        ),
    ] {
        check(&source, &expected);
    }
}

#[test]
fn types_and_graph() {
    for (steps, expected) in [
        (
            json!([{"type": "TextOperation.Revers"}, "TextOperation.Reverse"]),
            vec![
                "steps[0].type: there is no step type `TextOperation.Revers`; did you mean `TextOperation.Reverse`? (expected one of Approval",
            ],
        ),
        (json!(["Nope"]), vec!["steps[0]: there is no step type `Nope`"]),
        (
            json!(["Echo", {"type": "Echo", "after": "ecko"}]),
            vec!["steps[1].after: there is no step `ecko`; did you mean `echo`?"],
        ),
        (
            json!([{"id": "a", "type": "Echo", "after": ["a"]}]),
            vec!["steps[0].after[0]: the step `a` cannot come after itself"],
        ),
        (
            json!([{"id": "a", "type": "Echo", "after": ["c"]}, "Echo", {"id": "c", "type": "Echo"}]),
            vec!["steps[0].after: the steps go round in a circle: a → echo → c → a"],
        ),
        (
            json!([{"id": "a", "type": "Approval"}, {"type": "Echo", "after": "a.aproved"}]),
            vec!["steps[1].after: the step `a` has no port `aproved`; did you mean `approved`?"],
        ),
        (
            json!(["Echo", {"id": "b", "type": "Echo", "after": ["echo.error"]}]),
            vec!["steps[1].after[0]: the step `echo` never leaves by its port `error`"],
        ),
        (
            json!([{"type": "Echo", "on_error": "goto: later"}]),
            vec!["steps[0].on_error: there is no step `later`"],
        ),
        (
            json!(["Echo", {"type": "Echo", "join": {"n": 3}}]),
            vec!["steps[1].join.n: the step waits for more edges"],
        ),
        (
            json!(["Echo", {"type": "Echo", "join": "any", "cancel_rest": true}]),
            vec!["steps[1].cancel_rest: `cancel_rest` needs several steps in `after`"],
        ),
        (
            json!([{"id": "a", "type": "Echo"}, {"id": "b", "type": "Echo"},
                {"type": "Echo", "after": ["a", "b"], "cancel_rest": true}]),
            vec!["steps[2].cancel_rest: `cancel_rest` needs `join: any` or `join: {n: 2}`"],
        ),
        (
            json!(["Echo", {"type": "Echo", "join": {"n": "{{ steps.echo.output }}"}}]),
            vec!["steps[1].join.n: the number of a join can read only `inputs`, not `steps`"],
        ),
        (json!(["Echo", {"type": "Echo", "join": {"n": "two"}}]), vec!["steps[1].join.n: "]),
        (
            json!(["Echo", {"type": "Echo", "join": {"n": "{{ inputs.n }} edges"}}]),
            vec!["steps[1].join.n: "],
        ),
    ] {
        check_steps(steps, &expected);
    }
}

#[test]
fn step_configurations() {
    for (steps, expected) in [
        (
            json!([{"type": "HttpRequest", "config": {"methd": "GET", "url": ""}}]),
            vec![
                "steps[0].config.methd: there is no `methd`; did you mean `method`?",
                "steps[0].config.url: ",
            ],
        ),
        (
            json!([{"type": "HttpRequest", "config": {"method": "get", "url": "x", "timeout": 5}}]),
            vec![
                "steps[0].config.timeout: `timeout` is a field of the step; write it beside `config`",
                "steps[0].config.method: the value is none of those allowed; did you mean `GET`? (",
            ],
        ),
        (
            json!([{"type": "HttpRequest", "config": {"method": "FETCH", "url": 5}}]),
            vec![
                "steps[0].config.method: the value is none of those allowed (expected one of GET, POST, PUT, found string \"FETCH\")",
                "steps[0].config.url: the value has the wrong type (expected string, found integer 5)",
            ],
        ),
        (
            json!([{"type": "HttpRequest", "config": {"body": 1}, "input": {"url": "x"}}]),
            vec![
                "steps[0].config.body: `body` belongs in `input`, not here",
                "steps[0].config.url: `url` is required (expected string, found nothing)",
                "steps[0].input.url: `url` belongs in `config`, not here",
            ],
        ),
        (json!([{"type": "HttpRequest"}]), vec!["steps[0].config: `url` is required"]),
        (
            json!([{"type": "HttpRequest", "config": {"url": "a {{ secrets.K }}"}}]),
            vec!["steps[0].config.url: secrets may only be used in the sensitive fields"],
        ),
    ] {
        check_steps(steps, &expected);
    }
}

#[test]
fn step_inputs() {
    for (steps, expected) in [
        (
            json!([{"type": "StaticTextInput"}]),
            vec!["steps[0].input: `StaticTextInput` needs `text`"],
        ),
        (
            json!([{"type": "StaticTextInput", "input": 5}]),
            vec!["steps[0].input: the value has the wrong type (expected string, found integer 5)"],
        ),
        (
            json!([{"type": "StaticTextInput", "input": {"text": ["{{ inputs.a }}"]}}]),
            vec![
                "steps[0].input.text: the value has the wrong type (expected string, found array)",
            ],
        ),
        (
            json!([{"type": "StaticTextInput", "input": "x"}, "TextOperation.Size", "TextOperation.Reverse"]),
            vec![
                "steps[2]: what `size` gives for `text` has the wrong type; write the input (expected string, found integer)",
            ],
        ),
        (
            json!([{"type": "StaticTextInput", "input": "x"}, {"type": "TextOperation.Size"},
            {"type": "TextOperation.Reverse", "input": {"text": "{{ steps.size.output.count }}"}}]),
            vec![
                "steps[2].input.text: the value has the wrong type (expected string, found integer from `steps.size.output.count`)",
            ],
        ),
        (
            json!([{"type": "StaticTextInput", "input": "x"}, {"id": "b", "type": "StaticTextInput", "input": "x", "after": []},
            {"type": "TextOperation.Reverse", "after": ["static_text_input", "b"]}]),
            vec!["steps[2].input: several steps come before this one"],
        ),
        (
            json!([{"type": "StaticTextInput", "input": "x", "on_error": "port"},
            {"type": "TextOperation.Reverse", "after": "static_text_input.error"}]),
            vec!["steps[1].input: `static_text_input` has no output when it leaves by `error`"],
        ),
    ] {
        check_steps(steps, &expected);
    }
    check(
        &json!({"name": "n", "inputs": {"a": "string"}, "steps": ["TextOperation.Reverse"]}),
        &["steps[0]: `text` is required and the workflow has no such input"],
    );
    check(
        &json!({"name": "n", "inputs": {"text": "integer"}, "steps": ["TextOperation.Reverse"]}),
        &[
            "steps[0]: the input has the wrong type; write the input (expected string, found integer)",
        ],
    );
}

#[test]
fn references() {
    let source = yaml(
        r#"
name: n
inputs: { text: string }
state: { count: 0 }
steps:
  - { id: a, type: StaticTextInput, input: "{{ input.text }} {{ inputs.txt }} {{ steps.b.output }}" }
  - id: b-1
    type: TextOperation.Reverse
    input: "{{ steps.a.outputs }} {{ steps.a.output.tex }} {{ state.cont }} {{ item }}"
    when: steps.a.output.text.x
  - { id: c, type: StaticTextInput, input: "{{ steps.b.output.text }} {{ steps.c.output }} {{ a.output }} {{ secrets.K }}" }
  - { id: d, type: StaticTextInput, input: "{{ inputs.text | upper" }
outputs:
  x: "{{ steps.d.output.text }}"
  y: { value: "{{ steps.d.output.text }}", type: integer }
  z: "{{ steps.e }}"
"#,
    );
    check(
        &source,
        &[
            "steps[0].input: there is no `input`; did you mean `inputs`? (in `input.text`)",
            "steps[0].input: `inputs` has no `txt`; did you mean `text`?",
            "steps[0].input: there is no step `b`; write `steps['b-1']`",
            "steps[1].when: `steps.a.output.text` is string and has no `x`",
            "steps[1].input: a step has no `outputs`; did you mean `output`?",
            "steps[1].input: `steps.a.output` has no `tex`; did you mean `text`?",
            "steps[1].input: there is no state `cont`; did you mean `count`?",
            "steps[1].input: `item` exists only in the steps of a `Map`",
            "steps[2].input: there is no step `b`; write `steps['b-1']`",
            "steps[2].input: the step `c` cannot refer to itself",
            "steps[2].input: there is no `a`; did you mean `steps.a`?",
            "steps[2].input: secrets may only be used",
            "steps[3].input: ",
            "outputs.y: the output's value does not have its declared type (expected integer, found string)",
            "outputs.z: there is no step `e`",
        ],
    );
    check(
        &json!({"name": "n", "steps": [
            {"id": "a", "type": "StaticTextInput", "input": "{{ steps.b.output.text }}"},
            {"id": "b", "type": "StaticTextInput", "input": "x"}]}),
        &["steps[0].input: step `b` does not come before this one"],
    );
}

#[test]
fn problems_of_parsing_and_wiring_are_reported_together() {
    check(
        &json!({"name": "n", "steps": [
            {"type": "Echo", "timeout": "x"}, {"type": "Nope"}, {"type": "HttpRequest", "config": {"url": 1}}]}),
        &[
            "steps[0].timeout: `x` is not a duration",
            "steps[1].type: there is no step type `Nope`",
            "steps[2].config.url: the value has the wrong type",
        ],
    );
}

#[test]
fn pieces_indexes_names_and_counts_are_checked() {
    check(
        &json!({
            "name": "n",
            "inputs": {"n": "number", "k": "string", "s": {"type": "string", "minLength": 1e30}},
            "state": {"a": "{{ inputs.k }}"},
            "steps": [
                {"id": "a", "type": "StaticTextInput", "input": "x {{ 1/0 }} {{ inputs.k }}"},
                {"id": "b", "type": "StaticTextInput", "input": "{{ inputs.k[0] }}{{ workflow.id[3] }}"},
                {"id": "c", "type": "StaticTextInput", "input": "{{ inputs.n[0] }} {{ inputs.n | length }}"},
                {"id": "d", "type": "Echo", "input": {"{{ inputs.k }}": 1}},
            ],
        }),
        &[
            "steps[0].input: ",
            "steps[2].input: `inputs.n` is number and has no `0` (in `inputs.n[0]`)",
            "steps[2].input: `length` needs string or array or object, not number",
            "steps[3].input[\"{{ inputs.k }}\"]: names are not evaluated",
            "state.a: expressions are not evaluated here",
            "inputs.s.minLength: `minLength` is too large (expected a whole number up to 9007199254740992",
        ],
    );
}
