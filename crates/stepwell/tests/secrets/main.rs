//! Every file, log line, view, stream, delivery and error of the real server is searched for a secret
//! that a step used and a response returned.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot continue must fail"
)]

#[expect(dead_code, reason = "the crash harness uses the rest")]
#[path = "../crash/server.rs"]
mod server;

mod installed;

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use serde_json::{Value, json};
use server::Server;

const SECRET: &str = "w4lk-Th3-s1nks/+\"zz";
const OTHER: &str = "an0ther=s3cret&of it";
const ROTATED: &str = "r0tated-s3cond/value";

/// Parts of the secrets in several encodings, long enough not to occur by accident.
fn traces() -> Vec<String> {
    let mut all: Vec<String> =
        vec!["w4lk-Th3".into(), "Th3-s1nks".into(), "an0ther".into(), "s3cret".into()];
    all.push("r0tated".into());
    for secret in [SECRET, OTHER, ROTATED] {
        all.push(secret.bytes().take(6).map(|byte| format!("{byte:02x}")).collect());
    }
    // Base64 in each alignment.
    all.extend(
        ["dzRsay1U", "c0bGstVG", "3NGxrLV", "YW4wdGhl", "FuMHRoZ", "hbjB0aGV"].map(String::from),
    );
    all
}

type Seen = Arc<Mutex<(String, Vec<String>)>>;

/// A service that stores a secret and returns it later.
struct Outside {
    url: String,
    seen: Seen,
}

impl Outside {
    async fn start() -> Self {
        let seen = Seen::default();
        let app = axum::Router::new()
            .route("/keep", any(keep))
            .route("/show/{how}", get(show))
            .route("/hook", any(hook))
            .with_state(seen.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, seen }
    }
}

async fn keep(State(seen): State<Seen>, headers: HeaderMap) -> &'static str {
    let header = |name: &str| headers.get(name).map_or("", |v| v.to_str().unwrap()).to_owned();
    seen.lock().unwrap().0 = format!("{} {}", header("x-one"), header("x-two"));
    "kept"
}

async fn hook(State(seen): State<Seen>, headers: HeaderMap, body: String) -> &'static str {
    seen.lock().unwrap().1.push(format!("{headers:?} {body}"));
    "thank you"
}

async fn show(
    State(seen): State<Seen>,
    axum::extract::Path(how): axum::extract::Path<String>,
) -> impl IntoResponse {
    let text = seen.lock().unwrap().0.clone();
    let (status, kind, body) = match how.as_str() {
        "json" => {
            (200, "application/json", json!({"seen": {&text: [&text]}}).to_string().into_bytes())
        }
        "text" => (200, "text/plain", text.into_bytes()),
        "binary" => (200, "image/png", [b"\xff", text.as_bytes(), b"\xfe"].concat()),
        _ => (401, "text/plain", format!("{}{text} is wrong", "x".repeat(2040)).into_bytes()),
    };
    (axum::http::StatusCode::from_u16(status).unwrap(), [(CONTENT_TYPE, kind)], body)
}

fn definition(outside: &str) -> Value {
    let read = |how: &str| {
        json!({"id": how, "type": "HttpRequest", "after": ["send"], "on_error": "continue",
            "config": {"url": format!("{outside}/show/{how}")}})
    };
    json!({"name": "sinks", "steps": [
        {"id": "send", "type": "HttpRequest", "config": {"url": format!("{outside}/keep"),
            "query": {"k": "{{ secrets.ONE }}"},
            "headers": {"x-one": "{{ secrets.ONE }}", "x-two": "{{ secrets.TWO }}"}}},
        read("json"), read("text"), read("binary"), read("fail"),
        {"id": "say", "type": "StreamText", "after": ["text"], "config": {"chunk": 4},
            "input": "text: {{ steps.text.output.body }}"},
        {"id": "set", "type": "SetState", "after": ["json", "binary", "fail", "say"],
            "input": {"all": "{{ steps }}"}},
        {"id": "end", "type": "Fail", "after": ["set"],
            "config": {"message": "it was {{ steps.text.output.body }}"}},
    ], "outputs": {"all": "{{ steps }}"}})
}

/// Searches for any trace of a secret.
fn search(what: &str, bytes: &[u8], found: &mut Vec<String>) {
    let text = String::from_utf8_lossy(bytes);
    for trace in traces() {
        if let Some(at) = text.find(&trace) {
            let around: String = text[at.saturating_sub(60)..].chars().take(160).collect();
            found.push(format!("{what}: {trace}: …{around}…"));
        }
    }
}

