//! Evaluating expressions over HTTP.

use serde_json::{Value, json};

use crate::support::Server;

const PATH: &str = "/api/v1/expressions/evaluate";

async fn evaluate(server: &Server, body: &Value) -> Value {
    let response = server.post(PATH, body).await;
    assert_eq!(response.status, 200, "{}", response.text);
    response.json()["data"].take()
}

#[tokio::test]
async fn values_have_a_type() {
    let server = Server::start().await;
    let scope = json!({"inputs": {"n": 7}, "state": {"seen": 1}, "item": {"name": "Ada"},
        "steps": {"pay": {"output": {"id": "p1"}, "status": "completed"}}});
    for (field, text, value, value_type) in [
        ("expression", "inputs.n + state.seen", json!(8), "integer"),
        ("expression", "steps.pay.output.id ~ steps.pay.status", json!("p1completed"), "string"),
        ("template", "Dear {{ item.name }}", json!("Dear Ada"), "string"),
        ("template", "{{ inputs.n > 3 }}", json!(true), "boolean"),
    ] {
        let result = evaluate(&server, &json!({field: text, "scope": scope})).await;
        assert_eq!(result, json!({"value": value, "type": value_type, "error": null}), "{text}");
    }
    // The present moment, unless the scope has another.
    let now = evaluate(&server, &json!({"expression": "now"})).await;
    assert!(now["value"].as_str().is_some_and(|now| now.ends_with('Z')), "{now}");
    let given = json!({"expression": "now | date_add('1d')", "scope": {"now": "2026-01-31"}});
    assert_eq!(evaluate(&server, &given).await["value"], "2026-02-01T00:00:00.000000Z");
}

#[tokio::test]
async fn errors_have_a_place() {
    let server = Server::start().await;
    let result = evaluate(&server, &json!({"template": "a\n{{ inputs.n | nope }}"})).await;
    assert_eq!((&result["value"], &result["type"]), (&Value::Null, &Value::Null), "{result}");
    assert_eq!((&result["error"]["line"], &result["error"]["column"]), (&json!(2), &json!(15)));
    assert!(result["error"]["message"].as_str().unwrap().contains("no filter `nope`"), "{result}");
    let endless =
        "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}";
    let result = evaluate(&server, &json!({"template": endless})).await;
    assert!(result["error"]["message"].is_string(), "{result}");
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let server = Server::start().await;
    for (body, field) in [
        (json!({}), "expression"),
        (json!({"expression": "1", "template": "1"}), "expression"),
        (json!({"expression": "1", "scope": [1]}), "scope"),
        (json!({"expresion": "1"}), "expresion"),
    ] {
        let response = server.post(PATH, &body).await;
        assert_eq!(response.abi_refusal(), (400, "INVALID_REQUEST".into()), "{}", response.text);
        let errors = response.json()["errors"].take();
        let fields: Vec<&Value> = errors.as_array().unwrap().iter().map(|e| &e["field"]).collect();
        assert!(fields.contains(&&json!(field)), "{errors}");
    }
}

/// `now` is the moment of the step's start, which the journal has.
#[tokio::test]
async fn now_is_when_the_step_started() {
    let server = Server::start().await;
    let definition = json!({"name": "n", "steps": [
        {"id": "first", "type": "Echo", "input": "{{ now }}"},
        {"id": "wait", "type": "Delay", "config": {"for": "1d"}},
        {"id": "second", "type": "Echo", "input": "{{ now }}"},
    ], "outputs": {"days": "{{ steps.second.output | date_diff(steps.first.output, 'days') }}", "end": "{{ now }}"}});
    let body = json!({"definition": definition, "now": "2026-03-28T12:00:00Z"});
    let run = server.post("/api/v1/workflows/dry-run", &body).await.json()["data"].take();
    assert_eq!(run["output"], json!({"days": 1, "end": "2026-03-29T12:00:00.000000Z"}), "{run}");
}
