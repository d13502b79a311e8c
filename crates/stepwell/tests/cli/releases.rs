//! Releases, tags, activation, typed inputs and reruns.

use serde_json::{Value, json};

use crate::folder::Folder;

/// A workflow `say` with two releases: the first writes its text in upper case.
fn say(folder: &Folder) {
    let definition = |operation: &str| {
        json!({"name": "say", "inputs": {"text": "string", "n": {"type": "integer", "default": 0}},
            "steps": [{"id": "change", "type": operation, "input": "{{ inputs.text }}"},
                {"id": "last", "type": "Echo", "input": {"text": "{{ steps.change.output.text }}"}}],
            "outputs": {"text": "{{ steps.last.output.text }}", "n": "{{ inputs.n }}"}})
        .to_string()
    };
    folder.write("say.json", &definition("TextOperation.Uppercase"));
    folder.json(&["workflows", "create", "say.json"]);
    folder.write("say.json", &definition("TextOperation.Reverse"));
    folder.json(&["workflows", "update", "say", "say.json"]);
}

/// The output of an execution that is waited for.
fn output(folder: &Folder, args: &[&str]) -> Value {
    folder.json(&[args, &["--wait"]].concat())["output"].clone()
}

#[test]
fn tags_select_the_release_of_an_execution() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    say(&folder);
    let listed = folder.json(&["releases", "list", "say"]);
    assert_eq!(listed["items"][0]["number"], 2, "{listed}");
    assert_eq!(listed["items"][0].get("definition"), None);
    let first = folder.json(&["releases", "list", "say", "--limit", "1"]);
    let next = first["next"].as_str().unwrap();
    let second = folder.json(&["releases", "list", "say", "--cursor", next]);
    assert_eq!((&second["items"][0]["number"], &second["next"]), (&json!(1), &Value::Null));
    let shown = folder.json(&["releases", "show", "say", "1"]);
    assert_eq!(shown["definition"]["steps"][0]["type"], "TextOperation.Uppercase");
    assert_eq!(folder.failure(&["releases", "show", "say", "3"]).0, 3);

    folder.json(&["tags", "set", "say", "prod", "1"]);
    let tagged = ["execute", "say", "-i", "text=ab", "--release-tag", "prod"];
    assert_eq!(output(&folder, &tagged)["text"], "AB");
    let tagged_execution = folder.json(&[&tagged[..], &["--wait"]].concat());
    assert_eq!(tagged_execution["release_tag"], "prod", "{tagged_execution}");
    let id = tagged_execution["execution_id"].as_str().unwrap();
    let text = String::from_utf8(folder.run(&["executions", "show", id]).stdout).unwrap();
    assert!(text.contains("\nrelease       1, selected by the tag `prod`\n"), "{text}");
    assert_eq!(output(&folder, &["execute", "say", "-i", "text=ab"])["text"], "ba");
    let moved = folder.json(&["tags", "set", "say", "prod", "1=1", "2=9"]);
    assert_eq!(moved["traffic"][1], json!({"release": 2, "weight": 9}));
    let key = ["--traffic-key", "k"];
    let by_key = output(&folder, &[&tagged[..], &key].concat());
    assert_eq!(output(&folder, &[&tagged[..], &key].concat()), by_key);
    let names: Vec<Value> = folder.json(&["tags", "list", "say"])["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].clone())
        .collect();
    assert_eq!(names, ["LATEST", "prod"]);
    folder.json(&["tags", "delete", "say", "prod"]);
    let (code, error) = folder.failure(&tagged);
    assert_eq!((code, &error["details"][0]["path"]), (1, &Value::Null), "{error}");
    assert!(error["message"].as_str().unwrap().contains("release_tag"), "{error}");
    assert_eq!(folder.failure(&["tags", "delete", "say", "prod"]).0, 3);
    assert_eq!(folder.failure(&["tags", "set", "say", "prod", "9"]).0, 1);
    assert_eq!(folder.failure(&["tags", "set", "say", "prod", "1", "2"]).0, 2);
    drop(server);
}

