//! What blocks do, step by step: each test runs a definition with steps that fail where their input
//! is `{"fail": CODE}` and otherwise output their input.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

mod driver;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stepwell_core::Timestamp;
use stepwell_core::execution::{
    BodyResult, Event, Execution, Status, StepRunId, TransitionContext, TransitionError,
    TransitionInput,
};

use driver::{Driver, run};

fn is_cancelled(event: &Event) -> bool {
    matches!(event, Event::StepCancelled { .. })
}

#[test]
fn the_first_true_case_runs() {
    let steps = json!([
        {"id": "route", "type": "Branch", "input": {"from": "before"}, "cases": [
            {"when": "inputs.n > 10", "steps": [{"id": "big", "type": "Run", "input": "big"}]},
            {"when": "inputs.n > 5", "steps": [{"id": "middle", "type": "Run"}]},
        ]},
        {"id": "last", "type": "Run"},
    ]);
    assert_eq!(run(steps.clone(), json!({"n": 20})).output(), json!("big"));
    // The first step takes the input of the block.
    assert_eq!(run(steps.clone(), json!({"n": 7})).output(), json!({"from": "before"}));
    // Without `else` the block is bypassed: the next step takes what came before it.
    let bypassed = run(steps, json!({"n": 1}));
    assert_eq!(bypassed.output(), json!({"n": 1}));
    assert_eq!(bypassed.steps(|event| matches!(event, Event::StepSkipped { .. })), ["route"]);
}

#[test]
fn a_switch_compares_numbers_by_value() {
    let steps = json!([{"type": "Switch", "value": "{{ inputs.any }}", "cases": [
        {"equals": [1, "a"], "steps": [{"id": "one", "type": "Run", "input": "one"}]},
        {"equals": [[1]], "steps": [{"id": "list", "type": "Run"}]},
    ], "else": [{"id": "other", "type": "Run", "input": "other"}]}]);
    for (value, expected) in [
        (json!(1.0), json!("one")),
        (json!("a"), json!("one")),
        (json!([1]), json!([1])),
        (json!("1"), json!("other")),
        (json!(null), json!("other")),
    ] {
        assert_eq!(run(steps.clone(), json!({"any": value})).output(), expected);
    }
}

#[test]
fn a_map_keeps_the_order_and_its_concurrency() {
    let steps = json!([{"id": "items", "type": "Map", "over": "{{ inputs.list }}", "max_concurrency": 3,
        "record": "steps", "steps": [{"id": "a", "type": "Run"}, {"id": "b", "type": "Run"}],
        "output": {"item": "{{ item }}", "at": "{{ index }}", "b": "{{ steps.b.output }}"}}]);
    let list: Vec<u32> = (0..200).collect();
    let done = run(steps.clone(), json!({"list": list}));
    let expected: Vec<Value> =
        list.iter().map(|at| json!({"item": at, "at": at, "b": at})).collect();
    assert_eq!(done.output(), Value::Array(expected));
    assert_eq!(done.most_running, 3);
    let started = done.steps(|event| matches!(event, Event::StepStarted { .. }));
    assert_eq!(started[..3], ["items", "items[0].a", "items[1].a"]);
    assert_eq!(started.len(), 401);
    assert_eq!(run(steps, json!({"list": []})).output(), json!([]));
}

#[test]
fn failed_items_are_collected_or_fail_the_map() {
    let map = |on_error: &str| {
        json!([{"id": "items", "type": "Map", "over": "{{ inputs.list }}", "max_concurrency": 2,
            "on_item_error": on_error, "steps": [{"id": "a", "type": "Run"}]}])
    };
    let input = json!({"list": [1, {"fail": "BAD"}, 3]});
    let error = json!({"error": {
        "code": "BAD", "message": "as its input demands", "step": "items[1].a", "details": null,
    }});
    assert_eq!(run(map("collect"), input.clone()).output(), json!([1, error, 3]));
    let failed = run(map("fail"), input);
    assert_eq!(failed.error(), ("BAD".into(), "items[1].a".into()));
    assert_eq!(failed.steps(is_cancelled), ["items[2].a"]);
}

