//! Validating definitions over HTTP.

use serde_json::{Value, json};

use crate::support::{Response, Server};

const PATH: &str = "/api/v1/workflows/validate";

async fn validate_yaml(server: &Server, text: &str) -> Response {
    server.send("POST", PATH, &[("content-type", "application/yaml")], text.to_owned()).await
}

const VALID: &str = "\
name: shipping
inputs:
  total: number
  note: string
steps:
  - id: discount
    type: Branch
    cases:
      - when: inputs.total > 100
        steps:
          - { id: some, type: StaticTextInput, input: 5 % }
    else:
      - { id: none, type: StaticTextInput, input: none }
  - id: call
    type: HttpRequest
    config: { url: \"https://example.com\", method: POST }
    on_error: port
  - { id: failed, type: Echo, after: [call.error] }
  - { id: last, type: TextOperation.Reverse, after: [discount], input: \"{{ steps.discount.output.text }}\" }
outputs:
  text: \"{{ steps.last.output.text }}\"
";

#[tokio::test]
async fn a_valid_definition_has_its_graph() {
    let server = Server::start().await;
    let response = validate_yaml(&server, VALID).await;
    assert_eq!(response.status, 200, "{}", response.text);
    let data = response.json()["data"].take();
    assert_eq!((&data["valid"], &data["problems"]), (&json!(true), &json!([])), "{data}");
    let warning = &data["warnings"][0];
    assert_eq!(
        (&warning["code"], &warning["path"], &warning["line"], &warning["column"]),
        (&json!("UNUSED_INPUT"), &json!("inputs.note"), &json!(4), &json!(3)),
    );
    let graph = &data["graph"];
    assert_eq!(graph["input_schema"]["properties"]["total"], json!({"type": "number"}));
    let shown = |step: &Value| {
        let parent = &step["parent"];
        json!([
            step["id"],
            step["type"],
            step["path"],
            step["line"],
            parent["block"],
            parent["body"]
        ])
    };
    let steps: Vec<Value> = graph["steps"].as_array().unwrap().iter().map(shown).collect();
    assert_eq!(
        json!(steps),
        json!([
            ["discount", "Branch", "steps[0]", 6, null, null],
            ["some", "StaticTextInput", "steps[0].cases[0].steps[0]", 11, "discount", "cases[0]"],
            ["none", "StaticTextInput", "steps[0].else[0]", 13, "discount", "else"],
            ["call", "HttpRequest", "steps[1]", 14, null, null],
            ["failed", "Echo", "steps[2]", 18, null, null],
            ["last", "TextOperation.Reverse", "steps[3]", 19, null, null],
        ])
    );
    assert_eq!(graph["steps"][0]["bodies"], json!(["cases[0]", "else"]));
    assert_eq!(graph["steps"][3]["effect"], "external");
    assert_eq!(graph["steps"][1]["output_schema"]["properties"]["text"]["type"], "string");
    assert_eq!(
        graph["edges"],
        json!([
            {"from": "discount", "port": null, "to": "call", "implicit": true},
            {"from": "call", "port": "error", "to": "failed", "implicit": false},
            {"from": "discount", "port": null, "to": "last", "implicit": false},
        ])
    );
    let output = &graph["outputs"][0];
    assert_eq!((&output["name"], &output["schema"]["type"]), (&json!("text"), &json!("string")));
}

#[tokio::test]
async fn problems_have_path_line_and_column() {
    let server = Server::start().await;
    let text = "name: bad\nsteps:\n  - type: Ecko\n  - type: Delay\n    config: { duration: 5s }\n";
    let data = validate_yaml(&server, text).await.json()["data"].take();
    assert_eq!((&data["valid"], &data["graph"]), (&json!(false), &Value::Null), "{data}");
    let shown = |problem: &Value| json!([problem["path"], problem["line"], problem["column"]]);
    let problems: Vec<Value> = data["problems"].as_array().unwrap().iter().map(shown).collect();
    let expect = [json!(["steps[0].type", 3, 5]), json!(["steps[1].config.duration", 5, 15])];
    assert_eq!(problems, expect, "{data}");
    let syntax = validate_yaml(&server, "name: x\nsteps: [\n").await.json()["data"].take();
    assert_eq!(syntax["valid"], false, "{syntax}");
    assert!(syntax["problems"][0]["line"].is_u64(), "{syntax}");
    // In JSON, too.
    let json_text = "{\"name\": \"x\",\n \"steps\": [{\"type\": \"Echo\", \"if\": 1}]}";
    let headers = [("content-type", "application/json")];
    let response = server.send("POST", PATH, &headers, json_text.to_owned()).await;
    let problem = response.json()["data"]["problems"][0].take();
    assert_eq!(shown(&problem), json!(["steps[0].if", 2, 29]), "{problem}");
}

#[tokio::test]
async fn nothing_is_stored_and_the_scope_is_read() {
    let server = Server::start().await;
    assert_eq!(validate_yaml(&server, VALID).await.status, 200);
    let list = server.get("/api/v1/workflows").await.json();
    assert_eq!(list["data"]["items"], json!([]));
    for (scopes, status) in [(&["read:workflows"][..], 200), (&["execute:workflows"], 403)] {
        let key = server.key(scopes).await;
        let headers = [("x-api-key", key.as_str()), ("content-type", "application/yaml")];
        let request = axum::http::Request::builder().method("POST").uri(PATH);
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = server.raw(request.body(VALID.into()).unwrap()).await;
        assert_eq!(response.status, status, "{}", response.text);
    }
}

#[tokio::test]
async fn requests_without_a_definition_are_refused() {
    let server = Server::start().await;
    let empty = server.send("POST", PATH, &[("content-type", "application/json")], "").await;
    assert_eq!(empty.abi_refusal(), (400, "INVALID_REQUEST".into()));
    let other = server.send("POST", PATH, &[("content-type", "text/plain")], "name: x").await;
    assert_eq!(other.abi_refusal(), (415, "UNSUPPORTED_MEDIA_TYPE".into()));
}

/// Steps that pass their input on share its schema, so the text of all would be huge.
#[tokio::test]
async fn large_schemas_are_shown_up_to_a_bound() {
    let server = Server::start().await;
    let values: Vec<String> = (0..2_000).map(|n| format!("value {n}")).collect();
    let steps: Vec<Value> = (0..400).map(|_| json!({"type": "Echo"})).collect();
    let definition = json!({"name": "n", "inputs": {"text": {"enum": values}}, "steps": steps});
    let response = server.post(PATH, &definition).await;
    assert!(response.text.len() < 4 << 20, "{}", response.text.len());
    let steps = &response.json()["data"]["graph"]["steps"];
    assert!(steps[0]["input_schema"].is_object());
    assert_eq!(steps[399]["output_schema"], Value::Null);
}
