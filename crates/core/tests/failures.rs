//! Compensations, `on_failure` and handled failures.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

mod driver;

use serde_json::{Value, json};
use stepwell_core::execution::{
    Event, Execution, RerunFrom, Status, TransitionError, TransitionInput,
};

use driver::{Driver, run};

/// Runs a definition with the inputs `n`, `list` and `any`.
fn run_definition(mut definition: Value, input: Value) -> Driver {
    definition["name"] = json!("n");
    definition["inputs"] = json!({"n": "number?", "list": "array?", "any": "any?"});
    Driver::new(definition, input).run()
}

/// A step that is undone by a step with this input.
fn undone(id: &str, input: Value, undo: Value) -> Value {
    json!({"id": id, "type": "Run", "input": input, "compensate": {"type": "Run", "input": undo}})
}

fn fails(id: &str) -> Value {
    json!({"id": id, "type": "Run", "input": {"fail": "BAD"}})
}

/// The inputs of the compensations, in the order in which they started.
fn undo_inputs(done: &Driver) -> Vec<Value> {
    let inputs = done.journal.iter().filter_map(|recorded| match &recorded.event {
        Event::StepStarted { step, attempt: 1, input: Some(input), .. } => {
            done.execution.compensated_run(step).map(|_| Value::clone(input))
        }
        _ => None,
    });
    inputs.collect()
}

#[test]
fn completed_steps_are_compensated_in_reverse_order() {
    let steps = json!([
        undone("a", json!(1), json!("{{ steps.a.output }} {{ error.code }} {{ inputs.n }}")),
        {"id": "plain", "type": "Run", "input": 2},
        undone("b", json!(3), json!({"fail": "UNDO"})),
        undone("c", json!(4), json!({"c": "{{ steps.a.output }} {{ steps.plain.output }}"})),
        undone("bad", json!({"fail": "BAD"}), json!("never")),
    ]);
    let done = run(steps, json!({"n": 7}));
    assert_eq!(done.error(), ("BAD".into(), "bad".into()));
    // The one that fails is reported, and the others continue.
    let expected = [json!({"c": "1 2"}), json!({"fail": "UNDO"}), json!("1 BAD 7")];
    assert_eq!(undo_inputs(&done), expected);
    let failed = done.steps(|event| matches!(event, Event::StepFailed { .. }));
    assert_eq!(failed, ["bad", "b.compensation"]);
    let ended = done.journal.iter().filter(|recorded| recorded.event.is_final());
    assert_eq!(ended.count(), 1);
}

#[test]
fn nothing_is_compensated_if_the_execution_completes() {
    let steps = json!([undone("a", json!(1), json!("undo")), {"id": "bad", "type": "Run",
        "input": {"fail": "BAD"}, "on_error": "continue"}]);
    let done = run(steps, json!({}));
    assert_eq!(done.execution.status(), Status::Completed);
    assert_eq!(undo_inputs(&done), Vec::<Value>::new());
}

#[test]
fn compensations_see_the_item_of_their_iteration() {
    let steps = json!([{"id": "orders", "type": "Map", "over": [10, 20, 30], "as": "order",
        "max_concurrency": 1, "steps": [
            {"id": "before", "type": "Run", "input": "{{ order + 1 }}"},
            undone("charge", json!({"paid": "{{ order }}"}),
                json!("{{ index }} {{ order }} {{ steps.charge.output.paid }} {{ steps.before.output }}")),
        ]}, fails("bad")]);
    let done = run(steps, json!({}));
    assert_eq!(undo_inputs(&done), ["2 30 30 31", "1 20 20 21", "0 10 10 11"]);
    let undone = done.steps(|event| matches!(event, Event::StepCompleted { .. }));
    assert_eq!(undone.last().map(String::as_str), Some("orders[0].charge.compensation"));
}

