//! `stepwell compact`: rewrites the database without its free space, while no server runs.

use clap::Args;
use serde_json::json;

use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::{terminal, wiring};

#[derive(Debug, Args)]
pub struct Compact {}

pub async fn run(_: Compact, global: &GlobalArgs) -> Result<(), CliError> {
    let (config, data) = global.local_database("compact rewrites")?;
    let lock = data.try_lock()?;
    if lock.is_none() {
        return Err(CliError::unreachable(format!(
            "the data folder {} is in use; stop the server, then compact it",
            data.path().display()
        )));
    }
    data.check_database()?;
    let size = || std::fs::metadata(data.database()).map(|file| file.len()).unwrap_or_default();
    let before = size();
    let store = wiring::open_store(&data.database(), &config.store).await?;
    store.compact().await?;
    let after = size();
    if global.json {
        terminal::print_json(&json!({"before_bytes": before, "after_bytes": after}));
    } else {
        terminal::print_line(&format!(
            "{} from {} KiB to {} KiB",
            terminal::paint_stdout(terminal::Colour::Green, "compacted"),
            before.div_ceil(1024),
            after.div_ceil(1024)
        ));
    }
    Ok(())
}
