//! The egress rules: allowed hosts, timeouts and size limits.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use stepwell_steps::OutboundError;
use url::{Host, Url};

use super::addresses::is_public;

/// The rules for everything that leaves the server.
#[derive(Debug, Clone)]
pub struct EgressRules {
    /// Whether private, loopback and other special addresses are allowed.
    pub allow_private: bool,
    /// Exceptions for `allow_private: false`.
    pub allowed: Vec<Allowed>,
    /// The timeout for a request with all its redirects, unless the request has its own.
    pub timeout: Duration,
    /// The timeout for connecting.
    pub connect_timeout: Duration,
    /// The largest response in bytes, after decompression; a request may lower it.
    pub max_response_bytes: usize,
    /// The most redirects; a request may lower it.
    pub max_redirects: usize,
}

impl Default for EgressRules {
    /// Public addresses only, 30 s, 4 MiB, 10 redirects.
    fn default() -> Self {
        Self {
            allow_private: false,
            allowed: Vec::new(),
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            max_response_bytes: 4 * 1024 * 1024,
            max_redirects: 10,
        }
    }
}

/// An exception for private addresses, written as a host name (`intranet.example`,
/// `*.intranet.example` for all below it), an address (`10.0.0.7`), or a network (`10.0.0.0/8`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// This host name, in lower case.
    Host(String),
    /// All host names below this one, in lower case.
    Below(String),
    /// The addresses of this network.
    Net(IpNet),
}

/// The text is not an [`Allowed`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no host name, address or network (`intranet.example`, `*.intranet.example`, `10.0.0.7`, `10.0.0.0/8`)"
)]
pub struct InvalidAllowed(String);

impl FromStr for Allowed {
    type Err = InvalidAllowed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidAllowed(text.to_owned());
        if text.contains('/') {
            return text.parse().map(Self::Net).map_err(|_| invalid());
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Net(address.into()));
        }
        let (name, below) = text.strip_prefix("*.").map_or((text, false), |rest| (rest, true));
        match Host::parse(name) {
            Ok(Host::Domain(name)) if below => Ok(Self::Below(name)),
            Ok(Host::Domain(name)) => Ok(Self::Host(name)),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => write!(f, "{name}"),
            Self::Below(name) => write!(f, "*.{name}"),
            Self::Net(net) => write!(f, "{net}"),
        }
    }
}

impl EgressRules {
    /// Checks a URL without resolving its host: `http` or `https`, a host, no user name and
    /// password, and no address or name that is known to be private.
    pub(super) fn check(&self, url: &Url) -> Result<(), OutboundError> {
        if !matches!(url.scheme(), "http" | "https") {
            let scheme = url.scheme();
            return Err(OutboundError::Invalid(format!(
                "the URL must start with `http://` or `https://`, not `{scheme}:`"
            )));
        }
        if !url.username().is_empty() || url.password().is_some() {
            let message = "a URL must not carry a user name or password: use a header";
            return Err(OutboundError::Invalid(message.to_owned()));
        }
        let fits = match url.host() {
            None => return Err(OutboundError::Invalid("the URL has no host".to_owned())),
            Some(Host::Ipv4(address)) => self.may_reach(address.into()),
            Some(Host::Ipv6(address)) => self.may_reach(address.into()),
            Some(Host::Domain(name)) => !is_local_name(name) || self.may_reach_name(name),
        };
        if fits { Ok(()) } else { Err(refused_host(url.host_str().unwrap_or_default())) }
    }

    /// Whether a connection to the address is allowed.
    pub(super) fn may_reach(&self, address: IpAddr) -> bool {
        self.allow_private
            || is_public(address)
            || self.allowed.iter().any(|allowed| match allowed {
                Allowed::Net(net) => net.contains(&address.to_canonical()),
                Allowed::Host(_) | Allowed::Below(_) => false,
            })
    }

