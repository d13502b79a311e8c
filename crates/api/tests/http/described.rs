//! The description and the router agree.

use axum::body::Body;
use axum::http::Request;

use crate::support::Server;

#[tokio::test]
async fn every_described_call_is_routed_and_guarded() {
    let server = Server::start().await;
    let all = serde_json::to_value(stepwell_api::openapi()).unwrap();
    for (path, calls) in all["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(path.replace("{workflow_id}", "wf-x").replace("{execution_id}", "ex-x"));
            let answer = server.raw(request.body(Body::empty()).unwrap()).await;
            let open = call["security"] == serde_json::json!([{}]);
            let expect = if open { 200 } else { 401 };
            assert_eq!(answer.status.as_u16(), expect, "{method} {path}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn the_definition_s_schema_is_a_schema() {
    let server = Server::start().await;
    let answer = server.get("/api/v1/schema/definition").await;
    assert_eq!(answer.headers["content-type"], "application/schema+json");
    assert!(answer.json().is_object(), "{}", answer.text);
}

#[tokio::test]
async fn a_path_that_is_no_text_names_nothing() {
    let server = Server::start().await;
    let all = serde_json::to_value(stepwell_api::openapi()).unwrap();
    for (path, calls) in all["paths"].as_object().unwrap() {
        let Some((before, after)) = path.split_once('{') else { continue };
        let rest = after.split_once('}').map_or("", |(_, rest)| rest);
        let path = format!("{before}%FF{}", rest.replace(['{', '}'], ""));
        for method in calls.as_object().unwrap().keys() {
            let answer = server.send(&method.to_uppercase(), &path, &[], Body::empty()).await;
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
            assert!(answer.json().is_object(), "{method} {path}: {}", answer.text);
        }
    }
}
