//! What caches between the server and its callers may keep.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use stepwell_api::{ApiConfig, Origin};

use crate::support::{Answer, Server};

/// The values of a header in lower case, those of several lines together.
fn values(answer: &Answer, name: &str) -> Vec<String> {
    let lines = answer.headers.get_all(name).iter().map(|line| line.to_str().unwrap());
    let values = lines.flat_map(|line| line.split(',')).map(|one| one.trim().to_lowercase());
    values.collect()
}

fn is_personal(answer: &Answer) -> bool {
    let vary = values(answer, "vary");
    values(answer, "cache-control") == ["no-store"]
        && ["authorization", "x-api-key"].iter().all(|name| vary.iter().any(|one| one == name))
}

fn may_be_kept(answer: &Answer) -> bool {
    values(answer, "cache-control") == ["public", "max-age=300"]
}

/// Every call with a key, without one, and with one that is wrong.
#[tokio::test]
async fn what_depends_on_a_key_is_kept_by_no_cache() {
    let server = Server::start().await;
    let all = serde_json::to_value(stepwell_api::openapi()).unwrap();
    for (path, calls) in all["paths"].as_object().unwrap() {
        for method in calls.as_object().unwrap().keys() {
            for key in [Some(server.key.as_str()), Some("sk_live_wrong"), None] {
                let mut request =
                    Request::builder().method(method.to_uppercase().as_str()).uri(path.as_str());
                if let Some(key) = key {
                    request = request.header("x-api-key", key);
                }
                let answer = server.raw(request.body(Body::empty()).unwrap()).await;
                let public =
                    ["/openapi.json", "/api/v1/schema/definition"].contains(&path.as_str());
                let fits = if public { may_be_kept(&answer) } else { is_personal(&answer) };
                assert!(fits, "{method} {path} {}: {:?}", answer.status, answer.headers);
            }
        }
    }
    assert!(may_be_kept(&server.get("/docs").await));
    for path in ["/nowhere", "/api/v1/nowhere", "/v1/nowhere"] {
        assert!(is_personal(&server.get(path).await), "{path}");
    }
    assert!(is_personal(&server.send("DELETE", "/openapi.json", &[], "").await));
}

#[tokio::test]
async fn successes_secrets_and_streams_are_kept_by_no_cache() {
    let server = Server::start().await;
    let key = server
        .post("/api/v1/auth/api-keys", &json!({"name": "k", "scopes": ["read:workflows"]}))
        .await;
    assert!(key.text.contains("sk_live_"), "{}", key.text);
    let hook = json!({"url": "https://example.com/", "events": ["*"]});
    let hook = server.post("/api/v1/webhooks", &hook).await;
    assert!(hook.text.contains("whsec_"), "{}", hook.text);
    let workflow = server.workflow(json!([{"type": "Echo", "input": "a"}])).await;
    let done = server.post(&format!("{workflow}/execute?wait=true"), &json!({})).await;
    let execution = format!("{workflow}/executions/{}", done.text_at("/execution_id"));
    let stream = json!({"workflow_deployment_name": "test", "inputs": []});
    for answer in [
        key,
        hook,
        done,
        server.get("/api/v1/webhooks/signing-secret").await,
        server.get("/workflows").await,
        server.get("/api/v1/auth/me").await,
        server.get(&execution).await,
        server.get(&format!("{execution}/events")).await,
        server.post("/v1/execute-workflow-stream", &stream).await,
    ] {
        assert!(answer.status.is_success(), "{}", answer.text);
        assert!(is_personal(&answer), "{:?} {}", answer.headers, answer.text);
    }
}

#[tokio::test]
async fn what_depends_on_the_page_says_so_as_well() {
    let origin = "https://app.example.com";
    let allowed_origins = vec![Origin::try_from(origin.to_owned()).unwrap()];
    let server = Server::with(ApiConfig { allowed_origins, ..ApiConfig::default() }).await;
    let answer = server.send("GET", "/workflows", &[("origin", origin)], "").await;
    assert!(is_personal(&answer), "{:?}", answer.headers);
    assert!(values(&answer, "vary").contains(&"origin".to_owned()), "{:?}", answer.headers);
}
