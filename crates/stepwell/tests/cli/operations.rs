//! Bulk operations, with and without a running server.

use serde_json::json;

use crate::folder::Folder;

const SLOW: &str = "name: slow\nsteps:\n  - type: Delay\n    config: {for: 1h}\n";

/// Runs the commands and checks their results.
fn check_operations(folder: &Folder) {
    folder.write("slow.yaml", SLOW);
    folder.json(&["workflows", "create", "slow.yaml"]);
    let mut executions = Vec::new();
    for _ in 0..2 {
        let started = folder.json(&["execute", "slow"]);
        executions.push(started["execution_id"].as_str().unwrap().to_owned());
    }
    let of_slow = ["--workflow", "slow"];
    let count = folder.json(&[&["executions", "cancel", "--dry-run"][..], &of_slow].concat());
    assert_eq!(count["progress"]["matched"], 2, "{count}");
    let labelled = ["--metadata", "team=sales", "--dry-run"];
    let none = folder.json(&[&["executions", "pause"][..], &of_slow, &labelled].concat());
    assert_eq!(none["progress"]["matched"], 0, "{none}");

    // Without a terminal it needs --yes.
    let (code, error) = folder.failure(&[&["executions", "cancel"][..], &of_slow].concat());
    assert_eq!(code, 2, "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("cancel 2 executions?") && message.contains("--yes"), "{message}");
    for (args, part) in [
        (&["executions", "cancel", "--yes"][..], "name an EXECUTION, or"),
        (&["executions", "purge", "--yes"], "--status"),
    ] {
        let (code, error) = folder.failure(args);
        assert_eq!(code, 2, "{args:?}: {error}");
        assert!(error["message"].as_str().unwrap().contains(part), "{error}");
    }
    let one_and_many = ["executions", "cancel", &executions[0], "--status", "RUNNING"];
    assert_eq!(folder.run(&one_and_many).status.code(), Some(2));
    let (code, error) = folder.failure(&[
        "executions",
        "purge",
        "--workflow",
        "slow",
        "--status",
        "running",
        "--yes",
    ]);
    assert_eq!((code, &error["code"]), (1, &json!("INVALID_REQUEST")), "{error}");

    let wait = ["--yes", "--wait"];
    for (action, status) in [("pause", "PAUSED"), ("resume", "RUNNING"), ("cancel", "CANCELLED")] {
        let done = folder.json(&[&["executions", action][..], &of_slow, &wait].concat());
        assert_eq!((&done["status"], &done["progress"]["done"]), (&json!("completed"), &json!(2)));
        for execution in &executions {
            assert_eq!(folder.json(&["executions", "show", execution])["status"], status);
        }
    }
    let purged =
        folder.json(&[&["executions", "purge", "--since", "1h"][..], &of_slow, &wait].concat());
    assert_eq!(purged["progress"]["done"], 2, "{purged}");
    assert_eq!(folder.failure(&["executions", "show", &executions[0]]).0, 3);

    let list = folder.json(&["operations", "list", "--workflow", "slow", "--action", "purge"]);
    assert_eq!(list["items"], json!([purged]));
    let id = purged["id"].as_str().unwrap();
    assert_eq!(folder.json(&["operations", "show", id, "--wait"]), purged);
    let (code, error) = folder.failure(&["operations", "cancel", id]);
    assert_eq!((code, &error["code"]), (1, &json!("INVALID_STATE")), "{error}");
    assert_eq!(folder.failure(&["operations", "show", "op_00000000000000000000000001"]).0, 3);
    let text = folder.run(&["operations", "show", id]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert_eq!(text, format!("{id} purge completed: 2 of 2 done\n"));
    folder.json(&["workflows", "delete", "slow"]);
}

#[test]
fn operations_work_with_and_without_a_server() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    check_operations(&folder);
    server.stop();
    check_operations(&folder);
}
