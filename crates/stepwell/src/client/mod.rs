//! The client of the API, with two transports: HTTP if there is a server, otherwise the router in
//! this process over the data folder. Both serve the same API, so commands and scripts get the same
//! response bodies.

mod http;
mod local;
mod pages;
mod proxy;
mod sse;
mod transport;

use std::ops::ControlFlow;
use std::time::Duration;

use axum::http::{Method, Request, StatusCode};
use futures_util::StreamExt;
use serde_json::Value;
use stepwell_core::definition::SourceFormat;
use stepwell_engine::App;

pub use pages::{CursorPages, ListRequest, list_all, list_page};
pub use sse::ServerEvent;

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::error::{CliError, CliErrorKind};
use crate::global::GlobalArgs;

use sse::SseParser;
use transport::ByteStream;

const RECONNECT_DELAY: Duration = Duration::from_millis(500);

pub struct Client {
    transport: Transport,
}

enum Transport {
    Http(http::HttpTransport),
    Local(local::LocalTransport),
}

impl Client {
    /// Connects to the server of `--server`, or else uses the data folder.
    ///
    /// # Errors
    /// `Unreachable`, with how to fix it.
    pub async fn connect(global: &GlobalArgs) -> Result<Self, CliError> {
        let config = &global.load_config()?;
        if let Some(url) = &global.server {
            return Self::http(url, global.key.clone());
        }
        let data = DataDir::new(&config.data_dir);
        if !data.database().is_file() {
            return Err(CliError::unreachable(format!(
                "no database in {}; start a server with `stepwell serve`, or select one with --server or --data-dir",
                data.path().display()
            )));
        }
        match data.try_lock()? {
            Some(lock) => {
                let local = local::LocalTransport::open(&data, config, lock).await?;
                Ok(Self { transport: Transport::Local(local) })
            }
            None => Self::for_running_server(&data, global.key.clone()),
        }
    }

    /// Connects to a running server: that of `--server`, or else the one on the data folder. Returns
    /// its URL too, without credentials.
    ///
    /// # Errors
    /// `Unreachable` if no server runs, with how to start one.
    pub fn connect_to_server(global: &GlobalArgs) -> Result<(Self, String), CliError> {
        if let Some(url) = &global.server {
            let http = http::HttpTransport::new(url, global.key.clone())?;
            let shown = http.shown_url().to_owned();
            return Ok((Self { transport: Transport::Http(http) }, shown));
        }
        let data = DataDir::new(&global.load_config()?.data_dir);
        let none_runs = || {
            CliError::unreachable(format!(
                "no server runs on the data folder {}; start one with `stepwell serve`, or select \
                 one with --server or --data-dir",
                data.path().display()
            ))
        };
        if !data.database().is_file() || data.try_lock()?.is_some() {
            return Err(none_runs());
        }
        let url = data.server_info().ok_or_else(none_runs)?.url;
        Ok((Self::for_running_server(&data, global.key.clone())?, url))
    }

    /// For responses that do not depend on data: uses the server of `--server`, or else an engine in
    /// this process with an empty in-memory store.
    ///
    /// # Errors
    /// As `connect`; the engine could not be started.
    pub async fn connect_or_in_memory(global: &GlobalArgs) -> Result<Self, CliError> {
        if global.server.is_some() {
            return Self::connect(global).await;
        }
        let config = &global.load_config()?;
        let local = local::LocalTransport::in_memory(config).await?;
        Ok(Self { transport: Transport::Local(local) })
    }

    /// Connects to the server of `--server`, or else to the one that runs on the data folder, for
    /// requests that need no key. Does not lock the folder, so that a server can start meanwhile.
    ///
    /// # Errors
    /// `Unreachable` if no server runs on the data folder.
    pub fn connect_without_key(global: &GlobalArgs) -> Result<Self, CliError> {
        if let Some(url) = &global.server {
            return Self::http(url, global.key.clone());
        }
        let data = DataDir::new(global.load_config()?.data_dir);
        let server = data.server_info().ok_or_else(|| {
            CliError::unreachable(format!(
                "no server runs on {}; start it with `stepwell serve`, or select another with --server or --data-dir",
                data.path().display()
            ))
        })?;
        Self::http(&server.url, None)
    }

