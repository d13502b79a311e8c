//! The vellum dialect: every invalid request returns a 4xx that names the field, and stores nothing.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use stepwell_api::ApiConfig;
use stepwell_core::ids::WorkspaceId;
use stepwell_engine::Caller;
use stepwell_engine::app::CreateKey;
use uuid::Uuid;

use crate::support::{Response, Server, waiting_steps};

const EXECUTE: &str = "/v1/execute-workflow";
const ASYNC: &str = "/v1/execute-workflow-async";
const STREAM: &str = "/v1/execute-workflow-stream";
const ACTUALS: &str = "/v1/submit-workflow-execution-actuals";

/// All operations that start an execution.
const STARTS: [&str; 3] = [EXECUTE, ASYNC, STREAM];
const JSON: (&str, &str) = ("content-type", "application/json");

async fn create(server: &Server, definition: Value) -> Uuid {
    let response = server.post("/workflows", &definition).await;
    assert_eq!(response.status.as_u16(), 201, "{}", response.text);
    let id: stepwell_core::ids::WorkflowId = response.text_at("/workflow_id").parse().unwrap();
    id.uuid()
}

async fn greeter(server: &Server) -> Uuid {
    let chat = json!({"type": "array", "x-vellum-type": "CHAT_HISTORY", "required": false});
    let definition = json!({
        "name": "greet",
        "inputs": {"query": "string", "n": "integer?", "chat": chat},
        "steps": [{"id": "say", "type": "StaticTextInput", "input": "{{ inputs.query }}"}],
        "outputs": {"result": "{{ steps.say.output.text }}"},
    });
    create(server, definition).await
}

