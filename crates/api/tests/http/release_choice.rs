//! Release tags select what executions, reruns and schedules run, in every API.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Response, Server};

/// A workflow with two releases, whose outputs are `one` and `two`.
struct World {
    server: Server,
    /// The path of the workflow in the dataflow API.
    dataflow: String,
    /// The path of the workflow in the management API.
    abi: String,
}

fn definition(word: &str) -> Value {
    json!({
        "name": "chosen",
        "inputs": {"n": {"type": "integer", "default": 1}},
        "steps": [{"id": "say", "type": "StaticTextInput", "input": word}],
        "outputs": {"word": "{{ steps.say.output.text }}"},
    })
}

impl World {
    async fn start() -> Self {
        let server = Server::start().await;
        let created = server.post("/workflows", &definition("one")).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
        let id = created.text_at("/workflow_id");
        let (dataflow, abi) = (format!("/workflows/{id}"), format!("/api/v1/workflows/{id}"));
        let world = Self { server, dataflow, abi };
        world.tag(&json!({"release": 1})).await;
        let updated = world.put(&world.dataflow, &definition("two")).await;
        assert_eq!(updated.json()["release"], 2, "{}", updated.text);
        world
    }

    async fn put(&self, path: &str, body: &Value) -> Response {
        let json = [("content-type", "application/json")];
        self.server.send("PUT", path, &json, body.to_string()).await
    }

    /// Moves the tag `production`.
    async fn tag(&self, target: &Value) {
        let put = self.put(&format!("{}/release_tags/production", self.abi), target).await;
        assert_eq!(put.status, StatusCode::OK, "{}", put.text);
    }

    async fn abi_word(&self, body: &Value) -> String {
        let response = self.server.post(&format!("{}/execute", self.abi), body).await;
        assert_eq!(response.status, StatusCode::OK, "{body} {}", response.text);
        response.text_at("/data/result/word")
    }

    async fn dataflow_word(&self, body: &Value) -> String {
        let path = format!("{}/execute?wait=true", self.dataflow);
        let response = self.server.post(&path, body).await;
        assert_eq!(response.status, StatusCode::OK, "{body} {}", response.text);
        response.text_at("/output/word")
    }

