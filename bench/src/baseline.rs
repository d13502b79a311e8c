//! The baseline server: handlers that only read and return JSON, write lines, or receive webhooks.

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

/// The bytes of lines in one chunk, as in the server.
const CHUNK_BYTES: usize = 32 << 10;

/// Prints its URL and serves until it is killed.
pub fn serve() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let app = axum::Router::new()
            .route("/", axum::routing::post(echo))
            .route("/lines", axum::routing::post(write_lines))
            .route("/hook", axum::routing::post(async || StatusCode::NO_CONTENT))
            .route("/slow", axum::routing::post(receive_slowly));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}/", listener.local_addr()?);
        Ok(axum::serve(listener, app).await?)
    })
}

// Without axum's `Json`, which enables a feature of serde_json that the server must not have.
async fn echo(body: Bytes) -> Result<impl IntoResponse, String> {
    let body: Value = serde_json::from_slice(&body).map_err(|e| e.to_string())?;
    let response = json!({"status": "COMPLETED", "tasks": [], "input": body});
    Ok(([(CONTENT_TYPE, "application/json")], response.to_string()))
}

/// A webhook receiver that takes a second for each request.
async fn receive_slowly() -> StatusCode {
    tokio::time::sleep(Duration::from_secs(1)).await;
    StatusCode::NO_CONTENT
}

/// Writes the lines that the body `[lines, bytes of each]` requests.
async fn write_lines(body: Bytes) -> Result<impl IntoResponse, String> {
    let (mut remaining, bytes): (usize, usize) =
        serde_json::from_slice(&body).map_err(|e| e.to_string())?;
    let text = "x".repeat(bytes.saturating_sub("{\"text\":\"\"}\n".len()));
    let chunks = std::iter::from_fn(move || {
        let mut chunk = Vec::new();
        while remaining > 0 && chunk.len() < CHUNK_BYTES {
            remaining -= 1;
            chunk.extend_from_slice(format!("{{\"text\":\"{text}\"}}\n").as_bytes());
        }
        (!chunk.is_empty()).then_some(Ok::<_, std::io::Error>(chunk))
    });
    let body = Body::from_stream(stream::iter(chunks));
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], body))
}

/// The baseline server in a separate process.
pub struct Baseline {
    pub url: String,
    child: Child,
}

impl Baseline {
    /// Host and port.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches('/')
    }
}

pub fn start() -> Result<Baseline> {
    let mut child =
        Command::new(std::env::current_exe()?).arg("baseline").stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("stdout is piped")?;
    let mut url = String::new();
    BufReader::new(output).read_line(&mut url)?;
    Ok(Baseline { url: url.trim().to_owned(), child })
}

impl Drop for Baseline {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
