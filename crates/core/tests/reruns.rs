//! Reruns from inside blocks: what is run again and what is kept.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

mod driver;

use serde_json::{Value, json};
use stepwell_core::execution::{Event, RerunError, RerunFrom, Status};

use driver::Driver;

/// Orders with two steps each; one fails where an order demands it.
fn orders(on_item_error: &str, record: &str) -> Value {
    json!({"name": "n", "inputs": {"list": "array"}, "steps": [
        {"id": "first", "type": "Run", "input": "first"},
        {"id": "orders", "type": "Map", "over": "{{ inputs.list }}", "as": "order", "record": record,
            "max_concurrency": 1, "on_item_error": on_item_error, "steps": [
                {"id": "check", "type": "Run", "input": "{{ order.n }}"},
                {"id": "charge", "type": "Run", "input": "{{ order }}"},
            ], "output": "{{ order.n }}"},
        {"id": "last", "type": "Run", "input": "{{ steps.orders.output | length }}"},
    ]})
}

fn list(failing: &[u32]) -> Value {
    let order = |n: u32| match failing.contains(&n) {
        true => json!({"n": n, "fail": "BAD"}),
        false => json!({"n": n}),
    };
    json!({"list": (0..4).map(order).collect::<Vec<Value>>()})
}

fn from_step(id: &str, input: Option<Value>) -> RerunFrom {
    RerunFrom::Step { id: id.to_owned(), input }
}

/// The steps that the rerun starts.
fn started(driver: &Driver) -> Vec<String> {
    driver.steps(|event| matches!(event, Event::StepStarted { .. }))
}

#[test]
fn only_failed_items_are_run_again() {
    let failed = Driver::new(orders("fail", "steps"), list(&[2])).run();
    assert_eq!(failed.execution.status(), Status::Failed);
    let again = failed.rerun(RerunFrom::Failed).run();
    // The same failure: from where it failed, and nothing else.
    assert_eq!(started(&again), ["orders[2].charge"]);
    assert_eq!(again.error(), ("BAD".into(), "orders[2].charge".into()));
    // With another input it continues with the items that were not reached.
    let mended = failed.rerun(from_step("orders[2].charge", Some(json!("good")))).run();
    assert_eq!(mended.output(), json!(4));
    assert_eq!(
        started(&mended),
        ["orders[2].charge", "orders[3].check", "orders[3].charge", "last"]
    );
}

#[test]
fn collected_failures_are_run_again() {
    for record in ["steps", "results"] {
        let done = Driver::new(orders("collect", record), list(&[0, 2])).run();
        assert_eq!(done.execution.status(), Status::Completed);
        let again = done.rerun(RerunFrom::Failed).run();
        let expected: &[&str] = match record {
            "steps" => &["orders[0].charge", "orders[2].charge", "last"],
            _ => &[
                "orders[0].check",
                "orders[0].charge",
                "orders[2].check",
                "orders[2].charge",
                "last",
            ],
        };
        assert_eq!(started(&again), expected, "{record}");
        let whole = done.rerun(from_step("orders[1]", None)).run();
        assert_eq!(started(&whole), ["orders[1].check", "orders[1].charge", "last"], "{record}");
    }
    let without = Driver::new(orders("collect", "steps"), list(&[])).run();
    let refused = without.execution.prepare_rerun(&without.journal, RerunFrom::Failed);
    assert_eq!(refused, Err(RerunError::NothingFailed));
}

#[test]
fn a_long_map_continues_in_chunks() {
    let items: Vec<Value> = (0..2_000)
        .map(|n| if n == 1_500 { json!({"n": n, "fail": "BAD"}) } else { json!({"n": n}) })
        .collect();
    let failed = Driver::new(orders("fail", "results"), json!({"list": items})).run();
    assert_eq!(failed.error(), ("BAD".into(), "orders[1500].charge".into()));
    let again = failed.rerun(RerunFrom::Failed);
    let chunks = again.journal.iter().flat_map(|recorded| match &recorded.event {
        Event::ItemsEnded { index, results, .. } => Some((*index, results.len())),
        _ => None,
    });
    assert_eq!(chunks.collect::<Vec<_>>(), [], "the first item that is run again fails again");
    assert_eq!(again.error().1, "orders[1500].charge");
}

#[test]
fn a_loop_continues_with_an_iteration() {
    let steps = json!([{"id": "count", "type": "Loop", "until": "index == 3", "collect": true, "steps": [
        {"id": "add", "type": "Run", "input": "{{ (last or 0) + 1 }}"},
        {"id": "keep", "type": "Run"},
    ]}]);
    let done = Driver::new(json!({"name": "n", "steps": steps}), json!({})).run();
    assert_eq!(done.output(), json!([1, 2, 3, 4]));
    let edited = done.rerun(from_step("count[1].add", Some(json!(10)))).run();
    assert_eq!(edited.output(), json!([1, 10, 11, 12]));
    assert_eq!(started(&edited)[..2], ["count[1].add", "count[1].keep"]);
    let second = done.rerun(from_step("count[2].keep", None)).run();
    assert_eq!(second.output(), json!([1, 2, 3, 4]));
    assert_eq!(started(&second), ["count[2].keep", "count[3].add", "count[3].keep"]);
    // A rerun can be run again.
    let third = second.rerun(from_step("count[3].add", Some(json!(0)))).run();
    assert_eq!(third.output(), json!([1, 2, 3, 0]));
}

#[test]
fn other_branches_are_kept() {
    let steps = json!([{"id": "both", "type": "Parallel", "branches": {
        "a": [{"id": "a", "type": "Run", "input": "a"}],
        "b": [{"id": "b1", "type": "Run", "input": "b"}, {"id": "b2", "type": "Run"}],
    }}]);
    let done = Driver::new(json!({"name": "n", "steps": steps}), json!({})).run();
    let again = done.rerun(from_step("b2", Some(json!("edited")))).run();
    assert_eq!(again.output(), json!({"a": "a", "b": "edited"}));
    assert_eq!(started(&again), ["b2"]);
}

#[test]
fn wrong_places_are_refused() {
    let done = Driver::new(orders("fail", "steps"), list(&[])).run();
    let refuse = |id: &str| {
        let refused = done.execution.prepare_rerun(&done.journal, from_step(id, None));
        refused.unwrap_err().to_string()
    };
    assert_eq!(refuse("orders[9]"), "`orders[9]` did not begin in this execution");
    assert_eq!(refuse("orders[4].charge"), "`orders[4].charge` did not begin in this execution");
    assert_eq!(
        refuse("charge"),
        "the step `charge` runs in iterations; write, for example, `orders[0].charge`"
    );
    assert!(refuse("ordres[0]").ends_with("did you mean `orders`?"));
}
