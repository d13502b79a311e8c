//! The URL at which clients see the server: configured, or as stated by a trusted proxy. It is the
//! base of `Location` headers and of links in bodies.

use std::str::FromStr;

use axum::http::uri::{Authority, Scheme};
use axum::http::{Extensions, HeaderMap, HeaderValue, Uri};
use serde::{Deserialize, Serialize};

use crate::config::ApiConfig;
use crate::peer;

const FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_PREFIX: &str = "x-forwarded-prefix";

/// The longest path prefix that is accepted from a proxy.
const MAX_PREFIX: usize = 256;

/// An absolute URL without query, such as `https://example.com/stepwell`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicUrl(BaseUrl);

/// What precedes a path of the server in the URLs that clients use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Scheme and host, such as `https://example.com`; empty if unknown.
    origin: String,
    /// Empty, or a path such as `/stepwell`.
    prefix: String,
    /// Whether it is configured, so that it is the same for all requests.
    pub is_configured: bool,
}

impl BaseUrl {
    /// The URL of a path of the server; only the path if the host is unknown.
    pub fn url_of(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.prefix)
    }

    /// The path and query of a request as the client sent it.
    pub fn path_of(&self, uri: &Uri) -> Uri {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        format!("{}{path}", self.prefix).parse().unwrap_or_else(|_| uri.clone())
    }

    /// Makes a `Location` header that is a path of the server the URL of that path.
    pub fn complete_location(&self, location: &HeaderValue) -> Option<HeaderValue> {
        let path = location.to_str().ok().filter(|path| path.starts_with('/'))?;
        HeaderValue::from_str(&self.url_of(path)).ok()
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "{text:?} {why}; write the URL at which clients reach the server, such as \
                 \"https://example.com/stepwell\""
            )
        };
        let uri: Uri = text.parse().map_err(|_| wrong("is not a URL"))?;
        let (Some(scheme), Some(host)) = (uri.scheme(), uri.authority()) else {
            return Err(wrong("is not an absolute URL"));
        };
        if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS {
            return Err(wrong("is neither http nor https"));
        }
        if host.as_str().contains('@') {
            return Err(wrong("contains a user name"));
        }
        if text.contains(['?', '#']) {
            return Err(wrong("has a query or a fragment"));
        }
        let prefix = uri.path().trim_end_matches('/');
        if !prefix.is_empty() && !is_prefix(prefix) {
            return Err(wrong("has a path that is not valid"));
        }
        let origin = format!("{scheme}://{host}");
        Ok(Self(BaseUrl { origin, prefix: prefix.to_owned(), is_configured: true }))
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PublicUrl> for String {
    fn from(url: PublicUrl) -> Self {
        url.0.url_of("")
    }
}

/// The base of the URLs in the response to a request; `None` if neither the configuration nor a
/// trusted proxy states one.
pub fn find_base(
    config: &ApiConfig,
    extensions: &Extensions,
    headers: &HeaderMap,
) -> Option<BaseUrl> {
    if let Some(PublicUrl(base)) = &config.public_url {
        return Some(base.clone());
    }
    let is_trusted = peer::is_trusted_peer(&config.trusted_proxies, extensions);
    if is_trusted { forwarded_base(headers) } else { None }
}

/// The base that a proxy states. Headers that are not valid are ignored.
fn forwarded_base(headers: &HeaderMap) -> Option<BaseUrl> {
    let host = first_value(headers, FORWARDED_HOST).filter(|host| is_host(host));
    let prefix = first_value(headers, FORWARDED_PREFIX).map(|text| text.trim_end_matches('/'));
    let prefix = prefix.filter(|prefix| is_prefix(prefix));
    if host.is_none() && prefix.is_none() {
        return None;
    }
    let scheme = match first_value(headers, FORWARDED_PROTO) {
        Some(proto) if proto.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    };
    let origin = host.map(|host| format!("{scheme}://{host}")).unwrap_or_default();
    let prefix = prefix.unwrap_or_default().to_owned();
    Some(BaseUrl { origin, prefix, is_configured: false })
}

/// The value of the proxy that is nearest to the client, if several have added theirs.
fn first_value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(text.split(',').next().unwrap_or(text).trim())
}

fn is_host(text: &str) -> bool {
    !text.contains('@') && text.parse::<Authority>().is_ok()
}

/// Whether it is a path that can precede another one. Two leading slashes would make it a host.
fn is_prefix(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/%".contains(&b);
    text.len() <= MAX_PREFIX
        && text.starts_with('/')
        && !text.contains("//")
        && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_urls_are_absolute_and_plain() {
        for (text, stored) in [
            ("https://example.com", "https://example.com"),
            ("https://example.com/", "https://example.com"),
            ("http://h:8080/a/b/", "http://h:8080/a/b"),
        ] {
            let url: PublicUrl = text.parse().unwrap();
            assert_eq!(String::from(url), stored);
        }
        for (text, why) in [
            ("", "is not a URL"),
            ("example.com", "is not an absolute URL"),
            ("/stepwell", "is not an absolute URL"),
            ("ftp://h/x", "is neither http nor https"),
            ("https://u:p@h/x", "contains a user name"),
            ("https://h/x?y=1", "has a query"),
            ("https://h/x#y", "has a query"),
            ("https://h//x", "has a path"),
        ] {
            let message = text.parse::<PublicUrl>().unwrap_err();
            assert!(message.contains(why), "{text}: {message}");
        }
    }

    #[test]
    fn headers_of_proxies_are_checked() {
        let base = |proto: &str, host: &str, prefix: &str| {
            let mut headers = HeaderMap::new();
            let values =
                [(FORWARDED_PROTO, proto), (FORWARDED_HOST, host), (FORWARDED_PREFIX, prefix)];
            for (name, value) in values.into_iter().filter(|(_, value)| !value.is_empty()) {
                headers.insert(name, HeaderValue::from_str(value).unwrap());
            }
            forwarded_base(&headers).map(|base| base.url_of("/x"))
        };
        for (proto, host, prefix, expect) in [
            ("", "", "", None),
            ("https", "", "", None),
            ("https", "h.example", "", Some("https://h.example/x")),
            ("https", "h.example:8443", "/s/", Some("https://h.example:8443/s/x")),
            ("HTTPS, http", "a.example, b", "/s, /t", Some("https://a.example/s/x")),
            ("javascript", "h.example", "", Some("http://h.example/x")),
            ("", "", "/stepwell", Some("/stepwell/x")),
            ("", "", "//evil.example", None),
            ("", "", "stepwell", None),
            ("", "", "/a b", None),
            ("", "user@h", "/s", Some("/s/x")),
        ] {
            assert_eq!(base(proto, host, prefix).as_deref(), expect, "{proto} {host} {prefix}");
        }
    }
}
