//! The engine's settings. Defaults are here and nowhere else.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stepwell_core::Timestamp;

use crate::installed_secrets::SecretsConfig;
use crate::memory::MemoryLimit;

/// Limits and durations of the engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    /// The most executions in memory at once; those above it wait in the queue.
    pub max_active: usize,
    /// The most executions that may wait in the queue before new ones are refused with 503.
    pub max_queued: usize,
    /// The most steps of one execution that run at once.
    pub max_parallel_steps: usize,
    /// The largest value (a step's input or output), in bytes of JSON.
    pub max_value_bytes: usize,
    /// The largest execution: all values in its journal together, in bytes of JSON.
    pub max_execution_bytes: usize,
    /// The memory for request bodies, values and responses together.
    pub memory_budget_bytes: MemoryLimit,
    /// The timeout of steps whose definition has none, in seconds.
    pub step_timeout_seconds: u64,
    /// How long steps may continue after the server begins to stop, in seconds.
    pub shutdown_grace_seconds: u64,
    /// How long ended executions are kept if their workflow does not define it, in seconds; 0: for
    /// ever.
    pub retention_seconds: u64,
    /// How long an idempotency key is remembered, in seconds.
    pub idempotency_seconds: u64,
    /// A waiting execution stays in memory if it continues within this time, in milliseconds.
    pub keep_in_memory_millis: u64,
    /// How long deliveries are retried, in seconds.
    pub delivery_retry_seconds: u64,
    /// A webhook is disabled after only failures for this time, in seconds.
    pub webhook_disable_seconds: u64,
    /// How long deliveries to webhooks are kept, in seconds.
    pub webhook_history_seconds: u64,
    /// How long entries of the audit log are kept, in seconds; 0: for ever.
    pub audit_retention_seconds: u64,
    /// Whether steps and webhooks may reach private, loopback and link-local addresses; `None`:
    /// only while the server itself listens on loopback.
    pub allow_private_egress: Option<bool>,
    /// Whether no other node can use the store at the same time: then a start takes over unfinished
    /// executions at once, without waiting for missing heartbeats.
    pub sole_node: bool,
    /// Whether this process fires schedules; without one that does, they wait.
    pub fire_schedules: bool,
    /// Where secrets of the installation come from; a section of its own in the configuration.
    #[serde(skip)]
    pub secrets: SecretsConfig,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            max_active: 10_000,
            max_queued: 1_000_000,
            max_parallel_steps: 256,
            max_value_bytes: 4 << 20,
            max_execution_bytes: 16 << 20,
            memory_budget_bytes: MemoryLimit::default(),
            step_timeout_seconds: 300,
            shutdown_grace_seconds: 10,
            retention_seconds: 0,
            idempotency_seconds: 24 * 3600,
            keep_in_memory_millis: 2_000,
            delivery_retry_seconds: 24 * 3600,
            webhook_disable_seconds: 5 * 24 * 3600,
            webhook_history_seconds: 30 * 24 * 3600,
            audit_retention_seconds: 0,
            allow_private_egress: None,
            sole_node: true,
            fire_schedules: true,
            secrets: SecretsConfig::default(),
        }
    }
}

impl EngineConfig {
    /// The settings that can change while the engine runs, besides those of secrets.
    pub const RELOADABLE: [&str; 13] = [
        "max_active",
        "max_queued",
        "max_parallel_steps",
        "max_value_bytes",
        "max_execution_bytes",
        "step_timeout_seconds",
        "retention_seconds",
        "idempotency_seconds",
        "keep_in_memory_millis",
        "delivery_retry_seconds",
        "webhook_disable_seconds",
        "webhook_history_seconds",
        "audit_retention_seconds",
    ];

    /// These settings, with those of `new` that can change while the engine runs.
    pub(crate) fn with_reloadable(&self, new: &Self) -> Self {
        Self {
            max_active: new.max_active,
            max_queued: new.max_queued,
            max_parallel_steps: new.max_parallel_steps,
            max_value_bytes: new.max_value_bytes,
            max_execution_bytes: new.max_execution_bytes,
            step_timeout_seconds: new.step_timeout_seconds,
            retention_seconds: new.retention_seconds,
            idempotency_seconds: new.idempotency_seconds,
            keep_in_memory_millis: new.keep_in_memory_millis,
            delivery_retry_seconds: new.delivery_retry_seconds,
            webhook_disable_seconds: new.webhook_disable_seconds,
            webhook_history_seconds: new.webhook_history_seconds,
            audit_retention_seconds: new.audit_retention_seconds,
            secrets: new.secrets.clone(),
            ..self.clone()
        }
    }

    /// The timeout of steps whose definition has none.
    pub fn step_timeout(&self) -> Duration {
        Duration::from_secs(self.step_timeout_seconds)
    }

    /// When a delivery is given up that is due at `from`.
    pub(crate) fn give_up_at(&self, from: Timestamp) -> Timestamp {
        from.after(Duration::from_secs(self.delivery_retry_seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_settings_are_reloaded() {
        let old = EngineConfig::default();
        let values = |config: &EngineConfig| serde_json::to_value(config).unwrap();
        let mut changed = values(&old);
        for (_, value) in changed.as_object_mut().unwrap() {
            *value = match value.as_u64() {
                Some(number) => (number + 7).into(),
                None => (!value.as_bool().unwrap_or_default()).into(),
            };
        }
        let new: EngineConfig = serde_json::from_value(changed.clone()).unwrap();
        let merged = values(&old.with_reloadable(&new));
        for (name, value) in merged.as_object().unwrap() {
            let is_listed = EngineConfig::RELOADABLE.contains(&name.as_str());
            let expected = if is_listed { &changed[name] } else { &values(&old)[name] };
            assert_eq!(value, expected, "{name}");
        }
        for name in EngineConfig::RELOADABLE {
            assert!(merged.get(name).is_some(), "{name}");
        }
    }
}
