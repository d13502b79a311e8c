//! The vellum dialect: deployments, their releases and release tags.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use stepwell_core::ids::{WorkflowId, WorkspaceId};
use stepwell_engine::Caller;
use stepwell_engine::app::CreateKey;
use uuid::Uuid;

use crate::support::{Response, Server};

pub const ALL: &str = "/v1/workflow-deployments";
pub const EXECUTE: &str = "/v1/execute-workflow";

/// A workflow whose output is the name of its release, and that counts in its state.
pub fn definition(word: &str) -> Value {
    json!({
        "name": "greet",
        "description": format!("Returns {word}"),
        "inputs": {"q": "string", "n": {"type": "integer", "default": 1}},
        "state": {"count": 0},
        "steps": [
            {"id": "say", "type": "StreamText", "input": format!("{word} {{{{ inputs.q }}}}")},
            {"id": "count", "type": "SetState", "input": {"count": "{{ state.count + 1 }}"}},
        ],
        "outputs": {"text": "{{ steps.say.output.text }}", "n": "{{ inputs.n }}"},
    })
}

pub async fn create(server: &Server, definition: &Value) -> String {
    let response = server.post("/workflows", definition).await;
    assert_eq!(response.status, StatusCode::CREATED, "{}", response.text);
    response.text_at("/workflow_id").parse::<WorkflowId>().unwrap().to_string()
}

/// A deployment with three releases: `beta` at the second, `split` at the first and second.
pub async fn three_releases(server: &Server) -> String {
    let id = create(server, &definition("one")).await;
    let api = format!("/api/v1/workflows/{id}");
    for (word, tags) in [("two", json!(["beta"])), ("three", json!([]))] {
        let body = json!({"definition": definition(word), "release_tags": tags});
        let released = server.post(&format!("{api}/releases"), &body).await;
        assert_eq!(released.status, StatusCode::CREATED, "{}", released.text);
    }
    let split = json!({"traffic": [{"release": 1, "weight": 10}, {"release": 2, "weight": 90}]});
    let headers = [("content-type", "application/json")];
    let path = format!("{api}/release_tags/split");
    let put = server.send("PUT", &path, &headers, split.to_string()).await;
    assert_eq!(put.status, StatusCode::OK, "{}", put.text);
    id
}

async fn patch(server: &Server, path: &str, body: &Value) -> Response {
    server.send("PATCH", path, &[("content-type", "application/json")], body.to_string()).await
}

pub async fn execute(server: &Server, more: Value) -> Response {
    let mut body = json!({"inputs": [{"type": "STRING", "name": "q", "value": "x"}],
        "workflow_deployment_name": "greet"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let response = server.post(EXECUTE, &body).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.text);
    response
}

fn texts<'a>(page: &'a Value, field: &str) -> Vec<&'a str> {
    let results = page["results"].as_array().unwrap();
    results.iter().map(|one| one[field].as_str().unwrap()).collect()
}

pub async fn page(server: &Server, path: &str) -> Value {
    let response = server.get(path).await;
    assert_eq!(response.status, StatusCode::OK, "{path}: {}", response.text);
    response.json()
}

/// The error of a rejected request names the field.
pub async fn refused(server: &Server, path: &str, status: u16, field: &str) {
    let response = server.get(path).await;
    assert_eq!(response.status.as_u16(), status, "{path}: {}", response.text);
    let detail = response.text_at("/detail");
    assert!(detail.contains(field), "{path}: {detail}");
}