#[test]
fn maps_are_nested() {
    let steps = json!([{"id": "rows", "type": "Map", "over": "{{ inputs.list }}", "as": "row", "steps": [
        {"id": "cells", "type": "Map", "over": "{{ row }}", "as": "cell", "steps": [
            {"id": "sum", "type": "Run", "input": "{{ cell + row[0] + index }}"},
        ]},
    ]}]);
    let done = run(steps, json!({"list": [[1, 2], [], [5]]}));
    assert_eq!(done.output(), json!([[2, 4], [], [10]]));
    let ran = done.steps(|event| matches!(event, Event::StepCompleted { .. }));
    assert!(ran.contains(&"rows[0].cells[1].sum".to_owned()), "{ran:?}");
}

#[test]
fn loops_end_by_their_condition() {
    let body = json!([{"id": "add", "type": "Run", "input": "{{ (last or 0) + 2 }}"}]);
    let until = json!([{"type": "Loop", "until": "steps.add.output >= inputs.n", "steps": body}]);
    assert_eq!(run(until.clone(), json!({"n": 5})).output(), json!(6));
    assert_eq!(run(until, json!({"n": -5})).output(), json!(2));
    let all =
        json!([{"type": "Loop", "while": "index < inputs.n", "collect": true, "steps": body}]);
    assert_eq!(run(all.clone(), json!({"n": 3})).output(), json!([2, 4, 6]));
    assert_eq!(run(all, json!({"n": 0})).output(), json!([]));
    let none = json!([{"type": "Loop", "while": "false", "steps": body}]);
    assert_eq!(run(none, json!({})).output(), json!(null));
    // The first step takes the input of the block, then the output of the iteration before.
    let flow = json!([
        {"type": "Run", "input": "x"},
        {"type": "Loop", "until": "index == 2", "steps": [{"id": "again", "type": "Run"}]},
    ]);
    assert_eq!(run(flow, json!({})).output(), json!("x"));
}

#[test]
fn endless_loops_fail_and_do_not_block() {
    let steps = json!([{"id": "spin", "type": "Loop", "until": "false", "max_iterations": 500,
        "steps": [{"id": "set", "type": "SetState", "input": {"x": 1}}]}]);
    let failed = run(steps, json!({}));
    assert_eq!(failed.error(), ("LOOP_LIMIT".into(), "spin".into()));
    assert!(failed.continued >= 7, "others run between: {}", failed.continued);
    let started = failed.journal.iter().filter(|r| matches!(r.event, Event::BodyStarted { .. }));
    assert_eq!(started.count(), 500);
}

#[test]
fn a_map_has_at_most_a_million_items() {
    let steps = json!([{"id": "all", "type": "Map", "over": "{{ inputs.list }}",
        "steps": [{"id": "one", "type": "Run"}]}]);
    let failed = run(steps, json!({"list": vec![0; 1_000_001]}));
    assert_eq!(failed.error(), ("INVALID_STEP_INPUT".into(), "all".into()));
}

#[test]
fn a_loop_pauses_between_its_iterations() {
    let steps = json!([{"id": "poll", "type": "Loop", "until": "index == 2", "pause": "{{ steps.call.output.after }}",
        "steps": [{"id": "call", "type": "Run", "input": {"after": "{{ (index + 1) * 10 }}s"}}]}]);
    let begun = Driver::new(json!({"name": "n", "steps": steps}), json!({}));
    let start = begun.now;
    let mut waiting = begun;
    waiting.end_attempt();
    assert_eq!(waiting.execution.status(), Status::Waiting);
    assert_eq!(waiting.execution.next_wake(), Some(start.after(Duration::from_secs(10))));
    // Woken too early, it waits again.
    waiting.now = start.after(Duration::from_secs(9));
    waiting.apply(TransitionInput::Timer);
    assert_eq!(waiting.execution.status(), Status::Waiting);
    let done = waiting.run();
    assert_eq!(done.output(), json!({"after": "30s"}));
    assert_eq!(done.now, start.after(Duration::from_secs(30)), "10 s, then 20 s");
}

