//! What the creation of a definition refuses because it could only fail when it is executed: each
//! with its place and what to write.

use serde_json::{Value, json};
use stepwell_core::definition::{self, DefinitionLimits};
use stepwell_steps::step_registry;

fn problems(source: &Value) -> Vec<String> {
    match definition::plan_source(source, step_registry(), &DefinitionLimits::default()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.0.iter().map(ToString::to_string).collect(),
    }
}

/// A definition with some declared inputs and two steps, the second of which is `step`.
fn second(step: Value) -> Value {
    json!({
        "name": "n",
        "inputs": {"n": "number", "t": "string", "i": "integer?", "l": "array", "o": "object"},
        "steps": [{"id": "a", "type": "StaticTextInput", "input": "x"}, step],
    })
}

fn with_input(expression: &str) -> Value {
    second(json!({"id": "b", "type": "TextOperation.Reverse", "input": {"text": expression}}))
}

#[track_caller]
fn refused(source: &Value, path: &str, expected: &[&str]) {
    let found = problems(source);
    assert_eq!(found.len(), 1, "{source}\nhas {found:#?}");
    assert!(found[0].starts_with(&format!("{path}: ")), "{source}\nhas {found:#?}");
    for part in expected {
        assert!(found[0].contains(part), "{source}\nlacks {part}\nhas {found:#?}");
    }
    // A release that was stored before still compiles.
    let stored = definition::plan_stored(source, step_registry(), &DefinitionLimits::default());
    assert!(stored.is_ok(), "{source}: {:?}", stored.err());
}

#[track_caller]
fn accepted(source: &Value) {
    assert_eq!(problems(source), Vec::<String>::new(), "{source}");
}

#[test]
fn members_of_fixed_shapes() {
    for (expression, expected) in [
        ("{{ execution.started_at }}", "`execution` has no `started_at`; it has id, created_at"),
        ("{{ execution.nope }}", "it has id, created_at"),
        ("{{ execution.create_at }}", "did you mean `created_at`?"),
        ("{{ execution.id.x }}", "`execution.id` is string and has no `x`"),
        ("a {{ workflow.nope }}", "`workflow` has no `nope`; it has id, name, release"),
        ("{{ workflow.nam | default('x') }}", "did you mean `name`?"),
        (
            "{{ steps.a.error.nope }}",
            "`steps.a.error` has no `nope`; it has code, message, details",
        ),
        ("{{ steps.a.error.mesage | upper }}", "did you mean `message`?"),
        ("{{ steps.a.status.x }}", "`steps.a.status` is string and has no `x`"),
        ("{{ integrations.x }}", "`integrations` cannot be used in expressions"),
    ] {
        refused(&with_input(expression), "steps[1].input.text", &[expected]);
    }
    let when = second(json!({"type": "Echo", "when": "execution.started_at > 3"}));
    refused(&when, "steps[1].when", &["`execution` has no `started_at`"]);
    let root = problems(&with_input("{{ nope.x }}"));
    assert!(root[0].contains("inputs, steps, state, execution, workflow, secrets"), "{root:?}");
    assert!(!root[0].contains("integrations"), "{root:?}");
    for expression in [
        "{{ execution.id }} {{ execution.created_at }}",
        "{{ workflow.id }}{{ workflow.name }}{{ workflow.release }}",
        "{{ steps.a.error.code | default('') }}{{ steps.a.error.message }}",
        "{{ steps.a.error.details.status.x }} {{ steps.a.status }}",
    ] {
        accepted(&with_input(expression));
    }
}

