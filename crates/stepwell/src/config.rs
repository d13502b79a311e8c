//! The configuration: flags > environment > file > defaults. Each area has its own struct with its
//! defaults.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use stepwell_engine::EngineConfig;

use crate::error::CliError;
use crate::wiring::{ApiConfig, StoreConfig};

const FILE_NAME: &str = "stepwell.toml";
const ENV_PREFIX: &str = "STEPWELL__";
const ENV_DATA_DIR: &str = "STEPWELL_DATA_DIR";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The folder of the database, the admin key and the lock.
    pub data_dir: PathBuf,
    pub server: ServerConfig,
    pub store: StoreConfig,
    pub engine: EngineConfig,
    pub api: ApiConfig,
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
    /// Reads the effective configuration.
    ///
    /// # Errors
    /// `Usage`, with the setting and its source.
    pub fn load(flags: &ConfigFlags) -> Result<Self, CliError> {
        let figment = build_figment(flags)?;
        figment.extract().map_err(|error| CliError::usage(describe_error(&figment, error)))
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
        EngineConfig { allow_private_egress: Some(allow), ..self.engine.clone() }
    }
}

fn build_figment(flags: &ConfigFlags) -> Result<Figment, CliError> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    if let Some(file) = config_file(flags)? {
        figment = figment.merge(Toml::file_exact(file));
    }
    figment = figment
        .merge(Env::raw().only(&[ENV_DATA_DIR]).map(|_| "data_dir".into()))
        .merge(Env::prefixed(ENV_PREFIX).split("__"));
    Ok(with_flags(figment, flags))
}

fn with_flags(mut figment: Figment, flags: &ConfigFlags) -> Figment {
    if let Some(data_dir) = &flags.data_dir {
        figment = figment.merge(Serialized::default("data_dir", data_dir));
    }
    if let Some(host) = flags.host {
        figment = figment.merge(Serialized::default("server.host", host));
    }
    if let Some(port) = flags.port {
        figment = figment.merge(Serialized::default("server.port", port));
    }
    if let Some(level) = &flags.log_level {
        figment = figment.merge(Serialized::default("log.level", level));
    }
    if let Some(format) = flags.log_format {
        figment = figment.merge(Serialized::default("log.format", format));
    }
    figment
}

/// The file of `--config`, or else of the current folder, or else of the data folder.
fn config_file(flags: &ConfigFlags) -> Result<Option<PathBuf>, CliError> {
    if let Some(file) = &flags.file {
        if !file.is_file() {
            return Err(CliError::usage(format!(
                "the configuration file {} does not exist",
                file.display()
            )));
        }
        return Ok(Some(file.clone()));
    }
    let data_dir = flags
        .data_dir
        .clone()
        .or_else(|| std::env::var_os("STEPWELL__DATA_DIR").map(Into::into))
        .or_else(|| std::env::var_os(ENV_DATA_DIR).map(Into::into))
        .unwrap_or_else(|| Config::default().data_dir);
    let candidates = [PathBuf::from(FILE_NAME), data_dir.join(FILE_NAME)];
    Ok(candidates.into_iter().find(|file| file.is_file()))
}

/// One clause for each error: the setting, the problem, the source.
fn describe_error(figment: &Figment, error: figment::Error) -> String {
    let mut text = String::new();
    for error in error {
        let mut path = error.path.clone();
        let problem = match &error.kind {
            Kind::UnknownField(field, known) => {
                if path.last() != Some(field) {
                    path.push(field.clone());
                }
                format!(
                    "unknown setting `{}`; the settings there are {}",
                    path.join("."),
                    known.join(", ")
                )
            }
            kind if path.is_empty() => kind.to_string(),
            kind => format!("`{}`: {kind}", path.join(".")),
        };
        let separator = if text.is_empty() { "configuration: " } else { "; " };
        let metadata = error.metadata.as_ref();
        let metadata = figment.find_metadata(&path.join(".")).or(metadata);
        let _ = write!(text, "{separator}{problem}{}", source_suffix(metadata, &path));
    }
    text
}

