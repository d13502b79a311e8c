//! What joins of the graph and of `Map` do, step by step.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

mod driver;

use serde_json::{Value, json};
use stepwell_core::execution::{Event, RerunFrom};

use driver::run;

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