    /// Uses an engine of this process, which the caller shuts down.
    pub fn with_app(app: App, config: &Config) -> Self {
        Self { transport: Transport::Local(local::LocalTransport::with_app(app, config, None)) }
    }

    fn http(url: &str, key: Option<String>) -> Result<Self, CliError> {
        Ok(Self { transport: Transport::Http(http::HttpTransport::new(url, key)?) })
    }

    fn for_running_server(data: &DataDir, key: Option<String>) -> Result<Self, CliError> {
        let Some(server) = data.server_info() else {
            return Err(CliError::unreachable(format!(
                "the data folder {} is in use by another process; try again later",
                data.path().display()
            )));
        };
        let key = key.or_else(|| data.admin_key()).ok_or_else(|| {
            CliError::usage(format!(
                "a server runs on {} (process {}), but {} does not exist; pass a key with --key",
                data.path().display(),
                server.pid,
                data.admin_key_file().display()
            ))
        })?;
        Self::http(&server.url, Some(key))
    }

    /// Whether it uses an engine with an empty store.
    pub const fn is_in_memory(&self) -> bool {
        matches!(&self.transport, Transport::Local(local) if local.is_in_memory())
    }

    /// Shuts down the engine of this process, if any.
    pub async fn close(self) {
        if let Transport::Local(local) = self.transport {
            local.close().await;
        }
    }

    /// # Errors
    /// The error response of the API, or `Unreachable`.
    pub async fn get(&self, path: &str) -> Result<Value, CliError> {
        self.request(Method::GET, path, None).await
    }

    /// Why the server is not ready; `None`: it is.
    ///
    /// # Errors
    /// `Unreachable`.
    pub async fn get_readiness(&self) -> Result<Option<String>, CliError> {
        let request = Request::builder().uri("/readyz").body(Vec::new());
        let (status, stream) = self.call(valid_request(request)?).await?;
        let bytes = read_body(stream).await?;
        if status.is_success() {
            return Ok(None);
        }
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let reason = body["reason"].as_str().map(str::to_owned);
        Ok(Some(reason.unwrap_or_else(|| format!("the server returned status {status}"))))
    }

    /// # Errors
    /// As `get`.
    pub async fn post(&self, path: &str, body: Option<&Value>) -> Result<Value, CliError> {
        self.request(Method::POST, path, body).await
    }