#[tokio::test]
async fn lists_and_retrieves_deployments() {
    let server = Server::start().await;
    assert_eq!(
        page(&server, ALL).await,
        json!({"count": 0, "next": null, "previous": null, "results": []})
    );
    let id = three_releases(&server).await;
    for name in ["b", "a"] {
        create(
            &server,
            &json!({"name": name, "steps": [{"type": "StaticTextInput", "input": "x"}]}),
        )
        .await;
    }
    server
        .app
        .set_active(
            &Caller::internal(),
            id.parse().unwrap(),
            false,
            stepwell_engine::app::Expected::Any,
        )
        .await
        .unwrap();
    for (query, names, count) in [
        ("", vec!["a", "b", "greet"], 3),
        ("?ordering=created", vec!["greet", "b", "a"], 3),
        ("?ordering=name", vec!["a", "b", "greet"], 3),
        ("?ordering=-name,created", vec!["greet", "b", "a"], 3),
        ("?limit=1&offset=1&ordering=name", vec!["b"], 3),
        ("?offset=7", vec![], 3),
        ("?status=ACTIVE", vec!["a", "b"], 2),
        ("?status=ARCHIVED", vec!["greet"], 1),
        ("?status=PENDING_DELETION", vec![], 0),
    ] {
        let found = page(&server, &format!("{ALL}{query}")).await;
        assert_eq!((texts(&found, "name"), &found["count"]), (names, &json!(count)), "{query}");
    }
    let middle = page(&server, &format!("{ALL}?limit=1&offset=1&ordering=name")).await;
    assert_eq!(middle["next"], format!("{ALL}?ordering=name&limit=1&offset=2"));
    assert_eq!(middle["previous"], format!("{ALL}?ordering=name&limit=1&offset=0"));

    let by_name = server.get(&format!("{ALL}/greet")).await;
    assert_eq!(server.get(&format!("{ALL}/{id}")).await.text, by_name.text);
    let one = by_name.json();
    assert_eq!((&one["id"], &one["label"]), (&json!(id), &json!("greet")));
    assert_eq!((&one["status"], &one["environment"]), (&json!("ARCHIVED"), &json!("PRODUCTION")));
    assert_eq!(one["description"], "Returns three");
    let types = |list: &Value| -> Vec<(String, String)> {
        let all = list.as_array().unwrap().iter();
        all.map(|v| (v["key"].to_string(), v["type"].to_string())).collect()
    };
    let named = |names: &[(&str, &str)]| -> Vec<(String, String)> {
        names.iter().map(|(a, b)| (format!("{a:?}"), format!("{b:?}"))).collect()
    };
    assert_eq!(types(&one["input_variables"]), named(&[("q", "STRING"), ("n", "NUMBER")]));
    assert_eq!(one["input_variables"][1]["default"], json!({"type": "NUMBER", "value": 1}));
    assert_eq!(types(&one["output_variables"]), named(&[("text", "STRING"), ("n", "NUMBER")]));

    refused(&server, &format!("{ALL}?limit=0"), 400, "limit").await;
    refused(&server, &format!("{ALL}?offset=-1"), 400, "offset").await;
    refused(&server, &format!("{ALL}?status=DRAFT"), 400, "status").await;
    refused(&server, &format!("{ALL}?ordering=size"), 400, "ordering").await;
    refused(&server, &format!("{ALL}/nope"), 404, "nope").await;
    let nil = Uuid::nil().to_string();
    refused(&server, &format!("{ALL}/{nil}"), 404, &nil).await;
}

