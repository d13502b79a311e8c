//! A server without sockets, and helpers of the tests.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use regex::Regex;
use serde_json::{Value, json};
use stepwell_api::ApiConfig;
use stepwell_engine::app::CreateKey;
use stepwell_engine::{App, Caller, EngineConfig, SystemClock};
use stepwell_store::memory::MemoryStore;
use tower::ServiceExt;

/// The limit for a wait.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Server {
    pub app: App,
    pub router: Router,
    /// An admin key.
    pub key: String,
}

/// A response with its whole body.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// The code of a dataflow error, with its status.
    pub fn refusal(&self) -> (u16, String) {
        let code = &self.json()["error"]["code"];
        (self.status.as_u16(), code.as_str().unwrap_or("none").to_owned())
    }

    /// The code of an abi error, with its status.
    pub fn abi_refusal(&self) -> (u16, String) {
        let code = &self.json()["errors"][0]["code"];
        (self.status.as_u16(), code.as_str().unwrap_or("none").to_owned())
    }

    pub fn text_at(&self, pointer: &str) -> String {
        let value = self.json();
        let found = value.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("no text at {pointer}: {}", self.text)).to_owned()
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::with(ApiConfig::default()).await
    }

    pub async fn with(config: ApiConfig) -> Self {
        let engine = EngineConfig {
            allow_private_egress: Some(true),
            shutdown_grace_seconds: 1,
            ..EngineConfig::default()
        };
        let store = Arc::new(MemoryStore::default());
        let app =
            App::start(store, engine, Arc::new(SystemClock), Arc::new(stepwell_api::ApiPayloads))
                .await
                .unwrap();
        let key = key(&app, &["admin"]).await;
        Self { router: stepwell_api::build_router(app.clone(), config), app, key }
    }

    /// A key with these scopes.
    pub async fn key(&self, scopes: &[&str]) -> String {
        key(&self.app, scopes).await
    }

    /// Sends a request unchanged.
    pub async fn raw(&self, request: Request<Body>) -> Response {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Response { status: parts.status, headers: parts.headers, text }
    }

    /// Sends a request with the admin key, these headers and this body.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Response {
        let mut request =
            Request::builder().method(method).uri(path).header("x-api-key", &self.key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.raw(request.body(body.into()).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Response {
        self.send("GET", path, &[], Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string()).await
    }

    /// Creates a workflow with these steps; returns its path.
    pub async fn workflow(&self, steps: Value) -> String {
        let response = self.post("/workflows", &json!({"name": "test", "steps": steps})).await;
        assert_eq!(response.status, StatusCode::CREATED, "{}", response.text);
        format!("/workflows/{}", response.text_at("/workflow_id"))
    }

    /// Executes a workflow without a body; returns the execution's path.
    pub async fn execution(&self, workflow: &str) -> String {
        let response = self.send("POST", &format!("{workflow}/execute"), &[], Body::empty()).await;
        assert_eq!(response.status, StatusCode::ACCEPTED, "{}", response.text);
        response.headers["location"].to_str().unwrap().to_owned()
    }
}

async fn key(app: &App, scopes: &[&str]) -> String {
    app.create_key(&Caller::internal(), CreateKey::new("test", scopes)).await.unwrap().secret
}

/// Steps with a wait that is longer than any test.
pub fn waiting_steps() -> Value {
    json!([
        {"type": "StaticTextInput", "input": "Hello, world!"},
        {"type": "Delay", "config": {"for": "1h"}},
        {"type": "Echo"}
    ])
}

/// Each field of the example is in the response with a value of the same type.
pub fn covers(place: &str, example: &Value, response: &Value) {
    match (example, response) {
        (Value::Object(example), Value::Object(response)) => {
            for (key, example) in example {
                let found = response.get(key).unwrap_or_else(|| panic!("{place}.{key} is missing"));
                covers(&format!("{place}.{key}"), example, found);
            }
        }
        (Value::Array(example), Value::Array(response)) => {
            assert_eq!(example.len(), response.len(), "{place}");
            for (at, (example, response)) in example.iter().zip(response).enumerate() {
                covers(&format!("{place}[{at}]"), example, response);
            }
        }
        _ => {
            let same = std::mem::discriminant(example) == std::mem::discriminant(response);
            assert!(same, "{place}: the example has {example}, the response {response}");
        }
    }
}

/// Compares a response with the file of that name, ids and times replaced; key order counts.
/// `UPDATE_GOLDEN=1` overwrites the files.
pub fn golden(name: &str, response: &Response) {
    let mut body = response.json();
    // Schemas belong to the step types and are tested there.
    for step in body.get_mut("steps").and_then(Value::as_array_mut).into_iter().flatten() {
        for field in ["input_schema", "output_schema"] {
            assert!(step[field].is_object(), "{step}");
            step[field] = json!("SCHEMA");
        }
    }
    let shape = format!("{}\n", normal(&serde_json::to_string_pretty(&body).unwrap()));
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &shape).unwrap();
    }
    let expect = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(shape, expect, "{name} differs; UPDATE_GOLDEN=1 overwrites it");
}

fn normal(text: &str) -> String {
    let ids =
        Regex::new(r"\b((?:wf|ex|task|exec|apk|whk|msg|evt|sched|usr|aud)[-_])[0-9a-z]{26}\b")
            .unwrap();
    let lengths = Regex::new(r#"(duration_ms": )\d+"#).unwrap();
    let times = Regex::new(r#""\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z""#).unwrap();
    let mut seen: Vec<String> = Vec::new();
    let text = ids.replace_all(text, |found: &regex::Captures<'_>| {
        let id = found[0].to_owned();
        let place = seen.iter().position(|s| *s == id).unwrap_or_else(|| {
            seen.push(id);
            seen.len() - 1
        });
        format!("{}#{place}", &found[1])
    });
    let text = lengths.replace_all(&text, "${1}0").into_owned();
    times.replace_all(&text, "\"TIME\"").into_owned()
}
