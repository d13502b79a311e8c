//! `concurrency` of a workflow.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{planned, try_plan};
use crate::definition::concurrency::ConcurrencyPolicy;

fn with(concurrency: Value) -> Value {
    json!({"name": "n", "inputs": {"a": "any?"}, "steps": [{"id": "e", "type": "Echo", "input": 1}],
        "concurrency": concurrency})
}

#[test]
fn defaults_are_filled_in() {
    for (written, limit, policy) in [
        (json!({}), 1, ConcurrencyPolicy::Queue),
        (json!({"limit": 3, "policy": null, "key": null}), 3, ConcurrencyPolicy::Queue),
        (json!({"policy": "reject"}), 1, ConcurrencyPolicy::Reject),
        (json!({"policy": "cancel_running"}), 1, ConcurrencyPolicy::CancelRunning),
        (json!({"policy": "replace_queued"}), 1, ConcurrencyPolicy::ReplaceQueued),
    ] {
        let plan = planned(with(written));
        let concurrency = plan.concurrency.unwrap();
        assert_eq!((concurrency.limit, concurrency.policy), (limit, policy));
        let place = concurrency.place_for(&Arc::new(json!({}))).unwrap();
        assert_eq!((place.key.as_str(), place.limit), ("", limit));
    }
    assert!(planned(with(json!(null))).concurrency.is_none());
}

#[test]
fn wrong_forms_are_refused_with_what_to_write() {
    for (written, expected) in [
        (
            json!(1),
            "concurrency: `concurrency` has the wrong type (expected object with limit, key, policy",
        ),
        (json!({"max": 1}), "concurrency.max: there is no field `max`; known here are limit, key"),
        (
            json!({"limit": 0}),
            "concurrency.limit: `limit` has the wrong type (expected integer from 1 to 10000, found",
        ),
        (json!({"limit": 10_001}), "concurrency.limit: "),
        (json!({"limit": "2"}), "concurrency.limit: "),
        (json!({"key": 5}), "concurrency.key: `key` has the wrong type (expected string"),
        (json!({"key": ""}), "concurrency.key: `key` must not be empty; without `key`, all share"),
        (
            json!({"key": "inputs.a"}),
            "concurrency.key: a key is a template: write `{{ inputs.a }}`",
        ),
        (
            json!({"key": "{{ steps.e.output }}"}),
            "concurrency.key: the key is evaluated before the first step and reads only `inputs`, \
             not `steps`",
        ),
        (
            json!({"key": "{{ now }}"}),
            "concurrency.key: the key is evaluated before the first step",
        ),
        (json!({"key": "{{ inputs.a"}), "concurrency.key: "),
        (
            json!({"policy": "skip"}),
            "concurrency.policy: `policy` has the wrong type (expected one of queue, reject, \
             cancel_running, replace_queued, found string \"skip\")",
        ),
    ] {
        let problems = try_plan(&with(written.clone())).unwrap_err();
        assert!(problems[0].starts_with(expected), "{written}: {problems:#?}");
        assert_eq!(problems.len(), 1, "{written}: {problems:#?}");
    }
}

#[test]
fn keys_are_text_of_a_limited_length() {
    let plan = planned(with(json!({"key": "{{ inputs.a }}"})));
    let concurrency = plan.concurrency.unwrap();
    let key = |a: Value| concurrency.place_for(&Arc::new(json!({ "a": a }))).map(|place| place.key);
    for (input, expected) in
        [(json!("acme"), "acme"), (json!(5), "5"), (json!(0.5), "0.5"), (json!(true), "true")]
    {
        assert_eq!(key(input).unwrap(), expected);
    }
    for (input, expected) in [
        (json!(null), "the concurrency key is null; it must be text, a number or a boolean"),
        (json!({}), "the concurrency key is object"),
        (json!(""), "the concurrency key is empty"),
        (json!("ä".repeat(101)), "the concurrency key has 202 bytes; it may have at most 200"),
    ] {
        let problem = key(input).unwrap_err();
        assert!(problem.starts_with(expected), "{problem}");
    }
    let failing = planned(with(json!({"key": "{{ inputs.a + 1 }}"}))).concurrency.unwrap();
    let problem = failing.place_for(&Arc::new(json!({"a": "x"}))).unwrap_err();
    assert!(problem.starts_with("the concurrency key cannot be evaluated: "), "{problem}");
}

#[test]
fn steps_that_do_work_can_have_a_limit() {
    let step = |step: Value| json!({"name": "n", "inputs": {"a": "any?"}, "steps": [step]});
    let echo = |concurrency: Value| {
        step(json!({"id": "e", "type": "Echo", "input": 1, "concurrency": concurrency}))
    };
    let plan = planned(echo(json!({"limit": 2, "key": "{{ inputs.a }}-{{ execution.id }}"})));
    assert_eq!(plan.steps[0].concurrency.as_ref().map(|limits| limits.limit), Some(2));
    for (source, expected) in [
        (
            echo(json!({"policy": "reject"})),
            "steps[0].concurrency.policy: attempts of a step can only wait: write `policy: queue`",
        ),
        (echo(json!({"limit": 0})), "steps[0].concurrency.limit: "),
        (
            echo(json!({"key": "{{ steps.e.output }}"})),
            "steps[0].concurrency.key: the step `e` cannot refer to itself",
        ),
        (
            echo(json!({"key": "{{ secrets.A }}"})),
            "steps[0].concurrency.key: secrets may only be used in the sensitive fields",
        ),
        (
            step(json!({"type": "Delay", "config": {"for": 1}, "concurrency": {}})),
            "steps[0].concurrency: `Delay` cannot have `concurrency`; remove it",
        ),
    ] {
        let problems = try_plan(&source).unwrap_err();
        assert!(problems[0].starts_with(expected), "{source}: {problems:#?}");
        assert_eq!(problems.len(), 1, "{source}: {problems:#?}");
    }
}