#[test]
fn types_of_expressions() {
    for (expression, found, instead) in [
        ("{{ inputs.n + 1 }}", "number", "write `{{ (inputs.n + 1) | string }}`"),
        ("{{ inputs.i + 1 }}", "integer", "| string"),
        ("{{ inputs.n > 1 }}", "boolean", "| string"),
        ("{{ inputs.l + [1] }}", "array", "| string"),
        ("{{ inputs.t | length }}", "integer", "| string"),
        ("{{ {'a': inputs.t} }}", "object", "| string"),
    ] {
        let found = format!("(expected string, found {found} from `{expression}`)");
        refused(&with_input(expression), "steps[1].input.text", &[&found, instead]);
    }
    for expression in [
        "{{ (inputs.n + 1) | string }}",
        "{{ inputs.n ~ 1 }}",
        "{{ inputs.n + 1 }}!",
        "{{ inputs.o.x + 1 ~ '' }}",
        "{{ inputs.o.x }}",
        "{{ inputs.l | first }}",
        "{{ inputs.n | default('x') | string }}",
        "{{ inputs.t if inputs.n else 5 }}",
        "{{ inputs.o | tojson }}",
    ] {
        accepted(&with_input(expression));
    }
    // In lists, in configurations, in what flows on, in conditions and in outputs.
    let join =
        second(json!({"type": "TextOperation.Join", "input": {"items": ["a", "{{ {'a': 1} }}"]}}));
    assert!(problems(&join)[0].starts_with("steps[1].input.items[1]: "), "{:?}", problems(&join));
    let url = second(json!({"type": "HttpRequest", "config": {"url": "{{ inputs.n + 1 }}"}}));
    refused(&url, "steps[1].config.url", &["expected string, found number"]);
    let redirects = second(json!({
        "type": "HttpRequest",
        "config": {"url": "https://example.com", "max_redirects": "{{ inputs.t ~ 1 }}"}
    }));
    refused(&redirects, "steps[1].config.max_redirects", &["write `{{ (inputs.t ~ 1) | int }}`"]);
    let flows = json!({"name": "n", "inputs": {"n": "number"}, "steps": [
        {"type": "Echo", "input": "{{ inputs.n + 1 }}"}, "TextOperation.Reverse"
    ]});
    refused(&flows, "steps[1]", &["expected string, found number"]);
    let output = json!({"name": "n", "inputs": {"n": "number"}, "steps": ["Echo"],
        "outputs": {"x": {"value": "{{ inputs.n + 1 }}", "type": "string"}}});
    refused(&output, "outputs.x", &["expected string, found number"]);
}

#[test]
fn operations_that_always_fail() {
    for (expression, expected) in [
        ("{{ (inputs.t + 1) | string }}", "cannot add string and integer; `~` joins texts"),
        ("{{ (inputs.t - 1) ~ '' }}", "`-` needs two numbers, not string and integer"),
        ("a {{ inputs.o * 2 }}", "cannot multiply object by integer"),
        ("{{ -inputs.t ~ '' }}", "`-` needs a number, not string"),
    ] {
        refused(&with_input(expression), "steps[1].input.text", &[expected, "at column"]);
    }
    let when = second(json!({"type": "Echo", "when": "inputs.t + 1 > 3"}));
    refused(&when, "steps[1].when", &["cannot add string and integer"]);
    let state = json!({"name": "n", "state": {"c": "x"}, "steps": [
        {"type": "SetState", "input": {"c": 1}},
        {"type": "Echo", "input": "{{ state.c + 1 }}"}
    ]});
    accepted(&state);
    accepted(&with_input("{{ (inputs.n * 2 if inputs.n else inputs.t - 1) ~ '' }}"));
}

#[test]
fn constant_expressions() {
    for (expression, expected) in [
        ("{{ (1 / 0) ~ '' }}", "unable to calculate"),
        ("{{ 'x' | int | string }}", "is not a number"),
        ("a {{ 18446744073709551616 }}", "more than 64 bits"),
        ("{{ [1][5] ~ '' }}", "undefined"),
        ("{% for i in 5 %}{{ i }}{% endfor %}", "steps[1].input.text"),
    ] {
        refused(&with_input(expression), "steps[1].input.text", &[expected]);
    }
    // A constant is checked like any other value.
    refused(&with_input("{{ 5 }}"), "steps[1].input.text", &["expected string, found integer 5"]);
    let method = second(json!({
        "type": "HttpRequest", "config": {"url": "https://example.com", "method": "{{ 'FET' ~ 'CH' }}"}
    }));
    refused(&method, "steps[1].config.method", &["one of GET, HEAD"]);
    let pause = second(json!({
        "type": "StreamText", "input": "x", "config": {"pause": "{{ 'so' ~ 'on' }}"}
    }));
    refused(&pause, "steps[1].config.pause", &["`soon` is not a duration; write `500ms`, "]);
    // Conditions may be constant; what takes too long to be known is left to the execution.
    accepted(&second(json!({"type": "Echo", "when": "false"})));
    accepted(&second(json!({"type": "Echo", "when": "1 > 2"})));
    accepted(&with_input("{{ 'x' * 3 }}{{ range(3) | join(',') }}"));
    accepted(&with_input("{% for i in range(3) %}{{ i }}{% endfor %}"));
    let when = second(json!({"type": "Echo", "when": "1 / 0 > 2"}));
    refused(&when, "steps[1].when", &["unable to calculate"]);
}