#[test]
fn a_race_cancels_the_slower_branches() {
    let slow = |seconds: u32| json!([{"id": format!("d{seconds}"), "type": "Delay", "config": {"for": seconds}}]);
    let race = |join: Value, cancel: bool| {
        json!([{"id": "race", "type": "Parallel", "input": "x", "join": join, "cancel_rest": cancel,
            "branches": {"a": slow(5), "b": slow(1), "c": slow(9)}}])
    };
    let done = run(race(json!("any"), true), json!({}));
    assert_eq!(done.output(), json!({"a": null, "b": "x", "c": null}));
    assert_eq!(done.steps(is_cancelled), ["d5", "d9"]);
    let done = run(race(json!({"n": 2}), true), json!({}));
    assert_eq!(done.output(), json!({"a": "x", "b": "x", "c": null}));
    let done = run(race(json!("any"), false), json!({}));
    assert_eq!(done.output(), json!({"a": "x", "b": "x", "c": "x"}));
}

#[test]
fn a_quorum_fails_when_it_is_out_of_reach() {
    let branch = |id: &str, input: Value| json!([{"id": id, "type": "Run", "input": input}]);
    let steps = |needed: u32| {
        json!([{"id": "vote", "type": "Parallel", "join": {"n": needed}, "branches": {
            "a": branch("a", json!({"fail": "NO"})), "b": branch("b", json!("yes")),
            "c": branch("c", json!({"fail": "NOT_ME"})),
        }}])
    };
    assert_eq!(run(steps(1), json!({})).output(), json!({"a": null, "b": "yes", "c": null}));
    assert_eq!(run(steps(2), json!({})).error(), ("NOT_ME".into(), "c".into()));
    assert_eq!(run(steps(3), json!({})).error(), ("NO".into(), "a".into()));
}

#[test]
fn errors_are_caught_by_their_code_and_finally_runs() {
    let steps = |code: &str, in_catch: Value| {
        json!([{"id": "try", "type": "Try",
            "steps": [{"id": "risky", "type": "Run", "input": {"fail": code}}],
            "catch": [
                {"on": ["A", "B"], "steps": [{"id": "first", "type": "Run", "input": in_catch}]},
                {"on": "C", "steps": [{"id": "second", "type": "Run", "input": "C"}]},
            ],
            "finally": [{"id": "clean", "type": "Run", "input": "cleaned"}]}])
    };
    let ran = |done: &Driver| done.steps(|event| matches!(event, Event::StepStarted { .. }));
    let caught = run(steps("B", json!("{{ error.code }}: {{ error.message }}")), json!({}));
    assert_eq!(caught.output(), json!("B: as its input demands"));
    assert_eq!(ran(&caught), ["try", "risky", "first", "clean"]);
    assert_eq!(run(steps("C", json!(1)), json!({})).output(), json!("C"));
    // No entry fits, or the entry itself fails: `finally` runs, then the block fails.
    let uncaught = run(steps("D", json!(1)), json!({}));
    assert_eq!(uncaught.error(), ("D".into(), "risky".into()));
    assert_eq!(ran(&uncaught), ["try", "risky", "clean"]);
    let failed = run(steps("A", json!({"fail": "WORSE"})), json!({}));
    assert_eq!(failed.error(), ("WORSE".into(), "first".into()));
    assert_eq!(ran(&failed), ["try", "risky", "first", "clean"]);
    // Without an error, too.
    let fine = json!([{"id": "try", "type": "Try", "steps": [{"id": "ok", "type": "Run", "input": "fine"}],
        "finally": [{"id": "clean", "type": "Run", "input": "cleaned"}]}]);
    let done = run(fine, json!({}));
    assert_eq!(done.output(), json!("fine"));
    assert_eq!(ran(&done), ["try", "ok", "clean"]);
}