#[tokio::test]
async fn finds_releases_by_id_and_tag() {
    let server = Server::start().await;
    let id = three_releases(&server).await;
    let releases = format!("{ALL}/greet/releases");
    let all = page(&server, &releases).await;
    assert_eq!(all["count"], 3);
    assert_eq!(texts(&all, "description"), ["Returns three", "Returns two", "Returns one"]);
    let tags: Vec<_> =
        all["results"].as_array().unwrap().iter().map(|r| r["release_tags"].clone()).collect();
    let user = |name: &str| json!({"name": name, "source": "USER"});
    assert_eq!(tags[0], json!([{"name": "LATEST", "source": "SYSTEM"}]));
    assert_eq!(tags[1], json!([user("beta"), user("split")]));
    assert_eq!(tags[2], json!([user("split")]));
    let ids = texts(&all, "id");
    assert!(ids.iter().all(|id| Uuid::parse_str(id).is_ok()));
    let again = page(&server, &format!("{ALL}/{id}/releases?ordering=created&limit=2")).await;
    assert_eq!(texts(&again, "id"), [ids[2], ids[1]], "the same ids in each response");
    assert_eq!(page(&server, &format!("{releases}?offset=2")).await["results"][0]["id"], ids[2]);
    let latest = page(&server, &format!("{ALL}/greet")).await;
    assert_eq!(latest["last_deployed_history_item_id"], ids[0]);

    for (named, expect) in [(ids[1], 1), ("beta", 1), ("split", 1), ("LATEST", 0), (ids[2], 2)] {
        let one = page(&server, &format!("{releases}/{named}")).await;
        assert_eq!(one, all["results"][expect], "{named}");
        let item = page(&server, &format!("{ALL}/greet/history/{named}")).await;
        assert_eq!((&item["id"], &item["timestamp"]), (&one["id"], &one["created"]));
        assert_eq!((&item["workflow_deployment_id"], &item["name"]), (&json!(id), &json!("greet")));
    }
    assert_eq!(all["results"][0]["deployment"], json!({"id": id, "name": "greet"}));
    let other = create(
        &server,
        &json!({"name": "b", "steps": [{"type": "StaticTextInput", "input": "x"}]}),
    )
    .await;
    refused(&server, &format!("{ALL}/{other}/releases/{}", ids[0]), 404, ids[0]).await;
    refused(&server, &format!("{releases}/gamma"), 404, "gamma").await;
    refused(&server, &format!("{ALL}/greet/history/gamma"), 404, "gamma").await;
    refused(&server, &format!("{releases}?ordering=name"), 400, "ordering").await;
    refused(&server, &format!("{ALL}/nope/releases"), 404, "nope").await;
}

#[tokio::test]
async fn moves_tags_and_rolls_them_back() {
    let server = Server::start().await;
    three_releases(&server).await;
    let tags = format!("{ALL}/greet/release-tags");
    let all = page(&server, &tags).await;
    assert_eq!((texts(&all, "name"), &all["count"]), (vec!["LATEST", "beta", "split"], &json!(3)));
    assert_eq!(texts(&all, "source"), ["SYSTEM", "USER", "USER"]);
    for (query, names, count) in [
        ("?source=USER&limit=1&ordering=-name", vec!["split"], 2),
        ("?source=SYSTEM", vec!["LATEST"], 1),
        ("?offset=1&ordering=name", vec!["beta", "split"], 3),
    ] {
        let found = page(&server, &format!("{tags}{query}")).await;
        assert_eq!((texts(&found, "name"), &found["count"]), (names, &json!(count)), "{query}");
    }
    let releases = page(&server, &format!("{ALL}/greet/releases?ordering=created")).await;
    let ids = texts(&releases, "id");
    let split = page(&server, &format!("{tags}/split")).await;
    assert_eq!(split["release"]["id"], ids[1], "the greater share");
    assert_eq!(split["history_item"], split["release"]);
    assert_eq!(split["traffic"][0], json!({"history_item_id": ids[0], "release": 1, "weight": 10}));

    let beta = format!("{tags}/beta");
    for (to, word) in [(ids[0], "one x"), (ids[2], "three x"), (ids[1], "two x")] {
        let moved = patch(&server, &beta, &json!({"history_item_id": to})).await;
        assert_eq!(moved.status, StatusCode::OK, "{}", moved.text);
        assert_eq!(moved.text_at("/release/id"), to);
        assert_eq!(server.get(&beta).await.text, moved.text);
        let executed = execute(&server, json!({"release_tag": "beta"})).await;
        assert_eq!(executed.text_at("/data/outputs/0/value"), word);
    }
    let same = patch(&server, &beta, &json!({"unknown": 1})).await;
    assert_eq!((same.status, same.text_at("/release/id")), (StatusCode::OK, ids[1].to_owned()));
    let nil = Uuid::nil();
    for (path, body, status, field) in [
        (beta.clone(), json!({"history_item_id": nil}), 404, "history_item_id"),
        (beta.clone(), json!({"history_item_id": "x"}), 400, "history_item_id"),
        (beta.clone(), json!({"history_item_id": 5}), 400, "history_item_id"),
        (beta.clone(), json!([]), 400, "object"),
        (format!("{tags}/LATEST"), json!({"history_item_id": ids[0]}), 400, "LATEST"),
        (format!("{tags}/gamma"), json!({"history_item_id": ids[0]}), 404, "gamma"),
    ] {
        let refused = patch(&server, &path, &body).await;
        assert_eq!(refused.status.as_u16(), status, "{path} {body} {}", refused.text);
        assert!(refused.text_at("/detail").contains(field), "{}", refused.text);
    }
    refused(&server, &format!("{tags}/gamma"), 404, "gamma").await;
    refused(&server, &format!("{tags}?source=ME"), 400, "source").await;
    assert_eq!(page(&server, &beta).await["release"]["id"], ids[1]);
}

