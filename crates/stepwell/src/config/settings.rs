//! The settings of the program and their defaults.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use stepwell_engine::EngineConfig;
use stepwell_engine::installed_secrets::SecretsConfig;

use crate::wiring::{ApiConfig, StoreConfig};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The folder of the database, the admin key and the lock.
    pub data_dir: PathBuf,
    pub server: ServerConfig,
    pub store: StoreConfig,
    pub engine: EngineConfig,
    pub api: ApiConfig,
    pub secrets: SecretsConfig,
    pub log: LogConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "data".into(),
            server: ServerConfig::default(),
            store: StoreConfig::default(),
            engine: EngineConfig::default(),
            api: ApiConfig::default(),
            secrets: SecretsConfig::default(),
            log: LogConfig::default(),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// The address: `127.0.0.1` for this machine only, `0.0.0.0` or `::` for all networks.
    pub host: IpAddr,
    /// 0: any free port.
    pub port: u16,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self { host: IpAddr::from([127, 0, 0, 1]), port: 8080 }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug`, `trace`, or filters as `info,stepwell_engine=debug`.
    pub level: String,
    pub format: LogFormat,
    /// How many warnings and errors of one call site are logged in ten seconds; 0: all.
    pub max_repeats: u64,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Human, max_repeats: 20 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Plain text.
    Human,
    /// One JSON object per line.
    Json,
}

/// Settings passed as flags, which override all others.
#[derive(Debug, Clone, Default)]
pub struct ConfigFlags {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--host`.
    pub host: Option<IpAddr>,
    /// `--port`.
    pub port: Option<u16>,
    /// `--log-level`.
    pub log_level: Option<String>,
    /// `--log-format`.
    pub log_format: Option<LogFormat>,
}

impl Config {
    /// Every setting with its value, by its path such as `server.port`.
    pub fn values(&self) -> Vec<(String, serde_json::Value)> {
        let mut found = Vec::new();
        // Settings are texts, numbers, booleans and lists of texts, which cannot fail to serialise.
        let all = serde_json::to_value(self).unwrap_or_default();
        for (name, value) in all.as_object().into_iter().flatten() {
            match value.as_object() {
                None => found.push((name.clone(), value.clone())),
                Some(section) => found.extend(
                    section.iter().map(|(key, value)| (format!("{name}.{key}"), value.clone())),
                ),
            }
        }
        found
    }
}

impl Config {
    /// The engine's settings for a process without a listener: its steps may connect to private
    /// addresses, since the user of this machine can, unless the configuration forbids it.
    pub fn engine_for_local_use(&self) -> EngineConfig {
        self.engine_allowing(true)
    }

    /// The engine's settings for the server: by default its steps may connect to private addresses
    /// only if the server listens on loopback.
    pub fn engine_for_server(&self) -> EngineConfig {
        self.engine_allowing(self.server.host.is_loopback())
    }

    fn engine_allowing(&self, private_egress: bool) -> EngineConfig {
        let allow = self.engine.allow_private_egress.unwrap_or(private_egress);
        EngineConfig {
            allow_private_egress: Some(allow),
            secrets: self.secrets.clone(),
            ..self.engine.clone()
        }
    }
}
