//! Warnings: what is accepted, but probably not what was meant.

use serde_json::{Value, json};

use crate::support::Server;

/// Its inputs are a schema that allows other fields.
fn definition() -> Value {
    let properties = json!({"text": {"type": "string"}, "colour": {"type": "string"}});
    json!({"name": "greet", "inputs": {"type": "object", "properties": properties},
        "steps": [{"type": "TextOperation.Uppercase", "input": "{{ inputs.text }}"}]})
}

/// Codes and places, in either format.
fn places(response: &Value) -> Vec<(String, String)> {
    let warnings = response["warnings"].as_array().cloned().unwrap_or_default();
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("").to_owned();
    let place = |w: &Value| (text(w.get("code")), text(w.get("path").or(w.get("field"))));
    warnings.iter().map(place).collect()
}

fn unused(place: &str) -> Vec<(String, String)> {
    vec![("UNUSED_INPUT".to_owned(), place.to_owned())]
}

#[tokio::test]
async fn inputs_that_nothing_uses_are_reported_by_the_dataflow_api() {
    let server = Server::start().await;
    let created = server.post("/workflows", &definition()).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(places(&created.json()), unused("inputs.colour"), "{}", created.text);
    assert!(created.text.contains("`inputs.colour`"), "{}", created.text);
    let workflow = format!("/workflows/{}", created.text_at("/workflow_id"));
    let mut changed = definition();
    changed["metadata"] = json!({"team": "a"});
    let json = [("content-type", "application/json")];
    let updated = server.send("PUT", &workflow, &json, changed.to_string()).await;
    assert_eq!(places(&updated.json()), unused("inputs.colour"), "{}", updated.text);
    assert_eq!(server.get(&workflow).await.json().get("warnings"), None);

    let execute = format!("{workflow}/execute");
    let misspelt = json!({"input": {"text": "a", "colours": "red"}});
    let accepted = server.post(&execute, &misspelt).await;
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    assert_eq!(places(&accepted.json()), unused("input.colours"), "{}", accepted.text);
    assert!(accepted.text.contains("did you mean `colour`?"), "{}", accepted.text);
    let ended = server.post(&format!("{execute}?wait=true"), &misspelt).await;
    assert_eq!(ended.text_at("/output/text"), "A");
    assert_eq!(places(&ended.json()), unused("input.colours"), "{}", ended.text);
    let path = format!("{workflow}/executions/{}", ended.text_at("/execution_id"));
    assert_eq!(server.get(&path).await.json().get("warnings"), None);

    // Declared inputs have no warning in an execution; nothing is there without one.
    let right = server.post(&execute, &json!({"input": {"text": "a", "colour": "red"}})).await;
    assert_eq!(right.json().get("warnings"), None, "{}", right.text);
    changed["steps"][0]["when"] = json!("inputs.colour is defined");
    let used = server.send("PUT", &workflow, &json, changed.to_string()).await;
    assert_eq!(used.status, 200, "{}", used.text);
    assert_eq!(used.json().get("warnings"), None, "{}", used.text);
}

#[tokio::test]
async fn inputs_that_nothing_uses_are_reported_by_the_management_api() {
    let server = Server::start().await;
    let body = json!({"name": "greet", "configuration": {"definition": definition()}});
    let created = server.post("/api/v1/workflows", &body).await.json();
    assert_eq!(places(&created["data"]), unused("inputs.colour"), "{created}");
    let path = format!("/api/v1/workflows/{}", created["data"]["id"].as_str().unwrap());
    assert_eq!(server.get(&path).await.json()["data"].get("warnings"), None);
    let json = [("content-type", "application/json")];
    // The response may be sent back as it is.
    let updated = server.send("PUT", &path, &json, created["data"].to_string()).await;
    assert_eq!(updated.status, 200, "{}", updated.text);
    assert_eq!(places(&updated.json()["data"]), unused("inputs.colour"), "{}", updated.text);

    let activated = server.post(&format!("{path}/activate"), &json!({})).await;
    assert_eq!(activated.status, 200, "{}", activated.text);
    let misspelt = json!({"parameters": {"text": "a", "colours": "red"}});
    for (call, status) in [("execute", 200), ("execute_async", 202)] {
        let response = server.post(&format!("{path}/{call}"), &misspelt).await;
        assert_eq!(response.status, status, "{}", response.text);
        let data = response.json()["data"].clone();
        assert_eq!(places(&data), unused("parameters.colours"), "{call}: {data}");
        let right = json!({"parameters": {"text": "a"}});
        let response = server.post(&format!("{path}/{call}"), &right).await;
        assert_eq!(response.json()["data"].get("warnings"), None, "{call}");
    }
}