#[test]
fn a_failed_block_is_handled_like_a_failed_step() {
    let block = json!({"id": "block", "type": "Branch", "cases": [
        {"when": "true", "steps": [
            {"id": "slow", "type": "Delay", "after": [], "config": {"for": 100}},
            {"id": "bad", "type": "Run", "after": [], "input": {"fail": "BAD"}},
        ]},
    ], "on_error": "continue"});
    let next = json!({"id": "next", "type": "Run", "input": "{{ steps.block.error.code }} {{ steps.block.status }}"});
    let done = run(json!([block, next]), json!({}));
    assert_eq!(done.output(), json!("BAD failed"));
    assert_eq!(done.steps(is_cancelled), ["slow"]);
}

#[test]
fn a_timeout_fails_a_block_and_cancels_what_runs_inside() {
    let inside = json!([
        {"id": "quick", "type": "Run", "input": 1},
        {"id": "slow", "type": "Delay", "config": {"for": 100}},
    ]);
    let kinds = [
        json!({"type": "Branch", "cases": [{"when": "true", "steps": inside}]}),
        json!({"type": "Switch", "value": 1, "cases": [{"equals": 1, "steps": inside}]}),
        json!({"type": "Map", "over": [1], "steps": inside}),
        json!({"type": "Loop", "until": "true", "steps": inside}),
        json!({"type": "Parallel", "branches": {"a": inside}}),
        json!({"type": "Try", "steps": inside, "catch": [{"steps": [{"type": "Run"}]}]}),
    ];
    for mut block in kinds {
        block["id"] = json!("block");
        block["timeout"] = json!("10s");
        let done = run(json!([block.clone()]), json!({}));
        assert_eq!(done.error(), ("STEP_TIMEOUT".into(), "block".into()), "{block}");
        assert_eq!(done.now, Timestamp::from_millis(1_800_000_010_000));
        assert_eq!(done.steps(is_cancelled).len(), 1, "{block}");
        // A block around it catches that.
        let around = json!({"id": "around", "type": "Try", "steps": [block], "catch": [
            {"on": "STEP_TIMEOUT", "steps": [{"id": "late", "type": "Run", "input": "{{ error.code }}"}]},
        ]});
        assert_eq!(run(json!([around]), json!({})).output(), json!("STEP_TIMEOUT"));
    }
}

#[test]
fn the_outer_of_two_timeouts_ends_both_blocks() {
    let steps = json!([{"id": "outer", "type": "Try", "timeout": 5, "steps": [
        {"id": "inner", "type": "Try", "timeout": 5, "steps": [
            {"id": "slow", "type": "Delay", "config": {"for": 100}},
        ], "finally": [{"id": "clean", "type": "Run"}]},
    ], "finally": [{"id": "clean_outer", "type": "Run"}]}]);
    let done = run(steps, json!({}));
    assert_eq!(done.error(), ("STEP_TIMEOUT".into(), "outer".into()));
    assert_eq!(done.steps(is_cancelled), ["inner", "slow"], "`finally` does not run");
}

#[test]
fn a_pause_and_a_restart_keep_the_timeout_of_a_block() {
    let steps = json!([{"id": "block", "type": "Try", "timeout": 10, "steps": [
        {"id": "slow", "type": "Delay", "config": {"for": 100}},
    ], "finally": [{"id": "clean", "type": "Run"}]}]);
    let mut driver = Driver::new(json!({"name": "n", "steps": steps}), json!({}));
    let start = driver.now;
    driver.apply(TransitionInput::Pause);
    assert_eq!(driver.execution.next_wake(), None);
    driver.now = start.after(Duration::from_secs(20));
    driver.apply(TransitionInput::Timer);
    assert_eq!(driver.execution.status(), Status::Paused, "nothing ends while it is paused");
    // Loaded again, the wait has the rest by the wall clock.
    let mut loaded = Execution::new(driver.execution.origin.clone());
    driver.journal.iter().for_each(|recorded| loaded.apply_event(recorded));
    loaded.resume_waits(driver.now, driver.now.since(Timestamp::default()), None);
    driver.execution = loaded;
    driver.apply(TransitionInput::Resume);
    assert_eq!(driver.error(), ("STEP_TIMEOUT".into(), "block".into()));
}