    /// # Errors
    /// As `get`.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.request(Method::PUT, path, Some(body)).await
    }

    /// # Errors
    /// As `get`.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.request(Method::PATCH, path, Some(body)).await
    }

    /// # Errors
    /// As `get`.
    pub async fn delete(&self, path: &str) -> Result<Value, CliError> {
        self.request(Method::DELETE, path, None).await
    }

    /// Posts the text of a definition.
    ///
    /// # Errors
    /// As `get`.
    pub async fn post_source(
        &self,
        path: &str,
        text: &str,
        format: SourceFormat,
    ) -> Result<Value, CliError> {
        let media = match format {
            SourceFormat::Json => "application/json",
            SourceFormat::Yaml => "application/yaml",
        };
        let request = Request::builder().method(Method::POST).uri(path);
        self.send(request.header("content-type", media), text.as_bytes().to_vec()).await
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CliError> {
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        self.send(request, body.map(Value::to_string).unwrap_or_default().into_bytes()).await
    }

    async fn send(
        &self,
        request: axum::http::request::Builder,
        body: Vec<u8>,
    ) -> Result<Value, CliError> {
        let (status, stream) = self.call(valid_request(request.body(body))?).await?;
        let bytes = read_body(stream).await?;
        parse_response(status, &bytes).map_err(|error| self.with_proxy_hint(error))
    }

    /// A gateway error may come from the proxy.
    fn with_proxy_hint(&self, error: CliError) -> CliError {
        match &self.transport {
            Transport::Http(http) if error.kind == CliErrorKind::Unreachable => {
                http.with_proxy_hint(error)
            }
            _ => error,
        }
    }

    /// Follows an event stream until `on_event` breaks. An interrupted stream is reopened after the
    /// last event received.
    ///
    /// # Errors
    /// As `get`, and the errors of `on_event`.
    pub async fn follow(
        &self,
        path: &str,
        mut on_event: impl FnMut(&ServerEvent) -> Result<ControlFlow<()>, CliError>,
    ) -> Result<(), CliError> {
        let mut last: Option<String> = None;
        loop {
            let mut request = Request::builder().uri(path).header("accept", "text/event-stream");
            if let Some(last) = &last {
                request = request.header("last-event-id", last);
            }
            let (status, mut stream) = self.call(valid_request(request.body(Vec::new()))?).await?;
            if !status.is_success() {
                return parse_response(status, &read_body(stream).await?).map(|_| ());
            }
            let mut parser = SseParser::default();
            // A failed chunk ends this stream; the loop reopens it.
            while let Some(Ok(chunk)) = stream.next().await {
                for event in parser.push(&chunk) {
                    last = event.id.clone().or(last);
                    if on_event(&event)?.is_break() {
                        return Ok(());
                    }
                }
            }
            tokio::time::sleep(RECONNECT_DELAY).await;
        }
    }

    /// Reads a body piece by piece, until `on_bytes` breaks.
    ///
    /// # Errors
    /// As `get`, and the errors of `on_bytes`.
    pub async fn download(
        &self,
        path: &str,
        mut on_bytes: impl FnMut(&[u8]) -> Result<ControlFlow<()>, CliError>,
    ) -> Result<(), CliError> {
        let request = Request::builder().uri(path).body(Vec::new());
        let (status, mut stream) = self.call(valid_request(request)?).await?;
        if !status.is_success() {
            return parse_response(status, &read_body(stream).await?).map(|_| ());
        }
        while let Some(chunk) = stream.next().await {
            if on_bytes(&chunk?)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    async fn call(&self, request: Request<Vec<u8>>) -> Result<(StatusCode, ByteStream), CliError> {
        match &self.transport {
            Transport::Http(http) => http.call(request).await,
            Transport::Local(local) => local.call(request).await,
        }
    }
}

fn valid_request(
    request: Result<Request<Vec<u8>>, axum::http::Error>,
) -> Result<Request<Vec<u8>>, CliError> {
    request.map_err(|e| CliError::usage(format!("invalid request: {e}")))
}

async fn read_body(mut stream: ByteStream) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}

fn parse_response(status: StatusCode, bytes: &[u8]) -> Result<Value, CliError> {
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into())
    };
    if status.is_success() {
        return Ok(body);
    }
    Err(CliError::from_response(status.as_u16(), &body))
}

/// Percent-encodes a path segment or a query value.
pub fn percent_encode(text: &str) -> String {
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
    fn responses_are_parsed() {
        assert_eq!(parse_response(StatusCode::NO_CONTENT, b""), Ok(Value::Null));
        assert_eq!(parse_response(StatusCode::OK, b"{\"a\":1}"), Ok(json!({"a": 1})));
        let error = parse_response(StatusCode::BAD_GATEWAY, b"<html>").unwrap_err();
        assert_eq!(error.kind, CliErrorKind::Unreachable);
    }

    #[test]
    fn reserved_characters_are_encoded() {
        assert_eq!(percent_encode("wf-1_a.b~"), "wf-1_a.b~");
        assert_eq!(percent_encode("a/b?c d%é"), "a%2Fb%3Fc%20d%25%C3%A9");
    }
}
