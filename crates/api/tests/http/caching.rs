//! Headers for caches between the server and its callers.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use stepwell_api::{AllowedOrigin, ApiConfig};

use crate::support::{Response, Server};

/// The values of a header in lower case, of all its lines.
fn values(response: &Response, name: &str) -> Vec<String> {
    let lines = response.headers.get_all(name).iter().map(|line| line.to_str().unwrap());
    let values = lines.flat_map(|line| line.split(',')).map(|one| one.trim().to_lowercase());
    values.collect()
}

fn is_personal(response: &Response) -> bool {
    let vary = values(response, "vary");
    values(response, "cache-control") == ["no-store"]
        && ["authorization", "x-api-key"].iter().all(|name| vary.iter().any(|one| one == name))
}

fn may_be_kept(response: &Response) -> bool {
    values(response, "cache-control") == ["public", "max-age=300"]
}

/// Every operation with a valid key, a wrong key and no key.
#[tokio::test]
async fn forbids_caching_of_responses_that_depend_on_a_key() {
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
                let response = server.raw(request.body(Body::empty()).unwrap()).await;
                let public =
                    ["/openapi.json", "/api/v1/schema/definition"].contains(&path.as_str());
                let fits = if public { may_be_kept(&response) } else { is_personal(&response) };
                assert!(fits, "{method} {path} {}: {:?}", response.status, response.headers);
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
async fn forbids_caching_of_secrets_and_streams() {
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
    for response in [
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
        assert!(response.status.is_success(), "{}", response.text);
        assert!(is_personal(&response), "{:?} {}", response.headers, response.text);
    }
}

#[tokio::test]
async fn responses_that_depend_on_the_origin_vary_by_it() {
    let origin = "https://app.example.com";
    let allowed_origins = vec![AllowedOrigin::try_from(origin.to_owned()).unwrap()];
    let server = Server::with(ApiConfig { allowed_origins, ..ApiConfig::default() }).await;
    let response = server.send("GET", "/workflows", &[("origin", origin)], "").await;
    assert!(is_personal(&response), "{:?}", response.headers);
    assert!(values(&response, "vary").contains(&"origin".to_owned()), "{:?}", response.headers);
}