/// Searches the lists and all views of the executions; returns how many there are.
async fn search_views(server: &Server, workflow: &str, found: &mut Vec<String>) -> usize {
    let get = async |path: &str| {
        let request = server.http.get(format!("{}{path}", server.url));
        let response = request.header("x-api-key", &server.key).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.text().await.unwrap()
    };
    let list = get("/api/v1/workflow_executions?page_size=100").await;
    search("list", list.as_bytes(), found);
    let list: Value = serde_json::from_str(&list).unwrap();
    let items = list["data"]["items"].as_array().unwrap();
    for id in items.iter().map(|item| item["execution_id"].as_str().unwrap()) {
        for path in [
            format!("/api/v1/workflow_executions/{id}"),
            format!("/api/v1/workflow_executions/{id}/logs"),
            format!("/api/v1/workflow_executions/{id}/events"),
        ] {
            search(&path, get(&path).await.as_bytes(), found);
        }
    }
    let list = get(&format!("/workflows/{workflow}/executions")).await;
    search("dataflow list", list.as_bytes(), found);
    let list: Value = serde_json::from_str(&list).unwrap();
    for id in list["executions"].as_array().unwrap() {
        let id = id["execution_id"].as_str().unwrap();
        let path = format!("/workflows/{workflow}/executions/{id}");
        search(&path, get(&path).await.as_bytes(), found);
        let path = format!("{path}/events");
        search(&path, get(&path).await.as_bytes(), found);
    }
    for path in ["/metrics", "/api/v1/audit_log", "/api/v1/webhooks"] {
        search(path, get(path).await.as_bytes(), found);
    }
    items.len()
}

/// Searches the files of the data folder, the log included.
fn search_files(server: &Server, found: &mut Vec<String>) {
    let folder = server.database().parent().unwrap().to_owned();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            search(&path.display().to_string(), &std::fs::read(&path).unwrap(), found);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_sink_holds_a_secret() {
    let outside = Outside::start().await;
    let mut server = Server::new();
    server.start_with(&["--log-level", "trace"]).await;
    let hook = json!({"url": format!("{}/hook", outside.url), "events": ["*"]});
    let (status, response) = server.post("/api/v1/webhooks", &hook).await;
    assert_eq!(status, 201, "{response}");
    let workflow = server.create(&definition(&outside.url)).await;
    let mut found = Vec::new();

    // Each way to execute has its own format of response.
    let name = json!({"workflow_deployment_name": "sinks", "inputs": []});
    let hooked = json!({"input": {}, "webhook_url": format!("{}/hook", outside.url)});
    for (path, body) in [
        (format!("/workflows/{workflow}/execute?wait=true&timeout=60s"), &hooked),
        ("/v1/execute-workflow".to_owned(), &name),
        ("/v1/execute-workflow-stream".to_owned(), &name),
    ] {
        let request = server.http.post(format!("{}{path}", server.url)).json(body);
        let request = request.timeout(std::time::Duration::from_secs(60));
        let request = request.header("x-secret-one", SECRET).header("x-secret-two", OTHER);
        let response = request.header("x-api-key", &server.key).send().await.unwrap();
        let text = response.text().await.unwrap();
        assert!(text.contains("[secret]"), "it came back: {path}: {text}");
        search(&path, text.as_bytes(), &mut found);
    }

    assert_eq!(search_views(&server, &workflow, &mut found).await, 3);
    // An error names the rejected input without its value.
    let held = json!({"input": {"a": format!("x{SECRET}")}});
    let request = server.http.post(format!("{}/workflows/{workflow}/execute", server.url));
    let request = request.header("x-secret-one", SECRET).header("x-api-key", &server.key);
    let response = request.json(&held).send().await.unwrap();
    assert_eq!(response.status(), 400);
    let text = response.text().await.unwrap();
    assert!(text.contains("input.a"), "{text}");
    search("refusal", text.as_bytes(), &mut found);

    // Deliveries are asynchronous.
    for _ in 0..600 {
        if outside.seen.lock().unwrap().1.len() >= 9 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let deliveries = outside.seen.lock().unwrap().1.clone();
    assert!(deliveries.len() >= 9, "{} deliveries", deliveries.len());
    for delivery in deliveries {
        search("delivery", delivery.as_bytes(), &mut found);
    }
    search_files(&server, &mut found);
    server.kill();
    assert!(found.is_empty(), "{}", found.join("\n"));
}
