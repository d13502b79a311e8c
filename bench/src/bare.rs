//! The bare handler: takes JSON, answers JSON, does nothing else.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::{Value, json};

/// Serves until it is killed; prints its address first.
pub fn serve() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let app = axum::Router::new().route("/", axum::routing::post(answer));
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

/// The handler in a process of its own.
pub struct Bare {
    pub url: String,
    child: Child,
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
