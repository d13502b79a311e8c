//! The values that settings can have.

use std::collections::HashMap;

use super::environment;
use super::problems::SettingProblem;
use super::settings::Config;
use crate::logs::level::check_level;

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;
const CENTURY: u64 = 36_500 * DAY;
const KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;

/// The smallest and the largest value of every number.
const BOUNDS: &[(&str, u64, u64)] = &[
    ("server.port", 0, 65_535),
    ("store.readers", 1, 256),
    ("store.batch_writes", 1, 100_000),
    ("store.cache_kib", 64, 64 << 20),
    ("store.full_disk_wait_seconds", 0, DAY),
    ("engine.max_active", 1, 10_000_000),
    ("engine.max_queued", 1, 1_000_000_000),
    ("engine.max_parallel_steps", 1, 1_000_000),
    ("engine.max_value_bytes", KIB, GIB),
    ("engine.max_execution_bytes", KIB, 4 * GIB),
    ("engine.memory_budget_bytes", 16 << 20, 4096 * GIB),
    ("engine.step_timeout_seconds", 1, 366 * DAY),
    ("engine.shutdown_grace_seconds", 0, DAY),
    ("engine.retention_seconds", 0, CENTURY),
    ("engine.idempotency_seconds", 1, CENTURY),
    ("engine.keep_in_memory_millis", 0, DAY * 1000),
    ("engine.delivery_retry_seconds", 0, CENTURY),
    ("engine.webhook_disable_seconds", 1, CENTURY),
    ("engine.webhook_history_seconds", 0, CENTURY),
    ("engine.audit_retention_seconds", 0, CENTURY),
    ("api.max_body_bytes", KIB, 4 * GIB),
    ("api.max_json_depth", 4, 1_000),
    ("api.body_timeout_seconds", 1, DAY),
    ("api.request_timeout_seconds", 1, DAY),
    ("api.default_wait_seconds", 1, DAY),
    ("api.max_wait_seconds", 1, DAY),
    ("api.early_answer_seconds", 0, DAY),
    ("api.heartbeat_seconds", 1, DAY),
    ("api.max_connections", 1, 10_000_000),
    ("api.reserved_connections", 1, 100_000),
    ("api.first_byte_timeout_seconds", 1, DAY),
    ("api.header_timeout_seconds", 1, DAY),
    ("api.keep_alive_seconds", 1, DAY),
    ("api.write_patience_seconds", 1, DAY),
    ("api.min_write_rate", 0, GIB),
    ("api.linger_seconds", 1, DAY),
    ("log.max_repeats", 0, 1_000_000_000),
];

/// The values that a number can have, such as `a whole number from 1 to 10`.
pub fn describe_bounds(path: &str) -> Option<String> {
    let (_, least, most) = BOUNDS.iter().find(|(name, ..)| *name == path)?;
    Some(format!("a whole number from {least} to {most}"))
}

/// Every value that is out of its bounds or contradicts another.
pub fn check_values(config: &Config) -> Vec<SettingProblem> {
    let values: HashMap<String, serde_json::Value> = config.values().into_iter().collect();
    let problem = |path: &str, message| SettingProblem { path: path.to_owned(), message };
    let mut problems = Vec::new();
    for (path, least, most) in BOUNDS {
        let Some(value) = values.get(*path).and_then(serde_json::Value::as_u64) else { continue };
        if !(*least..=*most).contains(&value) {
            let message = format!("must be {least} to {most}, not {value}");
            problems.push(problem(path, message));
        }
    }
    let (value, execution) = (config.engine.max_value_bytes, config.engine.max_execution_bytes);
    if value > execution {
        let message = format!(
            "must be at most `engine.max_execution_bytes`, which is {execution}, not {value}"
        );
        problems.push(problem("engine.max_value_bytes", message));
    }
    if config.data_dir.as_os_str().is_empty() {
        problems.push(problem("data_dir", "must be a folder; it is empty".into()));
    }
    for (setting, message) in config.secrets.find_problems() {
        problems.push(problem(&format!("secrets.{setting}"), message));
    }
    if let Some(prefix) = &config.secrets.env_prefix
        && let Some(read) = environment::variable_with_prefix(prefix)
    {
        let message = format!(
            "must not be the beginning of {read}, which is not a secret of workflows; write for \
             example STEPWELL_SECRET_"
        );
        problems.push(problem("secrets.env_prefix", message));
    }
    if let Err(message) = check_level(&config.log.level) {
        problems.push(problem("log.level", message));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_bounds_that_contain_its_default() {
        let config = Config::default();
        let numbers: Vec<String> = config
            .values()
            .into_iter()
            .filter(|(_, v)| v.is_number())
            .map(|(path, _)| path)
            .collect();
        let bounded: Vec<&str> = BOUNDS.iter().map(|(path, ..)| *path).collect();
        assert_eq!(numbers.len(), bounded.len());
        for path in &numbers {
            assert!(bounded.contains(&path.as_str()), "{path} has no bounds");
        }
        assert_eq!(check_values(&config).len(), 0);
    }
}
