//! Maps that write the results of their items to a file.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

mod driver;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stepwell_core::execution::{
    Event, Execution, FileResult, ItemFile, ItemFiles, ItemLine, RerunFrom, without_file_results,
};

use driver::{Driver, run};

fn map(collect: &str, record: &str) -> Value {
    json!([
        {"id": "items", "type": "Map", "over": "{{ inputs.list }}", "max_concurrency": 2,
            "on_item_error": "collect", "collect": collect, "record": record,
            "steps": [{"id": "a", "type": "Run"}], "output": {"is": "{{ steps.a.output }}"}},
        {"id": "last", "type": "Run"},
    ])
}

/// The files of an execution: what is known of each, and its text.
fn files(driver: &Driver) -> BTreeMap<String, (ItemFile, String)> {
    let plan = &driver.execution.origin.plan;
    let mut files = ItemFiles::new(plan);
    let mut lines = BTreeMap::new();
    for recorded in &driver.journal {
        files.read_event(&recorded.event, &mut |found: &FileResult<'_>| {
            let name = found.block.display_in(plan).to_string();
            let line = ItemLine::new(found.index, &found.result).text();
            assert_eq!(lines.insert((name, found.index), line), None);
        });
    }
    let text = |name: &str| {
        let own = lines.iter().filter(|((of, _), _)| of == name);
        own.map(|(_, line)| line.as_str()).collect::<String>()
    };
    files.list().map(|(name, file)| (name.clone(), (file.clone(), text(&name)))).collect()
}

fn text_of(results: &[Value]) -> String {
    let line = |(index, result): (usize, &Value)| match result.get("error") {
        Some(error) => json!({"index": index, "error": error}),
        None => json!({"index": index, "output": result}),
    };
    results.iter().enumerate().map(line).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_file_has_the_results_that_a_list_would_have() {
    let list = json!([1, {"fail": "BAD"}, "é\n", {"fail": "WORSE"}]);
    for record in ["steps", "results"] {
        let listed = run(map("all", record), json!({"list": list})).output();
        let done = run(map("file", record), json!({"list": list}));
        let (file, text) = files(&done)["items"].clone();
        assert_eq!(text, text_of(listed.as_array().unwrap()), "{record}");
        let bytes = text.len() as u64;
        assert_eq!(file, ItemFile { completed: 2, failed: 2, bytes, is_closed: true });
        let output =
            json!({"count": 4, "completed": 2, "failed": 2, "file": "items", "bytes": bytes});
        assert_eq!(done.output(), output);
        // The same, from a journal without the results.
        let mut shown = Execution::new(done.execution.origin.clone());
        let events = without_file_results(&done.execution.origin.plan, &done.journal);
        events.iter().for_each(|event| shown.apply_event(event));
        assert_eq!(shown.output, done.execution.output);
        assert!(!serde_json::to_string(&*events).unwrap().contains("\"is\":"), "{record}");
    }
    let empty = run(map("file", "steps"), json!({"list": []}));
    let none = ItemFile { is_closed: true, ..ItemFile::default() };
    assert_eq!(files(&empty)["items"], (none, String::new()));
    assert_eq!(empty.output()["bytes"], 0);
}

#[test]
fn the_file_of_a_rerun_has_all_items() {
    let list = json!([1, {"fail": "BAD"}, 3, {"fail": "BAD"}]);
    for record in ["steps", "results"] {
        let done = run(map("file", record), json!({"list": list}));
        let before = files(&done);
        let again = done.rerun(RerunFrom::Failed).run();
        let started = |driver: &Driver| driver.steps(|e| matches!(e, Event::StepStarted { .. }));
        assert_eq!(started(&again), ["items[1].a", "items[3].a", "last"]);
        assert_eq!(files(&again), before, "{record}");
        // The whole map is taken over, also by a rerun of a rerun.
        let last = || RerunFrom::Step { id: "last".into(), input: None };
        let later = again.rerun(last()).run();
        assert_eq!((started(&later), files(&later)), (vec!["last".to_owned()], before.clone()));
        let latest = later.rerun(last()).run();
        assert_eq!((started(&latest), files(&latest)), (vec!["last".to_owned()], before));
        // One item again.
        let one = again.rerun(RerunFrom::Step { id: "items[0]".into(), input: None }).run();
        assert_eq!(
            (started(&one), files(&one)),
            (vec!["items[0].a".into(), "last".into()], files(&again))
        );
    }
    let empty = run(map("file", "steps"), json!({"list": []}));
    let again = empty.rerun(RerunFrom::Step { id: "last".into(), input: None }).run();
    assert_eq!(files(&again), files(&empty));
}

#[test]
fn a_rerun_of_a_rerun_takes_over_what_the_first_one_did() {
    let steps = json!([
        {"id": "first", "type": "Run", "input": 1},
        {"id": "second", "type": "Run", "input": "{{ steps.first.output }}"},
        {"id": "third", "type": "Run", "input": {"fail": "BAD"}},
    ]);
    let failed = run(steps, json!({}));
    let again = failed.rerun(RerunFrom::Failed).run().rerun(RerunFrom::Failed).run();
    assert_eq!(again.steps(|event| matches!(event, Event::StepStarted { .. })), ["third"]);
}

#[test]
fn a_rerun_keeps_the_files_inside_other_blocks() {
    let steps = json!([
        {"id": "pages", "type": "Map", "over": [[1, 2], []], "steps": [
            {"id": "rows", "type": "Map", "over": "{{ item }}", "collect": "file",
                "steps": [{"type": "Run"}]},
        ]},
        {"id": "last", "type": "Run"},
    ]);
    let done = run(steps, json!({}));
    let last = || RerunFrom::Step { id: "last".into(), input: None };
    let again = done.rerun(last()).run();
    assert_eq!(files(&again), files(&done));
    assert_eq!(files(&again.rerun(last()).run()), files(&done));
    let pages = RerunFrom::Step { id: "pages".into(), input: None };
    assert_eq!(files(&again.rerun(pages).run()), files(&done));
}

#[test]
fn files_of_iterations_have_their_position() {
    let steps = json!([{"id": "pages", "type": "Map", "over": [[1, 2], []], "steps": [
        {"id": "rows", "type": "Map", "over": "{{ item }}", "collect": "file",
            "steps": [{"type": "Run"}]},
    ]}]);
    let done = run(steps, json!({}));
    let found = files(&done);
    let names: Vec<&String> = found.keys().collect();
    assert_eq!(names, ["pages[0].rows", "pages[1].rows"]);
    assert_eq!(
        found["pages[0].rows"].1,
        "{\"index\":0,\"output\":1}\n{\"index\":1,\"output\":2}\n"
    );
    assert_eq!(done.output()[1]["file"], "pages[1].rows");
}

#[test]
fn the_results_of_a_file_may_be_larger_than_a_value() {
    let steps = |collect: &str| {
        json!([{"id": "items", "type": "Map", "over": "{{ inputs.list }}", "record": "results",
            "collect": collect, "steps": [{"id": "a", "type": "Run"}]}])
    };
    let list = vec!["x".repeat(1 << 20); 20];
    let listed = run(steps("all"), json!({"list": list}));
    assert_eq!(listed.error(), ("VALUE_TOO_LARGE".into(), "items".into()));
    let written = run(steps("file"), json!({"list": list})).output();
    assert!(written["bytes"].as_u64().unwrap() > 20 << 20, "{written}");
    // Each of them is bounded.
    let large = run(steps("file"), json!({"list": [vec!["x".repeat(1 << 20); 17]]}));
    assert_eq!(large.error(), ("VALUE_TOO_LARGE".into(), "items".into()));
}
