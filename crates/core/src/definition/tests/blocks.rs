//! Blocks: what they become, what is refused and why.

use serde_json::{Value, json};

use super::{planned, try_plan};
use crate::definition::plan_block::PlanBlockKind;

fn workflow(step: Value) -> Value {
    json!({"name": "n", "inputs": {"n": "number", "list": "array", "text": "string"}, "steps": [step]})
}

/// The problems of a workflow with this step.
fn problems(step: Value) -> Vec<String> {
    try_plan(&workflow(step)).err().unwrap_or_default()
}

/// Checks that there is a problem with this beginning.
fn refuses(step: Value, beginning: &str) {
    let found = problems(step.clone());
    assert!(
        found.iter().any(|problem| problem.starts_with(beginning)),
        "{step:#} lacks {beginning}: {found:#?}"
    );
}

fn echo(id: &str) -> Value {
    json!({"id": id, "type": "Echo"})
}

#[test]
fn steps_of_blocks_are_in_one_list() {
    let plan = planned(json!({"name": "n", "inputs": {"list": "array"}, "steps": [
        {"id": "orders", "type": "Map", "over": "{{ inputs.list }}", "steps": [
            {"id": "route", "type": "Branch", "cases": [{"when": "item.ok", "steps": [echo("yes")]}],
             "else": [echo("no"), echo("then")]},
            echo("last"),
        ]},
        echo("after"),
    ]}));
    let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["orders", "route", "yes", "no", "then", "last", "after"]);
    let enclosing: Vec<usize> = plan.steps.iter().map(|step| step.enclosing.len()).collect();
    assert_eq!(enclosing, [0, 1, 1, 1, 1, 1, 0]);
    assert_eq!(plan.top.steps, [0.into(), 6.into()]);
    let block = plan.steps[0].block.as_ref().unwrap();
    assert!(matches!(block.kind, PlanBlockKind::Map(_)));
    assert_eq!(block.end, 6.into());
    assert_eq!(block.bodies[0].list.steps, [1.into(), 5.into()]);
    let otherwise = &plan.steps[1].block.as_ref().unwrap().bodies[1].list;
    assert_eq!(
        (otherwise.roots.as_slice(), otherwise.sinks.as_slice()),
        ([3.into()].as_slice(), [4.into()].as_slice())
    );
    // The implicit edges are within each list.
    assert!(plan.steps[3].after.is_empty());
    assert_eq!(plan.steps[4].after[0].from, 3.into());
    assert_eq!(plan.steps[5].after[0].from, 1.into());
}

#[test]
fn bodies_are_named_as_in_the_source() {
    let source = json!({"name": "n", "inputs": {"n": "number", "list": "array"}, "steps": [
        {"type": "Branch", "cases": [{"when": "true", "steps": [echo("a")]}, {"when": "false", "steps": [echo("b")]}],
            "else": [echo("c")]},
        {"type": "Switch", "value": 1, "cases": [{"equals": 1, "steps": [echo("d")]}]},
        {"type": "Parallel", "branches": {"mail": [echo("e")], "chat-2": [echo("f")]}},
        {"type": "Loop", "until": "true", "steps": [echo("g")]},
        {"type": "Map", "over": "{{ inputs.list }}", "steps": [echo("h")]},
        {"type": "Try", "steps": [echo("i")], "catch": [{"on": "X", "steps": [echo("j")]}, {"steps": [echo("k")]}],
            "finally": [echo("l")]},
    ]});
    let plan = planned(source.clone());
    let definition = crate::definition::parse_definition(&source, &Default::default()).unwrap();
    for (planned, written) in plan.steps.iter().zip(&definition.steps) {
        let (Some(block), Some(bodies)) = (&planned.block, &written.block) else { continue };
        for (position, body) in (0..).zip(&bodies.bodies) {
            let name = block.body_name(position).unwrap();
            assert_eq!(format!("{}.{name}", written.path), body.path);
        }
        assert_eq!(block.body_name(u32::try_from(bodies.bodies.len()).unwrap()), None);
    }
}

#[test]
fn types_flow_through_blocks() {
    let text = |id: &str| json!({"id": id, "type": "StaticTextInput", "input": "x"});
    let plan = planned(json!({"name": "n", "steps": [
        {"id": "branch", "type": "Branch", "cases": [{"when": "true", "steps": [text("a")]}],
         "else": [text("b")]},
        {"id": "reverse", "type": "TextOperation.Reverse"},
        {"id": "both", "type": "Parallel", "branches": {"one": [text("c")], "two": [text("d")]}},
    ], "outputs": {"text": "{{ steps.both.output.one.text }}"}}));
    assert_eq!(plan.steps[0].output_schema["properties"]["text"], json!({"type": "string"}));
    assert_eq!(plan.outputs[0].schema, json!({"type": "string"}));
    let list = planned(json!({"name": "n", "steps": [
        {"type": "Map", "over": [1, 2], "steps": [{"type": "TextOperation.Size", "input": "{{ item | string }}"}]},
    ]}));
    let items = &list.steps[0].output_schema["items"]["properties"]["count"];
    assert_eq!(*items, json!({"type": "integer"}));

    refuses(
        json!({"type": "Map", "over": "{{ inputs.text }}", "steps": [echo("a")]}),
        "steps[0].over: the value has the wrong type",
    );
    let wrong = json!({"name": "n", "steps": [
        {"id": "both", "type": "Parallel", "branches": {"one": [text("c")]}},
        echo("e"),
    ], "outputs": {"text": "{{ steps.both.output.three }}"}});
    let found = try_plan(&wrong).unwrap_err();
    assert!(found[0].contains("has no `three`"), "{found:#?}");
}