#[test]
fn habits_from_other_products() {
    for expression in ["${{ inputs.t }}", "Hello ${{ inputs.t }}!", "${{ secrets.TOKEN }}"] {
        let found = problems(&with_input(expression));
        let is_reported = |problem: &String| {
            problem.starts_with("steps[1].input.text: ") && problem.contains("write `{{ … }}`")
        };
        assert!(found.iter().any(is_reported), "{found:?}");
    }
    let url =
        second(json!({"type": "HttpRequest", "config": {"url": "https://a.b/${{ inputs.t }}"}}));
    refused(&url, "steps[1].config.url", &["write `{{ … }}`"]);
    let output = json!({"name": "n", "inputs": {"t": "string"}, "steps": ["Echo"],
        "outputs": {"x": "${{ inputs.t }}"}});
    refused(&output, "outputs.x", &["write `{{ … }}`"]);
    accepted(&with_input("{{ '$' ~ inputs.t }} $5 {{ inputs.t }} $"));
    for (step, path, meant) in [
        (json!({"type": "Echo", "needs": "a"}), "needs", "after"),
        (json!({"type": "Echo", "dependsOn": ["a"]}), "dependsOn", "after"),
        (json!({"type": "Echo", "if": "true"}), "if", "when"),
        (json!({"type": "Echo", "with": {}}), "with", "input"),
        (json!({"type": "Echo", "retries": 3}), "retries", "retry"),
        (json!({"type": "Echo", "continue-on-error": true}), "continue-on-error", "on_error"),
        (json!({"type": "Echo", "timeoutSeconds": 3}), "timeoutSeconds", "timeout"),
    ] {
        let found = problems(&second(step));
        assert!(
            found[0].contains(&format!("there is no field `{path}`; did you mean `{meant}`?")),
            "{found:?}"
        );
    }
}

#[test]
fn no_field_is_listed_that_is_refused() {
    let listed = |source: Value| problems(&source).join("\n");
    let top = listed(json!({"name": "n", "steps": ["Echo"], "zzz": 1}));
    let step = listed(second(json!({"type": "Echo", "zzz": 1})));
    let errors = listed(second(json!({"type": "Echo", "on_error": "zzz"})));
    assert!(!errors.contains("concurrency"), "{errors}");
    // Each field that is listed is read.
    for (text, is_top) in [(top, true), (step, false)] {
        let (_, fields) = text.split_once("known here are ").unwrap();
        for field in fields.split(", ") {
            let found = listed(match is_top {
                true => json!({"name": "n", "steps": ["Echo"], field: null}),
                false => json!({"name": "n", "steps": [{"type": "Echo", field: null}]}),
            });
            assert!(!found.contains("there is no field"), "{field}: {found}");
        }
    }
    for source in [
        json!({"name": "n", "steps": ["Echo"], "concurrency": 1}),
        json!({"name": "n", "steps": ["Echo"], "on_failure": "x"}),
        second(json!({"type": "Echo", "concurrency_key": "x"})),
        second(json!({"type": "Echo", "on_error": "compensate"})),
    ] {
        assert_eq!(problems(&source).len(), 1, "{source}");
    }
}

