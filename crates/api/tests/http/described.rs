//! The OpenAPI description matches the router.

use axum::body::Body;
use axum::http::Request;

use serde_json::Value;

use crate::support::Server;

#[tokio::test]
async fn every_described_operation_has_a_route_and_needs_a_key() {
    let server = Server::start().await;
    let all = serde_json::to_value(stepwell_api::openapi()).unwrap();
    for (path, calls) in all["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(path.replace("{workflow_id}", "wf-x").replace("{execution_id}", "ex-x"));
            let response = server.raw(request.body(Body::empty()).unwrap()).await;
            let open = call["security"] == serde_json::json!([{}]);
            // An open call with a secret in its path finds nothing, or misses its body.
            let expect: &[u16] = match (open, path.contains('{')) {
                (true, true) => &[400, 404],
                (true, false) => &[200],
                (false, _) => &[401],
            };
            let status = response.status.as_u16();
            assert!(expect.contains(&status), "{method} {path}: {}", response.text);
        }
    }
}

#[tokio::test]
async fn the_definition_schema_is_valid() {
    let server = Server::start().await;
    let response = server.get("/api/v1/schema/definition").await;
    assert_eq!(response.headers["content-type"], "application/schema+json");
    assert!(response.json().is_object(), "{}", response.text);
}

#[tokio::test]
async fn a_path_that_is_not_utf8_is_not_found() {
    let server = Server::start().await;
    let all = serde_json::to_value(stepwell_api::openapi()).unwrap();
    for (path, calls) in all["paths"].as_object().unwrap() {
        let Some((before, after)) = path.split_once('{') else { continue };
        let rest = after.split_once('}').map_or("", |(_, rest)| rest);
        let path = format!("{before}%FF{}", rest.replace(['{', '}'], ""));
        for method in calls.as_object().unwrap().keys() {
            let response = server.send(&method.to_uppercase(), &path, &[], Body::empty()).await;
            assert_eq!(response.status, 404, "{method} {path}: {}", response.text);
            assert!(response.json().is_object(), "{method} {path}: {}", response.text);
        }
    }
}

/// The calls of the abi dialect that show lists, with the parameters whose values are counted up.
fn lists() -> Vec<(String, String, Value)> {
    let all = serde_json::to_value(stepwell_api::openapi()).unwrap();
    let mut found = Vec::new();
    for (path, calls) in all["paths"].as_object().unwrap() {
        if !path.starts_with("/api/v1") || path.contains('{') {
            continue;
        }
        for parameter in calls["get"]["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap().to_owned();
            found.push((path.clone(), name, parameter["schema"].clone()));
        }
    }
    found
}

#[tokio::test]
async fn parameters_of_lists_match_their_schemas() {
    let server = Server::start().await;
    let status = async |path: &str, name: &str, value: &str| {
        let cron = if path.ends_with("/preview") { "&cron=@daily" } else { "" };
        server.get(&format!("{path}?{name}={value}{cron}")).await.status.as_u16()
    };
    let mut counted = 0;
    for (path, name, schema) in lists() {
        let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
        for value in schema["enum"].as_array().into_iter().flatten() {
            assert_eq!(status(&path, &name, &text(value)).await, 200, "{path} {name}={value}");
            assert_eq!(status(&path, &name, "nonsense").await, 400, "{path} {name}");
            counted += 1;
        }
        if let (Some(least), Some(most)) = (schema["minimum"].as_u64(), schema["maximum"].as_u64())
        {
            for (value, expect) in [(least, 200), (most, 200), (least - 1, 400), (most + 1, 400)] {
                let found = status(&path, &name, &value.to_string()).await;
                assert_eq!(found, expect, "{path} {name}={value}");
            }
            counted += 1;
        }
    }
    assert!(counted > 40, "{counted}");
}

#[test]
fn every_post_accepts_an_idempotency_key_and_has_an_example() {
    let all = serde_json::to_value(stepwell_api::openapi()).unwrap();
    for (path, calls) in all["paths"].as_object().unwrap() {
        if !path.starts_with("/api/v1") {
            continue;
        }
        for (method, call) in calls.as_object().unwrap() {
            let parameters = call["parameters"].as_array().cloned().unwrap_or_default();
            let takes_key = parameters.iter().any(|p| p["name"] == "Idempotency-Key");
            // Keys belong to a workspace, which a call without a key has not.
            let open = call["security"] == serde_json::json!([{}]);
            assert_eq!(takes_key, method == "post" && !open, "{method} {path}");
            let Some(body) = call.pointer("/requestBody/content/application~1json") else {
                continue;
            };
            let schema = &body["schema"];
            // An optional body is null or what it is.
            let one = schema["oneOf"]
                .as_array()
                .and_then(|all| all.iter().find(|s| s["$ref"].is_string()));
            let reference = one.unwrap_or(schema)["$ref"].as_str();
            let schema = all.pointer(reference.unwrap().trim_start_matches('#')).unwrap();
            assert!(schema["example"].is_object(), "{method} {path} has no example");
        }
    }
}