#[test]
fn only_what_is_visible_can_be_read() {
    let inner = |input: &str| json!({"id": "inner", "type": "Echo", "input": input});
    let map = |steps: Value| json!({"id": "orders", "type": "Map", "over": "{{ inputs.list }}", "steps": steps});
    let ok = json!({"name": "n", "inputs": {"list": "array"}, "steps": [
        echo("before"),
        map(json!([inner("{{ steps.before.output }} {{ item }} {{ index }}")])),
        {"id": "later", "type": "Echo", "input": "{{ steps.orders.output }}"},
    ]});
    planned(ok);
    let outside = json!({"name": "n", "inputs": {"list": "array"}, "steps": [
        map(json!([inner("x")])),
        {"id": "later", "type": "Echo", "input": "{{ steps.inner.output }}"},
    ]});
    let found = try_plan(&outside).unwrap_err();
    assert!(
        found[0].contains("the step `inner` is inside the block `orders`; outside of it, only `steps.orders.output`"),
        "{found:#?}"
    );
    for (input, message) in [
        ("{{ steps.orders.output }}", "this is inside `orders`, whose output is not known yet"),
        ("{{ steps.inner.output }}", "the step `inner` cannot refer to itself"),
        ("{{ last }}", "`last` exists only in the steps of a `Loop`"),
        ("{{ error.message }}", "`error` exists only in the steps of `catch`"),
        ("{{ itm }}", "there is no `itm`; did you mean `item`?"),
    ] {
        refuses(map(json!([inner(input)])), &format!("steps[0].steps[0].input: {message}"));
    }
    refuses(
        json!({"id": "a", "type": "Echo", "input": "{{ item }}"}),
        "steps[0].input: `item` exists only in the steps of a `Map`",
    );
    let crossing = json!({"name": "n", "inputs": {"list": "array"}, "steps": [
        echo("before"),
        map(json!([{"id": "inner", "type": "Echo", "after": ["before"]}])),
    ]});
    let found = try_plan(&crossing).unwrap_err();
    assert!(
        found[0]
            .starts_with("steps[1].steps[0].after[0]: the step `before` is not in the same list"),
        "{found:#?}"
    );
}

#[test]
fn wrong_branches_are_refused_with_what_to_write() {
    let steps = || json!([echo("a")]);
    for (step, beginning) in [
        (json!({"type": "Branch"}), "steps[0].cases: a list of at least one case is needed here"),
        (json!({"type": "Branch", "cases": 3}), "steps[0].cases: `cases` has the wrong type"),
        (
            json!({"type": "Branch", "cases": [{"steps": steps()}]}),
            "steps[0].cases[0].when: a case needs a condition",
        ),
        (
            json!({"type": "Branch", "cases": [{"when": "1 +", "steps": steps()}]}),
            "steps[0].cases[0].when: ",
        ),
        (
            json!({"type": "Branch", "cases": [{"when": "true", "steps": []}]}),
            "steps[0].cases[0].steps: a list of at least one step",
        ),
        (
            json!({"type": "Branch", "cases": [{"if": "true", "steps": steps()}]}),
            "steps[0].cases[0].if: there is no field `if`",
        ),
        (
            json!({"type": "Switch", "value": 1, "cases": [{"steps": steps()}]}),
            "steps[0].cases[0].equals: a case needs `equals`",
        ),
        (
            json!({"type": "Switch", "value": 1, "cases": [{"equals": "{{ inputs.n }}", "steps": steps()}]}),
            "steps[0].cases[0].equals: expressions are not evaluated here",
        ),
        (
            json!({"type": "Switch", "input": 1, "cases": [{"equals": 1, "steps": steps()}]}),
            "steps[0].input: there is no field `input`",
        ),
        (json!({"type": "Parallel", "branches": {}}), "steps[0].branches: at least one branch"),
        (
            json!({"type": "Parallel", "branches": {"a b": steps()}}),
            "steps[0].branches[\"a b\"]: the name of a branch",
        ),
        (
            json!({"type": "Parallel", "branches": {"a": steps()}, "join": {"n": 2}}),
            "steps[0].join.n: the step waits for more branches",
        ),
        (
            json!({"type": "Parallel", "branches": {"a": steps()}, "cancel_rest": true}),
            "steps[0].cancel_rest: `cancel_rest` needs `join: any`",
        ),
    ] {
        refuses(step, beginning);
    }
}