#[test]
fn a_step_may_follow_one_that_never_returns() {
    for steps in [
        json!([{"type": "Fail", "config": {"message": "x"}}, "TextOperation.Reverse"]),
        json!([
            {"id": "f", "type": "Fail", "config": {"message": "x"}, "when": "inputs.n > 3"},
            {"type": "TextOperation.Reverse", "input": "{{ steps.f.output }}"}
        ]),
        json!([{"type": "Fail", "config": {"message": "x"}}, "Echo", "Json.Parse"]),
        json!([
            {"type": "Fail", "config": {"message": "x"}, "on_error": "continue"},
            {"type": "TextOperation.Reverse", "input": "y"}
        ]),
    ] {
        accepted(&json!({"name": "n", "steps": steps}));
    }
    // Its output is null if the execution continues.
    let continued = json!({"name": "n", "steps": [
        {"type": "Fail", "config": {"message": "x"}, "on_error": "continue"}, "TextOperation.Reverse"
    ]});
    refused(&continued, "steps[1]", &["expected string, found null"]);
    let member = json!({"name": "n", "steps": [
        {"id": "f", "type": "Fail", "config": {"message": "x"}, "on_error": "continue"},
        {"type": "Echo", "input": "{{ steps.f.output.x }}"}
    ]});
    refused(&member, "steps[1].input", &["always fails", "steps.f.error.message"]);
}

#[test]
fn constant_texts_and_given_names() {
    for (input, path) in
        [(json!("{"), "steps[1].input"), (json!({"text": "{"}), "steps[1].input.text")]
    {
        let parse = second(json!({"type": "Json.Parse", "input": input}));
        refused(&parse, path, &["the text is not JSON"]);
    }
    accepted(&second(json!({"type": "Json.Parse", "input": "[1, {}]"})));
    let state = second(json!({"type": "SetState", "input": {"a\u{202e}b": 1}}));
    refused(&state, "steps[1].input.ab", &["U+202E"]);
    let fail = second(json!({"type": "Fail", "config": {"message": "x", "code": "A\nB"}}));
    refused(&fail, "steps[1].config.code", &["U+000A"]);
}

#[test]
fn the_known_part_of_a_request() {
    let request = |config: Value, input: Value| {
        second(json!({"id": "b", "type": "HttpRequest", "config": config, "input": input}))
    };
    for url in ["/x/{{ inputs.t }}", "ftp://{{ inputs.t }}", "example.com/{{ inputs.t }}"] {
        let source = request(json!({"url": url}), json!({}));
        let wanted = ["must start with `http://`", "https://host/path"];
        refused(&source, "steps[1].config.url", &wanted);
    }
    let named = request(json!({"url": "https://u:p@a.example/{{ inputs.t }}"}), json!({}));
    refused(&named, "steps[1].config.url", &["user name or password"]);
    let invalid = request(json!({"url": "https://a b/{{ inputs.t }}"}), json!({}));
    refused(&invalid, "steps[1].config.url", &["not a valid absolute URL"]);
    for url in [
        "{{ inputs.t }}/x",
        "htt{{ inputs.t }}",
        "https:/{{ inputs.t }}",
        "HTTPS://{{ inputs.t }}.example/x",
        "https://a.example/{{ inputs.t }}?b",
        "http://a.example:8080{{ inputs.t }}",
    ] {
        accepted(&request(json!({"url": url}), json!({})));
    }
    let form = json!({"url": "https://a.example/", "method": "POST", "body_type": "form"});
    for body in [json!("a=b"), json!([1]), json!(7)] {
        let source = request(form.clone(), json!({"body": body}));
        refused(&source, "steps[1].input.body", &["a form is built from an object"]);
    }
    let nested = request(form.clone(), json!({"body": {"a": {"b": 1}}}));
    refused(&nested, "steps[1].input.body", &["`a` must be a text, number, boolean or list"]);
    for body in [json!({"a": "{{ inputs.t }}", "b": [1, 2]}), json!("{{ inputs.o }}"), json!(null)]
    {
        accepted(&request(form.clone(), json!({"body": body})));
    }
}