#[test]
fn executions_are_run_again_with_edited_inputs() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    say(&folder);
    folder.json(&["tags", "set", "say", "prod", "1"]);
    let first = folder.json(&["execute", "say", "-i", "text=\"10\"", "-i", "n=7", "--wait"]);
    assert_eq!(first["input"], json!({"text": "10", "n": 7}), "a quoted value is text");
    let id = first["execution_id"].as_str().unwrap();
    let rerun = |more: &[&str]| output(&folder, &[&["executions", "rerun", id], more].concat());
    assert_eq!(rerun(&[]), json!({"text": "01", "n": 7}));
    assert_eq!(rerun(&["-i", "text=\"ab\""]), json!({"text": "ba", "n": 7}), "the rest is kept");
    folder.write("input.json", r#"{"text": "cd"}"#);
    assert_eq!(rerun(&["--input", "input.json"]), json!({"text": "dc", "n": 0}));
    assert_eq!(rerun(&["--from-step", "last"]), json!({"text": "01", "n": 7}));
    assert_eq!(rerun(&["--from-step", "last", "-i", "text=zz"])["text"], "zz");
    let edited = ["executions", "rerun", id, "--from-step", "last", "-i", "more=1", "--wait"];
    let input = folder.json(&edited)["tasks"][1]["input"].clone();
    assert_eq!(input, json!({"text": "01", "more": 1}), "the rest of the step's input is kept");
    let from_step = folder.json(&["executions", "rerun", id, "--from-step", "last", "-w"]);
    assert_eq!(
        (&from_step["rerun_of"], &from_step["tasks"][0]["reused"]),
        (&json!(id), &json!(true))
    );
    assert_eq!(from_step["tasks"][1].get("reused"), None);
    let shown = folder.run(&["executions", "show", from_step["execution_id"].as_str().unwrap()]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains(&format!("\nrerun of      {id}\n")), "{shown}");
    assert!(
        shown.lines().any(|line| line.starts_with("change") && line.ends_with("reused")),
        "{shown}"
    );
    assert_eq!(rerun(&["--release-tag", "prod", "-i", "text=ab"])["text"], "AB");
    for (args, expect) in [
        (&["--from-step", "nope"][..], 1),
        (&["--release-tag", "nope"], 1),
        (&["--from-failed"], 1),
        (&["-i", "{"], 2),
        (&["--traffic-key", "k"], 2),
    ] {
        let output = folder.run(&[&["executions", "rerun", id], args].concat());
        assert_eq!(output.status.code(), Some(expect), "{args:?}");
    }
    drop(server);
}

#[test]
fn executions_are_listed_by_filters() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    say(&folder);
    let fail = r#"{"name": "fail", "steps": [{"type": "Fail", "config": {"message": "no"}}]}"#;
    folder.write("fail.json", fail);
    folder.json(&["workflows", "create", "fail.json"]);
    let first = folder.json(&["execute", "say", "-i", "text=a", "--wait"])["execution_id"].clone();
    assert_eq!(folder.run(&["execute", "fail", "--wait"]).status.code(), Some(1));
    let cron = ["--cron", "0 0 1 1 *", "-i", "text=b"];
    let schedule = folder.json(&[&["schedules", "create", "say", "yearly"], &cron[..]].concat());
    folder.json(&["schedules", "trigger", "yearly"]);
    let id = schedule["data"]["id"].as_str().unwrap();
    let count = |args: &[&str]| {
        let list = folder.json(&[&["executions", "list"], args].concat());
        list["items"].as_array().unwrap().len()
    };
    let label = format!("schedule_id={id}");
    for (args, expect) in [
        (&[][..], 3),
        (&["say"], 2),
        (&["--workflow", "fail"], 1),
        (&["--status", "FAILED"], 1),
        (&["--status", "FAILED,COMPLETED", "--since", "1h"], 3),
        (&["--since", "2999-01-01"], 0),
        (&["--metadata", &label], 1),
        (&["--metadata", "schedule_id=other"], 0),
        (&["--limit", "2"], 2),
    ] {
        assert_eq!(count(args), expect, "{args:?}");
    }
    let newest = folder.json(&["executions", "list", "--limit", "2"]);
    let rest = folder.json(&["executions", "list", "--cursor", newest["next"].as_str().unwrap()]);
    assert_eq!((&rest["items"][0]["execution_id"], &rest["next"]), (&first, &Value::Null));
    assert_eq!(rest["items"][0]["status"], "COMPLETED");
    for (args, code) in [
        (&["--status", "done"][..], 2),
        (&["--since", "soon"], 2),
        (&["--metadata", "x"], 2),
        (&["--workflow", "unknown"], 3),
    ] {
        let output = folder.run(&[&["executions", "list"], args].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?}");
    }
    drop(server);
}

