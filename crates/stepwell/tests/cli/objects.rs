//! Commands for webhooks, templates and variables.

use serde_json::json;

use crate::folder::Folder;

#[test]
fn webhooks_are_created_tested_and_deleted() {
    let folder = Folder::new();
    folder
        .write("a.json", r#"{"name": "a", "steps": [{"type": "StaticTextInput", "input": "x"}]}"#);
    let server = folder.serve(&[]);
    let created = folder.json(&[
        "webhooks",
        "create",
        "http://127.0.0.1:9/hook",
        "--event",
        "workflow.created",
    ]);
    let id = created["id"].as_str().unwrap();
    assert!(created["secret"].as_str().unwrap().starts_with("whsec_"), "{created}");
    folder.json(&["workflows", "create", "a.json"]);
    let tested = folder.json(&["webhooks", "test", id]);
    let deliveries = folder.json(&["webhooks", "deliveries", id]);
    assert_eq!(deliveries["items"][0]["event"], "webhook.test");
    assert_eq!(deliveries["items"][1]["event"], "workflow.created");
    let redelivered = folder.json(&["webhooks", "redeliver", tested["id"].as_str().unwrap()]);
    assert_eq!(redelivered["id"], tested["id"]);
    let rotated = folder.json(&["webhooks", "rotate-secret", id, "--overlap", "60"]);
    assert_ne!(rotated["secret"], created["secret"]);
    let list = folder.json(&["webhooks", "list"]);
    assert_eq!(list["items"][0]["url"], "http://127.0.0.1:9/hook");
    folder.json(&["webhooks", "delete", id]);
    assert_eq!(folder.failure(&["webhooks", "show", id]).0, 3);
    drop(server);
}

#[test]
fn templates_are_created_previewed_changed_and_deleted() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    folder.write("greeting.txt", "Dear {{ customer }},\n{{ n }} items");
    folder.write("message.json", r#"{"subject": "{{ customer | upper }}"}"#);
    folder.write("sample.json", r#"{"customer": "Ada", "n": 2}"#);
    let create = ["templates", "create", "greeting", "greeting.txt"];
    let with = ["--sample", "@sample.json", "--label", "team=sales", "--description", "hello"];
    let created = folder.json(&[&create[..], &with].concat());
    assert_eq!(
        (&created["name"], &created["metadata"]["team"]),
        (&"greeting".into(), &"sales".into())
    );
    let id = created["id"].as_str().unwrap();
    let shown = folder.json(&["templates", "get", "greeting"]);
    assert_eq!(shown, created, "by its name");
    assert_eq!(folder.json(&["templates", "get", id]), created);
    let preview = folder.json(&["templates", "preview", "greeting"]);
    assert_eq!(preview["rendered"], "Dear Ada,\n2 items");
    let data = r#"{"customer": "Grace", "n": 0}"#;
    let text = folder.run(&["templates", "preview", "greeting", "--data", data]);
    assert_eq!(String::from_utf8_lossy(&text.stdout), "Dear Grace,\n0 items\n");
    let update = ["templates", "update", id, "--name", "other", "--body", "message.json"];
    assert_eq!(folder.json(&update)["version"], 2);
    let preview = folder.json(&["templates", "preview", "other"]);
    assert_eq!(preview["rendered"]["subject"], "ADA");
    let list = folder.json(&["templates", "list"]);
    assert_eq!(list["items"][0]["name"], "other");
    folder.write("wrong.txt", "a\n{{ b + }}");
    let (code, error) = folder.failure(&["templates", "create", "wrong", "wrong.txt"]);
    assert_eq!(code, 1);
    assert!(error.to_string().contains("line 2"), "{error}");
    assert_eq!(folder.json(&["templates", "delete", "other"])["id"], id);
    assert_eq!(folder.failure(&["templates", "get", id]).0, 3);
    drop(server);
}

#[test]
fn variables_are_set_read_and_deleted() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let created = folder.json(&["variables", "set", "REGION", "eu", "--description", "Where"]);
    assert_eq!((&created["value"], &created["version"]), (&json!("eu"), &json!(1)));
    let changed = folder.json(&["variables", "set", "REGION", r#"{"main": "us"}"#]);
    let shown = (&changed["value"], &changed["description"], &changed["version"]);
    assert_eq!(shown, (&json!({"main": "us"}), &json!("Where"), &json!(2)));
    for (args, value) in [
        (&["N", "-5"][..], json!(-5)),
        (&["N", "1.10", "--text"], json!("1.10")),
        (&["N", "@value.json"], json!([1, null])),
        (&["N", "@value.json", "--text"], json!("@value.json")),
        (&["N", "null"], json!(null)),
    ] {
        folder.write("value.json", "[1, null]");
        let set = folder.json(&[&["variables", "set"], args].concat());
        assert_eq!(set["value"], value, "{args:?}");
    }
    let text = |args: &[&str]| String::from_utf8(folder.run(args).stdout).unwrap();
    assert_eq!(text(&["variables", "set", "REGION", "eu"]), "REGION\n");
    assert_eq!(text(&["variables", "get", "REGION"]), "eu\n");
    assert_eq!(text(&["variables", "get", "N"]), "null\n");
    let list = text(&["variables", "list"]);
    let first: Vec<&str> = list.lines().nth(2).unwrap().split_whitespace().take(3).collect();
    assert_eq!(first, ["REGION", "\"eu\"", "Where"], "{list}");
    let list = folder.json(&["variables", "list"]);
    let names: Vec<_> = list["items"].as_array().unwrap().iter().map(|v| &v["name"]).collect();
    assert_eq!(names, ["N", "REGION"]);

    folder.write(
        "greet.yaml",
        "name: greet\nsteps:\n  - type: Echo\n    input: { in: \"{{ vars.REGION }}\" }\n",
    );
    folder.json(&["workflows", "create", "greet.yaml"]);
    assert_eq!(text(&["execute", "greet", "--wait"]), "{\n  \"in\": \"eu\"\n}\n");
    folder.json(&["variables", "delete", "REGION"]);
    assert_eq!(folder.failure(&["variables", "get", "REGION"]).0, 3);
    assert_eq!(folder.failure(&["variables", "delete", "REGION"]).0, 3);
    let (code, error) = folder.failure(&["variables", "set", "a-b", "1"]);
    assert_eq!(code, 1, "{error}");
    assert!(error.to_string().contains("begin with a letter"), "{error}");
    drop(server);
}
