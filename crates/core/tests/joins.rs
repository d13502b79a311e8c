//! What joins of the graph and of `Map` do, step by step.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

mod driver;

use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::execution::{
    Event, RerunFrom, SignalInput, TransitionError, TransitionInput, UnawaitedSignal,
};

use driver::{Driver, run};

fn map(collect: &str, record: &str) -> Value {
    json!([{"id": "items", "type": "Map", "over": "{{ inputs.list }}", "max_concurrency": 2,
        "on_item_error": "collect", "collect": collect, "record": record,
        "steps": [{"id": "a", "type": "Run"}]}])
}

#[test]
fn a_map_keeps_the_errors_or_only_counts() {
    let list = json!([1, {"fail": "BAD"}, 3, {"fail": "WORSE"}]);
    let error = |index: usize, code: &str| {
        let step = format!("items[{index}].a");
        let message = "as its input demands";
        json!({"index": index, "error":
            {"code": code, "message": message, "step": step, "details": null}})
    };
    let errors = json!([error(1, "BAD"), error(3, "WORSE")]);
    for record in ["steps", "results"] {
        let counted = run(map("none", record), json!({"list": list}));
        assert_eq!(counted.output(), json!({"count": 4, "completed": 2, "failed": 2}));
        let listed = run(map("errors", record), json!({"list": list}));
        let expected = json!({"count": 4, "completed": 2, "failed": 2, "errors": errors});
        assert_eq!(listed.output(), expected);
        // The outputs of items are not recorded.
        let ends: Vec<String> = counted
            .journal
            .iter()
            .filter(|recorded| {
                matches!(recorded.event, Event::BodyEnded { .. } | Event::ItemsEnded { .. })
            })
            .map(|recorded| serde_json::to_string(recorded).unwrap())
            .collect();
        assert!(ends.iter().all(|end| !end.contains("\"out\":3")), "{ends:?}");
        // A rerun runs the failed items only.
        let again = counted.rerun(RerunFrom::Failed).run();
        assert_eq!(again.output(), json!({"count": 4, "completed": 2, "failed": 2}));
        let ran = again.steps(|event| matches!(event, Event::StepStarted { .. }));
        assert_eq!(ran, ["items[1].a", "items[3].a"]);
    }
    let none = run(map("errors", "steps"), json!({"list": []}));
    assert_eq!(none.output(), json!({"count": 0, "completed": 0, "failed": 0, "errors": []}));
}

#[test]
fn the_list_of_errors_is_bounded() {
    let list: Vec<Value> = (0..10_500).map(|_| json!({"fail": "BAD"})).collect();
    let output = run(map("errors", "results"), json!({"list": list})).output();
    assert_eq!(
        (&output["failed"], output["errors"].as_array().unwrap().len()),
        (&json!(10_500), 10_000)
    );
}

/// Two ways to `first`, of which the slow one has a step inside a block, and one way elsewhere.
fn race() -> Value {
    json!([
        {"id": "quick", "type": "Run", "after": [], "input": "q"},
        {"id": "slow", "type": "Parallel", "after": [], "branches": {
            "a": [{"id": "inner", "type": "Delay", "config": {"for": "1h"}}],
        }},
        {"id": "later", "type": "Run", "after": ["slow"]},
        {"id": "shared", "type": "Delay", "after": [], "config": {"for": "1m"}},
        {"id": "first", "type": "Run", "after": ["quick", "later", "shared"], "join": "any",
            "cancel_rest": true, "input": "first"},
        {"id": "elsewhere", "type": "Run", "after": ["shared"], "input": "elsewhere"},
    ])
}

#[test]
fn a_join_cancels_what_leads_only_to_it() {
    let done = run(race(), json!({}));
    assert_eq!(done.output(), json!({"first": "first", "elsewhere": "elsewhere"}));
    let cancelled = done.steps(|event| matches!(event, Event::StepCancelled { .. }));
    assert_eq!(cancelled, ["inner", "slow"], "what `shared` leads to elsewhere is needed");
    assert_eq!(done.steps(|event| matches!(event, Event::StepSkipped { .. })), ["later"]);
}

#[test]
fn a_rerun_does_not_repeat_what_a_join_has_cancelled() {
    let mut steps = race();
    let list = steps.as_array_mut().unwrap();
    list.truncate(5);
    // Otherwise it would run again, and `first` with it.
    list[3]["config"]["for"] = json!("1ms");
    list.push(json!({"id": "last", "type": "Run", "after": ["first"], "input": {"fail": "BAD"}}));
    let failed = run(steps, json!({}));
    assert_eq!(failed.error().0, "BAD");
    let again = failed.rerun(RerunFrom::Failed).run();
    let ran = again.steps(|event| matches!(event, Event::StepStarted { .. }));
    assert!(
        !ran.iter().any(|step| ["slow", "inner", "later", "first"].contains(&step.as_str())),
        "{ran:?}"
    );
    assert!(ran.contains(&"last".to_owned()), "{ran:?}");
}

