//! Warnings about what other machines can do with this server.

use crate::config::Config;

/// Logs a warning for each risk of the configuration.
pub fn warn_of_exposure(config: &Config) {
    for warning in exposure_warnings(config) {
        tracing::warn!("{warning}");
    }
}

fn exposure_warnings(config: &Config) -> Vec<String> {
    let host = config.server.host;
    let mut warnings = Vec::new();
    if !config.api.auth_required {
        let clients = match host.is_loopback() {
            true => "every program on this machine".to_owned(),
            false => format!("everyone who can reach {host}"),
        };
        warnings.push(format!(
            "api.auth_required is false: {clients} has the permissions of an admin without a key"
        ));
    }
    let is_behind_tls = config.api.public_url.clone().map(String::from);
    if !host.is_loopback() && !is_behind_tls.is_some_and(|url| url.starts_with("https:")) {
        warnings.push(format!(
            "the server listens on {host} without TLS: API keys cross the network unencrypted; put a \
             proxy with TLS before it and set api.public_url, or listen on 127.0.0.1"
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_servers_are_reported() {
        for (host, auth, url, parts) in [
            ("127.0.0.1", true, None, &[][..]),
            ("::1", false, None, &["every program on this machine"]),
            ("0.0.0.0", true, None, &["without TLS"]),
            ("0.0.0.0", true, Some("http://h"), &["without TLS"]),
            ("0.0.0.0", true, Some("https://h"), &[]),
            ("10.0.0.1", false, None, &["everyone who can reach 10.0.0.1", "without TLS"]),
        ] {
            let mut config = Config::default();
            config.server.host = host.parse().unwrap();
            config.api.auth_required = auth;
            config.api.public_url = url.map(|url| url.parse().unwrap());
            let warnings = exposure_warnings(&config);
            assert_eq!(warnings.len(), parts.len(), "{host}: {warnings:?}");
            for (warning, part) in warnings.iter().zip(parts) {
                assert!(warning.contains(part), "{warning}");
            }
        }
    }
}
