//! The configuration: flags > environment > file > defaults. Each area has its own struct with its
//! defaults.

mod bounds;
mod environment;
mod problems;
mod reload;
mod settings;
mod sources;

use crate::error::CliError;
pub use environment::ignored_variables;
pub use reload::plan_reload;
pub use settings::{Config, ConfigFlags, LogConfig, LogFormat};

impl Config {
    /// Reads the effective configuration.
    ///
    /// # Errors
    /// `Usage`, with each wrong setting, its source and what is allowed.
    pub fn load(flags: &ConfigFlags) -> Result<Self, CliError> {
        let figment = sources::read_sources(flags)?;
        let unknown = problems::find_unknown(&figment);
        let config = match figment.extract::<Self>() {
            Ok(config) if unknown.is_empty() => config,
            Ok(_) => return Err(problems::configuration_error(&unknown)),
            Err(error) => {
                let invalid = problems::describe_errors(&figment, error);
                return Err(problems::configuration_error(&[unknown, invalid].concat()));
            }
        };
        let outside = bounds::check_values(&config);
        if outside.is_empty() {
            return Ok(config);
        }
        Err(problems::configuration_error(&problems::locate(&figment, outside)))
    }
}

#[cfg(test)]
mod tests;