#[test]
fn what_compensations_need_is_kept_of_many_iterations() {
    let steps = json!([{"id": "items", "type": "Map", "over": "{{ inputs.list }}",
        "max_concurrency": 1, "steps": [
            {"id": "first", "type": "Run"},
            undone("charge", json!("{{ item }}"), json!("{{ steps.charge.output }} {{ index }} {{ item }}")),
            {"id": "last", "type": "Run"},
        ]}, fails("bad")]);
    let list: Vec<u32> = (100..3100).collect();
    let done = run(steps, json!({"list": list}));
    let expected: Vec<String> =
        (0..3000).rev().map(|i| format!("{n} {i} {n}", n = i + 100)).collect();
    assert_eq!(undo_inputs(&done), expected);
    let mut replayed = Execution::new(done.execution.origin.clone());
    done.journal.iter().for_each(|recorded| replayed.apply_event(recorded));
    assert_eq!(replayed.steps, done.execution.steps);
}

#[test]
fn the_number_of_compensations_is_bounded() {
    let steps = json!([{"id": "items", "type": "Map", "over": "{{ inputs.list }}",
        "steps": [undone("a", json!(1), json!("undo"))], "output": 1}]);
    let list: Vec<u32> = (0..10_001).collect();
    let done = run(steps, json!({"list": list}));
    // Before it did something that could not be undone.
    assert_eq!(done.error(), ("COMPENSATION_LIMIT".into(), "items[10000].a".into()));
    assert!(undo_inputs(&done).len() > 9_900);
}

#[test]
fn a_cancelled_or_timed_out_execution_is_compensated() {
    let steps = json!([undone("a", json!(1), json!("{{ error.code }}: {{ error.message }}")),
        {"id": "slow", "type": "Delay", "config": {"for": 100}}]);
    let mut driver = Driver::new(json!({"name": "n", "steps": steps}), json!({}));
    driver.end_attempt();
    driver.apply(TransitionInput::Pause);
    driver.apply(TransitionInput::Cancel { reason: Some("enough".into()) });
    assert_eq!(driver.execution.status(), Status::Running);
    let again = driver.try_apply(TransitionInput::Cancel { reason: None });
    assert_eq!(again, Err(TransitionError::Compensating));
    let done = driver.run();
    assert_eq!(done.execution.status(), Status::Cancelled);
    assert_eq!(undo_inputs(&done), ["CANCELLED: enough"]);

    let done = run_definition(json!({"steps": steps, "timeout": 5}), json!({}));
    assert_eq!(done.execution.status(), Status::TimedOut);
    assert!(undo_inputs(&done)[0].as_str().unwrap().starts_with("EXECUTION_TIMEOUT"));
}

#[test]
fn on_failure_runs_after_the_compensations() {
    let alert = json!([
        {"id": "alert", "type": "Run", "input": "{{ error.code }} at {{ steps.a.output }}"},
        {"id": "again", "type": "Run"},
    ]);
    let steps = json!([undone("a", json!(1), json!("undo")), fails("bad")]);
    let definition =
        |steps: &Value, handler: &Value| json!({"steps": steps, "on_failure": handler});
    let done = run_definition(definition(&steps, &alert), json!({}));
    assert_eq!(done.error(), ("BAD".into(), "bad".into()));
    let completed = done.steps(|event| matches!(event, Event::StepCompleted { .. }));
    assert_eq!(completed, ["a", "a.compensation", "alert", "again", "on_failure"]);
    let alerted = done.journal.iter().find_map(|recorded| match &recorded.event {
        Event::StepCompleted { output, .. } if output.is_string() && **output != "undo" => {
            Some(Value::clone(output))
        }
        _ => None,
    });
    assert_eq!(alerted, Some(json!("BAD at 1")));
    // Its failure does not change the error.
    let done = run_definition(
        definition(
            &steps,
            &json!([{"id": "worse", "type": "Run",
        "input": {"fail": "WORSE"}}]),
        ),
        json!({}),
    );
    assert_eq!(done.error(), ("BAD".into(), "bad".into()));
    assert_eq!(
        done.steps(|event| matches!(event, Event::StepFailed { .. })),
        ["bad", "worse", "on_failure"]
    );
    // Not if all is well, nor after a cancellation.
    let fine = run_definition(definition(&json!([{"id": "a", "type": "Run"}]), &alert), json!({}));
    assert_eq!(fine.execution.status(), Status::Completed);
    let stop =
        json!([{"id": "a", "type": "Run"}, {"type": "Stop", "config": {"status": "cancelled"}}]);
    let cancelled = run_definition(definition(&stop, &alert), json!({}));
    assert_eq!(cancelled.steps(|event| matches!(event, Event::StepStarted { .. })), ["a", "stop"]);
}

