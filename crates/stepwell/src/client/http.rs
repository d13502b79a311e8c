//! Reaching a server over HTTP. The one HTTP client of the binary itself.

use std::time::Duration;

use axum::http::header::{HeaderName, HeaderValue};
use axum::http::{Request, StatusCode, Uri};
use futures_util::StreamExt;
use reqwest::Url;

use super::{ByteStream, proxy};
use crate::fault::Fault;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A server.
pub struct Http {
    client: reqwest::Client,
    /// Without a slash at the end. May hold credentials: not to be shown.
    base: String,
    /// The same without credentials, and the proxy that is in between.
    shown: String,
    proxy: Option<String>,
    key: Option<HeaderValue>,
}

impl Http {
    /// The server at `url`.
    ///
    /// # Errors
    /// `Usage` where the URL or the key cannot be used.
    pub fn new(url: &str, key: Option<String>) -> Result<Self, Fault> {
        let base = url.trim_end_matches('/').to_owned();
        // Not shown: it can be the key, given in the wrong place.
        let address = address(&base).ok_or_else(|| {
            Fault::usage("the server is not given as an address; write it as http://127.0.0.1:8080")
        })?;
        if key.as_ref().is_some_and(|key| key.contains("://")) {
            return Err(Fault::usage("the API key is an address; give that with --server"));
        }
        let key = key.map(|key| HeaderValue::try_from(key.trim())).transpose();
        let mut key =
            key.map_err(|_| Fault::usage("the API key has characters that no key has"))?;
        if let Some(key) = &mut key {
            key.set_sensitive(true);
        }
        // The engine may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("stepwell/", env!("CARGO_PKG_VERSION")));
        if proxy::is_loopback(&address) {
            client = client.no_proxy();
        }
        let client = client
            .build()
            .map_err(|e| Fault::failed(format!("the HTTP client could not be started: {e}")))?;
        let proxy = proxy::of_environment(&address);
        Ok(Self { client, base, shown: without_credentials(address), proxy, key })
    }

    pub(super) async fn call(
        &self,
        mut request: Request<Vec<u8>>,
    ) -> Result<(StatusCode, ByteStream), Fault> {
        let url = format!("{}{}", self.base, request.uri());
        *request.uri_mut() = url
            .parse()
            .map_err(|e| Fault::usage(format!("{}: the path cannot be used: {e}", self.shown)))?;
        if let Some(key) = &self.key {
            request.headers_mut().insert(HeaderName::from_static("x-api-key"), key.clone());
        }
        let request = reqwest::Request::try_from(request)
            .map_err(|e| Fault::usage(format!("the request cannot be written: {e}")))?;
        let response = self.client.execute(request).await.map_err(|e| self.unreachable(e))?;
        let status = response.status();
        let stream = response.bytes_stream().map(|chunk| {
            chunk.map_err(|e| {
                let cause = cause(&e.without_url());
                Fault::unreachable(format!("the answer broke off: {cause}"))
            })
        });
        Ok((status, Box::pin(stream)))
    }

    fn unreachable(&self, error: reqwest::Error) -> Fault {
        let cause = cause(&error.without_url());
        self.naming_proxy(Fault::unreachable(format!("no answer from {}: {cause}", self.shown)))
    }

    /// The same, with the proxy that requests go through.
    pub(super) fn naming_proxy(&self, mut fault: Fault) -> Fault {
        if let Some(proxy) = &self.proxy {
            fault.message.push_str(&format!(
                " (through the proxy {proxy} of the environment; NO_PROXY exempts a server)"
            ));
        }
        fault
    }
}

fn address(base: &str) -> Option<Url> {
    let uri: Uri = base.parse().ok()?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    if is_http && uri.host().is_some() { base.parse().ok() } else { None }
}

/// An address as it may be shown.
fn without_credentials(mut address: Url) -> String {
    // An address with a host can be without them.
    let _ = address.set_username("").and_then(|()| address.set_password(None));
    address.as_str().trim_end_matches('/').to_owned()
}

/// The innermost reason, which is the one that tells something.
fn cause(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Kind;

    #[test]
    fn addresses_are_checked() {
        for (url, good) in [
            ("http://127.0.0.1:8080", true),
            ("https://example.com/stepwell/", true),
            ("127.0.0.1:8080", false),
            ("ftp://example.com", false),
            ("", false),
        ] {
            assert_eq!(Http::new(url, None).is_ok(), good, "{url}");
        }
        assert!(Http::new("http://a", Some("b\nc".into())).is_err());
    }

    #[tokio::test]
    async fn no_error_shows_a_key() {
        let key = "sk_live_secret";
        let mut messages = vec![
            Http::new(key, Some("http://127.0.0.1:8080".into())).err().unwrap().message,
            Http::new("http://127.0.0.1:8080", Some(format!("http://{key}")))
                .err()
                .unwrap()
                .message,
            Http::new("http://127.0.0.1:8080", Some(format!("{key}\n{key}")))
                .err()
                .unwrap()
                .message,
        ];
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        for url in [format!("http://user:{key}@{address}"), format!("http://{key}@{address}")] {
            let http = Http::new(&url, Some(key.into())).unwrap();
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
    async fn a_server_that_is_not_there_is_unreachable() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let http = Http::new(&url, None).unwrap();
        let request = Request::builder().uri("/workflows").body(Vec::new()).unwrap();
        let fault = http.call(request).await.err().unwrap();
        assert_eq!(fault.kind, Kind::Unreachable);
        assert!(fault.message.contains(&url), "{}", fault.message);
    }
}