#[test]
fn the_step_after_an_optional_one_fits_what_comes_before_it() {
    let list = json!({"id": "list", "type": "StaticInput", "input": {"items": [1]}});
    let number = |when: &str| json!({"id": when, "type": "StaticTextInput", "input": "x", "when": "inputs.w"});
    let reverse = json!({"id": "turn", "type": "TextOperation.Reverse"});
    let of = |steps: Value| json!({"name": "n", "inputs": {"w": "boolean"}, "steps": steps});
    let guard = json!({"type": "Fail", "when": "inputs.w", "config": {"message": "no"}});
    let split = json!({"id": "split", "type": "TextOperation.Split", "input": "a,b", "config": {"separator": ","}});
    refused(
        &of(json!([split, number("maybe"), reverse])),
        "steps[2].input",
        &["if `when` of `maybe` is false: what `split` gives for `text` has the wrong type"],
    );
    refused(
        &of(json!([split, number("one"), number("two"), reverse])),
        "steps[3].input",
        &["if `when` of `one` and `two` is false: what `split` gives"],
    );
    // Nothing comes before the first step but the inputs of the workflow.
    refused(
        &of(json!([number("maybe"), reverse])),
        "steps[1].input",
        &["if `when` of `maybe` is false: `text` is required and the workflow has no such input"],
    );
    let many: Vec<Value> = (0..60).map(|i| number(&format!("s{i}"))).collect();
    let many = [vec![number("first")], many, vec![reverse.clone()]].concat();
    refused(
        &of(json!(many)),
        "steps[61].input",
        &["more than 50 steps in a row", "write its input"],
    );
    for steps in [
        json!([split, number("maybe"), {"type": "TextOperation.Reverse", "input": "x"}]),
        json!([{"type": "StaticTextInput", "input": "x"}, guard, reverse]),
        json!([{"type": "StaticTextInput", "input": "x"}, number("maybe"), guard, reverse]),
        json!([list, number("maybe"), "Echo"]),
        json!([split, number("maybe"), {"type": "TextOperation.Reverse", "after": ["maybe"]}]),
    ] {
        accepted(&of(steps));
    }
}

#[test]
fn fields_of_steps_by_their_names_in_other_products() {
    for (step, expected) in [
        (json!({"type": "Echo", "depends_on": ["a"]}), "`depends_on`; did you mean `after`?"),
        (json!({"type": "Echo", "condition": "true"}), "`condition`; did you mean `when`?"),
        (json!({"type": "Echo", "unless": "true"}), "`unless`; did you mean `when`? It is true if"),
        (
            json!({"type": "Echo", "next": "b"}),
            "`next`; did you mean `after`? Write it in the step",
        ),
        (
            json!({"type": "Echo", "timeout_ms": 5}),
            "`timeout_ms`; did you mean `timeout`? A number is in seconds",
        ),
        (
            json!({"type": "Echo", "duration": "5s"}),
            "`duration`; did you mean `timeout`? It limits an attempt",
        ),
        (json!({"type": "Delay", "config": {"duration": "5s"}}), "`duration`; did you mean `for`?"),
        (json!({"type": "Echo", "max_attempts": 3}), "`max_attempts`; did you mean `retry`?"),
        (
            json!({"type": "Echo", "retry": {"maxRetries": 3}}),
            "`maxRetries`; did you mean `max_attempts`? It counts the first attempt, too",
        ),
        (
            json!({"type": "HttpRequest", "config": {"uri": "http://x/"}}),
            "`uri`; did you mean `url`?",
        ),
    ] {
        let found = problems(&second(step));
        assert!(found.iter().any(|problem| problem.contains(expected)), "{expected}: {found:?}");
    }
}

#[test]
fn wrong_forms_of_merge_and_wait_until() {
    for (step, beginning) in [
        (json!({"type": "Merge", "config": {"output": "last"}}), "steps[0].config.output: "),
        (
            json!({"type": "Merge", "output": "first"}),
            "steps[0].output: there is no field `output`",
        ),
        (json!({"type": "Merge", "input": {"a": 1}}), "steps[0].input"),
        (json!({"type": "WaitUntil"}), "steps[0].until: "),
        (
            json!({"type": "WaitUntil", "until": "tomorrow"}),
            "steps[0].until: `tomorrow` is not an RFC",
        ),
        (json!({"type": "WaitUntil", "until": 5}), "steps[0].until: "),
        (json!({"type": "WaitUntil", "config": {"until": "x"}}), "steps[0].config: "),
    ] {
        let found = problems(&json!({"name": "n", "steps": [step]}));
        let fits = found.iter().any(|problem| problem.starts_with(beginning));
        assert!(fits, "{step} lacks {beginning}: {found:#?}");
    }
}
