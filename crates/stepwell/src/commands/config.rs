//! `stepwell config`: the configuration in effect.

use crate::cli::Global;
use crate::fault::Fault;
use crate::ui;

/// Prints it: TOML, which can be saved as a configuration file, or JSON.
pub fn run(global: &Global) -> Result<(), Fault> {
    let config = global.load_config()?;
    if global.json {
        let value = serde_json::to_value(&config).map_err(|e| Fault::failed(e.to_string()))?;
        ui::json(&value);
        return Ok(());
    }
    let text = toml::to_string(&config).map_err(|e| Fault::failed(e.to_string()))?;
    ui::line(text.trim_end());
    Ok(())
}
