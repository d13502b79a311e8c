//! `stepwell config`: the effective configuration.

use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::terminal;

/// Prints TOML, which is a valid configuration file, or JSON.
pub fn run(global: &GlobalArgs) -> Result<(), CliError> {
    let config = global.load_config()?;
    if global.json {
        let value = serde_json::to_value(&config).map_err(|e| CliError::failed(e.to_string()))?;
        terminal::print_json(&value);
        return Ok(());
    }
    let text = toml::to_string(&config).map_err(|e| CliError::failed(e.to_string()))?;
    terminal::print_line(text.trim_end());
    Ok(())
}