#[tokio::test]
async fn executes_deployments_with_plain_values() {
    let server = Server::start().await;
    let id = three_releases(&server).await;
    let path = format!("{ALL}/{id}/execute-stream");
    let body = json!({"inputs": {"q": "✓ a", "n": 2.0}, "release_tag": "beta", "external_id": "s1",
        "metadata": {"k": 1}, "trigger": null, "unknown": 1});
    let response = server.post(&path, &body).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.text);
    assert_eq!(response.headers["content-type"], "application/x-ndjson");
    assert!(response.text.is_ascii() && response.text.ends_with('\n'));
    let lines = response.text.lines().filter(|line| !line.is_empty());
    let events: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> = events.iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert_eq!(
        (names[0], *names.last().unwrap()),
        ("workflow.execution.initiated", "workflow.execution.fulfilled")
    );
    let count = |name: &str| names.iter().filter(|found| **found == name).count();
    for (name, expect) in [
        ("node.execution.initiated", 2),
        ("node.execution.fulfilled", 2),
        ("workflow.execution.initiated", 1),
        ("workflow.execution.fulfilled", 1),
    ] {
        assert_eq!(count(name), expect, "{names:?}");
    }
    let deltas = |of: &str| -> String {
        let those = events.iter().filter(|event| event["name"] == of);
        those.filter_map(|event| event["body"]["output"]["delta"].as_str()).collect()
    };
    assert_eq!(deltas("node.execution.streaming"), "two ✓ a");
    assert_eq!(deltas("workflow.execution.streaming"), "two ✓ a");
    let end = &events.last().unwrap()["body"];
    assert_eq!(end["outputs"], json!({"text": "two ✓ a", "n": 2}));
    assert_eq!(end["final_state"], json!({"count": 1}));
    let mut ids: Vec<_> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), events.len(), "each event has its own id");
    let previous = events[0]["span_id"].clone();
    let more = json!({"inputs": {"q": "b"}, "previous_execution_id": previous});
    let response = server.post(&format!("{ALL}/greet/execute-stream"), &more).await;
    assert!(response.text.contains("\"final_state\":{\"count\":2}"), "{}", response.text);

    create(
        &server,
        &json!({"name": "fails", "steps": [{"type": "Fail", "config": {"message": "no"}}]}),
    )
    .await;
    let failed = server.post(&format!("{ALL}/fails/execute-stream"), &json!({})).await;
    let last: Value = serde_json::from_str(failed.text.lines().last().unwrap()).unwrap();
    assert_eq!(last["name"], "workflow.execution.rejected");
    assert_eq!(last["body"]["error"]["code"], "USER_DEFINED_ERROR");
}