#[test]
fn the_number_of_a_join_can_come_from_the_inputs() {
    let of_graph = json!([
        {"id": "a", "type": "Run", "after": [], "input": 1},
        {"id": "b", "type": "Run", "after": [], "input": 2},
        {"id": "c", "type": "Run", "after": [], "input": {"fail": "BAD"}, "on_error": "continue"},
        {"id": "d", "type": "Delay", "after": [], "config": {"for": "1h"}},
        {"id": "join", "type": "Run", "after": ["a", "b", "d"], "join": {"n": "{{ inputs.n }}"},
            "cancel_rest": true, "input": "{{ steps.d.status }}"},
    ]);
    let output = |n: u32| run(of_graph.clone(), json!({"n": n})).output()["join"].clone();
    assert_eq!(output(1), json!("waiting"));
    assert_eq!(output(2), json!("waiting"));
    assert_eq!(output(3), json!("completed"));
    let of_branches = json!([{"id": "p", "type": "Parallel", "cancel_rest": true,
    "join": {"n": "{{ inputs.list | length }}"}, "branches": {
        "a": [{"id": "a", "type": "Run", "input": 1}],
        "b": [{"id": "b", "type": "Delay", "config": {"for": "1m"}, "input": 2}],
        "c": [{"id": "c", "type": "Delay", "config": {"for": "1h"}, "input": 3}],
    }}]);
    for (list, output) in [
        (json!([0]), json!({"a": 1, "b": null, "c": null})),
        (json!([0, 0]), json!({"a": 1, "b": 2, "c": null})),
        (json!([0, 0, 0]), json!({"a": 1, "b": 2, "c": 3})),
    ] {
        assert_eq!(run(of_branches.clone(), json!({"list": list})).output(), output);
    }
    for (steps, input, step) in [
        (&of_graph, json!({"n": 4}), "join"),
        (&of_graph, json!({"n": 0}), "join"),
        (&of_graph, json!({"n": 1.5}), "join"),
        (&of_graph, json!({}), "join"),
        (&of_branches, json!({"list": []}), "p"),
        (&of_branches, json!({"list": [1, 2, 3, 4]}), "p"),
    ] {
        let failed = run(steps.clone(), input.clone());
        assert_eq!(failed.error(), ("INVALID_JOIN".into(), step.into()), "{input}");
    }
}

#[test]
fn a_merge_gives_the_outputs_of_the_edges_that_were_taken() {
    let steps = |join: Value, output: &str| {
        json!([
            {"id": "a", "type": "Run", "after": [], "when": "inputs.n > 1", "input": 1},
            {"id": "b", "type": "Run", "after": [], "input": 2},
            {"id": "c", "type": "Run", "after": [], "input": {"fail": "BAD"}, "on_error": "port"},
            {"id": "d", "type": "Delay", "after": [], "config": {"for": "1h"}, "input": 4},
            {"id": "m", "type": "Merge", "after": ["a", "b", "c", "c.error", "d"], "join": join,
                "config": {"output": output}},
        ])
    };
    let merged =
        |join: Value, output: &str, n: u32| run(steps(join, output), json!({"n": n})).output();
    assert_eq!(merged(json!("all"), "all", 1), json!({"b": 2, "c": null, "d": 4}));
    assert_eq!(merged(json!("all"), "all", 2), json!({"a": 1, "b": 2, "c": null, "d": 4}));
    assert_eq!(merged(json!("all"), "first", 1), json!(2));
    assert_eq!(merged(json!("any"), "first", 2), json!(1));
    assert_eq!(merged(json!({"n": 2}), "all", 1), json!({"b": 2, "c": null}));
}

#[test]
fn a_wait_until_a_time_gives_the_time() {
    let steps = |at: &str| json!([{"type": "WaitUntil", "until": at}]);
    for (at, expected) in [
        ("2027-01-15T10:00:00+01:00", "2027-01-15T09:00:00"),
        ("2001-01-01T00:00:00Z", "2001-01-01T00:00:00"),
    ] {
        let done = run(steps(at), json!({}));
        let output = done.output()["at"].as_str().unwrap().to_owned();
        assert!(output.starts_with(expected) && output.ends_with('Z'), "{output}");
        assert!(done.now.to_string().as_str() >= expected);
    }
    let failed =
        run(json!([{"type": "WaitUntil", "until": "{{ inputs.any }}"}]), json!({"any": "soon"}));
    assert_eq!(failed.error().0, "INVALID_STEP_INPUT");
}

#[test]
fn a_map_has_a_bounded_number_of_items() {
    let steps = json!([{"id": "items", "type": "Map", "over": "{{ inputs.list }}", "collect": "none",
        "steps": [{"id": "a", "type": "Run"}]}]);
    let failed = run(steps, json!({"list": vec![0; 1_000_001]}));
    assert_eq!(failed.error(), ("INVALID_STEP_INPUT".into(), "items".into()));
    let message = failed.execution.error.clone().unwrap().message;
    assert!(message.contains("at most 1000000 items, this has 1000001"), "{message}");
}

/// Signals that no step waits for are bounded, for each name and together.
#[test]
fn kept_signals_are_bounded() {
    let steps = json!([{"type": "Delay", "config": {"for": "1h"}}]);
    let mut driver = Driver::new(json!({"name": "n", "steps": steps}), json!({}));
    let mut kept = 0;
    for n in 0..100_000_u32 {
        let name = format!("signal_{}", n % 20);
        let unawaited = UnawaitedSignal::Keep;
        let signal = SignalInput { name, key: None, id: None, data: Arc::new(json!(n)), unawaited };
        match driver.try_apply(TransitionInput::Signal(signal)) {
            Ok(()) => kept += 1,
            Err(refused) => assert_eq!(refused, TransitionError::TooManySignals, "{n}"),
        }
    }
    assert_eq!(kept, 1_000);
    driver.apply(TransitionInput::Cancel { reason: None });
}