#[test]
fn stop_ends_the_execution_from_inside() {
    let steps = json!([
        {"id": "wait", "type": "Delay", "after": [], "config": {"for": 100}},
        {"id": "items", "type": "Map", "after": [], "over": [1, 2, 3], "steps": [
            {"id": "enough", "type": "Stop", "when": "item == 2", "input": {"at": "{{ index }}"}},
            {"id": "work", "type": "Run"},
        ]},
    ]);
    let stopped = run(steps, json!({}));
    assert_eq!(stopped.output(), json!({"at": 1}));
    assert_eq!(stopped.steps(is_cancelled), ["wait", "items", "items[0].work"]);
    let failed = run(
        json!([{"type": "Stop", "config": {"status": "failed", "code": "X", "message": "m"}}]),
        json!({}),
    );
    assert_eq!(failed.error(), ("X".into(), "stop".into()));
    let cancelled = run(json!([{"type": "Stop", "config": {"status": "cancelled"}}]), json!({}));
    assert_eq!(cancelled.execution.status(), Status::Cancelled);
}

#[test]
fn results_of_a_map_are_bounded() {
    let steps = json!([{"id": "items", "type": "Map", "over": "{{ inputs.list }}",
        "steps": [{"id": "a", "type": "Run"}], "output": "{{ inputs.any }}"}]);
    let list: Vec<u32> = (0..40).collect();
    let failed = run(steps, json!({"list": list, "any": "x".repeat(1 << 20)}));
    assert_eq!(failed.error().0, "VALUE_TOO_LARGE");
    assert!(failed.execution.error.unwrap().message.contains("16 MiB"));
}

#[test]
fn runs_of_ended_iterations_are_kept_up_to_a_bound() {
    let steps = json!([{"id": "items", "type": "Map", "over": "{{ inputs.list }}",
        "record": "steps", "steps": [{"id": "a", "type": "Run"}]}]);
    let list: Vec<u32> = (0..3000).collect();
    let done = run(steps, json!({"list": list}));
    assert_eq!(done.output().as_array().unwrap().len(), 3000);
    assert_eq!(done.execution.steps.iter().count(), 2001);
    // Replay decides the same.
    let mut replayed = Execution::new(done.execution.origin.clone());
    done.journal.iter().for_each(|recorded| replayed.apply_event(recorded));
    assert_eq!(replayed.steps, done.execution.steps);
}

/// Definitions of maps whose steps only compute.
fn pure_maps() -> Vec<(&'static str, Value)> {
    let run = |id: &str| json!({"id": id, "type": "Run"});
    vec![
        ("one step", json!([run("a")])),
        ("the index", json!([{"id": "a", "type": "Run", "input": "{{ [index, item] }}"}])),
        (
            "a guard",
            json!([
                {"id": "a", "type": "Run", "when": "index % 2 == 0", "input": {"even": "{{ index }}"}},
                run("b"),
            ]),
        ),
        (
            "a branch",
            json!([{"type": "Branch", "cases": [
            {"when": "item == 3", "steps": [{"id": "three", "type": "Run", "input": "three"}]},
        ], "else": [run("other")]}]),
        ),
        (
            "an inner map",
            json!([
                {"type": "Map", "over": "{{ [item, index] }}", "as": "inner", "steps": [
                    {"id": "b", "type": "Run", "input": "{{ [inner, index] }}"},
                ]},
                {"id": "c", "type": "Run"},
            ]),
        ),
        (
            "a loop",
            json!([{"type": "Loop", "until": "index == 70", "max_iterations": 100, "steps": [
                {"id": "b", "type": "Run", "input": "{{ index }}"},
            ]}]),
        ),
        (
            "a handled error",
            json!([
                {"type": "Try", "steps": [run("t")], "catch": [
                    {"on": "BAD", "steps": [{"id": "c", "type": "Run", "input": "{{ error.code }}"}]},
                ]},
            ]),
        ),
    ]
}

