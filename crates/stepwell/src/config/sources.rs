//! The sources of settings, in order of precedence.

use std::path::PathBuf;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};

use super::settings::{Config, ConfigFlags};
use crate::error::CliError;

pub const FILE_NAME: &str = "stepwell.toml";
pub const ENV_PREFIX: &str = "STEPWELL__";
pub const ENV_DATA_DIR: &str = "STEPWELL_DATA_DIR";

/// Merges all sources: flags > environment > file > defaults.
pub fn read_sources(flags: &ConfigFlags) -> Result<Figment, CliError> {
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
