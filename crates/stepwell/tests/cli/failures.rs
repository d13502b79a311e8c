//! Why an execution failed or waits: what the commands and the server's log say.

use serde_json::Value;

use crate::folder::Folder;

/// Nothing listens on this port, so every attempt fails.
const UNREACHABLE: &str = "name: call\nsteps:\n  - {id: fetch, type: HttpRequest, \
     config: {url: 'http://127.0.0.1:1/'}, retry: {max_attempts: 2, initial: 0.001}}\n";

const WAITING: &str = "name: later\nsteps:\n  - {id: pause, type: Delay, config: {for: 1h}}\n";

fn text(folder: &Folder, args: &[&str]) -> String {
    String::from_utf8(folder.run(args).stdout).unwrap()
}

#[test]
fn failures_and_waits_are_explained() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    folder.write("call.yaml", UNREACHABLE);
    folder.write("later.yaml", WAITING);
    folder.json(&["workflows", "create", "call.yaml"]);
    folder.json(&["workflows", "create", "later.yaml"]);

    let failed = folder.run(&["workflows", "execute", "call", "--wait", "--json"]);
    assert_eq!(failed.status.code(), Some(1));
    let listed = folder.json(&["executions", "list", "call"]);
    let id = listed["items"][0]["execution_id"].as_str().unwrap();
    let code = folder.json(&["executions", "show", id])["error"]["code"].clone();
    let code = code.as_str().unwrap();

    let shown = text(&folder, &["executions", "show", id]);
    let attempts = shown.split("STARTED").nth(1).unwrap_or_else(|| panic!("{shown}"));
    let lines: Vec<_> = attempts.lines().filter(|line| line.starts_with("fetch")).collect();
    assert_eq!(lines.len(), 2, "{shown}");
    assert!(lines.iter().all(|line| line.contains(&format!("failed: {code}: "))), "{shown}");
    assert!(lines[0].contains("the next one is due at ") && !lines[1].contains("due"), "{shown}");

    let failed_step = shown.split("failed step `fetch`").nth(1).unwrap();
    assert!(failed_step.contains(&format!("error         {code}: ")), "{shown}");
    assert!(failed_step.contains(r#"config        {"url":"http://127.0.0.1:1/"}"#), "{shown}");

    let watched = text(&folder, &["executions", "watch", id]);
    assert!(watched.contains(&format!("attempt 1 failed: {code}: ")), "{watched}");
    assert!(watched.contains("fetch  RUNNING  attempt 2"), "{watched}");

    let started = folder.json(&["workflows", "execute", "later"]);
    let waiting = started["execution_id"].as_str().unwrap();
    // The start is confirmed before the delay begins.
    let listed = (0..400).find_map(|_| {
        let listed = folder.json(&["executions", "list", "later", "--status", "waiting"]);
        listed["items"].as_array().filter(|found| !found.is_empty()).cloned()
    });
    assert_eq!(listed.map(|found| found[0]["execution_id"].clone()), Some(Value::from(waiting)));
    let shown = text(&folder, &["executions", "show", waiting]);
    assert!(shown.contains("waits for     the delay of step `pause`, until "), "{shown}");
    assert!(shown.contains("waits until "), "{shown}");

    server.stop();
    let log = folder.log();
    let line = log.lines().filter(|line| line.contains("an execution failed"));
    let [line] = line.collect::<Vec<_>>()[..] else { panic!("{log}") };
    let uuid: stepwell_core::ids::ExecutionId = id.parse().unwrap();
    for part in ["INFO", "workflow=\"call\"", &format!("id={uuid}"), "step=\"fetch\"", code] {
        assert!(line.contains(part), "{part}: {line}");
    }
}
