//! Where a request comes from: the other side of its connection, or whom a proxy that is trusted
//! names. An address that no trusted proxy vouches for is never used.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::extract::connect_info::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};

/// Where proxies name the client, each adding the address from which it was called.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other side of a connection.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(SocketAddr);

impl PeerAddress {
    /// The other side at that address.
    pub const fn new(address: SocketAddr) -> Self {
        Self(address)
    }
}

/// Addresses that belong together: `10.0.0.0/8`, or one alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrustedNetwork {
    first: IpAddr,
    /// How many of the leading bits are the same for all.
    bits: u32,
}

impl TrustedNetwork {
    fn contains(self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let differ = first.to_bits() ^ address.to_bits();
                differ.leading_zeros() >= self.bits
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let differ = first.to_bits() ^ address.to_bits();
                differ.leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

impl FromStr for TrustedNetwork {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no address such as \"10.0.0.7\", nor a network such as \"10.0.0.0/8\""
            )
        };
        let (first, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let first: IpAddr = first.parse().map_err(|_| wrong())?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        if bits > most { Err(wrong()) } else { Ok(Self { first, bits }) }
    }
}

impl TryFrom<String> for TrustedNetwork {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TrustedNetwork> for String {
    fn from(network: TrustedNetwork) -> Self {
        let TrustedNetwork { first, bits } = network;
        let most = if first.is_ipv4() { 32 } else { 128 };
        if bits == most { first.to_string() } else { format!("{first}/{bits}") }
    }
}

/// The address of the client; `None` where the request came over no connection.
pub fn client_address(
    trusted: &[TrustedNetwork],
    extensions: &Extensions,
    headers: &HeaderMap,
) -> Option<IpAddr> {
    let ConnectInfo(PeerAddress(peer)) = extensions.get::<ConnectInfo<PeerAddress>>()?;
    Some(forwarded_address(trusted, peer.ip().to_canonical(), headers))
}

/// Whether the other side of the connection is a trusted proxy.
pub fn is_trusted_peer(trusted: &[TrustedNetwork], extensions: &Extensions) -> bool {
    let Some(ConnectInfo(PeerAddress(peer))) = extensions.get::<ConnectInfo<PeerAddress>>() else {
        return false;
    };
    let address = peer.ip().to_canonical();
    trusted.iter().any(|network| network.contains(address))
}

/// Walks back from the peer through the proxies that are trusted to the first that is not, which
/// is the client. What precedes it in the header was sent by the client itself.
fn forwarded_address(trusted: &[TrustedNetwork], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut address = peer;
    let written =
        headers.get_all(FORWARDED_FOR).into_iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = written.flat_map(|value| value.split(',')).collect();
    for hop in hops.into_iter().rev() {
        if !trusted.iter().any(|network| network.contains(address)) {
            break;
        }
        match hop_address(hop.trim()) {
            Some(before) => address = before,
            None => break,
        }
    }
    address
}

/// An address, with or without a port.
fn hop_address(text: &str) -> Option<IpAddr> {
    let bare = text.parse().ok();
    let address = bare.or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn networks_contain_their_addresses() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.0.0.7", "10.0.0.7", "10.0.0.6"),
            ("192.168.4.0/23", "192.168.5.255", "192.168.6.0"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::"),
            ("::1", "::1", "127.0.0.1"),
        ] {
            let parsed: TrustedNetwork = network.parse().unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!parsed.contains(outside.parse().unwrap()), "{network} {outside}");
            assert_eq!(String::from(parsed), network);
        }
        for wrong in ["", "10.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/", "proxy"] {
            assert!(wrong.parse::<TrustedNetwork>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted: Vec<TrustedNetwork> = ["10.0.0.0/8", "::1"].map(|n| n.parse().unwrap()).into();
        for (peer, headers, expect) in [
            ("10.0.0.1", &[][..], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            // The header of a peer that is no proxy is not trusted.
            ("203.0.113.1", &["10.0.0.5"], "203.0.113.1"),
            // What comes before the first that is not trusted is the client's own word.
            ("10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.9.9.9"], "203.0.113.9"),
            ("10.0.0.1", &["1.1.1.1", "203.0.113.9,10.9.9.9"], "203.0.113.9"),
            ("::1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.1", &["203.0.113.9:80"], "203.0.113.9"),
            ("10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
        ] {
            let mut all = HeaderMap::new();
            for value in headers {
                all.append(FORWARDED_FOR, HeaderValue::from_static(value));
            }
            let found = forwarded_address(&trusted, peer.parse().unwrap(), &all);
            assert_eq!(found, expect.parse::<IpAddr>().unwrap(), "{peer} {all:?}");
        }
    }
}