    async fn vellum_word(&self, more: &Value) -> String {
        let mut body = json!({"inputs": [], "workflow_deployment_name": "chosen"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let response = self.server.post("/v1/execute-workflow", &body).await;
        assert_eq!(response.status, StatusCode::OK, "{body} {}", response.text);
        response.text_at("/data/outputs/0/value")
    }

    /// The release of an execution that was accepted by the management API.
    async fn release_of(&self, accepted: &Response) -> Value {
        assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.text);
        let id = accepted.text_at("/data/execution_id");
        let shown = self.server.get(&format!("/api/v1/workflow_executions/{id}")).await;
        shown.json()["data"]["release"].clone()
    }

    async fn count_executions(&self) -> Value {
        let list = self.server.get("/api/v1/workflow_executions").await.json();
        list["data"]["pagination"]["total_items"].clone()
    }
}

#[tokio::test]
async fn executions_run_the_release_of_their_tag() {
    let world = World::start().await;
    for (tag, expect) in [("production", "one"), ("LATEST", "two")] {
        let body = json!({"release_tag": tag});
        assert_eq!(world.abi_word(&body).await, expect);
        assert_eq!(world.dataflow_word(&body).await, expect);
    }
    assert_eq!(world.abi_word(&json!({})).await, "two");
    assert_eq!(world.abi_word(&json!({"release_tag": null})).await, "two");
    assert_eq!(world.dataflow_word(&json!({})).await, "two");
    let path = format!("{}/execute_async", world.abi);
    let accepted = world.server.post(&path, &json!({"release_tag": "production"})).await;
    assert_eq!(world.release_of(&accepted).await, 1);
    world.tag(&json!({"release": 2})).await;
    assert_eq!(world.abi_word(&json!({"release_tag": "production"})).await, "two");
}

/// The tag is shown where it was named, even if it was moved or deleted since.
#[tokio::test]
async fn executions_show_the_tag_that_selected_their_release() {
    let world = World::start().await;
    let shown = async |accepted: &Response| {
        let id = accepted.text_at("/data/execution_id");
        let abi = world.server.get(&format!("/api/v1/workflow_executions/{id}")).await.json();
        let dataflow = world.server.get(&format!("{}/executions/{id}", world.dataflow)).await;
        let (abi, dataflow) = (&abi["data"], dataflow.json());
        assert_eq!(abi.get("release_tag"), dataflow.get("release_tag"), "{dataflow}");
        (dataflow["release"].clone(), dataflow.get("release_tag").cloned())
    };
    let path = format!("{}/execute", world.abi);
    let tagged = world.server.post(&path, &json!({"release_tag": "production"})).await;
    let latest = world.server.post(&path, &json!({"release_tag": "LATEST"})).await;
    let plain = world.server.post(&path, &json!({})).await;
    world.tag(&json!({"release": 2})).await;
    assert_eq!(shown(&tagged).await, (json!(1), Some(json!("production"))));
    assert_eq!(shown(&latest).await, (json!(2), Some(json!("LATEST"))));
    assert_eq!(shown(&plain).await, (json!(2), None));
    // A rerun of the same release keeps the tag by which it was selected.
    let id = tagged.text_at("/data/execution_id");
    let rerun = format!("/api/v1/workflow_executions/{id}/rerun");
    let same = world.server.post(&rerun, &json!({})).await;
    assert_eq!(shown(&same).await, (json!(1), Some(json!("production"))));
    let moved = world.server.post(&rerun, &json!({"release_tag": "production"})).await;
    assert_eq!(shown(&moved).await, (json!(2), Some(json!("production"))));
    let path = format!("{}/execute?wait=true", world.dataflow);
    let ended = world.server.post(&path, &json!({"release_tag": "production"})).await;
    assert_eq!(ended.text_at("/release_tag"), "production", "{}", ended.text);
}

#[tokio::test]
async fn reruns_keep_the_release_or_run_that_of_a_tag() {
    let world = World::start().await;
    let first = world.server.post(&format!("{}/execute", world.abi), &json!({})).await;
    let rerun =
        format!("/api/v1/workflow_executions/{}/rerun", first.text_at("/data/execution_id"));
    for (body, release) in [
        (json!({}), 2),
        (json!({"release_tag": "production"}), 1),
        (json!({"release_tag": "production", "from": "start", "traffic_key": "k"}), 1),
        (json!({"from_step": "say"}), 2),
    ] {
        let accepted = world.server.post(&rerun, &body).await;
        assert_eq!(world.release_of(&accepted).await, release, "{body}");
    }
    let before = world.count_executions().await;
    for (body, field) in [
        (json!({"release_tag": "nope"}), "release_tag"),
        (json!({"release_tag": 1}), "release_tag"),
        (json!({"release_tag": "production", "from_step": "say"}), "release_tag"),
        (json!({"traffic_key": "k"}), "traffic_key"),
        (json!({"release_tag": "production", "traffic_key": ""}), "traffic_key"),
    ] {
        let refused = world.server.post(&rerun, &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body} {}", refused.text);
        assert_eq!(refused.text_at("/errors/0/code"), "INVALID_PARAMETERS", "{body}");
        assert_eq!(refused.text_at("/errors/0/field"), field, "{body}");
    }
    assert_eq!(world.count_executions().await, before, "nothing was started");
}

#[tokio::test]
async fn unknown_tags_are_rejected_before_anything_starts() {
    let world = World::start().await;
    let longest = "k".repeat(256);
    for (body, field, text) in [
        (json!({"release_tag": "nope"}), "release_tag", "`nope`"),
        (json!({"release_tag": "nope"}), "release_tag", "LATEST, production"),
        (json!({"release_tag": ""}), "release_tag", "no release tag"),
        (json!({"release_tag": 5}), "release_tag", "release_tag"),
        (json!({"release_tag": "production", "traffic_key": ""}), "traffic_key", "1 to 255"),
        (json!({"traffic_key": longest}), "traffic_key", "1 to 255"),
    ] {
        for call in ["execute", "execute_async"] {
            let refused = world.server.post(&format!("{}/{call}", world.abi), &body).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body} {}", refused.text);
            assert_eq!(refused.text_at("/errors/0/code"), "INVALID_PARAMETERS", "{body}");
            assert_eq!(refused.text_at("/errors/0/field"), field, "{body}");
            assert!(refused.text_at("/errors/0/detail").contains(text), "{}", refused.text);
        }
        let refused = world.server.post(&format!("{}/execute", world.dataflow), &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body} {}", refused.text);
        assert_eq!(refused.text_at("/error/details/0/path"), field, "{body}");
        assert!(refused.text_at("/error/message").contains(text), "{}", refused.text);
    }
    assert_eq!(world.count_executions().await, 0);
}

