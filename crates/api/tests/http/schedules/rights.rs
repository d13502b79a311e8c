//! Scopes, and repeated requests.

use axum::http::StatusCode;
use serde_json::json;

use super::{ALL, daily};
use crate::support::{Response, Server};

#[tokio::test]
async fn checks_scopes_and_repeats_idempotent_requests() {
    let mut server = Server::start().await;
    let workflow = server.scheduled().await;
    let path = server.schedule(&workflow, &daily()).await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
    let create = format!("{workflow}/schedules");
    let first = server.send("POST", &create, &headers, daily().to_string()).await;
    let second = server.send("POST", &create, &headers, daily().to_string()).await;
    assert_eq!(first.text, second.text);
    let id = path.rsplit('/').next().unwrap().to_owned();
    let admin = server.key.clone();
    for (scope, reads, writes, executes) in [
        ("read:schedules".to_owned(), true, false, false),
        ("write:schedules".to_owned(), false, true, false),
        ("execute:schedules".to_owned(), false, false, true),
        (format!("read:schedules:{id}"), true, false, false),
        ("execute:workflows".to_owned(), false, false, false),
    ] {
        server.key = admin.clone();
        server.key = server.key(&[scope.as_str()]).await;
        let allowed = |response: Response| response.status != StatusCode::FORBIDDEN;
        let body = json!({"description": "x"});
        assert_eq!(allowed(server.get(&path).await), reads, "{scope}");
        assert_eq!(allowed(server.change("PATCH", &path, &body).await), writes, "{scope}");
        assert_eq!(allowed(server.post(&create, &daily()).await), writes, "{scope}");
        let trigger = server.post(&format!("{path}/trigger"), &json!({})).await;
        assert_eq!(allowed(trigger), executes, "{scope}");
    }
    server.key = admin;
    let read_one = server.key(&[&format!("read:schedules:{id}")]).await;
    server.key = read_one;
    assert_eq!(server.get(ALL).await.abi_refusal(), (403, "SCOPE_REQUIRED".into()));
}
