//! The proxy of the environment for a server. Loopback addresses never use one: the server is on
//! this machine, and a remote proxy would receive the key and connect to its own loopback address.

use std::net::IpAddr;

use axum::http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

/// Whether a server is on this machine, in any notation of its address.
pub fn is_loopback(server: &Url) -> bool {
    let Some(host) = server.host_str() else { return false };
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(address) => address.is_loopback() || address.is_unspecified(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// The proxy of the environment for a server, without credentials. The HTTP client selects it by the
/// same rules.
pub fn from_environment(server: &Url) -> Option<String> {
    select_proxy(&Matcher::from_env(), server)
}

fn select_proxy(proxies: &Matcher, server: &Url) -> Option<String> {
    if is_loopback(server) {
        return None;
    }
    let server: Uri = server.as_str().parse().ok()?;
    let proxy = proxies.intercept(&server)?;
    Some(proxy.uri().to_string().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_are_recognised_in_every_notation() {
        for (url, expect) in [
            ("http://127.0.0.1:8080", true),
            ("http://127.9.9.9", true),
            ("http://127.1:8080", true),
            ("http://0x7f.1", true),
            ("http://2130706433", true),
            ("http://[::1]:8080", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("http://0.0.0.0:8080", true),
            ("http://localhost:8080", true),
            ("http://LOCALHOST.", true),
            ("http://a.localhost", true),
            ("http://user:secret@127.0.0.1", true),
            ("http://example.com", false),
            ("http://localhost.example.com", false),
            ("http://10.0.0.1", false),
            ("http://[2001:db8::1]", false),
            ("http://127.0.0.1.example.com", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), expect, "{url}");
        }
    }

    #[test]
    fn proxies_are_named_without_their_credentials() {
        let all = || Matcher::builder().all("http://user:secret@proxy.example:3128/");
        let proxied = Some("http://proxy.example:3128");
        for (proxies, url, expect) in [
            (all().build(), "http://stepwell.example:8080", proxied),
            (all().build(), "https://stepwell.example", proxied),
            (all().build(), "http://127.0.0.1:8080", None),
            (all().build(), "http://[::1]:8080", None),
            (all().no("stepwell.example").build(), "http://stepwell.example:8080", None),
            (all().no("10.0.0.0/8").build(), "http://10.1.2.3", None),
            (Matcher::builder().build(), "http://stepwell.example", None),
        ] {
            assert_eq!(select_proxy(&proxies, &url.parse().unwrap()).as_deref(), expect, "{url}");
        }
    }
}