#[test]
fn handled_failures_are_listed() {
    let steps = json!([
        {"id": "soft", "type": "Run", "input": {"fail": "SOFT"}, "on_error": "continue"},
        {"id": "items", "type": "Map", "after": [], "over": [1, {"fail": "ITEM"}], "on_item_error": "collect",
            "steps": [{"id": "work", "type": "Run"}]},
        {"id": "try", "type": "Try", "after": [], "steps": [{"id": "risky", "type": "Run", "input": {"fail": "CAUGHT"}}],
            "catch": [{"steps": [{"id": "fix", "type": "Run", "input": 1}]}]},
        {"id": "race", "type": "Parallel", "after": [], "join": "any", "branches": {
            "bad": [{"id": "lost", "type": "Run", "input": {"fail": "BRANCH"}}],
            "good": [{"id": "won", "type": "Run", "input": 1}]}},
        // Passed on by the block, it is the same failure.
        {"id": "around", "type": "Branch", "after": [], "on_error": "continue",
            "cases": [{"when": "true", "steps": [{"id": "inner", "type": "Run", "input": {"fail": "INNER"}}]}]},
    ]);
    let done = run(steps, json!({}));
    assert_eq!(done.execution.status(), Status::Completed);
    let mut listed: Vec<_> = done
        .execution
        .handled_failures
        .listed()
        .iter()
        .map(|failure| (failure.step.clone().unwrap(), failure.code.clone()))
        .collect();
    listed.sort();
    let expected = [
        ("inner", "INNER"),
        ("items[1].work", "ITEM"),
        ("lost", "BRANCH"),
        ("risky", "CAUGHT"),
        ("soft", "SOFT"),
    ];
    assert_eq!(listed, expected.map(|(step, code)| (step.to_owned(), code.to_owned())));
    let many: Vec<Value> = (0..150).map(|_| json!({"fail": "X"})).collect();
    let done = run(
        json!([{"id": "items", "type": "Map", "over": many, "on_item_error": "collect",
        "steps": [{"id": "work", "type": "Run"}]}]),
        json!({}),
    );
    assert_eq!(done.execution.handled_failures.listed().len(), 100);
    assert_eq!(done.execution.handled_failures.unlisted(), 50);
}

#[test]
fn a_handler_that_hangs_can_be_cancelled() {
    let definition = json!({"name": "n", "steps": [fails("bad")],
        "on_failure": [{"type": "Delay", "config": {"for": "1h"}}]});
    let mut driver = Driver::new(definition, json!({}));
    driver.end_attempt();
    assert_eq!(driver.execution.status(), Status::Waiting);
    driver.apply(TransitionInput::Cancel { reason: None });
    assert_eq!(driver.error(), ("BAD".into(), "bad".into()));
}

#[test]
fn a_rerun_repeats_what_was_undone() {
    let steps = json!([
        {"id": "plain", "type": "Run", "input": 0},
        {"id": "orders", "type": "Map", "over": [1, 2], "max_concurrency": 1, "steps": [
            {"id": "check", "type": "Run"},
            undone("charge", json!("{{ item }}"), json!("{{ item }}")),
        ]},
        {"id": "bad", "type": "Run", "input": {"fail": "BAD"}},
    ]);
    let failed = run(steps, json!({}));
    assert_eq!(undo_inputs(&failed), [2, 1]);
    let again = failed.rerun(RerunFrom::Failed).run();
    assert_eq!(again.error(), ("BAD".into(), "bad".into()));
    let started = again.steps(|event| matches!(event, Event::StepStarted { .. }));
    // `plain` and the checks are kept; what the rerun did itself is undone again.
    let expected = [
        "orders[0].charge",
        "orders[1].charge",
        "bad",
        "orders[1].charge.compensation",
        "orders[0].charge.compensation",
    ];
    assert_eq!(started, expected);
}
