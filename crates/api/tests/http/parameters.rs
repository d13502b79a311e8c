//! Unknown query parameters, for every operation of the API's description.

use serde_json::{Value, json};

use crate::support::{Response, Server};

struct Call {
    method: String,
    path: String,
    names: Vec<String>,
    has_labels: bool,
}

/// All operations except those of the service: monitoring tools add their own parameters to these.
fn calls() -> Vec<Call> {
    let all = serde_json::to_value(stepwell_api::openapi()).unwrap();
    let mut found = Vec::new();
    for (path, calls) in all["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            if call["tags"] == json!(["service"]) || call["security"] == json!([{}]) {
                continue;
            }
            let parameters = call["parameters"].as_array().into_iter().flatten();
            let query: Vec<&Value> = parameters.filter(|one| one["in"] == "query").collect();
            let named = query.iter().filter(|one| one["explode"] != true);
            found.push(Call {
                method: method.to_uppercase(),
                path: path.clone(),
                names: named.map(|one| one["name"].as_str().unwrap().to_owned()).collect(),
                has_labels: query.iter().any(|one| one["explode"] == true),
            });
        }
    }
    found
}

/// The first field of an error and its message, in the format of its API.
fn refused(path: &str, response: &Response) -> Option<(String, String)> {
    if response.status != 400 {
        return None;
    }
    let body = response.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Some(if path.starts_with("/api/v1/") {
        (text(&body["errors"][0]["field"]), text(&body["message"]))
    } else if path.starts_with("/v1/") {
        (text(&body["errors"][0]["field"]), text(&body["detail"]))
    } else {
        (text(&body["error"]["details"][0]["path"]), text(&body["error"]["message"]))
    })
}

/// A name with two letters in the wrong order, and one with a letter too many.
fn misspelt(name: &str) -> [String; 2] {
    let mut letters: Vec<char> = name.chars().collect();
    letters.swap(1, 2);
    [letters.into_iter().collect(), format!("{name}{}", &name[name.len() - 1..])]
}

#[tokio::test]
async fn every_operation_rejects_unknown_and_misspelt_parameters() {
    let server = Server::start().await;
    let mut lists = 0;
    for Call { method, path, names, has_labels } in calls() {
        let send = async |name: &str| {
            let response = server.send(&method, &format!("{path}?{name}=1"), &[], "").await;
            (refused(&path, &response), response.text)
        };
        let (refusal, text) = send("color").await;
        if has_labels {
            lists += 1;
            assert_eq!(refusal, None, "{method} {path}: {text}");
            let (refusal, text) = send("metadata.page").await;
            assert_eq!(refusal, None, "{method} {path}: {text}");
            for wrong in ["metadata", "metadata.", "labels", "q", "order", "limit", "since", "ids"]
            {
                let (refusal, text) = send(wrong).await;
                let (field, message) = refusal.unwrap_or_else(|| panic!("{path} {wrong}: {text}"));
                assert_eq!(field, wrong, "{path}: {text}");
                assert!(message.contains("`metadata."), "{path} {wrong}: {message}");
            }
        } else {
            let (field, message) = refusal.unwrap_or_else(|| panic!("{method} {path}: {text}"));
            assert_eq!(field, "color", "{method} {path}: {text}");
            assert!(message.contains("color: unknown parameter"), "{method} {path}: {message}");
            for name in &names {
                assert!(message.contains(name.as_str()), "{method} {path}: {message}");
            }
        }
        for name in &names {
            for wrong in misspelt(name).into_iter().filter(|wrong| !names.contains(wrong)) {
                let (refusal, text) = send(&wrong).await;
                let (field, message) =
                    refusal.unwrap_or_else(|| panic!("{method} {path} {wrong}: {text}"));
                assert_eq!(field, wrong, "{method} {path}: {text}");
                let hint = format!("did you mean `{name}`");
                assert!(message.contains(&hint), "{method} {path} {wrong}: {message}");
            }
        }
    }
    assert_eq!(lists, 3);
}

#[tokio::test]
async fn rejects_misspelt_parameters_of_lists_and_executions() {
    let server = Server::start().await;
    let workflow = server.workflow(json!([{"type": "Echo", "input": "a"}])).await;
    for path in [
        format!("{workflow}/executions?stauts=FAILED"),
        format!("{workflow}/executions?foo=1"),
        "/workflows?statuss=x".to_owned(),
        format!("{workflow}/execute?wiat=true"),
        "/workflows?=x".to_owned(),
    ] {
        let method = if path.contains("execute?") { "POST" } else { "GET" };
        let response = server.send(method, &path, &[], "").await;
        assert_eq!(response.refusal(), (400, "INVALID_REQUEST".into()), "{path}");
    }
    let listed = server.get(&format!("{workflow}/executions?status=FAILED&limit=1&&")).await;
    assert_eq!(listed.status, 200, "{}", listed.text);
    // The misspelt request executed nothing.
    assert_eq!(server.get(&format!("{workflow}/executions")).await.json()["executions"], json!([]));
}

#[tokio::test]
async fn health_checks_accept_unknown_parameters() {
    let server = Server::start().await;
    for path in ["/healthz?probe=lb", "/readyz?x", "/openapi.json?v=2", "/docs?a=b"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
}

/// A label whose name is that of a parameter.
#[tokio::test]
async fn metadata_always_names_a_label() {
    let server = Server::start().await;
    for (name, label) in [("a", "status"), ("b", "stauts"), ("c", "team")] {
        let body = json!({"name": name, "configuration": {"steps": [{"type": "Echo", "input": 1}]},
            "metadata": {label: "x", "metadata.odd": "y"}});
        let made = server.post("/api/v1/workflows", &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    for (query, expect) in [
        ("metadata.status=x", vec!["a"]),
        ("metadata.stauts=x", vec!["b"]),
        ("metadata.team=x", vec!["c"]),
        ("team=x", vec!["c"]),
        ("metadata.status=y", vec![]),
        ("status=inactive&metadata.team=x", vec!["c"]),
        ("metadata.metadata.odd=y&team=x", vec!["c"]),
    ] {
        let response = server.get(&format!("/api/v1/workflows?{query}")).await;
        assert_eq!(response.status, 200, "{query}: {}", response.text);
        let items = response.json()["data"]["items"].as_array().unwrap().clone();
        let names: Vec<_> = items.iter().map(|item| item["name"].as_str().unwrap()).collect();
        assert_eq!(names, expect, "{query}");
    }
    let twice = server.get("/api/v1/workflows?team=x&metadata.team=y").await;
    assert_eq!(twice.abi_refusal(), (400, "INVALID_REQUEST".into()));
}

/// A field of an item is no label: a filter by it would find nothing.
#[tokio::test]
async fn fields_of_items_are_not_labels() {
    let server = Server::start().await;
    let workflow = server.workflow(json!([{"type": "Echo", "input": "a"}])).await;
    server.post(&format!("{workflow}/execute?wait=true"), &json!({})).await;
    let template = json!({"name": "t", "body": "b"});
    assert_eq!(server.post("/api/v1/templates", &template).await.status, 201);
    for Call { path, names, .. } in calls().into_iter().filter(|call| call.has_labels) {
        let items = server.get(&path).await.json()["data"]["items"].clone();
        let item = items[0].as_object().unwrap();
        assert!(item.len() > 5, "{item:?}");
        for field in item.keys().filter(|field| !names.contains(field)) {
            let response = server.get(&format!("{path}?{field}=x")).await;
            assert_eq!(response.status, 400, "{path} {field}: {}", response.text);
            assert!(response.text.contains("`metadata."), "{path} {field}: {}", response.text);
        }
    }
}
