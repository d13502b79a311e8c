//! `stepwell backup TARGET`: a consistent copy of the store, also while a server works on it.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::Global;
use crate::data_dir::DataDir;
use crate::fault::Fault;
use crate::{ui, wiring};

/// What to copy where.
#[derive(Debug, Args)]
pub struct Backup {
    /// The file to make; it must not exist
    target: PathBuf,
}

/// Makes the copy.
pub async fn run(args: Backup, global: &Global) -> Result<(), Fault> {
    if global.server.is_some() {
        return Err(Fault::usage(
            "a backup is made on the machine that holds the data folder: use --data-dir instead of --server",
        ));
    }
    let config = global.load_config()?;
    let data = DataDir::new(&config.data_dir);
    if !data.database().is_file() {
        return Err(Fault::not_found(format!(
            "there is no database in {}; name the data folder with --data-dir",
            data.path().display()
        )));
    }
    if args.target.exists() {
        return Err(Fault::usage(format!(
            "{} exists; name a file that does not",
            args.target.display()
        )));
    }
    // An empty parent is the current folder.
    let folder = args.target.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(Fault::usage(format!(
            "the folder of {} does not exist; make it first",
            args.target.display()
        )));
    }
    data.check_database()?;
    let store = wiring::open_store(&data.database(), &config.store).await?;
    store.backup(args.target.clone()).await?;
    let bytes = std::fs::metadata(&args.target).map(|m| m.len()).unwrap_or_default();
    if global.json {
        ui::json(&json!({"target": args.target, "bytes": bytes}));
    } else {
        ui::line(&format!(
            "{} {} ({} KiB)",
            ui::out_paint(ui::Colour::Green, "backed up to"),
            args.target.display(),
            bytes.div_ceil(1024)
        ));
    }
    Ok(())
}
