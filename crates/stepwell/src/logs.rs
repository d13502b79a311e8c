//! The log: on stderr, for people or for machines.

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};
use crate::fault::Fault;
use crate::ui;

/// Sends what the code traces to stderr.
///
/// # Errors
/// `Usage` where the level cannot be read.
pub fn install(config: &LogConfig) -> Result<(), Fault> {
    let filter = EnvFilter::try_new(&config.level).map_err(|e| {
        Fault::usage(format!(
            "configuration: `log.level`: `{}` is neither a level (error, warn, info, debug, trace) nor a filter: {e}",
            config.level
        ))
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call (tests) keeps the first log.
    let _ = match config.format {
        LogFormat::Human => builder.with_ansi(ui::err_colours()).with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}
