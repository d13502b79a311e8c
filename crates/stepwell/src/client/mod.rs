//! Talking to Stepwell: one client, two ways to reach it. Over HTTP where there is a server, in
//! this process where there is only a data folder; the same API answers both, so commands and
//! scripts see the same shapes.

mod events;
mod http;
mod local;
mod proxy;

use std::pin::Pin;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Method, Request, StatusCode};
use futures_util::{Stream, StreamExt};
use serde_json::Value;
use stepwell_engine::App;

pub use events::Event;
use events::Parser;

use crate::cli::Global;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::fault::{Fault, Kind};

type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, Fault>> + Send>>;

/// How long to wait before a broken event stream is opened again.
const RECONNECT: Duration = Duration::from_millis(500);

/// Talks to Stepwell.
pub struct Client {
    transport: Transport,
}

enum Transport {
    Http(http::Http),
    Local(local::Local),
}

impl Client {
    /// Reaches what the flags and the configuration name: a server, or the data folder.
    ///
    /// # Errors
    /// `Unreachable`, telling what to do.
    pub async fn connect(global: &Global, config: &Config) -> Result<Self, Fault> {
        if let Some(url) = &global.server {
            return Self::http(url, global.key.clone());
        }
        let data = DataDir::new(&config.data_dir);
        if !data.database().is_file() {
            return Err(Fault::unreachable(format!(
                "there is no database in {}; start a server with `stepwell serve`, or name one with --server or --data-dir",
                data.path().display()
            )));
        }
        match data.try_lock()? {
            Some(lock) => {
                let local = local::Local::open(&data, config, lock).await?;
                Ok(Self { transport: Transport::Local(local) })
            }
            None => Self::of_running_server(&data, global.key.clone()),
        }
    }

    /// Over an engine of this process that holds nothing: for what does not depend on the data.
    ///
    /// # Errors
    /// The engine could not be started.
    pub async fn in_memory(config: &Config) -> Result<Self, Fault> {
        let local = local::Local::in_memory(config).await?;
        Ok(Self { transport: Transport::Local(local) })
    }

    /// Over an engine of this process that runs already and is stopped by whoever started it.
    pub fn over(app: App, config: &Config) -> Self {
        Self { transport: Transport::Local(local::Local::over(app, config, None)) }
    }

    fn http(url: &str, key: Option<String>) -> Result<Self, Fault> {
        Ok(Self { transport: Transport::Http(http::Http::new(url, key)?) })
    }

    fn of_running_server(data: &DataDir, key: Option<String>) -> Result<Self, Fault> {
        let Some(server) = data.announced() else {
            return Err(Fault::unreachable(format!(
                "another process works on the data folder {}; try again when it is done",
                data.path().display()
            )));
        };
        let key = key.or_else(|| data.admin_key()).ok_or_else(|| {
            Fault::usage(format!(
                "a server runs on {} (process {}), but {} is gone; give a key with --key",
                data.path().display(),
                server.pid,
                data.admin_key_file().display()
            ))
        })?;
        Self::http(&server.url, Some(key))
    }

    /// Lets go of what the client holds; an engine of this process stops in order.
    pub async fn close(self) {
        if let Transport::Local(local) = self.transport {
            local.close().await;
        }
    }

    /// `GET`.
    ///
    /// # Errors
    /// What the API answered, or `Unreachable`.
    pub async fn get(&self, path: &str) -> Result<Value, Fault> {
        self.request(Method::GET, path, None).await
    }

    /// `POST` with or without a body.
    ///
    /// # Errors
    /// What the API answered, or `Unreachable`.
    pub async fn post(&self, path: &str, body: Option<&Value>) -> Result<Value, Fault> {
        self.request(Method::POST, path, body).await
    }

    /// `PUT`.
    ///
    /// # Errors
    /// What the API answered, or `Unreachable`.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, Fault> {
        self.request(Method::PUT, path, Some(body)).await
    }

    /// `PATCH`.
    ///
    /// # Errors
    /// What the API answered, or `Unreachable`.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, Fault> {
        self.request(Method::PATCH, path, Some(body)).await
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// What the API answered, or `Unreachable`.
    pub async fn delete(&self, path: &str) -> Result<Value, Fault> {
        self.request(Method::DELETE, path, None).await
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Fault> {
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map(Value::to_string).unwrap_or_default().into_bytes();
        let (status, stream) = self.call(built(request.body(body))?).await?;
        let bytes = collect(stream).await?;
        read_answer(status, &bytes).map_err(|fault| self.naming_proxy(fault))
    }

    /// A gateway's error can be that of the proxy.
    fn naming_proxy(&self, fault: Fault) -> Fault {
        match &self.transport {
            Transport::Http(http) if fault.kind == Kind::Unreachable => http.naming_proxy(fault),
            _ => fault,
        }
    }

    /// Follows an event stream until `on_event` says that it has seen enough. A stream that breaks
    /// is opened again after the last event that was seen.
    ///
    /// # Errors
    /// What the API answered, what `on_event` refused, or `Unreachable`.
    pub async fn follow(
        &self,
        path: &str,
        mut on_event: impl FnMut(&Event) -> Result<Seen, Fault>,
    ) -> Result<(), Fault> {
        let mut last: Option<String> = None;
        loop {
            let mut request = Request::builder().uri(path).header("accept", "text/event-stream");
            if let Some(last) = &last {
                request = request.header("last-event-id", last);
            }
            let (status, mut stream) = self.call(built(request.body(Vec::new()))?).await?;
            if !status.is_success() {
                return read_answer(status, &collect(stream).await?).map(|_| ());
            }
            let mut parser = Parser::default();
            // A chunk that fails is a stream that broke: it is opened again below.
            while let Some(Ok(chunk)) = stream.next().await {
                for event in parser.push(&chunk) {
                    last = event.id.clone().or(last);
                    if on_event(&event)? == Seen::Enough {
                        return Ok(());
                    }
                }
            }
            tokio::time::sleep(RECONNECT).await;
        }
    }

    async fn call(&self, request: Request<Vec<u8>>) -> Result<(StatusCode, ByteStream), Fault> {
        match &self.transport {
            Transport::Http(http) => http.call(request).await,
            Transport::Local(local) => local.call(request).await,
        }
    }
}

/// Whether a follower has seen what it waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It waits for more.
    More,
    /// It has.
    Enough,
}

fn built(request: Result<Request<Vec<u8>>, axum::http::Error>) -> Result<Request<Vec<u8>>, Fault> {
    request.map_err(|e| Fault::usage(format!("the request cannot be written: {e}")))
}

async fn collect(mut stream: ByteStream) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}

fn read_answer(status: StatusCode, bytes: &[u8]) -> Result<Value, Fault> {
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into())
    };
    if status.is_success() {
        return Ok(body);
    }
    Err(Fault::from_answer(status.as_u16(), &body))
}

/// A piece of a path or of a query, whatever characters it has.
pub fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_read() {
        assert_eq!(read_answer(StatusCode::NO_CONTENT, b""), Ok(Value::Null));
        assert_eq!(read_answer(StatusCode::OK, b"{\"a\":1}"), Ok(json!({"a": 1})));
        let fault = read_answer(StatusCode::BAD_GATEWAY, b"<html>").unwrap_err();
        assert_eq!(fault.kind, Kind::Unreachable);
    }

    #[test]
    fn pieces_of_paths_stay_pieces() {
        assert_eq!(encode("wf-1_a.b~"), "wf-1_a.b~");
        assert_eq!(encode("a/b?c d%é"), "a%2Fb%3Fc%20d%25%C3%A9");
    }
}
