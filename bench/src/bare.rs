//! The bare handlers: one takes JSON and answers JSON, one writes lines, two receive webhooks;
//! nothing else.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use futures_util::stream;
use serde_json::{Value, json};

/// How many bytes of lines go out together: as many as from the server.
const CHUNK: usize = 32 << 10;

/// Serves until it is killed; prints its address first.
pub fn serve() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let app = axum::Router::new()
            .route("/", axum::routing::post(answer))
            .route("/lines", axum::routing::post(lines))
            .route("/hook", axum::routing::post(async || StatusCode::NO_CONTENT))
            .route("/slow", axum::routing::post(slow));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}/", listener.local_addr()?);
        Ok(axum::serve(listener, app).await?)
    })
}

// By hand, since axum's `Json` turns on a feature of serde_json that the server must not have.
async fn answer(body: Bytes) -> Result<impl IntoResponse, String> {
    let body: Value = serde_json::from_slice(&body).map_err(|e| e.to_string())?;
    let answer = json!({"status": "COMPLETED", "tasks": [], "input": body});
    Ok(([(CONTENT_TYPE, "application/json")], answer.to_string()))
}

/// A receiver of webhooks that takes its time.
async fn slow() -> StatusCode {
    tokio::time::sleep(Duration::from_secs(1)).await;
    StatusCode::NO_CONTENT
}

/// Writes as many lines of as many bytes as the body `[lines, bytes]` asks for.
async fn lines(body: Bytes) -> Result<impl IntoResponse, String> {
    let (mut left, bytes): (usize, usize) =
        serde_json::from_slice(&body).map_err(|e| e.to_string())?;
    let text = "x".repeat(bytes.saturating_sub("{\"text\":\"\"}\n".len()));
    let chunks = std::iter::from_fn(move || {
        let mut chunk = Vec::new();
        while left > 0 && chunk.len() < CHUNK {
            left -= 1;
            chunk.extend_from_slice(format!("{{\"text\":\"{text}\"}}\n").as_bytes());
        }
        (!chunk.is_empty()).then_some(Ok::<_, std::io::Error>(chunk))
    });
    let body = Body::from_stream(stream::iter(chunks));
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], body))
}

/// The handlers in a process of their own.
pub struct Bare {
    pub url: String,
    child: Child,
}

impl Bare {
    /// Host and port.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches('/')
    }
}

/// Starts it.
pub fn start() -> Result<Bare> {
    let mut child =
        Command::new(std::env::current_exe()?).arg("bare").stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("its output is piped")?;
    let mut url = String::new();
    BufReader::new(output).read_line(&mut url)?;
    Ok(Bare { url: url.trim().to_owned(), child })
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
