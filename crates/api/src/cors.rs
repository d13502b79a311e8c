//! Which web pages may call the API from a browser. By default none of another origin may.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, Uri};
use serde::{Deserialize, Serialize};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// How long a browser may remember what it is allowed to do.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// The response headers that a page may read besides the few that every page may.
const SHOWN: [&str; 8] = [
    "content-disposition",
    "etag",
    "location",
    "retry-after",
    "x-rate-limit-limit",
    "x-rate-limit-remaining",
    "x-rate-limit-reset",
    "x-request-id",
];

/// The origin of web pages, `https://app.example.com`, or `*` for any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AllowedOrigin(String);

impl TryFrom<String> for AllowedOrigin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bare = |uri: Uri| {
            let written = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
            (written == text).then_some(())
        };
        if text == "*" || text.parse().ok().and_then(bare).is_some() {
            return Ok(Self(text));
        }
        Err(format!("{text:?} is no origin such as \"https://app.example.com\", nor \"*\" for any"))
    }
}

impl From<AllowedOrigin> for String {
    fn from(origin: AllowedOrigin) -> Self {
        origin.0
    }
}

/// Handles the preflight requests of browsers, and marks responses that pages may read. Keys travel in
/// headers that a page sets itself, never in cookies, so any origin is safe to allow as far as
/// its pages know no key.
pub(crate) fn cors_layer(origins: &[AllowedOrigin]) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin.0 == "*") {
        AllowOrigin::any()
    } else {
        // An origin is part of a URI, which is always a valid header value.
        AllowOrigin::list(origins.iter().filter_map(|o| HeaderValue::from_str(&o.0).ok()))
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(SHOWN.map(HeaderName::from_static))
        .max_age(REMEMBERED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_origins_only() {
        for text in ["*", "https://app.example.com", "http://localhost:5173", "http://[::1]:80"] {
            assert!(AllowedOrigin::try_from(text.to_owned()).is_ok(), "{text}");
        }
        for text in ["", "app.example.com", "https://a.example/", "https://a.example/x", "https://"]
        {
            assert!(AllowedOrigin::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
