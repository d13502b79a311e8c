//! A server over HTTP. The only HTTP client of this crate.

use std::time::Duration;

use axum::http::header::{HeaderName, HeaderValue};
use axum::http::{Request, StatusCode, Uri};
use futures_util::StreamExt;
use reqwest::Url;
use stepwell_engine::egress::built_in_authorities;

use super::proxy;
use super::transport::ByteStream;
use crate::error::CliError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

pub struct HttpTransport {
    client: reqwest::Client,
    /// Without a trailing slash. May contain credentials: must not be shown.
    base: String,
    /// The base URL without credentials, for messages.
    shown: String,
    /// The proxy for this server, for messages.
    proxy: Option<String>,
    key: Option<HeaderValue>,
}

impl HttpTransport {
    /// The URL of the server without credentials.
    pub fn shown_url(&self) -> &str {
        &self.shown
    }

    /// # Errors
    /// `Usage` if the URL or the key is malformed.
    pub fn new(url: &str, key: Option<String>) -> Result<Self, CliError> {
        let base = url.trim_end_matches('/').to_owned();
        // The URL is not shown: it may be the key, passed to the wrong flag.
        let address = parse_url(&base).ok_or_else(|| {
            CliError::usage("--server is not a URL; use the form http://127.0.0.1:8080")
        })?;
        if key.as_ref().is_some_and(|key| key.contains("://")) {
            return Err(CliError::usage("the API key is a URL; pass the URL with --server"));
        }
        let key = key.map(|key| HeaderValue::try_from(key.trim())).transpose();
        let mut key = key.map_err(|_| CliError::usage("the API key has invalid characters"))?;
        if let Some(key) = &mut key {
            key.set_sensitive(true);
        }
        // Fails if the engine has installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Without certificate authorities of the system (a bare container), the built-in ones.
        let client = client_builder(&address)
            .build()
            .or_else(|_| client_builder(&address).tls_certs_only(built_in_authorities()?).build())
            .map_err(|e| CliError::failed(format!("cannot create the HTTP client: {e}")))?;
        let proxy = proxy::from_environment(&address);
        Ok(Self { client, base, shown: without_credentials(address), proxy, key })
    }

    pub(super) async fn call(
        &self,
        mut request: Request<Vec<u8>>,
    ) -> Result<(StatusCode, ByteStream), CliError> {
        let url = format!("{}{}", self.base, request.uri());
        *request.uri_mut() = url
            .parse()
            .map_err(|e| CliError::usage(format!("{}: invalid request path: {e}", self.shown)))?;
        if let Some(key) = &self.key {
            request.headers_mut().insert(HeaderName::from_static("x-api-key"), key.clone());
        }
        let request = reqwest::Request::try_from(request)
            .map_err(|e| CliError::usage(format!("invalid request: {e}")))?;
        let response = self.client.execute(request).await.map_err(|e| self.unreachable(e))?;
        let status = response.status();
        let stream = response.bytes_stream().map(|chunk| {
            chunk.map_err(|e| {
                let cause = root_cause(&e.without_url());
                CliError::unreachable(format!("the response was interrupted: {cause}"))
            })
        });
        Ok((status, Box::pin(stream)))
    }

    fn unreachable(&self, error: reqwest::Error) -> CliError {
        let cause = root_cause(&error.without_url());
        self.with_proxy_hint(CliError::unreachable(format!(
            "no response from {}: {cause}",
            self.shown
        )))
    }

    /// Names the proxy in the message, if requests go through one.
    pub(super) fn with_proxy_hint(&self, mut error: CliError) -> CliError {
        if let Some(proxy) = &self.proxy {
            error.message.push_str(&format!(
                " (through the proxy {proxy} of the environment; exclude the server with NO_PROXY)"
            ));
        }
        error
    }
}

fn client_builder(address: &Url) -> reqwest::ClientBuilder {
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("stepwell/", env!("CARGO_PKG_VERSION")));
    if proxy::is_loopback(address) { client.no_proxy() } else { client }
}

fn parse_url(base: &str) -> Option<Url> {
    let uri: Uri = base.parse().ok()?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    if is_http && uri.host().is_some() { base.parse().ok() } else { None }
}

fn without_credentials(mut address: Url) -> String {
    // Fails only for URLs without a host.
    let _ = address.set_username("").and_then(|()| address.set_password(None));
    address.as_str().trim_end_matches('/').to_owned()
}

/// The innermost cause: the outer errors only name the operation.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::CliErrorKind;

    #[test]
    fn urls_are_validated() {
        for (url, good) in [
            ("http://127.0.0.1:8080", true),
            ("https://example.com/stepwell/", true),
            ("127.0.0.1:8080", false),
            ("ftp://example.com", false),
            ("", false),
        ] {
            assert_eq!(HttpTransport::new(url, None).is_ok(), good, "{url}");
        }
        assert!(HttpTransport::new("http://a", Some("b\nc".into())).is_err());
    }

    #[tokio::test]
    async fn no_error_contains_the_key() {
        let key = "sk_live_secret";
        let mut messages = vec![
            HttpTransport::new(key, Some("http://127.0.0.1:8080".into())).err().unwrap().message,
            HttpTransport::new("http://127.0.0.1:8080", Some(format!("http://{key}")))
                .err()
                .unwrap()
                .message,
            HttpTransport::new("http://127.0.0.1:8080", Some(format!("{key}\n{key}")))
                .err()
                .unwrap()
                .message,
        ];
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        for url in [format!("http://user:{key}@{address}"), format!("http://{key}@{address}")] {
            let http = HttpTransport::new(&url, Some(key.into())).unwrap();
            let request = Request::builder().uri("/workflows").body(Vec::new()).unwrap();
            let message = http.call(request).await.err().unwrap().message;
            assert!(message.contains(&address.to_string()), "{message}");
            messages.push(message);
        }
        for message in messages {
            assert!(!message.contains(key), "{message}");
        }
    }

    #[tokio::test]
    async fn a_refused_connection_is_unreachable() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let http = HttpTransport::new(&url, None).unwrap();
        let request = Request::builder().uri("/workflows").body(Vec::new()).unwrap();
        let error = http.call(request).await.err().unwrap();
        assert_eq!(error.kind, CliErrorKind::Unreachable);
        assert!(error.message.contains(&url), "{}", error.message);
    }
}
