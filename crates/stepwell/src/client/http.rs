//! Reaching a server over HTTP. The one HTTP client of the binary itself.

use std::time::Duration;

use axum::http::header::{HeaderName, HeaderValue};
use axum::http::{Request, StatusCode, Uri};
use futures_util::StreamExt;

use super::ByteStream;
use crate::fault::Fault;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A server.
pub struct Http {
    client: reqwest::Client,
    /// Without a slash at the end.
    base: String,
    key: Option<HeaderValue>,
}

impl Http {
    /// The server at `url`.
    ///
    /// # Errors
    /// `Usage` where the URL or the key cannot be used.
    pub fn new(url: &str, key: Option<String>) -> Result<Self, Fault> {
        let base = url.trim_end_matches('/').to_owned();
        let uri: Option<Uri> = base.parse().ok();
        if !uri
            .is_some_and(|u| matches!(u.scheme_str(), Some("http" | "https")) && u.host().is_some())
        {
            return Err(Fault::usage(format!(
                "`{url}` is not the address of a server; write it as http://127.0.0.1:8080"
            )));
        }
        let key = key.map(|key| HeaderValue::try_from(key.trim())).transpose();
        let mut key =
            key.map_err(|_| Fault::usage("the API key has characters that no key has"))?;
        if let Some(key) = &mut key {
            key.set_sensitive(true);
        }
        // The engine may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("stepwell/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| Fault::failed(format!("the HTTP client could not be started: {e}")))?;
        Ok(Self { client, base, key })
    }

    pub(super) async fn call(
        &self,
        mut request: Request<Vec<u8>>,
    ) -> Result<(StatusCode, ByteStream), Fault> {
        let url = format!("{}{}", self.base, request.uri());
        *request.uri_mut() = url
            .parse()
            .map_err(|e| Fault::usage(format!("the address {url} cannot be used: {e}")))?;
        if let Some(key) = &self.key {
            request.headers_mut().insert(HeaderName::from_static("x-api-key"), key.clone());
        }
        let request = reqwest::Request::try_from(request)
            .map_err(|e| Fault::usage(format!("the request cannot be written: {e}")))?;
        let response = self.client.execute(request).await.map_err(|e| self.unreachable(&e))?;
        let status = response.status();
        let stream = response.bytes_stream().map(|chunk| {
            chunk.map_err(|e| Fault::unreachable(format!("the answer broke off: {}", cause(&e))))
        });
        Ok((status, Box::pin(stream)))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Fault {
        Fault::unreachable(format!("no answer from {}: {}", self.base, cause(error)))
    }
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