#[test]
fn schedules_are_created_and_changed_by_name() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    say(&folder);
    folder.json(&["tags", "set", "say", "prod", "1"]);
    let create = ["schedules", "create", "say", "nightly", "--cron", "30 2 * * *", "-i", "text=a"];
    let more = ["--timezone", "Europe/Berlin", "--release-tag", "prod", "--disabled"];
    let made = folder.json(&[&create[..], &more].concat())["data"].clone();
    assert_eq!(made["parameters"], json!({"text": "a"}));
    assert_eq!((&made["timezone"], &made["enabled"]), (&json!("Europe/Berlin"), &json!(false)));
    assert_eq!(made["release_tag"], "prod");
    let update = ["schedules", "update", "nightly", "--every", "90m", "--release-tag", ""];
    let changed = folder.json(&update)["data"].clone();
    assert_eq!(
        (&changed["interval_value"], &changed["interval_unit"]),
        (&json!(90), &json!("minutes"))
    );
    assert_eq!(changed["release_tag"], Value::Null);
    assert_eq!(folder.json(&["schedules", "resume", "nightly"])["data"]["enabled"], true);
    assert_eq!(folder.json(&["schedules", "list"])["items"][0]["id"], made["id"]);
    folder.json(&create);
    assert_eq!(folder.failure(&["schedules", "show", "nightly"]).0, 2, "two have the name");
    assert_eq!(
        folder.json(&["schedules", "show", made["id"].as_str().unwrap()])["data"]["id"],
        made["id"]
    );
    for (args, code) in [
        (&["schedules", "create", "say", "x"][..], 1),
        (&["schedules", "create", "say", "x", "--cron", "nope"], 1),
        (&["schedules", "create", "unknown", "x", "--every", "1h"], 3),
        (&["schedules", "delete", "unknown"], 3),
    ] {
        assert_eq!(folder.failure(args).0, code, "{args:?}");
    }
    let usage =
        folder.run(&["schedules", "create", "say", "x", "--every", "1h", "--cron", "* * * * *"]);
    assert_eq!(usage.status.code(), Some(2));
    drop(server);
}

#[test]
fn workflows_are_activated_by_name() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    say(&folder);
    let changed = folder.json(&["workflows", "deactivate", "say"]);
    assert_eq!(changed["status"], "inactive");
    let (code, error) = folder.failure(&["execute", "say", "-i", "text=a"]);
    assert_eq!((code, &error["code"]), (1, &json!("WORKFLOW_INACTIVE")));
    assert_eq!(folder.json(&["workflows", "activate", "say"])["status"], "active");
    assert_eq!(output(&folder, &["execute", "say", "-i", "text=ab"])["text"], "ba");
    drop(server);
}

/// Webhooks and keys have names as well, and every list has one shape.
#[test]
fn lists_have_one_shape_and_names_are_accepted() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let url = "http://127.0.0.1:9/hook";
    let webhook = folder.json(&["webhooks", "create", url, "--description", "mine"]);
    assert_eq!(folder.json(&["webhooks", "show", url])["id"], webhook["id"]);
    assert_eq!(folder.json(&["webhooks", "test", "mine"])["event"], "webhook.test");
    let key = folder.json(&["keys", "create", "reader", "--scope", "read:workflows"]);
    say(&folder);
    for args in [
        &["workflows", "list"][..],
        &["executions", "list"],
        &["schedules", "list"],
        &["webhooks", "list"],
        &["webhooks", "deliveries", "mine"],
        &["keys", "list"],
        &["templates", "list"],
        &["workspaces", "list"],
        &["releases", "list", "say"],
        &["tags", "list", "say"],
        &["audit"],
    ] {
        let list = folder.json(args);
        let fields: Vec<&String> = list.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["items", "next"], "{args:?}");
        assert!(list["items"].is_array(), "{args:?}");
    }
    assert_eq!(folder.json(&["keys", "revoke", "reader"])["id"], key["id"]);
    assert_eq!(folder.failure(&["keys", "revoke", "reader"]).0, 3);
    assert_eq!(folder.json(&["webhooks", "delete", "mine"])["id"], webhook["id"]);
    drop(server);
}

#[test]
fn completion_scripts_know_the_commands() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = folder.run(&["completion", shell]);
        assert!(output.status.success(), "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("rerun") && script.contains("release-tag"), "{shell}");
    }
    let bash = folder.run(&["completion", "bash"]).stdout;
    folder.write("script.bash", &String::from_utf8(bash).unwrap());
    let check = std::process::Command::new("bash")
        .current_dir(folder.root.path())
        .args(["-n", "script.bash"])
        .status();
    assert!(check.is_ok_and(|status| status.success()), "bash can read it");
    assert_eq!(folder.run(&["completion", "tcsh"]).status.code(), Some(2));
}