#[tokio::test]
async fn names_the_invalid_field_of_plain_values() {
    let server = Server::start().await;
    let id = three_releases(&server).await;
    let path = format!("{ALL}/{id}/execute-stream");
    let body = json!({"inputs": {"q": "a"}, "external_id": "s1"});
    assert_eq!(server.post(&path, &body).await.status, StatusCode::OK);
    for (path, body, status, field) in [
        (path.clone(), json!({}), 400, "inputs.q"),
        (path.clone(), json!({"inputs": []}), 400, "inputs"),
        (path.clone(), json!({"inputs": {"q": "x", "m": 1}}), 400, "inputs.m"),
        (path.clone(), json!({"inputs": {"q": ["x"]}}), 400, "inputs.q"),
        (path.clone(), json!({"inputs": {"q": "x"}, "release_tag": "gamma"}), 404, "release_tag"),
        (path.clone(), json!({"inputs": {"q": "x"}, "trigger": "cron"}), 400, "trigger"),
        (path.clone(), json!({"inputs": {"q": "x"}, "external_id": "s1"}), 400, "external_id"),
        (
            path.clone(),
            json!({"inputs": {"q": "x"}, "previous_execution_id": "y"}),
            400,
            "previous_execution_id",
        ),
        (format!("{ALL}/nope/execute-stream"), json!({}), 404, "nope"),
    ] {
        let refused = server.post(&path, &body).await;
        assert_eq!(refused.status.as_u16(), status, "{body} {}", refused.text);
        assert!(refused.text_at("/detail").contains(field), "{body} {}", refused.text);
    }
}

#[tokio::test]
async fn hides_deployments_from_other_workspaces_and_weaker_keys() {
    let server = Server::start().await;
    let id = three_releases(&server).await;
    let execution = execute(&server, json!({})).await.text_at("/execution_id");
    let identity = page(&server, "/v1/workspaces/identity").await;
    assert_eq!(identity["name"], "default");
    let environment = page(&server, "/v1/environments/identity").await;
    let release = page(&server, &format!("{ALL}/{id}/releases/LATEST")).await;
    assert_eq!(release["environment"], environment);
    let organization = page(&server, "/v1/organizations/identity").await;
    assert_eq!(organization["new_member_join_behavior"], "REQUIRE_EXPLICIT_INVITE");

    let elsewhere = WorkspaceId::from_uuid(Uuid::from_u128(77));
    let caller = Caller { workspace: elsewhere, ..Caller::internal() };
    let new = CreateKey::new("x", &["admin"]);
    let stranger = server.app.create_key(&caller, new).await.unwrap().secret;
    let executor = server.key(&["execute:workflows"]).await;
    let paths = [
        format!("{ALL}/{id}"),
        format!("{ALL}/greet"),
        format!("{ALL}/{id}/releases"),
        format!("{ALL}/{id}/releases/LATEST"),
        format!("{ALL}/{id}/release-tags"),
        format!("{ALL}/{id}/release-tags/beta"),
        format!("{ALL}/{id}/history/LATEST"),
        format!("{ALL}/{id}/execution-events"),
        format!("{ALL}/{id}/execution-events/{execution}"),
        format!("/v1/workflow-executions/{execution}/detail"),
        format!("/v1/workflows/{execution}/state"),
    ];
    let get = |path: &str, key: &str| {
        let request = Request::builder().uri(path).header("x-api-key", key);
        server.raw(request.body(Body::empty()).unwrap())
    };
    for path in &paths {
        // A caller that can execute can read the executions, and nothing else.
        let own = if path.starts_with(ALL) { 403 } else { 200 };
        for (key, expect) in [(&stranger, 404), (&executor, own)] {
            let response = get(path, key).await;
            assert_eq!(response.status.as_u16(), expect, "{path} {}", response.text);
            assert_eq!(response.json()["detail"].is_string(), expect != 200, "{path}");
        }
    }
    assert_eq!(get(ALL, &stranger).await.json()["count"], 0);
    let theirs = get("/v1/workspaces/identity", &stranger).await.json();
    assert_eq!(theirs["id"], elsewhere.to_string());
}
