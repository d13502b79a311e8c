//! The flags that every command takes.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Config, ConfigFlags};
use crate::data_dir::DataDir;
use crate::error::CliError;

const HEADING: &str = "Global options";

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct GlobalArgs {
    /// Configuration file [default: stepwell.toml in the current folder or in the data folder]
    #[arg(long, global = true, help_heading = HEADING, value_name = "FILE", env = "STEPWELL_CONFIG")]
    pub config: Option<PathBuf>,
    /// Data folder: database, admin key and lock [default: ./data]
    #[arg(long, global = true, help_heading = HEADING, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Use the server at this URL instead of the data folder, such as http://127.0.0.1:8080
    #[arg(long, global = true, help_heading = HEADING, value_name = "URL", env = "STEPWELL_SERVER")]
    pub server: Option<String>,
    /// API key for --server
    #[arg(
        long,
        global = true,
        help_heading = HEADING,
        value_name = "KEY",
        env = "STEPWELL_API_KEY",
        hide_env_values = true
    )]
    pub key: Option<String>,
    /// Print JSON instead of text
    #[arg(long, global = true, help_heading = HEADING)]
    pub json: bool,
}

impl GlobalArgs {
    pub fn config_flags(&self) -> ConfigFlags {
        ConfigFlags {
            file: self.config.clone(),
            data_dir: self.data_dir.clone(),
            ..ConfigFlags::default()
        }
    }

    pub fn load_config(&self) -> Result<Config, CliError> {
        Config::load(&self.config_flags())
    }

    /// The configuration and the data folder, for a command that uses the database itself.
    /// `action`: the command and its verb, such as `backup reads`.
    ///
    /// # Errors
    /// `Usage` with `--server`; `NotFound` if the folder has no database.
    pub fn local_database(&self, action: &str) -> Result<(Config, DataDir), CliError> {
        if self.server.is_some() {
            return Err(CliError::usage(format!(
                "{action} the data folder of this machine: use --data-dir instead of --server"
            )));
        }
        let config = self.load_config()?;
        let data = DataDir::new(&config.data_dir);
        if !data.database().is_file() {
            return Err(CliError::not_found(format!(
                "no database in {}; select the data folder with --data-dir",
                data.path().display()
            )));
        }
        Ok((config, data))
    }
}
