//! One request and its response on a connection: what HTTP itself requires, whichever API the path
//! belongs to.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::connect_info::ConnectInfo;
use axum::http::header::{CONNECTION, EXPECT, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Request, Response, Version};
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use stepwell_engine::App;
use tower::Service;

use super::state::{ConnectionPhase, ConnectionState};
use super::table::ConnectionTable;
use super::unread;
use crate::error::{ApiError, Kind};
use crate::peer::PeerAddress;
use crate::shared_router::SharedRouter;
use crate::state::Stopping;

/// What operators and their probes request; served even if all places are taken.
const OPERATORS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// When to try again where all places are taken.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What the requests of one connection share.
pub struct HttpExchange {
    pub app: App,
    pub table: Arc<ConnectionTable>,
    pub router: SharedRouter,
    pub stopping: Stopping,
    pub connection: Arc<ConnectionState>,
    pub peer: SocketAddr,
}

impl HttpExchange {
    /// Serves a request.
    pub async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<ResponseBody>, Infallible> {
        self.connection.enter(ConnectionPhase::Serving);
        let (parts, body) = request.into_parts();
        let expects = parts.headers.contains_key(EXPECT);
        let is_admitted = self.table.promote(&self.connection);
        let (body, unread) = unread::watch_body(body);
        let mut request = Request::from_parts(parts, body);
        let fault = if !is_admitted && !OPERATORS.contains(&request.uri().path()) {
            Some(server_overloaded())
        } else {
            host_fault(request.version(), request.headers())
                .or_else(|| expectation_fault(request.version(), request.headers()))
        };
        let may_wait = fault.is_none() && !expects;
        let extensions = request.extensions_mut();
        extensions.insert(ConnectInfo(PeerAddress::new(self.peer)));
        extensions.insert(self.stopping.clone());
        if let Some(fault) = fault {
            extensions.insert(fault);
        }
        let mut response = self.router.current().call(request).await.unwrap_or_else(|e| match e {});
        let is_consumed = unread.wait_until_consumed(may_wait).await;
        if !is_consumed {
            self.connection.linger();
        }
        if !is_consumed || !is_admitted {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let connection = Arc::clone(&self.connection);
        Ok(response.map(|inner| ResponseBody { inner, connection }))
    }
}

/// The error of a request that finds all places taken.
pub fn server_overloaded() -> ApiError {
    ApiError::new(Kind::Unavailable, "the server has as many connections as it can hold; try again")
        .after(TRY_AGAIN)
}

/// RFC 9112, 3.2: a request of HTTP/1.1 has one `Host` header, and no request has two.
fn host_fault(version: Version, headers: &HeaderMap) -> Option<ApiError> {
    let mut hosts = headers.get_all(HOST).iter();
    let message = match (hosts.next(), hosts.next()) {
        (None, _) if version < Version::HTTP_11 => return None,
        (None, _) => "is missing; send one, such as `Host: workflows.example.com`",
        (Some(_), Some(_)) => "is there more than once; send it once",
        (Some(host), None) if is_host(host) => return None,
        (Some(_), None) => {
            "is not a host with an optional port, such as `workflows.example.com:8080`"
        }
    };
    Some(ApiError::invalid("Host", message))
}

/// RFC 9110, 10.1.1: `100-continue` is the only expectation there is. HTTP/1.0 has none.
fn expectation_fault(version: Version, headers: &HeaderMap) -> Option<ApiError> {
    if version < Version::HTTP_11 {
        return None;
    }
    let is_known = |value: &HeaderValue| {
        let mut expected = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        expected.all(|one| one.is_empty() || one.eq_ignore_ascii_case(b"100-continue"))
    };
    let is_unknown = headers.get_all(EXPECT).iter().any(|value| !is_known(value));
    let message = "requires what is not supported; send `100-continue`, or omit the header";
    is_unknown.then(|| ApiError::invalid("Expect", message).into_kind(Kind::ExpectationFailed))
}

/// A host may be empty where the address of the server has none.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    text.is_empty() || (!text.contains('@') && text.parse::<Authority>().is_ok())
}

/// The body of a response; the connection waits for the next request when it is done.
pub struct ResponseBody {
    inner: Body,
    connection: Arc<ConnectionState>,
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.connection.enter(ConnectionPhase::Flushing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_expectation_is_to_continue() {
        for (version, value, ok) in [
            (Version::HTTP_11, "100-continue", true),
            (Version::HTTP_11, "100-Continue", true),
            (Version::HTTP_11, "", true),
            (Version::HTTP_11, "200-ok", false),
            (Version::HTTP_11, "100-continue, 200-ok", false),
            (Version::HTTP_10, "200-ok", true),
        ] {
            let headers = [(EXPECT, HeaderValue::from_static(value))].into_iter().collect();
            assert_eq!(expectation_fault(version, &headers).is_none(), ok, "{version:?} {value}");
        }
        assert!(expectation_fault(Version::HTTP_11, &HeaderMap::new()).is_none());
    }

    #[test]
    fn a_request_has_one_host() {
        for (version, hosts, ok) in [
            (Version::HTTP_11, &["a.example"][..], true),
            (Version::HTTP_11, &["[::1]:8080"], true),
            (Version::HTTP_11, &["under_score:80"], true),
            (Version::HTTP_11, &[""], true),
            (Version::HTTP_11, &[], false),
            (Version::HTTP_11, &["a", "a"], false),
            (Version::HTTP_11, &["a b"], false),
            (Version::HTTP_11, &["a/b"], false),
            (Version::HTTP_11, &["user@a"], false),
            (Version::HTTP_11, &["a, b"], false),
            (Version::HTTP_10, &[], true),
            (Version::HTTP_10, &["a", "b"], false),
        ] {
            let headers = hosts.iter().map(|host| (HOST, HeaderValue::from_static(host)));
            let fault = host_fault(
                version,
                &headers.fold(HeaderMap::new(), |mut all, (n, v)| {
                    all.append(n, v);
                    all
                }),
            );
            assert_eq!(fault.is_none(), ok, "{version:?} {hosts:?}");
            assert!(fault.is_none_or(|fault| fault.details()[0].path == "Host"));
        }
    }
}
