//! The same commands return the same results with and without a running server.

use serde_json::{Value, json};

use crate::folder::Folder;

const ECHO: &str =
    "name: say\ninputs: {text: string}\nsteps:\n  - type: Echo\n    input: '{{ inputs.text }}'\n";

/// Runs the commands and checks their results.
fn check_commands(folder: &Folder) {
    folder.write("say.yaml", ECHO);
    let id = folder.json(&["workflows", "create", "say.yaml"])["workflow_id"].clone();
    let id = id.as_str().unwrap();
    let list = folder.json(&["workflows", "list"]);
    let names: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|w| &w["name"]).collect();
    assert!(names.contains(&&json!("say")), "{names:?}");

    folder.write("say.yaml", &ECHO.replace("Echo", "TextOperation.Uppercase"));
    assert_eq!(folder.json(&["workflows", "update", "say", "say.yaml"])["release"], 2);
    assert_eq!(folder.json(&["workflows", "show", "say"])["workflow_id"], id);

    let input = r#"{"text": "ah"}"#;
    let executed = folder.json(&["workflows", "execute", "say", "--input", input, "--wait"]);
    assert_eq!(executed["status"], "COMPLETED");
    assert_eq!(executed["output"], json!({"text": "AH"}));
    let execution = executed["execution_id"].as_str().unwrap();
    let all = folder.json(&["executions", "list", id, "--status", "completed"]);
    assert_eq!(all["items"][0]["execution_id"], execution);
    assert_eq!(folder.json(&["executions", "show", execution])["tasks"][0]["attempt"], 1);
    let watched = folder.run(&["executions", "watch", execution, "--json"]);
    let last = String::from_utf8(watched.stdout).unwrap();
    let last: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(last["data"]["status"], "COMPLETED");

    let key = folder.json(&["keys", "create", "reader", "--scope", "read:workflows"]);
    let key_id = key["id"].as_str().unwrap();
    assert!(key["secret"].as_str().unwrap().starts_with("sk_live_"));
    folder.json(&["keys", "revoke", key_id]);
    let keys = folder.json(&["keys", "list"]);
    let revoked = keys["items"].as_array().unwrap().iter().find(|k| k["id"] == key_id).unwrap();
    assert_eq!(revoked["status"], "revoked");
    check_workspaces(folder);
    let secret = folder.json(&["keys", "webhook-secret"]);
    assert!(secret["secret"].as_str().unwrap().starts_with("whsec_"));

    check_errors(folder, execution);
    folder.json(&["workflows", "delete", id]);
    assert_eq!(folder.failure(&["workflows", "show", id]).0, 3);
}

/// The audit log has the actor of the commands: the key's name, or `cli` without a server.
fn check_audit(folder: &Folder, actor: &str) {
    let found = folder.json(&["audit", "--action", "workspace.created", "--actor", actor]);
    assert_eq!(found["items"], json!([]), "a new workspace has a log of its own");
    let found = folder.json(&["audit", "--type", "workflow", "--actor", actor, "--limit", "100"]);
    let entries = found["items"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["action"] == "workflow.created"), "{found}");
    assert!(entries.iter().all(|entry| entry["actor"]["name"] == actor), "{found}");
    let object = entries[0]["object"]["id"].as_str().unwrap();
    let of_one = folder.json(&["audit", "--object", object, "--until", "2999-12-31"]);
    assert!(of_one["items"].as_array().unwrap().contains(&entries[0]), "{of_one}");
    let (code, error) = folder.failure(&["audit", "--action", "fly"]);
    assert_eq!((code, &error["code"]), (1, &json!("INVALID_REQUEST")));
}

fn check_workspaces(folder: &Folder) {
    let created = folder.json(&["workspaces", "create", "acme", "--tier", "standard"]);
    assert_eq!(created["rate_limits"]["executions_per_second"], 5);
    let id = created["id"].as_str().unwrap();
    let args = ["keys", "create", "theirs", "--role", "developer", "--requests-per-minute", "60"];
    let key = folder.json(&[&args[..], &["--workspace", "acme"]].concat());
    assert_eq!((&key["workspace_id"], &key["role"]), (&json!(id), &json!("developer")));
    assert_eq!(key["rate_limits"]["requests_per_minute"], 60);
    let keys = folder.json(&["keys", "list", "--workspace", id]);
    assert_eq!(keys["items"].as_array().unwrap().len(), 1);
    let changed = folder.json(&["workspaces", "update", id, "--name", "old", "--no-limits"]);
    assert_eq!((&changed["name"], &changed["tier"]), (&json!("old"), &Value::Null));
    assert_eq!(folder.json(&["workspaces", "show", id]), changed);
    let all = folder.json(&["workspaces", "list"]);
    assert!(all["items"].as_array().unwrap().contains(&changed), "{all}");
    for (args, code) in [
        (&["keys", "create", "x", "--role", "user", "--workspace", "unknown"][..], 3),
        (&["keys", "create", "x", "--role", "boss"], 1),
        (&["workspaces", "create", ""], 1),
        (&["workspaces", "show", "unknown"], 3),
    ] {
        assert_eq!(folder.failure(args).0, code, "{args:?}");
    }
}

fn check_errors(folder: &Folder, execution: &str) {
    folder.write("bad.yaml", "name: bad\nsteps:\n  - type: Ecko\n");
    let (code, error) = folder.failure(&["workflows", "create", "bad.yaml"]);
    assert_eq!((code, &error["code"]), (1, &json!("INVALID_WORKFLOW")));
    assert_eq!(error["details"][0]["path"], "steps[0].type");
    let (code, error) = folder.failure(&["workflows", "execute", "say", "--input", "{}"]);
    assert_eq!((code, &error["code"]), (1, &json!("INVALID_INPUT")));
    let (code, error) = folder.failure(&["executions", "cancel", execution]);
    assert_eq!((code, &error["code"]), (1, &json!("EXECUTION_ENDED")));
    let (code, error) = folder.failure(&["keys", "create", "x", "--scope", "all"]);
    assert_eq!(code, 1);
    assert!(error["message"].as_str().unwrap().contains("unknown scope"), "{error}");
    for (args, expect) in [
        (vec!["workflows", "show", "unknown"], 3),
        (vec!["executions", "show", "ex-01m7zegyzvekevdjpxamnv3xsm"], 3),
        (vec!["executions", "show", "nonsense"], 2),
        (vec!["workflows", "list", "--server", "http://127.0.0.1:1"], 4),
    ] {
        assert_eq!(folder.failure(&args).0, expect, "{args:?}");
    }
}

#[test]
fn commands_work_with_and_without_a_server() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    check_commands(&folder);
    check_audit(&folder, "admin");
    server.stop();
    assert!(!folder.data().join("server.json").exists());
    check_commands(&folder);
    check_audit(&folder, "cli");
}
