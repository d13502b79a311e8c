//! Operations with the key of another workspace neither show nor change objects of this one, nor
//! reveal that they exist. An operation of the API's description that is missing in `calls/` fails
//! the test.

mod calls;
mod world;

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Value, json};
use stepwell_engine::Caller;
use stepwell_engine::app::{CreateKey, CreateWorkspace};

use crate::support::Server;
use calls::{Call, Sees};
use world::{MARK, World, request};

/// An admin key of a new workspace.
async fn key_elsewhere(server: &Server) -> String {
    let operator = Caller::internal();
    let create =
        CreateWorkspace { name: "elsewhere".into(), limits: Default::default(), idempotency: None };
    let workspace = server.app.create_workspace(&operator, create).await.unwrap();
    let create = CreateKey { workspace: Some(workspace), ..CreateKey::new("theirs", &["admin"]) };
    server.app.create_key(&operator, create).await.unwrap().secret
}

fn described() -> BTreeSet<String> {
    let all = serde_json::to_value(stepwell_api::openapi()).unwrap();
    let mut calls = BTreeSet::new();
    for (path, methods) in all["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            calls.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    calls
}

#[test]
fn checks_every_operation_of_the_description() {
    let known: BTreeSet<String> = calls::all().iter().map(|call| call.call.to_owned()).collect();
    let described = described();
    let missing: Vec<_> = described.difference(&known).collect();
    assert!(missing.is_empty(), "add the operations to calls/: {missing:#?}");
    let gone: Vec<_> = known.difference(&described).collect();
    assert!(gone.is_empty(), "calls/ has operations that do not exist: {gone:#?}");
}

#[tokio::test]
async fn hides_the_default_workspace_from_admins_of_another_one() {
    let server = Server::start().await;
    let stranger = key_elsewhere(&server).await;
    for call in calls::all() {
        check_call(&server, call, &server.key, &stranger).await;
    }
}

#[tokio::test]
async fn hides_objects_of_other_workspaces_from_admins_of_the_default_one() {
    let server = Server::start().await;
    let owner = key_elsewhere(&server).await;
    // Such an admin manages workspaces, their keys and their audit logs.
    let looked_after = |call: &&Call| {
        ["/api/v1/workspaces", "/api/v1/auth/api-keys", "/api/v1/audit_log"]
            .iter()
            .any(|path| call.call.contains(path))
    };
    for call in calls::all().into_iter().filter(|call| !looked_after(call)) {
        check_call(&server, call, &owner, &server.key).await;
    }
}

/// Creates objects with the owner's key, and sends the request with the stranger's.
async fn check_call(server: &Server, call: &Call, owner: &str, stranger: &str) {
    if call.sees == Sees::Server {
        return;
    }
    let world = World::new(server, owner).await;
    let ghosts = world.ghosts();
    let before = world.snapshot(server, owner).await;
    let name = format!("{} {}", call.call, call.body);

    let seen = request(server, call, &world, stranger).await;
    let of_ghosts = request(server, call, &ghosts, stranger).await;
    assert_eq!(seen.status, of_ghosts.status, "{name}\n{}\n{}", seen.text, of_ghosts.text);
    let (left, right) = (world.nameless(&seen.text), ghosts.nameless(&of_ghosts.text));
    match call.sees {
        Sees::Nothing(status) => {
            assert_eq!(seen.status.as_u16(), status, "{name}: {}", seen.text);
            assert_eq!(
                left, right,
                "{name}: differs from the response for objects that do not exist"
            );
        }
        Sees::EmptyAt(pointer) => {
            assert_eq!(seen.status, StatusCode::OK, "{name}: {}", seen.text);
            assert_eq!(seen.json().pointer(pointer), Some(&json!([])), "{name}: {}", seen.text);
        }
        Sees::Own => assert!(seen.status.is_success(), "{name}: {}", seen.text),
        Sees::Server => {}
    }
    if let Some(leak) = world.find_leak(&format!("{} {}", call.path(), call.body), &seen.text) {
        panic!("{name} shows {leak}: {}", seen.text);
    }
    let after = world.snapshot(server, owner).await;
    assert_eq!(after, before, "{name} changed something");

    // The request itself is valid: the owner of the objects is served.
    if !call.by_operator_only || owner == server.key {
        let served = request(server, call, &world, owner).await;
        let fits = served.status.is_success() || served.status == StatusCode::CONFLICT;
        assert!(fits, "{name} by the owner: {} {}", served.status, served.text);
    }
}

#[tokio::test]
async fn external_ids_idempotency_keys_and_names_are_per_workspace() {
    let server = Server::start().await;
    let theirs = key_elsewhere(&server).await;
    let world = World::new(&server, &server.key).await;
    let definition = json!({"name": world.value("name"),
        "steps": [{"type": "Echo", "input": "theirs"}], "outputs": {"text": "{{ 'theirs' }}"}});
    let made = post(&server, &theirs, "/workflows", "k-1", &definition).await;
    assert_eq!(made.0, 201, "{}", made.1);

    // By name, with the external id and the idempotency key that the other one has used.
    let execute = json!({"workflow_deployment_name": world.value("name"), "inputs": [],
        "external_id": world.value("external_id")});
    let ours = post(
        &server,
        &server.key,
        "/v1/execute-workflow",
        "k-2",
        &json!({"workflow_deployment_name": world.value("name"), "inputs": []}),
    )
    .await;
    assert_eq!(ours.0, 200, "{}", ours.1);
    let other = post(&server, &theirs, "/v1/execute-workflow", "k-2", &execute).await;
    assert_eq!(other.0, 200, "{}", other.1);
    assert_eq!(other.1["data"]["outputs"][0]["value"], "theirs", "{}", other.1);
    assert_eq!(ours.1["data"]["outputs"][0]["value"], MARK, "{}", ours.1);

    // A POST that only repeats its response.
    let cancel = format!(
        "/workflows/{}/executions/{}/cancel",
        world.value("workflow"),
        world.value("execution")
    );
    let ours = post(&server, &server.key, &cancel, "k-3", &json!({})).await;
    assert_eq!(ours.0, 202, "{}", ours.1);
    let other = post(&server, &theirs, &cancel, "k-3", &json!({})).await;
    assert_eq!(other.0, 404, "{}", other.1);

    // State of an execution of the other workspace.
    let mut from = execute;
    from.as_object_mut().unwrap().shift_remove("external_id");
    let mut details = Vec::new();
    for id in [world.value("ended"), world.ghosts().value("ended")] {
        from["previous_execution_id"] = json!(id);
        let (status, body) = post(&server, &theirs, "/v1/execute-workflow", "", &from).await;
        assert_eq!(status, 400, "{body}");
        details.push(body["detail"].clone());
    }
    assert_eq!(details[0], details[1]);
}

/// The status and body of a POST; an empty idempotency key is none.
async fn post(
    server: &Server,
    key: &str,
    path: &str,
    idempotency: &str,
    body: &Value,
) -> (u16, Value) {
    let mut request = axum::http::Request::post(path)
        .header("x-api-key", key)
        .header("content-type", "application/json");
    if !idempotency.is_empty() {
        request = request.header("idempotency-key", idempotency);
    }
    let response = server.raw(request.body(body.to_string().into()).unwrap()).await;
    (response.status.as_u16(), response.json())
}
