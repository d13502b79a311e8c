//! The dialects: each a set of routes, bodies, and conversions. None imports another.

pub mod abi;
pub mod dataflow;
pub(crate) mod described;
pub mod vellum;

use std::time::Duration;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use crate::error::ApiError;
use crate::respond;

/// Whose error bodies a path gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `/workflows*`, and the service paths.
    Dataflow,
    /// `/api/v1/*`.
    Abi,
    /// `/v1/*`.
    Vellum,
}

impl Dialect {
    /// The dialect of a path.
    pub fn of(path: &str) -> Self {
        let is_under = |prefix| {
            let rest: Option<&str> = path.strip_prefix(prefix);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match path {
            _ if is_under("/api/v1") => Self::Abi,
            _ if is_under("/v1") => Self::Vellum,
            _ => Self::Dataflow,
        }
    }

    /// The response to a rejected request.
    pub fn refuse(self, error: &ApiError, request_id: &str) -> Response {
        let (status, body) = match self {
            Self::Dataflow => dataflow::errors::write_error(error, request_id),
            Self::Abi => abi::errors::write_error(error, request_id),
            Self::Vellum => vellum::errors::write_error(error, request_id),
        };
        let mut response = respond::json_text(status, body);
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"stepwell\"");
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(after) = error.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
        }
        response
    }
}

/// Rounded up: a client that comes back at that second finds the time over.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_belong_to_dialects() {
        for (path, expect) in [
            ("/workflows", Dialect::Dataflow),
            ("/", Dialect::Dataflow),
            ("/api/v1", Dialect::Abi),
            ("/api/v1/auth/me", Dialect::Abi),
            ("/api/v12", Dialect::Dataflow),
            ("/v1/execute-workflow", Dialect::Vellum),
            ("/v12", Dialect::Dataflow),
        ] {
            assert_eq!(Dialect::of(path), expect, "{path}");
        }
    }

    #[test]
    fn retry_after_is_rounded_up() {
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
    }
}
