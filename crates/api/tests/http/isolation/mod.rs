//! Whatever is called with the key of another workspace: nothing of this one is seen, changed, or
//! even hinted at. A call of the API's description that `calls/` does not know fails the test.

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

/// A key of a new workspace that may do everything there.
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
fn every_call_of_the_description_is_walked() {
    let known: BTreeSet<String> = calls::all().iter().map(|call| call.call.to_owned()).collect();
    let described = described();
    let missing: Vec<_> = described.difference(&known).collect();
    assert!(missing.is_empty(), "say in calls/ what a stranger sees of {missing:#?}");
    let gone: Vec<_> = known.difference(&described).collect();
    assert!(gone.is_empty(), "calls/ knows calls that are not there: {gone:#?}");
}

#[tokio::test]
async fn an_admin_of_another_workspace_sees_nothing_of_the_default_one() {
    let server = Server::start().await;
    let stranger = key_elsewhere(&server).await;
    for call in calls::all() {
        walk(&server, call, &server.key, &stranger).await;
    }
}

#[tokio::test]
async fn an_admin_of_the_default_workspace_sees_no_objects_of_another_one() {
    let server = Server::start().await;
    let owner = key_elsewhere(&server).await;
    // Keys, workspaces and what was done in them are what such an admin looks after.
    let looked_after = |call: &&Call| {
        ["/api/v1/workspaces", "/api/v1/auth/api-keys", "/api/v1/audit_log"]
            .iter()
            .any(|path| call.call.contains(path))
    };
    for call in calls::all().into_iter().filter(|call| !looked_after(call)) {
        walk(&server, call, &owner, &server.key).await;
    }
}

/// Makes objects with the owner's key, and the call with that of the stranger.
async fn walk(server: &Server, call: &Call, owner: &str, stranger: &str) {
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
            assert_eq!(left, right, "{name}: tells more than of what never was");
        }
        Sees::EmptyAt(pointer) => {
            assert_eq!(seen.status, StatusCode::OK, "{name}: {}", seen.text);
            assert_eq!(seen.json().pointer(pointer), Some(&json!([])), "{name}: {}", seen.text);
        }
        Sees::Own => assert!(seen.status.is_success(), "{name}: {}", seen.text),
        Sees::Server => {}
    }
    if let Some(told) = world.told(&format!("{} {}", call.path(), call.body), &seen.text) {
        panic!("{name} tells {told}: {}", seen.text);
    }
    let after = world.snapshot(server, owner).await;
    assert_eq!(after, before, "{name} changed something");

    // The call itself is right: whoever owns the objects is served.
    if !call.by_operator_only || owner == server.key {
        let served = request(server, call, &world, owner).await;
        let fits = served.status.is_success() || served.status == StatusCode::CONFLICT;
        assert!(fits, "{name} by the owner: {} {}", served.status, served.text);
    }
}

#[tokio::test]
async fn external_ids_idempotency_keys_and_names_are_each_workspace_s_own() {
    let server = Server::start().await;
    let theirs = key_elsewhere(&server).await;
    let world = World::new(&server, &server.key).await;
    let definition = json!({"name": world.value("name"),
        "steps": [{"type": "Echo", "input": "theirs"}], "outputs": {"said": "{{ 'theirs' }}"}});
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

    // A POST that only repeats its answer.
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
    let mut answers = Vec::new();
    for id in [world.value("ended"), world.ghosts().value("ended")] {
        from["previous_execution_id"] = json!(id);
        let (status, body) = post(&server, &theirs, "/v1/execute-workflow", "", &from).await;
        assert_eq!(status, 400, "{body}");
        answers.push(body["detail"].clone());
    }
    assert_eq!(answers[0], answers[1]);
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
    let answer = server.raw(request.body(body.to_string().into()).unwrap()).await;
    (answer.status.as_u16(), answer.json())
}