#[tokio::test]
async fn a_traffic_key_always_selects_the_same_release() {
    let world = World::start().await;
    let halves = json!({"traffic": [{"release": 1, "weight": 1}, {"release": 2, "weight": 1}]});
    world.tag(&halves).await;
    let mut seen = BTreeSet::new();
    for n in 0..12 {
        let (key, other) = (format!("customer-{n}"), format!("other-{n}"));
        let by_key = json!({"release_tag": "production", "traffic_key": key});
        let word = world.abi_word(&by_key).await;
        assert_eq!(world.dataflow_word(&by_key).await, word, "{key}");
        assert_eq!(world.vellum_word(&by_key).await, word, "{key}");
        // The external id is different each time and does not matter.
        let by_user = json!({"release_tag": "production", "metadata": {"user_id": key}});
        assert_eq!(world.abi_word(&by_user).await, word, "{key}");
        let mut with_id = by_user.clone();
        with_id["external_id"] = json!(other);
        assert_eq!(world.vellum_word(&with_id).await, word, "{key}");
        with_id["external_id"] = json!(format!("{other}-again"));
        with_id["traffic_key"] = json!(key);
        with_id["metadata"]["user_id"] = json!(other);
        assert_eq!(world.vellum_word(&with_id).await, word, "{key}");
        seen.insert(word);
    }
    assert_eq!(seen.len(), 2, "the keys are spread: {seen:?}");
}

#[tokio::test]
async fn schedules_run_the_release_of_their_tag() {
    let world = World::start().await;
    let create = async |tag: Value| {
        let body = json!({"name": "s", "schedule_type": "cron", "cron_expression": "0 0 1 1 *",
            "release_tag": tag});
        world.server.post(&format!("{}/schedules", world.abi), &body).await
    };
    for wrong in [json!("nope"), json!(5)] {
        let refused = create(wrong).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text);
        assert_eq!(refused.text_at("/errors/0/code"), "INVALID_SCHEDULE");
        assert_eq!(refused.text_at("/errors/0/field"), "release_tag");
    }
    let created = create(json!("production")).await;
    assert_eq!(created.text_at("/data/release_tag"), "production", "{}", created.text);
    let path = format!("/api/v1/workflow_schedules/{}", created.text_at("/data/id"));
    let trigger = async || world.server.post(&format!("{path}/trigger"), &json!({})).await;
    let release = async || world.release_of(&trigger().await).await;
    assert_eq!(release().await, 1);
    world.tag(&json!({"release": 2})).await;
    assert_eq!(release().await, 2, "each firing resolves the tag");
    world.tag(&json!({"release": 1})).await;
    let refused = world.put(&path, &json!({"release_tag": "nope"})).await;
    assert_eq!(refused.text_at("/errors/0/field"), "release_tag", "{}", refused.text);
    let unchanged = world.put(&path, &json!({"name": "other"})).await;
    assert_eq!(unchanged.text_at("/data/release_tag"), "production");
    let cleared = world.put(&path, &json!({"release_tag": null})).await;
    assert_eq!(cleared.json()["data"]["release_tag"], Value::Null, "{}", cleared.text);
    assert_eq!(release().await, 2);
    world.put(&path, &json!({"release_tag": "production"})).await;

    let tag = format!("{}/release_tags/production", world.abi);
    let delete = async |path: &str| world.server.send("DELETE", path, &[], Body::empty()).await;
    let deleted = delete(&tag).await;
    assert_eq!(deleted.json()["data"], json!({"name": "production", "deleted": true}));
    assert_eq!(world.server.get(&tag).await.status, StatusCode::NOT_FOUND);
    let refused = trigger().await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    assert_eq!(refused.text_at("/errors/0/code"), "INVALID_STATE");
    assert!(refused.text_at("/message").contains("`production`"), "{}", refused.text);
    assert_eq!(delete(&tag).await.status, StatusCode::NOT_FOUND);
    let latest = delete(&tag.replace("production", "LATEST")).await;
    assert_eq!(latest.status, StatusCode::BAD_REQUEST, "{}", latest.text);
    assert_eq!(latest.text_at("/errors/0/field"), "tag");
}

/// Parameters have to fit every release to which the tag points.
#[tokio::test]
async fn parameters_of_schedules_fit_all_releases_of_the_tag() {
    let world = World::start().await;
    let mut third = definition("three");
    third["inputs"] = json!({"text": "string"});
    assert_eq!(world.put(&world.dataflow, &third).await.json()["release"], 3);
    let create = async |tag: Value| {
        let body = json!({"name": "s", "schedule_type": "cron", "cron_expression": "0 0 1 1 *",
            "parameters": {"n": 5}, "release_tag": tag});
        world.server.post(&format!("{}/schedules", world.abi), &body).await
    };
    assert_eq!(create(json!("production")).await.status, StatusCode::CREATED);
    let refused = create(Value::Null).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    world
        .tag(&json!({"traffic": [{"release": 1, "weight": 9}, {"release": 3, "weight": 1}]}))
        .await;
    let refused = create(json!("production")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
}
