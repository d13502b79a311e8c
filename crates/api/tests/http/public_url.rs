//! Links of a server that clients reach through a proxy.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use stepwell_api::ApiConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sockets::Served;
use crate::support::Server;

const DEFINITION: &str = r#"{"name": "w", "steps": [{"type": "Echo", "input": "x"}]}"#;

fn config(public_url: &str) -> ApiConfig {
    ApiConfig { public_url: Some(public_url.parse().unwrap()), ..ApiConfig::default() }
}

#[tokio::test]
async fn the_public_url_is_the_base_of_links() {
    let server = Server::with(config("https://example.com/stepwell/")).await;
    let json = [("content-type", "application/json")];
    let created = server.send("POST", "/workflows", &json, DEFINITION).await;
    let id = created.text_at("/workflow_id");
    let location = format!("https://example.com/stepwell/workflows/{id}");
    assert_eq!(created.headers["location"], location.as_str());
    let accepted = server.send("POST", &format!("/workflows/{id}/execute"), &json, "{}").await;
    let found = accepted.headers["location"].to_str().unwrap();
    assert!(found.starts_with(&format!("{location}/executions/ex-")), "{found}");
    server.send("POST", "/workflows", &json, DEFINITION.replace("\"w\"", "\"v\"")).await;
    let page = server.get("/v1/workflow-deployments?limit=1").await.json();
    assert_eq!(page["next"], "/stepwell/v1/workflow-deployments?limit=1&offset=1");
    let document = server.get("/openapi.json").await;
    assert_eq!(document.json()["servers"][0]["url"], "https://example.com/stepwell/");
    assert_eq!(document.headers["cache-control"], "public, max-age=300");
}

#[tokio::test]
async fn the_public_url_is_the_base_of_links_for_approvers() {
    for (config, base) in [
        (ApiConfig::default(), ""),
        (config("https://example.com/stepwell"), "https://example.com/stepwell"),
    ] {
        let server = Server::with(config).await;
        let approval = json!({"title": "t", "approvers": ["ada"]});
        let (_, approval) = crate::approvals::requested(&server, approval).await;
        let link = server.post(&format!("{approval}/links"), &json!({})).await;
        let path = link.text_at("/data/path");
        assert!(path.starts_with("/api/v1/approval_links/"), "{path}");
        assert_eq!(link.text_at("/data/url"), format!("{base}{path}"));
    }
}

#[tokio::test]
async fn the_root_leads_to_the_reference_by_a_relative_link() {
    for config in [ApiConfig::default(), config("https://example.com/stepwell")] {
        let server = Server::with(config).await;
        let root = server.raw(Request::get("/").body(Body::empty()).unwrap()).await;
        assert_eq!(
            (root.status.as_u16(), &root.headers["location"]),
            (302, &"docs".parse().unwrap())
        );
        let docs = server.raw(Request::get("/docs").body(Body::empty()).unwrap()).await;
        // Nothing on the page leads out of the path under which a proxy serves it.
        for absolute in ["fetch('/", "href=\"/", "href: '/", "src=\"/"] {
            assert!(!docs.text.contains(absolute), "{absolute}");
        }
        assert!(docs.text.contains("fetch('openapi.json')"));
    }
}

#[tokio::test]
async fn headers_of_trusted_proxies_are_the_base_of_links() {
    let headers =
        "X-Forwarded-Proto: https\r\nX-Forwarded-Host: example.com\r\nX-Forwarded-Prefix: /s\r\n";
    for (trusted, sent, location, server_url) in [
        (None, headers, "/workflows/", json!("/")),
        (Some("10.0.0.0/8"), headers, "/workflows/", json!("/")),
        (Some("127.0.0.1"), "", "/workflows/", json!("/")),
        (
            Some("127.0.0.1"),
            headers,
            "https://example.com/s/workflows/",
            json!("https://example.com/s/"),
        ),
        (Some("127.0.0.1"), "X-Forwarded-Prefix: /s\r\n", "/s/workflows/", json!("/s/")),
        (Some("127.0.0.1"), "X-Forwarded-Prefix: //evil\r\n", "/workflows/", json!("/")),
    ] {
        let trusted_proxies = trusted.map(|text: &str| text.parse().unwrap()).into_iter().collect();
        let served = Served::with(ApiConfig { trusted_proxies, ..ApiConfig::default() }).await;
        let created = exchange(&served, "POST /workflows", sent, DEFINITION).await;
        assert!(created.contains(&format!("\r\nlocation: {location}wf-")), "{created}");
        let document = exchange(&served, "GET /openapi.json", sent, "").await;
        assert!(document.contains(&format!("\"servers\":[{{\"url\":{server_url}")), "{server_url}");
        // The document depends on the headers: no cache may store it.
        let is_cacheable = document.contains("\r\ncache-control: public");
        assert_eq!(is_cacheable, server_url == "/", "{server_url}");
    }
}

async fn exchange(served: &Served, line: &str, headers: &str, body: &str) -> String {
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    let (key, length) = (&served.server.key, body.len());
    let request = format!(
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-KEY: {key}\r\n{headers}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).await.unwrap();
    response
}
