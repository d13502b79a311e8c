//! Commands for the files of executions.

use crate::folder::Folder;

const DEFINITION: &str = r#"{"name": "rows", "steps": [
    {"id": "rows", "type": "Map", "over": ["é", "b"], "collect": "file",
        "steps": [{"id": "row", "type": "Echo"}], "output": "{{ steps.row.output }}"}
]}"#;

const LINES: &str = "{\"index\":0,\"output\":\"é\"}\n{\"index\":1,\"output\":\"b\"}\n";

#[test]
fn files_are_listed_printed_and_written() {
    let folder = Folder::new();
    folder.write("rows.json", DEFINITION);
    let server = folder.serve(&[]);
    folder.json(&["workflows", "create", "rows.json"]);
    folder.json(&["workflows", "execute", "rows", "--wait"]);
    let listed = folder.json(&["executions", "list", "rows"]);
    let id = listed["items"][0]["execution_id"].as_str().unwrap();
    let files = folder.json(&["executions", "files", id]);
    assert_eq!(files["items"][0]["name"], "rows");
    assert_eq!(files["items"][0]["bytes"], LINES.len());
    let table = folder.run(&["executions", "files", id]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    let row: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(row, ["rows", "yes", "2", "0", &LINES.len().to_string()]);
    let printed = folder.run(&["executions", "file", id, "rows"]);
    assert_eq!(String::from_utf8_lossy(&printed.stdout), LINES);
    let written = folder.json(&["executions", "file", id, "rows", "-o", "rows.ndjson"]);
    assert_eq!(written["bytes"], LINES.len());
    let again = ["executions", "file", id, "rows", "-o", "rows.ndjson"];
    assert_eq!(folder.failure(&again).0, 2, "it exists");
    assert_eq!(folder.failure(&["executions", "file", id, "other", "-o", "other.ndjson"]).0, 3);
    let after = folder.failure(&["executions", "file", id, "other", "-o", "other.ndjson"]);
    assert_eq!(after.0, 3, "no file is left: {after:?}");
    server.stop();
    // Without a server.
    let printed = folder.run(&["executions", "file", id, "rows"]);
    assert_eq!(String::from_utf8_lossy(&printed.stdout), LINES);
}
