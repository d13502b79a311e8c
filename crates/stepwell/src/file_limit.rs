//! The limit of open files: the process raises it, and limits connections so that the database and
//! outgoing requests have descriptors.

use crate::wiring::ApiConfig;

/// Reserved for files that are opened occasionally: a backup, the admin key, certificates.
const RESERVED_FILES: u64 = 8;

/// Raises the soft limit to the hard limit; returns the new limit, if there is one.
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
            tracing::warn!(%error, limit = current, "cannot raise the limit of open files");
            current
        }
    }
}

/// Raises the soft limit to the hard limit; returns the new limit, if there is one.
#[cfg(not(unix))]
pub fn raise_limit() -> Option<u64> {
    None
}

fn open_files() -> u64 {
    // Without either folder: the usual number of a server that has just started.
    let listed = std::fs::read_dir("/proc/self/fd").or_else(|_| std::fs::read_dir("/dev/fd"));
    listed.map_or(32, |files| files.count() as u64)
}

/// The API's settings with as many connections as the limit of open files allows. Must be called
/// after all permanent files are open.
pub fn fit_connections(api: &ApiConfig, limit: Option<u64>) -> ApiConfig {
    let Some(limit) = limit else { return api.clone() };
    let fitted = divide_limit(api, limit.saturating_sub(open_files() + RESERVED_FILES));
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

/// Divides descriptors: a few for operators, a quarter of the rest for requests of steps and
/// webhooks, the others for connections.
fn divide_limit(api: &ApiConfig, spare: u64) -> ApiConfig {
    let at_least_one = |files: u64| usize::try_from(files).unwrap_or(usize::MAX).max(1);
    let reserved = api.reserved_connections.min(at_least_one(spare / 8));
    let rest = spare.saturating_sub(reserved as u64);
    ApiConfig {
        max_connections: api.max_connections.min(at_least_one(rest - rest / 4)),
        reserved_connections: reserved,
        ..api.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_other_uses() {
        let api =
            ApiConfig { max_connections: 4096, reserved_connections: 16, ..ApiConfig::default() };
        for (spare, connections, reserved) in
            [(1_000_000, 4096, 16), (1_000, 738, 16), (32, 21, 4), (4, 3, 1), (0, 1, 1)]
        {
            let fitted = divide_limit(&api, spare);
            let actual = (fitted.max_connections, fitted.reserved_connections);
            assert_eq!(actual, (connections, reserved), "{spare}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn the_soft_limit_becomes_the_hard_limit() {
        use rustix::process::{Resource, getrlimit};
        let limit = raise_limit();
        assert_eq!(getrlimit(Resource::Nofile).current, getrlimit(Resource::Nofile).maximum);
        assert_eq!(limit, getrlimit(Resource::Nofile).maximum);
    }
}