fn request(more: Value) -> Value {
    let query = json!([{"type": "STRING", "name": "query", "value": "x"}]);
    let mut body = json!({"inputs": query, "workflow_deployment_name": "greet"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The number of executions of the workflow.
async fn executions(server: &Server, workflow: Uuid) -> usize {
    let list = server.get(&format!("/workflows/{workflow}/executions")).await.json();
    list["executions"].as_array().unwrap().len()
}

/// Checks the status, and that the body has the format of the clients and names the field.
fn check_error(response: &Response, status: u16, field: &str, about: &str) {
    assert_eq!(response.status.as_u16(), status, "{about}: {}", response.text);
    assert_eq!(response.headers["content-type"], "application/json", "{about}");
    let body = response.json();
    let detail = body["detail"].as_str().unwrap_or_else(|| panic!("{about}: {body}"));
    assert!(detail.contains(field), "{about}: {detail}");
    assert!(body["code"].is_string() && body["request_id"].is_string(), "{about}: {body}");
    assert!(body["errors"].is_array(), "{about}: {body}");
}

/// Bodies of requests with an invalid field other than `inputs`, with the expected status and field.
async fn invalid_fields(server: &Server, workflow: Uuid) -> Vec<(Value, u16, &'static str)> {
    let other = json!({"name": "other", "steps": [{"type": "StaticTextInput", "input": "x"}]});
    create(server, other).await;
    let theirs = json!({"inputs": [], "workflow_deployment_name": "other"});
    let theirs = server.post(EXECUTE, &theirs).await.text_at("/execution_id");
    create(server, json!({"name": "waits", "steps": waiting_steps()})).await;
    let open = json!({"inputs": [], "workflow_deployment_name": "waits"});
    let open = server.post(ASYNC, &open).await.text_at("/execution_id");
    let nil = Uuid::nil();
    vec![
        (json!({"inputs": []}), 400, "workflow_deployment_id"),
        (
            request(
                json!({"workflow_deployment_id": workflow, "workflow_deployment_name": "other"}),
            ),
            400,
            "the name `greet`",
        ),
        (request(json!({"expand_meta": {"usages": true}})), 400, "did you mean `usage`"),
        (request(json!({"workflow_deployment_name": 5})), 400, "workflow_deployment_name"),
        (request(json!({"workflow_deployment_name": "unknown"})), 404, "workflow_deployment_name"),
        (
            json!({"inputs": [], "workflow_deployment_id": "not-a-uuid"}),
            400,
            "workflow_deployment_id",
        ),
        (json!({"inputs": [], "workflow_deployment_id": nil}), 404, "workflow_deployment_id"),
        (request(json!({"release_tag": "nope"})), 404, "release_tag"),
        (request(json!({"release_tag": ""})), 400, "release_tag"),
        (request(json!({"release_tag": ["LATEST"]})), 400, "release_tag"),
        (request(json!({"external_id": ""})), 400, "external_id"),
        (request(json!({"external_id": "x".repeat(256)})), 400, "external_id"),
        (request(json!({"external_id": 5})), 400, "external_id"),
        (request(json!({"metadata": "m"})), 400, "metadata"),
        (request(json!({"expand_meta": true})), 400, "expand_meta"),
        (request(json!({"expand_meta": {"cost": "yes"}})), 400, "expand_meta.cost"),
        (request(json!({"event_types": "NODE"})), 400, "event_types"),
        (request(json!({"event_types": ["WORKFLOW", "node"]})), 400, "event_types[1]"),
        (request(json!({"previous_execution_id": "x"})), 400, "previous_execution_id"),
        (request(json!({"previous_execution_id": nil})), 400, "previous_execution_id"),
        (request(json!({"previous_execution_id": theirs})), 400, "previous_execution_id"),
        (request(json!({"previous_execution_id": open})), 400, "previous_execution_id"),
    ]
}

/// Bodies of requests with invalid `inputs`, with the expected status and field.
fn invalid_inputs() -> Vec<(Value, u16, &'static str)> {
    let input = |item: Value| request(json!({ "inputs": [item] }));
    let query =
        |kind: Value, value: Value| input(json!({"type": kind, "name": "query", "value": value}));
    vec![
        (request(json!({"inputs": null})), 400, "inputs"),
        (request(json!({"inputs": {"query": "x"}})), 400, "inputs"),
        (request(json!({"inputs": []})), 400, "inputs.query"),
        (request(json!({"inputs": ["x"]})), 400, "inputs[0]"),
        (input(json!({"type": "STRING", "value": "x"})), 400, "inputs[0].name"),
        (input(json!({"type": "STRING", "name": 5, "value": "x"})), 400, "inputs[0].name"),
        (input(json!({"type": "STRING", "name": "queri", "value": "x"})), 400, "`queri`"),
        (input(json!({"type": "STRING", "name": "query"})), 400, "inputs[0].value"),
        (input(json!({"name": "query", "value": null})), 400, "inputs[0].value"),
        (query(json!("STRING"), json!(5)), 400, "inputs[0].value"),
        (query(json!("NUMBER"), json!(5)), 400, "inputs[0].value"),
        (query(json!("JSON"), json!({})), 400, "inputs.query"),
        (query(json!("IMAGE"), json!({"src": "x"})), 400, "inputs[0].value"),
        (query(json!("SOUND"), json!("x")), 400, "inputs[0].type"),
        (query(json!("THINKING"), json!("x")), 400, "inputs[0].type"),
        (query(json!(5), json!("x")), 400, "inputs[0].type"),
        (input(json!({"name": "n", "value": 1.5})), 400, "inputs.query"),
        (
            request(
                json!({"inputs": [{"name": "query", "value": "x"}, {"name": "n", "value": "y"}]}),
            ),
            400,
            "inputs.n",
        ),
        (
            request(
                json!({"inputs": [{"name": "query", "value": "x"}, {"name": "query", "value": "y"}]}),
            ),
            400,
            "inputs[1].name",
        ),
        (
            input(json!({"type": "CHAT_HISTORY", "name": "chat", "value": [{"text": "no role"}]})),
            400,
            "inputs[0].value",
        ),
    ]
}

#[tokio::test]
async fn names_every_invalid_field() {
    let server = Server::start().await;
    let workflow = greeter(&server).await;
    let mut bodies = invalid_fields(&server, workflow).await;
    bodies.extend(invalid_inputs());
    for (body, status, field) in bodies {
        for path in STARTS {
            let response = server.post(path, &body).await;
            check_error(&response, status, field, &format!("{path} {body}"));
        }
    }
    assert_eq!(executions(&server, workflow).await, 0);
    for (id, status) in [("x", 400), ("..%2f", 400), (&*Uuid::nil().to_string(), 404)] {
        let response = server.get(&format!("/v1/workflows/executions/{id}/status")).await;
        check_error(&response, status, "execution", id);
    }
    check_error(&server.get("/v1/nothing").await, 404, "/v1/nothing", "no such path");
}

#[tokio::test]
async fn limits_the_reported_problems() {
    let server = Server::start().await;
    greeter(&server).await;
    let body = request(json!({"inputs": vec![json!({"name": "queri", "value": "x"}); 10_000]}));
    let response = server.post(EXECUTE, &body).await;
    check_error(&response, 400, "inputs[99].name", "many problems");
    // The last problem is the missing `query`.
    check_error(&response, 400, "(and 9901 more)", "many problems");
    assert_eq!(response.json()["errors"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn an_external_id_is_used_once() {
    let server = Server::start().await;
    let workflow = greeter(&server).await;
    let body = request(json!({"external_id": "job-1"}));
    for (at, path) in STARTS.into_iter().enumerate() {
        let key = format!("key-{at}");
        let body = request(json!({"external_id": format!("job-{at}")}));
        let headers = [JSON, ("idempotency-key", key.as_str())];
        let first = server.send("POST", path, &headers, body.to_string()).await;
        assert_eq!(first.status.as_u16(), 200, "{}", first.text);
        let again = server.send("POST", path, &headers, body.to_string()).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{path}");
        let line = first.text.lines().next().unwrap();
        let id = serde_json::from_str::<Value>(line).unwrap()["execution_id"].clone();
        for path in STARTS {
            let taken = server.post(path, &body).await;
            check_error(&taken, 400, id.as_str().unwrap(), path);
            check_error(&taken, 400, "external_id", path);
        }
        let other = request(json!({"external_id": "another"})).to_string();
        let reused = server.send("POST", path, &headers, other).await;
        check_error(&reused, 422, "Idempotency-Key", path);
    }
    let headers = [JSON, ("idempotency-key", "not visible")];
    let spaced = server.send("POST", EXECUTE, &headers, body.to_string()).await;
    check_error(&spaced, 400, "Idempotency-Key", "a key with a space");
    assert_eq!(executions(&server, workflow).await, STARTS.len());
}

#[tokio::test]
async fn an_inactive_deployment_starts_no_execution() {
    let server = Server::start().await;
    let workflow = greeter(&server).await;
    let id = stepwell_core::ids::WorkflowId::from_uuid(workflow);
    server
        .app
        .set_active(&Caller::internal(), id, false, stepwell_engine::app::Expected::Any)
        .await
        .unwrap();
    for path in STARTS {
        check_error(&server.post(path, &request(json!({}))).await, 400, "inactive", path);
    }
    assert_eq!(executions(&server, workflow).await, 0);
}

#[tokio::test]
async fn rejects_unreadable_bodies() {
    let config = ApiConfig { max_body_bytes: 64 << 10, ..ApiConfig::default() };
    let server = Server::with(config).await;
    let workflow = greeter(&server).await;
    let good = request(json!({})).to_string();
    let deep = |n: usize| {
        request(json!({})).to_string().replace("\"x\"", &("[".repeat(n) + &"]".repeat(n)))
    };
    let huge = request(json!({"metadata": {"m": "x".repeat(64 << 10)}})).to_string();
    let invalid = good.replace('x', "\u{1}").into_bytes();
    let invalid: Vec<u8> = invalid.into_iter().map(|b| if b == 1 { 0xff } else { b }).collect();
    for path in STARTS.into_iter().chain([ACTUALS]) {
        for (media, body, status, word) in [
            ("application/json", b"{not json".to_vec(), 400, "not valid JSON"),
            ("application/json", b"[1]".to_vec(), 400, "must be a JSON object"),
            (
                "application/json",
                b"{\"inputs\": [], \"inputs\": []}".to_vec(),
                400,
                "duplicate key",
            ),
            ("application/json", b"{\"a\": 1e999}".to_vec(), 400, "not valid JSON"),
            ("application/json", Vec::new(), 400, "is required"),
            ("application/json", invalid.clone(), 400, "not valid UTF-8"),
            ("application/json", deep(10_000).into_bytes(), 400, "nested deeper"),
            ("application/json", huge.clone().into_bytes(), 413, "larger than"),
            ("text/plain", good.clone().into_bytes(), 415, "application/json"),
            (
                "application/json; charset=latin1",
                good.clone().into_bytes(),
                415,
                "application/json",
            ),
            ("application/x-www-form-urlencoded", b"inputs=x".to_vec(), 415, "application/json"),
        ] {
            let response = server.send("POST", path, &[("content-type", media)], body).await;
            check_error(&response, status, word, &format!("{path} {media} {word}"));
        }
        let bare = server.send("POST", path, &[], good.clone()).await;
        check_error(&bare, 415, "Content-Type", path);
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let response = server.send(method, path, &[JSON], good.clone()).await;
            check_error(&response, 405, method, path);
            assert_eq!(response.headers["allow"], "POST", "{path}");
        }
    }
    assert_eq!(executions(&server, workflow).await, 0);
}

#[tokio::test]
async fn keys_see_what_their_scopes_include() {
    let server = Server::start().await;
    let workflow = greeter(&server).await;
    let executed = server.post(EXECUTE, &request(json!({"external_id": "mine"}))).await;
    let id = executed.text_at("/execution_id");
    let caller =
        Caller { workspace: WorkspaceId::from_uuid(Uuid::from_u128(7)), ..Caller::internal() };
    let create = CreateKey::new("far", &["admin"]);
    let far = server.app.create_key(&caller, create).await.unwrap().secret;
    let reader = server.key(&["read:workflows"]).await;
    let elsewhere = server.key(&["execute:workflows:other"]).await;
    let actuals = |of: Value| {
        let mut body = json!({"actuals": [{"output_key": "result", "quality": 1}]});
        body.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
        body
    };
    let by_id = json!({"inputs": request(json!({}))["inputs"], "workflow_deployment_id": workflow});
    let mut cases = Vec::new();
    for (body, paths) in [
        (request(json!({})), &STARTS[..]),
        (by_id, &STARTS),
        (actuals(json!({"execution_id": id})), &[ACTUALS]),
        (actuals(json!({"external_id": "mine"})), &[ACTUALS]),
    ] {
        cases.extend(paths.iter().map(|path| (*path, body.clone())));
    }
    for (path, body) in &cases {
        for (key, status, word) in [
            (None, 401, "no API key"),
            (Some("sk_live_nonsense"), 401, "not valid"),
            (Some(reader.as_str()), 403, "execute:workflows"),
            (Some(elsewhere.as_str()), 403, "execute:workflows"),
            (Some(far.as_str()), 404, "not found"),
        ] {
            let request = Request::builder().method("POST").uri(*path).header(JSON.0, JSON.1);
            let request = match key {
                Some(key) => request.header("x-api-key", key),
                None => request,
            };
            let response = server.raw(request.body(Body::from(body.to_string())).unwrap()).await;
            check_error(&response, status, word, &format!("{path} {word} {body}"));
        }
    }
    let status = Request::builder()
        .uri(format!("/v1/workflows/executions/{id}/status"))
        .header("x-api-key", &far);
    check_error(&server.raw(status.body(Body::empty()).unwrap()).await, 404, "execution", "status");
    assert_eq!(executions(&server, workflow).await, 1);
    assert_eq!(stored(&server, &id).await, 0);
    let mine = actuals(json!({"external_id": "mine"}));
    assert_eq!(server.post(ACTUALS, &mine).await.status.as_u16(), 200);
}

/// The number of actuals of the execution.
async fn stored(server: &Server, execution: &str) -> u64 {
    let path = format!("/api/v1/workflow_executions/{execution}/actuals");
    server.get(&path).await.json()["data"]["pagination"]["total_items"].as_u64().unwrap()
}

#[tokio::test]
async fn an_invalid_batch_stores_nothing() {
    let server = Server::start().await;
    greeter(&server).await;
    let id = server.post(EXECUTE, &request(json!({}))).await.text_at("/execution_id");
    let nil = Uuid::nil();
    let good = json!({"output_type": "STRING", "output_key": "result", "quality": 1});
    let is = |field: &str| format!("actuals[1].{field}");
    for (bad, status, field) in [
        (json!({"output_key": "nope"}), 400, is("output_key")),
        (json!({"output_key": null}), 400, is("output_key")),
        (json!({"output_key": 5}), 400, is("output_key")),
        (json!({"output_key": null, "output_id": nil}), 400, is("output_id")),
        (json!({"output_key": null, "output_id": "not-a-uuid"}), 400, is("output_id")),
        (json!({"quality": 1.000_001}), 400, is("quality")),
        (json!({"quality": -0.1}), 400, is("quality")),
        (json!({"quality": "1"}), 400, is("quality")),
        (json!({"timestamp": "yesterday"}), 400, is("timestamp")),
        (json!({"timestamp": 1e300}), 400, is("timestamp")),
        (json!({"timestamp": true}), 400, is("timestamp")),
        (json!({"desired_output_value": 5}), 400, is("desired_output_value")),
        (json!({"value": ["x"]}), 400, is("value")),
        (
            json!({"output_type": "CHAT_HISTORY", "desired_output_value": "hi"}),
            400,
            is("desired_output_value"),
        ),
        (json!({"output_type": "CHAT_HISTORY", "value": [{"text": "no role"}]}), 400, is("value")),
        (json!({"output_type": "SOUND"}), 400, is("output_type")),
        (json!({"output_type": 5}), 400, is("output_type")),
        (json!({"metadata": "m"}), 400, is("metadata")),
        (json!({"execution_id": "not-a-uuid"}), 400, is("execution_id")),
        (json!({"execution_id": nil}), 404, is("execution_id")),
        (json!({"external_id": "unknown"}), 404, is("external_id")),
    ] {
        let mut second = good.clone();
        second.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        let body = json!({"execution_id": id, "actuals": [good, second, good]});
        let response = server.post(ACTUALS, &body).await;
        check_error(&response, status, &field, &bad.to_string());
        assert_eq!(response.text_at("/errors/0/field"), field, "{bad}");
    }
    let many = vec![good.clone(); 1001];
    for (body, status, field) in [
        (json!({"actuals": [good]}), 400, "execution_id"),
        (json!({"actuals": []}), 400, "execution_id"),
        (json!({"execution_id": nil, "actuals": []}), 404, "execution_id"),
        (json!({"execution_id": "x", "actuals": [good]}), 400, "execution_id"),
        (json!({"execution_id": 5, "actuals": [good]}), 400, "execution_id"),
        (json!({"external_id": "unknown", "actuals": [good]}), 404, "external_id"),
        (json!({"execution_id": id}), 400, "actuals"),
        (json!({"execution_id": id, "actuals": {}}), 400, "actuals"),
        (json!({"execution_id": id, "actuals": ["x"]}), 400, "actuals[0]"),
        (json!({"execution_id": id, "actuals": many}), 400, "actuals"),
    ] {
        check_error(&server.post(ACTUALS, &body).await, status, field, field);
    }
    assert_eq!(stored(&server, &id).await, 0);
    let body = json!({"execution_id": id, "actuals": [good]}).to_string();
    for expect in ["{}", "{}"] {
        let headers = [JSON, ("idempotency-key", "actuals-1")];
        let response = server.send("POST", ACTUALS, &headers, body.clone()).await;
        assert_eq!((response.status.as_u16(), response.text.as_str()), (200, expect));
    }
    assert_eq!(stored(&server, &id).await, 1, "a repeat stores nothing again");
}
