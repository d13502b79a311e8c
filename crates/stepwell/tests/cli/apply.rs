//! `apply` and `workflows diff`.

use serde_json::{Value, json};

use crate::folder::Folder;

const HELLO: &str = "name: hello\nsteps:\n  - type: StaticTextInput\n    input: one\n";
const BYE: &str = r#"{"name": "bye", "steps": [{"type": "StaticTextInput", "input": "x"}]}"#;

/// The names and results of `apply`.
fn results(folder: &Folder, args: &[&str]) -> Vec<(String, String)> {
    let found = folder.json(&[&["apply"], args].concat());
    let items = found["items"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    items.iter().map(|item| (text(&item["name"]), text(&item["result"]))).collect()
}

fn pairs(expect: &[(&str, &str)]) -> Vec<(String, String)> {
    expect.iter().map(|(name, result)| ((*name).to_owned(), (*result).to_owned())).collect()
}

#[test]
fn definitions_are_created_updated_or_unchanged() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    std::fs::create_dir(folder.root.path().join("flows")).unwrap();
    folder.write("flows/hello.yaml", HELLO);
    folder.write("flows/bye.json", BYE);
    folder.write("flows/bye.input.json", "{}");
    folder.write("flows/notes.txt", "not a definition");
    let both = [("bye", "created"), ("hello", "created")];
    assert_eq!(results(&folder, &["flows", "--dry-run"]), pairs(&both));
    assert_eq!(folder.failure(&["workflows", "show", "hello"]).0, 3, "a dry run writes nothing");
    assert_eq!(results(&folder, &["flows"]), pairs(&both));
    assert_eq!(
        results(&folder, &["flows"]),
        pairs(&[("bye", "unchanged"), ("hello", "unchanged")])
    );

    folder.write("flows/hello.yaml", &HELLO.replace("one", "two"));
    let pattern = ["flows/h*.yaml", "flows/bye.json"];
    let expect = pairs(&[("hello", "updated"), ("bye", "unchanged")]);
    assert_eq!(results(&folder, &[&pattern[..], &["--dry-run"]].concat()), expect);
    assert_eq!(folder.json(&["workflows", "show", "hello"])["release"], 1);
    assert_eq!(results(&folder, &pattern), expect);
    assert_eq!(folder.json(&["workflows", "show", "hello"])["release"], 2);
    let text = folder.run(&["apply", "flows/hello.yaml"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.lines().nth(1).unwrap().starts_with("unchanged"), "{text}");
    drop(server);
}

/// The description and metadata of a workflow can be changed without a definition.
#[test]
fn fields_that_are_not_part_of_a_release_are_compared() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let described = format!("{HELLO}description: Greets once.\nmetadata: {{team: sales}}\n");
    folder.write("a.yaml", &described);
    let id = folder.json(&["apply", "a.yaml"])["items"][0]["workflow_id"].clone();
    let path = format!("/api/v1/workflows/{}", id.as_str().unwrap());
    let edited = json!({"description": "Edited.", "metadata": {"team": "support"}});
    let workflow = || folder.request("GET", &path, &Value::Null)["data"].clone();
    for (change, places) in [
        (json!({"description": "Edited."}), &["description"][..]),
        (json!({"metadata": {"team": "support"}}), &["metadata.team"]),
        (json!({"metadata": null}), &["metadata"]),
        (edited.clone(), &["description", "metadata.team"]),
    ] {
        folder.request("PATCH", &path, &change);
        let differs = folder.run(&["workflows", "diff", "a.yaml", "--json"]);
        let found: Value = serde_json::from_slice(&differs.stdout).unwrap();
        let found = found["items"].as_array().unwrap().clone();
        let found: Vec<&str> = found.iter().map(|item| item["path"].as_str().unwrap()).collect();
        assert_eq!((found.as_slice(), differs.status.code()), (places, Some(1)), "{change}");
        let before = workflow();
        let dry = folder.json(&["apply", "a.yaml", "--dry-run"])["items"][0].clone();
        assert_eq!((&dry["result"], &dry["changes"]), (&json!("updated"), &json!(places)));
        assert_eq!(workflow(), before, "a dry run writes nothing");
        let applied = folder.json(&["apply", "a.yaml"])["items"][0].clone();
        assert_eq!((&applied["result"], &applied["release"]), (&json!("updated"), &json!(1)));
        let after = workflow();
        assert_eq!(after["description"], "Greets once.");
        assert_eq!(after["metadata"], json!({"team": "sales"}));
        assert_eq!(results(&folder, &["a.yaml"]), pairs(&[("hello", "unchanged")]));
        assert_eq!(workflow(), after, "no new version");
    }

    // Fields that the file omits are kept, as by every update.
    folder.write("a.yaml", HELLO);
    assert_eq!(results(&folder, &["a.yaml"]), pairs(&[("hello", "updated")]));
    folder.request("PATCH", &path, &edited);
    assert_eq!(results(&folder, &["a.yaml"]), pairs(&[("hello", "unchanged")]));
    assert_eq!(workflow()["description"], "Edited.");
    folder.json(&["workflows", "deactivate", "hello"]);
    let inactive = folder.json(&["apply", "a.yaml"])["items"][0].clone();
    assert_eq!(
        (&inactive["result"], &inactive["status"]),
        (&json!("unchanged"), &json!("inactive"))
    );
    let text = folder.run(&["workflows", "diff", "a.yaml"]);
    assert_eq!((text.stdout.as_slice(), text.status.code()), (&b""[..], Some(0)));
    drop(server);
}

