//! An external service that records every call in order.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};

#[derive(Debug, Clone)]
pub struct Call {
    pub execution: String,
    pub step: String,
    pub key: String,
}

pub struct Counter {
    pub url: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Counter {
    pub async fn start() -> Self {
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let app = axum::Router::new()
            .route("/call", post(call))
            .route("/look", get(|| async { json(r#"{"ok":true}"#.to_owned()) }))
            .with_state(calls.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, calls }
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

async fn call(
    State(calls): State<Arc<Mutex<Vec<Call>>>>,
    headers: HeaderMap,
    body: String,
) -> impl IntoResponse {
    let header =
        |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let (execution, step, key) =
        (header("x-execution"), header("x-step"), header("idempotency-key"));
    calls.lock().unwrap().push(Call { execution, step, key });
    json(body)
}

fn json(body: String) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], body)
}
