//! Releases, tags, state from earlier executions, and feedback.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Response, Server};

const EXECUTE: &str = "/v1/execute-workflow";
const ACTUALS: &str = "/v1/submit-workflow-execution-actuals";

/// A workflow whose output is the name of its release, and that counts in its state.
fn definition(word: &str) -> Value {
    json!({
        "name": "counted",
        "state": {"n": 0},
        "steps": [{"id": "count", "type": "SetState", "input": {"n": "{{ state.n + 1 }}"}}],
        "outputs": {"word": word, "n": "{{ state.n }}"},
    })
}

async fn create(server: &Server) -> String {
    let response = server.post("/workflows", &definition("one")).await;
    assert_eq!(response.status, StatusCode::CREATED, "{}", response.text);
    format!("/api/v1/workflows/{}", response.text_at("/workflow_id"))
}

async fn put(server: &Server, path: &str, body: &Value) -> Response {
    server.send("PUT", path, &[("content-type", "application/json")], body.to_string()).await
}

async fn execute(server: &Server, more: Value) -> Response {
    let mut body = json!({"inputs": [], "workflow_deployment_name": "counted"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let response = server.post(EXECUTE, &body).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.text);
    response
}

async fn word(server: &Server, more: Value) -> String {
    execute(server, more).await.text_at("/data/outputs/0/value")
}

#[tokio::test]
async fn tags_select_releases() {
    let server = Server::start().await;
    let workflow = create(&server).await;
    let tag = format!("{workflow}/release_tags/production");
    assert_eq!(server.get(&tag).await.status, StatusCode::NOT_FOUND);
    assert_eq!(put(&server, &tag, &json!({"release": 1})).await.status, StatusCode::OK);
    let body = json!({"definition": definition("two"), "release_tags": ["beta"]});
    let released = server.post(&format!("{workflow}/releases"), &body).await;
    assert_eq!(released.status, StatusCode::CREATED, "{}", released.text);
    assert_eq!(released.json()["data"]["number"], 2);
    for (more, expect) in [
        (json!({}), "two"),
        (json!({"release_tag": "LATEST"}), "two"),
        (json!({"release_tag": "production"}), "one"),
        (json!({"release_tag": "beta"}), "two"),
    ] {
        assert_eq!(word(&server, more.clone()).await, expect, "{more}");
    }
    put(&server, &tag, &json!({"release": 2})).await;
    assert_eq!(word(&server, json!({"release_tag": "production"})).await, "two");
    let both = json!({"traffic": [{"release": 1, "weight": 90}, {"release": 2, "weight": 10}]});
    assert_eq!(put(&server, &tag, &both).await.json()["data"]["traffic"], both["traffic"]);
    let mut seen = [0, 0];
    for n in 0..60 {
        let more = json!({"release_tag": "production", "external_id": format!("u{n}")});
        seen[usize::from(word(&server, more).await == "two")] += 1;
    }
    assert!(seen[0] > 40 && seen[1] > 0, "{seen:?}");
    for (path, body, field) in [
        (tag.clone(), json!({"release": 3}), "release"),
        (tag.clone(), json!({"traffic": [{"release": 3, "weight": 1}]}), "traffic"),
        (tag.clone(), json!({"traffic": []}), "traffic"),
        (tag.clone(), json!({"traffic": [{"release": 1, "weight": 0}]}), "traffic"),
        (tag.clone(), json!({"traffic": [{"release": 1}]}), "traffic[0]"),
        (tag.clone(), json!({}), "release"),
        (format!("{workflow}/release_tags/LATEST"), json!({"release": 1}), "tag"),
    ] {
        let refused = put(&server, &path, &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body} {}", refused.text);
        assert_eq!(refused.text_at("/errors/0/field"), field, "{body}");
    }
    let nameless = json!({"definition": {"name": " ", "steps": []}});
    let refused = server.post(&format!("{workflow}/releases"), &nameless).await;
    assert_eq!(refused.text_at("/errors/0/field"), "definition.name", "{}", refused.text);
    assert_eq!(refused.text_at("/errors/1/field"), "definition.steps", "{}", refused.text);
    // A release is created with all of its tags, or not at all.
    for name in ["LATEST", "no spaces", "", "fine"] {
        let body = json!({"definition": definition("three"), "release_tags": ["fine", name]});
        let refused = server.post(&format!("{workflow}/releases"), &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{name} {}", refused.text);
        assert_eq!(refused.text_at("/errors/0/field"), "release_tags[1]", "{name}");
        assert_eq!(word(&server, json!({})).await, "two");
        let fine = server.get(&format!("{workflow}/release_tags/fine")).await;
        assert_eq!(fine.status, StatusCode::NOT_FOUND, "{}", fine.text);
    }
    let list = server.get(&format!("{workflow}/release_tags")).await.json();
    let names: Vec<_> =
        list["data"]["items"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
    assert_eq!(names, ["LATEST", "beta", "production"]);
}

/// That field of each item of a page, and the pagination.
async fn page(server: &Server, list: &str, name: &str) -> (Vec<Value>, Value) {
    let response = server.get(list).await;
    assert_eq!(response.status, StatusCode::OK, "{list} {}", response.text);
    let data = response.json()["data"].clone();
    let items = data["items"].as_array().unwrap().iter().map(|item| item[name].clone());
    (items.collect(), data["pagination"].clone())
}

#[tokio::test]
async fn pages_lists_of_releases_and_tags() {
    let server = Server::start().await;
    let workflow = create(&server).await;
    for word in ["two", "three"] {
        let body = json!({"definition": definition(word)});
        let released = server.post(&format!("{workflow}/releases"), &body).await;
        assert_eq!(released.status, StatusCode::CREATED, "{}", released.text);
    }
    let releases = format!("{workflow}/releases");
    let at = |page: Value, size: u32, next: Value| {
        json!({"page": page, "page_size": size, "total_items": 3,
            "total_pages": 3_u32.div_ceil(size), "next_cursor": next})
    };
    for (query, numbers, pagination) in [
        ("", json!([3, 2, 1]), at(json!(1), 10, Value::Null)),
        ("?page_size=2", json!([3, 2]), at(json!(1), 2, json!("2"))),
        ("?page_size=2&page=2", json!([1]), at(json!(2), 2, Value::Null)),
        ("?page_size=2&cursor=2", json!([1]), at(Value::Null, 2, Value::Null)),
        ("?page_size=3&sort_by=created_at", json!([3, 2, 1]), at(json!(1), 3, Value::Null)),
        ("?page_size=2&sort_order=asc", json!([1, 2]), at(json!(1), 2, json!("2"))),
        ("?page_size=2&sort_order=asc&cursor=2", json!([3]), at(Value::Null, 2, Value::Null)),
        ("?page=9", json!([]), at(json!(9), 10, Value::Null)),
        ("?page=2147483647&page_size=100", json!([]), at(json!(i32::MAX), 100, Value::Null)),
        ("?cursor=4294967295", json!([3, 2, 1]), at(Value::Null, 10, Value::Null)),
        ("?cursor=0", json!([]), at(Value::Null, 10, Value::Null)),
    ] {
        let found = page(&server, &format!("{releases}{query}"), "number").await;
        assert_eq!((json!(found.0), found.1), (numbers, pagination), "{query}");
    }

    let tags = format!("{workflow}/release_tags");
    for (tag, release) in [("b", 3), ("a", 1)] {
        let path = format!("{tags}/{tag}");
        let put = put(&server, &path, &json!({"release": release})).await;
        assert_eq!(put.status, StatusCode::OK, "{}", put.text);
    }
    for (query, names, number, size, pages) in [
        ("", json!(["LATEST", "a", "b"]), 1, 10, 1),
        ("?sort_order=desc", json!(["b", "a", "LATEST"]), 1, 10, 1),
        ("?sort_by=name&page_size=2", json!(["LATEST", "a"]), 1, 2, 2),
        ("?sort_by=name&page_size=2&page=2", json!(["b"]), 2, 2, 2),
        ("?sort_by=updated_at", json!(["LATEST", "b", "a"]), 1, 10, 1),
        ("?page=5", json!([]), 5, 10, 1),
    ] {
        let found = page(&server, &format!("{tags}{query}"), "name").await;
        let pagination = json!({"page": number, "page_size": size, "total_items": 3,
            "total_pages": pages});
        assert_eq!((json!(found.0), found.1), (names, pagination), "{query}");
    }

    for (list, query, field) in [
        (&releases, "limit=1", "limit"),
        (&releases, "sort_by=number", "sort_by"),
        (&releases, "sort_order=up", "sort_order"),
        (&releases, "page=0", "page"),
        (&releases, "page_size=101", "page_size"),
        (&releases, "cursor=x", "cursor"),
        (&releases, "cursor=2&page=1", "cursor"),
        (&tags, "sort_by=created_at", "sort_by"),
        (&tags, "sort_order=up", "sort_order"),
        (&tags, "page_size=0", "page_size"),
        (&tags, "cursor=a", "cursor"),
        (&tags, "name=a", "name"),
    ] {
        let refused = server.get(&format!("{list}?{query}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query} {}", refused.text);
        assert_eq!(refused.text_at("/errors/0/field"), field, "{query}");
    }
}

/// Omitted fields of a new definition keep the values of the workflow; the others replace them.
#[tokio::test]
async fn keeps_omitted_fields_of_a_release() {
    let server = Server::start().await;
    let steps = json!([{"type": "Echo", "input": "a"}]);
    let body = json!({"name": "w", "description": "d", "configuration": {"steps": steps},
        "metadata": {"team": "a"}});
    let created = server.post("/api/v1/workflows", &body).await;
    let id = created.text_at("/data/id");
    let workflow = format!("/api/v1/workflows/{id}");
    let mut release = 1;
    let mut check = async |change: Value, expect: [Value; 3]| {
        let mut definition = json!({"steps": steps});
        definition.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let body = json!({"definition": definition});
        let released = server.post(&format!("{workflow}/releases"), &body).await;
        assert_eq!(released.status, StatusCode::CREATED, "{change} {}", released.text);
        release += 1;
        let shown = server.get(&workflow).await.json()["data"].clone();
        assert_eq!(shown["release"], release, "{change}");
        let found = ["name", "description", "metadata"].map(|field| shown[field].clone());
        assert_eq!(found, expect, "{change}");
        let written = server.get(&format!("{workflow}/definition")).await.json();
        assert_eq!(written["data"]["definition"]["name"], shown["name"], "it can be sent back");
    };
    let team = || json!({"team": "a"});
    check(json!({}), [json!("w"), json!("d"), team()]).await;
    check(json!({"name": null}), [json!("w"), json!("d"), team()]).await;
    check(json!({"name": "v", "description": "e"}), [json!("v"), json!("e"), team()]).await;
    check(json!({"metadata": {"n": 1}}), [json!("v"), json!("e"), json!({"n": 1})]).await;
    let nulls = json!({"description": null, "metadata": null});
    check(nulls, [json!("v"), Value::Null, json!({})]).await;
    check(json!({"metadata": team()}), [json!("v"), Value::Null, team()]).await;
    // The dataflow API replaces the whole definition, but keeps the labels.
    let path = format!("/workflows/{id}");
    let unnamed = put(&server, &path, &json!({"steps": steps})).await;
    assert_eq!(unnamed.text_at("/error/details/0/path"), "name", "{}", unnamed.text);
    let replaced = put(&server, &path, &json!({"name": "u", "steps": steps})).await;
    assert_eq!(replaced.status, StatusCode::OK, "{}", replaced.text);
    let labelled = server.get("/api/v1/workflows?team=a").await;
    assert_eq!(labelled.text_at("/data/items/0/name"), "u", "{}", labelled.text);
}

#[tokio::test]
async fn continues_from_the_state_of_an_earlier_execution() {
    let server = Server::start().await;
    create(&server).await;
    let mut last = execute(&server, json!({})).await;
    for expect in 2..4 {
        let previous = last.text_at("/execution_id");
        last = execute(&server, json!({"previous_execution_id": previous})).await;
        assert_eq!(last.json()["data"]["outputs"][1]["value"], expect);
    }
    let other = json!({"name": "other", "steps": [{"type": "StaticTextInput", "input": "x"}]});
    assert_eq!(server.post("/workflows", &other).await.status, StatusCode::CREATED);
    let body = json!({"inputs": [], "workflow_deployment_name": "other",
        "previous_execution_id": last.text_at("/execution_id")});
    let refused = server.post(EXECUTE, &body).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text);
    assert_eq!(refused.text_at("/errors/0/field"), "previous_execution_id");
}

#[tokio::test]
async fn stores_and_summarises_feedback() {
    let server = Server::start().await;
    let workflow = create(&server).await;
    put(&server, &format!("{workflow}/release_tags/beta"), &json!({"release": 1})).await;
    let more = json!({"external_id": "job", "release_tag": "beta"});
    let executed = execute(&server, more).await;
    let id = executed.text_at("/execution_id");
    let output_id = executed.text_at("/data/outputs/0/id");
    for body in [
        json!({"execution_id": id, "actuals": [{"output_type": "STRING", "output_key": "word",
            "quality": 1.0, "desired_output_value": "one", "timestamp": 1795271900.5,
            "metadata": {"by": "me"}}]}),
        json!({"external_id": "job", "actuals": [
            {"output_type": "STRING", "output_id": output_id, "desired_output_value": "zwei"},
            {"output_type": "JSON", "output_key": "n", "quality": 0.5}]}),
        json!({"actuals": [{"execution_id": id, "output_name": "n", "value": 1}]}),
    ] {
        let stored = server.post(ACTUALS, &body).await;
        assert_eq!(stored.status, StatusCode::OK, "{body} {}", stored.text);
    }
    let path = format!("/api/v1/workflow_executions/{id}/actuals");
    let listed = server.get(&path).await;
    let all = listed.json()["data"]["items"].as_array().unwrap().clone();
    let matched: Vec<_> = all.iter().map(|actual| actual["matched"].clone()).collect();
    assert_eq!(matched, [json!(true), json!(false), json!(null), json!(true)]);
    assert_eq!(all[0]["timestamp"], "2026-11-21T14:38:20.500000Z");
    assert_eq!(all[1]["output_name"], "word");
    for (query, expect, number, size, pages) in [
        ("", json!([true, false, null, true]), 1, 10, 1),
        ("?page_size=3&page=2", json!([true]), 2, 3, 2),
        ("?sort_by=created_at&sort_order=desc&page_size=3", json!([true, null, false]), 1, 3, 2),
    ] {
        let found = page(&server, &format!("{path}{query}"), "matched").await;
        let pagination = json!({"page": number, "page_size": size, "total_items": 4,
            "total_pages": pages});
        assert_eq!((json!(found.0), found.1), (expect, pagination), "{query}");
    }
    for (query, field) in [
        ("cursor=x", "cursor"),
        ("limit=1", "limit"),
        ("page=0", "page"),
        ("sort_by=quality", "sort_by"),
    ] {
        let refused = server.get(&format!("{path}?{query}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query} {}", refused.text);
        assert_eq!(refused.text_at("/errors/0/field"), field, "{query}");
    }
    let quality = server.get(&format!("{workflow}/quality")).await.json()["data"].clone();
    assert_eq!((&quality["count"], &quality["mean_quality"]), (&json!(4), &json!(0.75)));
    assert_eq!(quality["releases"][0]["release"], 1);
    assert_eq!(quality["tags"][0]["tag"], "beta");
    assert!((quality["exact_match_rate"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-9);
}

#[tokio::test]
async fn invalid_feedback_names_the_field_and_is_not_stored() {
    let server = Server::start().await;
    create(&server).await;
    let id = execute(&server, json!({})).await.text_at("/execution_id");
    let path = format!("/api/v1/workflow_executions/{id}/actuals");
    let stored = json!({"execution_id": id, "actuals": [{"output_key": "n", "quality": 1}]});
    assert_eq!(server.post(ACTUALS, &stored).await.status, StatusCode::OK);
    let listed = server.get(&path).await;
    let nil = uuid::Uuid::nil();
    let good = json!({"output_key": "word", "quality": 1});
    for (body, status, field) in [
        (json!({"execution_id": nil, "actuals": [good]}), 404, "execution_id"),
        (json!({"execution_id": "x", "actuals": [good]}), 400, "execution_id"),
        (json!({"external_id": "unknown", "actuals": [good]}), 404, "external_id"),
        (json!({"actuals": [good]}), 400, "execution_id"),
        (json!({"execution_id": id}), 400, "actuals"),
        (json!({"execution_id": id, "actuals": [{"quality": 1}]}), 400, "actuals[0].output_key"),
        (json!({"execution_id": id, "actuals": [{"output_id": nil}]}), 400, "actuals[0].output_id"),
        (
            json!({"execution_id": id, "actuals": [good, {"output_key": "word", "quality": 2}, good]}),
            400,
            "actuals[1].quality",
        ),
        (
            json!({"execution_id": id, "actuals": [good, good, {"output_key": "nope"}]}),
            400,
            "actuals[2].output_key",
        ),
    ] {
        let refused = server.post(ACTUALS, &body).await;
        assert_eq!(refused.status.as_u16(), status, "{body} {}", refused.text);
        assert_eq!(refused.text_at("/errors/0/field"), field, "{}", refused.text);
        assert!(refused.text_at("/detail").contains(field), "{}", refused.text);
    }
    let unchanged = server.get(&path).await.json()["data"].clone();
    assert_eq!(unchanged, listed.json()["data"], "nothing of an invalid batch is stored");
}
