//! What a running server can take over from a changed configuration.

use stepwell_engine::EngineConfig;

use super::settings::Config;

/// Settings of the API that belong to the listener, and of connections that are open already.
const CONNECTION_SETTINGS: [&str; 8] = [
    "api.max_connections",
    "api.reserved_connections",
    "api.first_byte_timeout_seconds",
    "api.header_timeout_seconds",
    "api.keep_alive_seconds",
    "api.write_patience_seconds",
    "api.min_write_rate",
    "api.linger_seconds",
];

/// The settings that changed, by whether they take effect without a restart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ReloadPlan {
    /// Paths of settings that take effect now.
    pub applied: Vec<String>,
    /// Paths of settings that take effect at the next start.
    pub postponed: Vec<String>,
}

/// Compares the configuration in use with the one that was read again.
pub fn plan_reload(old: &Config, new: &Config) -> ReloadPlan {
    let mut plan = ReloadPlan::default();
    for ((path, before), (_, after)) in old.values().into_iter().zip(new.values()) {
        if before != after {
            let list = if is_reloadable(&path) { &mut plan.applied } else { &mut plan.postponed };
            list.push(path);
        }
    }
    plan.applied.sort();
    plan.postponed.sort();
    plan
}

fn is_reloadable(path: &str) -> bool {
    match path.split_once('.') {
        Some(("log", name)) => matches!(name, "level" | "max_repeats"),
        Some(("api", _)) => !CONNECTION_SETTINGS.contains(&path),
        Some(("engine", name)) => EngineConfig::RELOADABLE.contains(&name),
        Some(("secrets", _)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_that_can_change_at_run_time_are_applied() {
        let old = Config::default();
        let mut new = old.clone();
        assert_eq!(plan_reload(&old, &new), ReloadPlan::default());
        new.log.level = "debug".into();
        new.api.max_body_bytes = 2048;
        new.api.linger_seconds = 7;
        new.server.port = 1;
        new.engine.max_active = 3;
        new.engine.sole_node = false;
        new.secrets.directory = Some("secrets".into());
        let plan = plan_reload(&old, &new);
        let applied = ["api.max_body_bytes", "engine.max_active", "log.level", "secrets.directory"];
        assert_eq!(plan.applied, applied);
        let postponed = ["api.linger_seconds", "engine.sole_node", "server.port"];
        assert_eq!(plan.postponed, postponed);
        for path in CONNECTION_SETTINGS {
            assert!(old.values().iter().any(|(name, _)| name == path), "{path}");
        }
    }
}