#[test]
fn items_in_chunks_give_the_same_results() {
    for (name, inner) in pure_maps() {
        let map = |record: &str| {
            json!([{"id": "items", "type": "Map", "over": "{{ inputs.list }}", "steps": inner,
                "on_item_error": "collect", "record": record}])
        };
        let input = json!({"list": [1, {"fail": "BAD"}, 3, {"fail": "WORSE"}, {"x": [5]}]});
        let [by_step, by_chunk] =
            ["steps", "results"].map(|record| run(map(record), input.clone()));
        assert_eq!(by_step.output(), by_chunk.output(), "{name}");
        let kinds = by_chunk.journal.iter().map(|recorded| &recorded.event);
        assert_eq!(kinds.filter(|event| matches!(event, Event::ItemsEnded { .. })).count(), 1);
        assert!(by_chunk.execution.steps.iter().all(|(id, _)| id.path.is_empty()));
        let mut replayed = Execution::new(by_chunk.execution.origin.clone());
        by_chunk.journal.iter().for_each(|recorded| replayed.apply_event(recorded));
        assert_eq!(replayed.steps, by_chunk.execution.steps);
    }
}

#[test]
fn a_failed_item_of_a_chunk_fails_the_map() {
    let steps = json!([{"id": "items", "type": "Map", "over": "{{ inputs.list }}",
        "record": "results", "steps": [{"id": "a", "type": "Run"}]}]);
    let failed = run(steps, json!({"list": [1, 2, {"fail": "BAD"}, {"fail": "LATER"}]}));
    assert_eq!(failed.error(), ("BAD".into(), "items[2].a".into()));
}

#[test]
fn long_lists_of_pure_steps_are_recorded_in_chunks() {
    let steps = json!([{"id": "items", "type": "Map", "over": "{{ inputs.list }}",
        "steps": [{"id": "a", "type": "Run", "input": "{{ item + 1 }}"}]}]);
    let events = |count: u32| {
        let list: Vec<u32> = (0..count).collect();
        let done = run(steps.clone(), json!({"list": list}));
        let expected: Vec<u32> = (1..=count).collect();
        assert_eq!(done.output(), json!(expected));
        done.journal.len()
    };
    assert!(events(99) > 99 * 3);
    assert!(events(2_500) < 20);
}

#[test]
fn results_of_chunks_are_used_once() {
    let steps = json!([{"id": "items", "type": "Map", "over": "{{ inputs.list }}",
        "record": "results", "steps": [{"id": "a", "type": "Run"}]}, {"type": "Delay", "config": {"for": "1h"}}]);
    let definition = json!({"name": "n", "inputs": {"list": "array"}, "steps": steps});
    let mut driver = Driver::new(definition, json!({"list": [1, 2]}));
    // All items have ended by now: further results of them are refused.
    let step = StepRunId::from(0);
    let results = vec![BodyResult::Completed(Arc::new(json!(9)))];
    let moment = TransitionContext { now: driver.now, elapsed: Duration::ZERO, entropy: 0 };
    for first in [0, 1, 2] {
        let input =
            TransitionInput::ItemsEnded { step: step.clone(), first, results: results.clone() };
        let refused = driver.execution.advance(input, moment);
        assert_eq!(refused.err(), Some(TransitionError::Stale), "{first}");
    }
    driver.apply(TransitionInput::Cancel { reason: None });
}
