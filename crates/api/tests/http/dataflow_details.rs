//! Details of the dataflow API: positions of problems, deliveries to the URL of an execution.

use axum::http::StatusCode;
use serde_json::json;

use crate::receiver::Receiver;
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

#[tokio::test]
async fn webhook_url_receives_changes_of_the_execution_and_of_its_tasks() {
    let (server, receiver) = (Server::start().await, Receiver::start(StatusCode::OK).await);
    let fail = json!({"type": "Fail", "config": {"message": "no luck", "code": "NO_LUCK"}});
    let text = json!({"type": "StaticTextInput", "input": "hi"});
    let workflow = server.workflow(json!([text, fail])).await;
    let path = format!("{workflow}/execute?wait=true");
    let ended = server.post(&path, &json!({"webhook_url": receiver.url})).await;
    assert_eq!(ended.text_at("/status"), "FAILED", "{}", ended.text);
    let execution = ended.text_at("/execution_id");
    let bodies = receiver.at_least(7).await;
    let shown: Vec<_> = bodies
        .iter()
        .map(|body| {
            let [event, status] = ["event", "status"].map(|field| body[field].as_str().unwrap());
            (event, status, body["task"]["status"].as_str(), body.get("output").is_some())
        })
        .collect();
    let expected = [
        ("execution.status", "PENDING", None, false),
        ("execution.status", "RUNNING", None, false),
        ("task.status", "RUNNING", Some("RUNNING"), false),
        ("task.status", "RUNNING", Some("COMPLETED"), true),
        ("task.status", "RUNNING", Some("RUNNING"), false),
        ("task.status", "RUNNING", Some("FAILED"), false),
        ("execution.status", "FAILED", None, false),
    ];
    assert_eq!(shown, expected);
    for (body, task) in bodies.iter().zip([None, None, Some(0), Some(0), Some(1), Some(1), None]) {
        assert_eq!(body["execution_id"], execution);
        let shown = task.map(|at| ended.json()["tasks"][at]["task_id"].clone());
        assert_eq!(body.pointer("/task/task_id").cloned(), shown, "{body}");
    }
    for failed in &bodies[5..] {
        assert_eq!(failed["error"]["code"], "NO_LUCK", "{failed}");
    }
    let sequences: Vec<u64> = bodies.iter().map(|b| b["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
}
