//! Details of the dataflow API: positions of problems.

use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn problems_of_a_definition_have_their_line_and_column() {
    let server = Server::start().await;
    let yaml = "name: x\nsteps:\n  - type: Echo\n  - type: Nope\n  - id: wait\n    type: Delay\n";
    let json = "{\"name\": \"x\",\n  \"steps\": [{\"type\": \"Echo\"},\n    {\"type\": \"Nope\"},\n    \
                {\"id\": \"wait\", \"type\": \"Delay\"}]}";
    let valid = server.workflow(json!([{"type": "Echo"}])).await;
    for (media, text, expected) in [
        ("application/yaml", yaml, [("steps[1].type", 4, 5), ("steps[2]", 5, 5)]),
        ("application/json", json, [("steps[1].type", 3, 6), ("steps[2]", 4, 5)]),
    ] {
        for (method, path) in [("POST", "/workflows"), ("PUT", valid.as_str())] {
            let refused = server.send(method, path, &[("content-type", media)], text).await;
            assert_eq!(refused.refusal(), (400, "INVALID_WORKFLOW".into()), "{}", refused.text);
            let details = refused.json()["error"]["details"].clone();
            for (path, line, column) in expected {
                let all = details.as_array().unwrap();
                let found = all.iter().find(|d| d["path"].as_str().unwrap().starts_with(path));
                let found = found.unwrap_or_else(|| panic!("{path}: {details:#}"));
                assert_eq!((&found["line"], &found["column"]), (&json!(line), &json!(column)));
            }
        }
        let headers = [("content-type", media)];
        let syntax = server.send("POST", "/workflows", &headers, "{\n \"a\": }x").await;
        let detail = syntax.json()["error"]["details"][0].clone();
        assert_eq!(detail["line"], 2, "{media}: {detail}");
    }
    // An error about something else has no position.
    let missing = server.get("/workflows/nonsense/executions?limit=x").await;
    assert!(!missing.text.contains("\"line\""), "{}", missing.text);
}