/// If one file is wrong, nothing of the others is written.
#[test]
fn wrong_files_are_reported_before_the_first_write() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    folder.write("a.yaml", HELLO);
    folder.write("b.yaml", "name: other\nsteps:\n  - type: Ecko\n");
    folder.write("c.yaml", HELLO);
    std::fs::create_dir(folder.root.path().join("empty")).unwrap();
    for (args, code, text) in [
        (&["a.yaml", "b.yaml"][..], 1, "b.yaml"),
        (&["a.yaml", "c.yaml"], 2, "both define the workflow `hello`"),
        (&["a.yaml", "missing.yaml"], 2, "missing.yaml"),
        (&["a.yaml", "empty"], 2, "no definition"),
        (&["a.yaml", "*.yml"], 2, "no definition"),
    ] {
        let (found, error) = folder.failure(&[&["apply"], args].concat());
        assert_eq!(found, code, "{args:?} {error}");
        assert!(error["message"].as_str().unwrap().contains(text), "{args:?} {error}");
    }
    let (_, error) = folder.failure(&["apply", "b.yaml"]);
    assert_eq!(error["details"][0]["path"], "steps[0].type", "{error}");
    assert_eq!(folder.failure(&["workflows", "show", "hello"]).0, 3);
    drop(server);
}

#[test]
fn a_diff_lists_the_places() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    folder.write("a.yaml", HELLO);
    folder.json(&["apply", "a.yaml"]);
    let same = folder.json(&["workflows", "diff", "a.yaml"]);
    assert_eq!(same, json!({"items": [], "next": null}));
    folder.write("a.yaml", &HELLO.replace("one", "two"));
    let differs = folder.run(&["workflows", "diff", "a.yaml"]);
    assert_eq!(differs.status.code(), Some(1));
    let text = String::from_utf8(differs.stdout).unwrap();
    assert_eq!(text, "- steps[0].input: \"one\"\n+ steps[0].input: \"two\"\n");
    let differs = folder.run(&["workflows", "diff", "a.yaml", "--json"]);
    let found: Value = serde_json::from_slice(&differs.stdout).unwrap();
    let expect = json!({"path": "steps[0].input", "server": "one", "file": "two"});
    assert_eq!((&found["items"], differs.status.code()), (&json!([expect]), Some(1)));
    folder.write("b.yaml", &HELLO.replace("hello", "unknown"));
    assert_eq!(folder.failure(&["workflows", "diff", "b.yaml"]).0, 3);
    let named = folder.failure(&["workflows", "diff", "b.yaml", "--workflow", "hello"]);
    assert_eq!(named.0, 1, "the names differ");
    drop(server);
}