/// ` (in the file x)`, ` (in the environment variable X)`, or empty if unknown.
fn source_suffix(metadata: Option<&figment::Metadata>, path: &[String]) -> String {
    let Some(metadata) = metadata else { return String::new() };
    if let Some(file) = metadata.source.as_ref().and_then(figment::Source::file_path) {
        return format!(" (in the file {})", relative_path(file).display());
    }
    if metadata.name.contains("environment") {
        let variable = match path {
            [only] if only == "data_dir" && std::env::var_os(ENV_DATA_DIR).is_some() => {
                ENV_DATA_DIR.to_owned()
            }
            _ => format!("{ENV_PREFIX}{}", path.join("__").to_uppercase()),
        };
        return format!(" (in the environment variable {variable})");
    }
    String::new()
}

/// Relative to the current folder, if the path is below it.
fn relative_path(path: &Path) -> &Path {
    std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use figment::Jail;

    use super::*;

    fn load(flags: ConfigFlags) -> Config {
        Config::load(&flags).unwrap()
    }

    fn load_error(flags: ConfigFlags) -> String {
        Config::load(&flags).unwrap_err().message
    }

    #[test]
    fn flags_override_the_environment_and_that_overrides_the_file() {
        Jail::expect_with(|jail| {
            assert_eq!(load(ConfigFlags::default()).server.port, 8080);
            jail.create_file(FILE_NAME, "[server]\nport = 1\n[engine]\nmax_active = 7\n")?;
            assert_eq!(load(ConfigFlags::default()).server.port, 1);
            jail.set_env("STEPWELL__SERVER__PORT", "2");
            let config = load(ConfigFlags::default());
            assert_eq!((config.server.port, config.engine.max_active), (2, 7));
            assert_eq!(
                load(ConfigFlags { port: Some(3), ..ConfigFlags::default() }).server.port,
                3
            );
            Ok(())
        });
    }

    #[test]
    fn either_variable_sets_the_data_folder_which_may_have_a_file() {
        Jail::expect_with(|jail| {
            jail.set_env("STEPWELL_DATA_DIR", "a");
            assert_eq!(load(ConfigFlags::default()).data_dir, PathBuf::from("a"));
            jail.set_env("STEPWELL__DATA_DIR", "b");
            assert_eq!(load(ConfigFlags::default()).data_dir, PathBuf::from("b"));
            jail.create_dir("b")?;
            jail.create_file("b/stepwell.toml", "log.format = \"json\"")?;
            assert_eq!(load(ConfigFlags::default()).log.format, LogFormat::Json);
            Ok(())
        });
    }

    #[test]
    fn the_documentation_shows_every_default() {
        Jail::expect_with(|jail| {
            let page = include_str!("../../../docs/configuration.md");
            let file = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
            jail.create_file(FILE_NAME, file)?;
            let text = |config: &Config| toml::to_string(config).unwrap();
            assert_eq!(text(&load(ConfigFlags::default())), text(&Config::default()));
            for name in text(&Config::default()).lines().filter_map(|l| l.split(" = ").next()) {
                assert!(file.contains(name), "{name} is missing");
            }
            Ok(())
        });
    }

    #[test]
    fn errors_name_the_setting_and_its_source() {
        Jail::expect_with(|jail| {
            jail.create_file(FILE_NAME, "[server]\nprot = 1\n")?;
            let message = load_error(ConfigFlags::default());
            assert!(message.contains("unknown setting `server.prot`"), "{message}");
            assert!(message.contains("host"), "{message}");
            assert!(message.contains("in the file stepwell.toml"), "{message}");
            jail.create_file(FILE_NAME, "")?;
            jail.set_env("STEPWELL__SERVER__PORT", "high");
            let message = load_error(ConfigFlags::default());
            assert!(message.contains("`server.port`: invalid type"), "{message}");
            assert!(message.contains("variable STEPWELL__SERVER__PORT"), "{message}");
            let file = Some("none.toml".into());
            let message = load_error(ConfigFlags { file, ..ConfigFlags::default() });
            assert!(message.contains("none.toml does not exist"), "{message}");
            Ok(())
        });
    }
}