#[test]
fn wrong_loops_and_maps_are_refused() {
    let steps = || json!([echo("a")]);
    for (step, beginning) in [
        (json!({"type": "Loop", "steps": steps()}), "steps[0].until: a `Loop` needs `until`"),
        (
            json!({"type": "Loop", "until": "true", "while": "true", "steps": steps()}),
            "steps[0].until: a `Loop` has `while` or `until`",
        ),
        (
            json!({"type": "Loop", "until": "true", "max_iterations": 0, "steps": steps()}),
            "steps[0].max_iterations: ",
        ),
        (
            json!({"type": "Loop", "until": "true", "max_iterations": 1_000_001, "steps": steps()}),
            "steps[0].max_iterations: ",
        ),
        (
            json!({"type": "Loop", "until": "true", "pause": "soon", "steps": steps()}),
            "steps[0].pause: ",
        ),
        (
            json!({"type": "Map", "over": [1], "as": "steps", "steps": steps()}),
            "steps[0].as: `as` cannot be the name",
        ),
        (
            json!({"type": "Map", "over": [1], "on_item_error": "skip", "steps": steps()}),
            "steps[0].on_item_error: ",
        ),
        (
            json!({"type": "Map", "over": [1], "collect": true, "steps": steps()}),
            "steps[0].collect: ",
        ),
        (
            json!({"type": "Map", "over": [1], "collect": "files", "steps": steps()}),
            "steps[0].collect: ",
        ),
        (
            json!({"type": "Map", "over": [1], "collect": "errors", "steps": steps()}),
            "steps[0].collect: `collect: errors` needs `on_item_error: collect`",
        ),
        (
            json!({"type": "Map", "over": [1], "collect": "none", "output": 1, "steps": steps()}),
            "steps[0].output: `output` is the result of an item, which `collect: none` does not",
        ),
        (
            json!({"type": "Map", "over": [1], "record": "all", "steps": steps()}),
            "steps[0].record: ",
        ),
        (
            json!({"type": "Map", "over": [1], "record": "results",
                "steps": [{"id": "a", "type": "Delay", "config": {"for": 1}}]}),
            "steps[0].record: only the results can be recorded if all steps inside compute only, \
             but `a` (Delay) waits or changes the execution",
        ),
        (
            json!({"type": "Map", "over": [1], "record": "results",
                "steps": [{"id": "a", "type": "Echo", "retry": 3}]}),
            "steps[0].record: only the results can be recorded if all steps inside compute only, \
             but `a` (Echo) has `retry`",
        ),
        (
            json!({"type": "Map", "over": [1], "max_concurrency": 1001, "steps": steps()}),
            "steps[0].max_concurrency: ",
        ),
        (json!({"type": "Map", "over": [1]}), "steps[0].steps: a list of at least one step"),
        (json!({"type": "Map", "over": 5, "steps": steps()}), "steps[0].over: "),
    ] {
        refuses(step, beginning);
    }
}

#[test]
fn wrong_fields_of_blocks_are_refused() {
    let steps = || json!([echo("a")]);
    for (step, beginning) in [
        (
            json!({"type": "Try", "steps": steps()}),
            "steps[0].catch: a `Try` needs `catch`, `finally` or both",
        ),
        (
            json!({"type": "Try", "steps": steps(), "catch": [{"code": "A", "steps": [echo("b")]}]}),
            "steps[0].catch[0].code: there is no field `code`",
        ),
        (
            json!({"type": "Echo", "branches": {}}),
            "steps[0].branches: there is no field `branches` here; it belongs to a step of type `Parallel`",
        ),
        (
            json!({"type": "Map", "over": [1], "retry": 3, "steps": steps()}),
            "steps[0].retry: a `Map` has no `retry`; write `retry` in the steps inside it",
        ),
        (
            json!({"type": "Try", "timeout": "soon", "steps": steps(), "finally": [echo("b")]}),
            "steps[0].timeout: `soon` is not a duration",
        ),
        (
            json!({"type": "Map", "over": [1], "config": {"a": 1}, "steps": steps()}),
            "steps[0].config: a `Map` has no `config`",
        ),
        (
            json!({"type": "Map", "over": [1], "steps": [echo("a"), echo("a")]}),
            "steps[0].steps[1].id: the id `a` is already that of steps[0].steps[0]",
        ),
    ] {
        refuses(step, beginning);
    }
}

#[test]
fn blocks_are_nested_at_most_sixteen_deep() {
    let nested = |depth: usize| {
        (0..depth).fold(echo("innermost"), |inner, at| {
            json!({"id": format!("b{at}"), "type": "Try", "steps": [inner], "finally": [echo(&format!("f{at}"))]})
        })
    };
    assert_eq!(problems(nested(16)), Vec::<String>::new());
    let found = problems(nested(17));
    assert!(
        found.iter().any(|problem| problem.contains("blocks may be nested at most 16 deep")),
        "{found:#?}"
    );
    let many: Vec<Value> = (0..2001).map(|at| echo(&format!("s{at}"))).collect();
    let found = problems(json!({"type": "Map", "over": [1], "steps": many}));
    assert!(found[0].starts_with("steps: a definition may have at most 2000 steps"), "{found:#?}");
}