    /// Whether the name may be resolved to any address.
    pub(super) fn may_reach_name(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.allow_private
            || self.allowed.iter().any(|allowed| match allowed {
                Allowed::Host(host) => name == *host,
                Allowed::Below(parent) => {
                    name.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
                }
                Allowed::Net(..) => false,
            })
    }
}

/// The error for a host that the rules forbid.
pub(super) fn refused_host(host: &str) -> OutboundError {
    OutboundError::Refused(format!(
        "`{host}` is a private or reserved address, which the egress rules do not allow; an \
         administrator can allow it in the server's configuration"
    ))
}

/// Whether the name always means this machine (RFC 6761).
fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_url(rules: &EgressRules, url: &str) -> &'static str {
        match Url::parse(url)
            .map_or(Err(OutboundError::Invalid(String::new())), |u| rules.check(&u))
        {
            Ok(()) => "ok",
            Err(OutboundError::Refused(_)) => "refused",
            Err(OutboundError::Invalid(_)) => "invalid",
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn private_hosts_are_refused() {
        let rules = EgressRules::default();
        for (url, expect) in [
            ("https://example.com/hook?x=1", "ok"),
            ("http://8.8.8.8:8080/", "ok"),
            ("ftp://example.com/", "invalid"),
            ("file:///etc/passwd", "invalid"),
            ("https://user:secret@example.com/", "invalid"),
            ("https://user@example.com/", "invalid"),
            ("http://localhost/", "refused"),
            ("http://LOCALHOST./", "refused"),
            ("http://db.localhost:5432/", "refused"),
            ("http://127.0.0.1/", "refused"),
            ("http://127.1/", "refused"),
            ("http://2130706433/", "refused"),
            ("http://0x7f.0.0.1/", "refused"),
            ("http://[::1]/", "refused"),
            ("http://[::ffff:127.0.0.1]/", "refused"),
            ("http://[::ffff:a9fe:a9fe]/", "refused"),
            ("http://169.254.169.254/latest/meta-data", "refused"),
        ] {
            assert_eq!(check_url(&rules, url), expect, "{url}");
        }
        let open = EgressRules { allow_private: true, ..EgressRules::default() };
        for url in ["http://localhost:1/", "http://127.0.0.1/", "http://[::1]/"] {
            assert_eq!(check_url(&open, url), "ok", "{url}");
        }
    }

    #[test]
    fn exceptions_allow_private_hosts() {
        let allowed = ["10.1.0.0/16", "192.168.0.7", "fd00::/8", "localhost", "*.corp.localhost"];
        let allowed = allowed.iter().map(|text| text.parse().unwrap()).collect();
        let rules = EgressRules { allowed, ..EgressRules::default() };
        for (url, expect) in [
            ("http://10.1.2.3/", "ok"),
            ("http://[::ffff:10.1.2.3]/", "ok"),
            ("http://10.2.0.1/", "refused"),
            ("http://192.168.0.7/", "ok"),
            ("http://192.168.0.8/", "refused"),
            ("http://[fd12::1]/", "ok"),
            ("http://[fc12::1]/", "refused"),
            ("http://localhost/", "ok"),
            ("http://a.corp.localhost/", "ok"),
            ("http://corp.localhost/", "refused"),
            ("http://acorp.localhost/", "refused"),
        ] {
            assert_eq!(check_url(&rules, url), expect, "{url}");
        }
    }

    #[test]
    fn exceptions_are_parsed_and_displayed() {
        for text in ["10.0.0.0/33", "fd00::/129", "x/8", "", "a b", "*.10.0.0.1"] {
            assert!(text.parse::<Allowed>().is_err(), "{text:?}");
        }
        for text in ["0.0.0.0/0", "Intranet.Example", "*.a.b", "fd00::/8"] {
            let allowed: Allowed = text.parse().unwrap();
            assert_eq!(allowed.to_string(), text.to_lowercase());
        }
    }
}
