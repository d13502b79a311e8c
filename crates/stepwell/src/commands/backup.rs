//! `stepwell backup TARGET`: a consistent copy of the database, also while a server uses it.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::{terminal, wiring};

#[derive(Debug, Args)]
pub struct Backup {
    /// File to create; it must not exist
    target: PathBuf,
}

pub async fn run(args: Backup, global: &GlobalArgs) -> Result<(), CliError> {
    let (config, data) = global.local_database("backup reads")?;
    if args.target.exists() {
        return Err(CliError::usage(format!(
            "{} exists already; choose another file",
            args.target.display()
        )));
    }
    // An empty parent means the current folder.
    let folder = args.target.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(CliError::usage(format!(
            "the folder of {} does not exist; create it first",
            args.target.display()
        )));
    }
    data.check_database()?;
    let store = wiring::open_store(&data.database(), &config.store).await?;
    store.backup(args.target.clone()).await?;
    let bytes = std::fs::metadata(&args.target).map(|m| m.len()).unwrap_or_default();
    if global.json {
        terminal::print_json(&json!({"target": args.target, "bytes": bytes}));
    } else {
        terminal::print_line(&format!(
            "{} {} ({} KiB)",
            terminal::paint_stdout(terminal::Colour::Green, "backed up to"),
            args.target.display(),
            bytes.div_ceil(1024)
        ));
    }
    Ok(())
}
