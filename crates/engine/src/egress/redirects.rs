//! The next request after a redirect.

use reqwest::header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Method, StatusCode};
use stepwell_steps::OutboundError;
use url::Url;

/// Headers that are sent to another origin as well. Any other may contain a credential.
const HARMLESS: [&str; 8] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "content-type",
    "content-encoding",
    "content-language",
    "idempotency-key",
    "user-agent",
];

/// A request that can be sent again to another URL.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Option<Vec<u8>>,
}

/// The target of a redirect; `None` if the response is none.
pub(super) fn redirect_target(
    from: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Url>, OutboundError> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = headers.get(LOCATION) else { return Ok(None) };
    let location = std::str::from_utf8(location.as_bytes()).ok();
    let url = location.and_then(|location| from.join(location).ok());
    let invalid = || OutboundError::Invalid("redirected to something that is no URL".to_owned());
    Ok(Some(url.ok_or_else(invalid)?))
}

impl Hop {
    /// The request to the target of a redirect, as browsers send it.
    pub fn redirected(mut self, status: StatusCode, to: Url) -> Self {
        let to_get = match status.as_u16() {
            301 | 302 => self.method == Method::POST,
            303 => self.method != Method::HEAD && self.method != Method::GET,
            _ => false,
        };
        if to_get {
            self.method = Method::GET;
            self.body = None;
            for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
                self.headers.remove(name);
            }
        }
        if self.url.origin() != to.origin() {
            let kept = self.headers.iter().filter(|(name, _)| HARMLESS.contains(&name.as_str()));
            self.headers = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        }
        self.url = to;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: &Method) -> Hop {
        let mut headers = HeaderMap::new();
        for name in ["authorization", "cookie", "x-api-key", "x-odd", "content-type", "accept"] {
            headers.insert(name, "v".parse().unwrap());
        }
        let url = Url::parse("https://a.example/x").unwrap();
        Hop { method: method.clone(), url, headers, body: Some(b"body".to_vec()) }
    }

    #[test]
    fn credentials_are_sent_to_the_same_origin_only() {
        for (to, kept) in [
            ("https://a.example/y", 6),
            ("https://a.example:443/y", 6),
            ("https://a.example:8443/y", 2),
            ("http://a.example/y", 2),
            ("https://b.example/y", 2),
        ] {
            let status = StatusCode::TEMPORARY_REDIRECT;
            let next = hop(&Method::POST).redirected(status, Url::parse(to).unwrap());
            assert_eq!(next.headers.len(), kept, "{to}");
            assert_eq!(next.headers.contains_key("authorization"), kept == 6, "{to}");
            assert_eq!(next.body.as_deref(), Some(&b"body"[..]));
        }
    }

    #[test]
    fn the_method_changes_as_in_browsers() {
        for (status, method, expect) in [
            (301, Method::POST, Method::GET),
            (302, Method::POST, Method::GET),
            (302, Method::PUT, Method::PUT),
            (303, Method::PUT, Method::GET),
            (303, Method::HEAD, Method::HEAD),
            (307, Method::POST, Method::POST),
            (308, Method::DELETE, Method::DELETE),
        ] {
            let to = Url::parse("https://a.example/y").unwrap();
            let next = hop(&method).redirected(StatusCode::from_u16(status).unwrap(), to);
            assert_eq!(next.method, expect, "{status} {method}");
            assert_eq!(next.body.is_some(), next.method == method, "{status} {method}");
        }
    }
}
