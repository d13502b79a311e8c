//! Open files: the process raises its own limit, and keeps connections from using up the
//! descriptors that the database and outgoing requests need.

use crate::wiring::ApiConfig;

/// For what is opened now and then: a backup, the admin key, certificates.
const OTHERS: u64 = 8;

/// Raises the limit of open files as far as the system allows; the limit, where there is one.
#[cfg(unix)]
pub fn raise_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, limit = current, "the limit of open files cannot be raised");
            current
        }
    }
}

/// Raises the limit of open files as far as the system allows; the limit, where there is one.
#[cfg(not(unix))]
pub fn raise_limit() -> Option<u64> {
    None
}

/// How many files are open now.
fn open_files() -> u64 {
    // Where neither is there, the usual number of a server that has just started.
    let listed = std::fs::read_dir("/proc/self/fd").or_else(|_| std::fs::read_dir("/dev/fd"));
    listed.map_or(32, |files| files.count() as u64)
}

/// The API's settings with as many connections as the limit of open files allows. To be called when
/// everything that stays open is open.
pub fn fit_connections(api: &ApiConfig, limit: Option<u64>) -> ApiConfig {
    let Some(limit) = limit else { return api.clone() };
    let fitted = fit(api, limit.saturating_sub(open_files() + OTHERS));
    if fitted.max_connections < api.max_connections {
        tracing::warn!(
            limit,
            max_connections = fitted.max_connections,
            configured = api.max_connections,
            "the limit of open files allows fewer connections than configured"
        );
    }
    fitted
}

/// Shares descriptors out: a few for operators, a quarter of the rest for requests that steps and
/// webhooks make, the others for connections.
fn fit(api: &ApiConfig, spare: u64) -> ApiConfig {
    let most = |files: u64| usize::try_from(files).unwrap_or(usize::MAX).max(1);
    let reserved = api.reserved_connections.min(most(spare / 8));
    let rest = spare.saturating_sub(reserved as u64);
    ApiConfig {
        max_connections: api.max_connections.min(most(rest - rest / 4)),
        reserved_connections: reserved,
        ..api.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        let api =
            ApiConfig { max_connections: 4096, reserved_connections: 16, ..ApiConfig::default() };
        for (spare, connections, reserved) in
            [(1_000_000, 4096, 16), (1_000, 738, 16), (32, 21, 4), (4, 3, 1), (0, 1, 1)]
        {
            let fitted = fit(&api, spare);
            let found = (fitted.max_connections, fitted.reserved_connections);
            assert_eq!(found, (connections, reserved), "{spare}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn the_limit_is_raised_to_the_hard_one() {
        use rustix::process::{Resource, getrlimit};
        let limit = raise_limit();
        assert_eq!(getrlimit(Resource::Nofile).current, getrlimit(Resource::Nofile).maximum);
        assert_eq!(limit, getrlimit(Resource::Nofile).maximum);
    }
}
