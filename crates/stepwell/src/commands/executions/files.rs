//! `stepwell executions files` and `stepwell executions file`.

use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::parse_execution;
use crate::client::{Client, list_all, percent_encode};
use crate::error::CliError;
use crate::terminal::{self, TableCell, value_text};

#[derive(Debug, Args)]
pub struct ListFiles {
    /// ID of the execution
    #[arg(value_name = "EXECUTION")]
    id: String,
}

#[derive(Debug, Args)]
pub struct ReadFile {
    /// ID of the execution
    #[arg(value_name = "EXECUTION")]
    id: String,
    /// Name of the file: the step that wrote it
    name: String,
    /// File to write to [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) async fn list_files(
    args: ListFiles,
    client: &Client,
    as_json: bool,
) -> Result<(), CliError> {
    let files = list_all(client, &files_path(&args.id)?, "").await?;
    if as_json {
        terminal::print_items(&files, &Value::Null);
        return Ok(());
    }
    let rows: Vec<Vec<TableCell>> = files.iter().map(file_row).collect();
    terminal::print_table(&["NAME", "COMPLETE", "COMPLETED", "FAILED", "BYTES"], &rows);
    Ok(())
}

fn file_row(file: &Value) -> Vec<TableCell> {
    let is_complete = file["is_complete"].as_bool().unwrap_or_default();
    let complete = if is_complete { "yes" } else { "no" };
    let number = |field: &str| value_text(&file[field]).into();
    vec![
        value_text(&file["name"]).into(),
        complete.into(),
        number("completed"),
        number("failed"),
        number("bytes"),
    ]
}

pub(super) async fn read_file(
    args: ReadFile,
    client: &Client,
    as_json: bool,
) -> Result<(), CliError> {
    let path = format!("{}/{}", files_path(&args.id)?, percent_encode(&args.name));
    let Some(target) = args.output else {
        let print = |bytes: &[u8]| {
            terminal::print_bytes(bytes);
            let is_closed = terminal::is_stdout_closed();
            Ok(if is_closed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        return client.download(&path, print).await;
    };
    if target.exists() {
        let shown = target.display();
        return Err(CliError::usage(format!("{shown} exists already; choose another file")));
    }
    let result = write_to_file(client, &path, &target).await;
    let Ok(bytes) = result else {
        // It is incomplete; the error of the download matters more than that of the removal.
        let _ = std::fs::remove_file(&target);
        return result.map(drop);
    };
    if as_json {
        terminal::print_json(&json!({"file": target, "bytes": bytes}));
    } else {
        terminal::print_line(&format!("{} ({} KiB)", target.display(), bytes.div_ceil(1024)));
    }
    Ok(())
}

async fn write_to_file(client: &Client, path: &str, target: &Path) -> Result<u64, CliError> {
    let failed = |error: std::io::Error| {
        CliError::usage(format!("{} cannot be written: {error}", target.display()))
    };
    let mut file: Option<File> = None;
    let mut count = 0;
    // The file is created with the first bytes, so that no error of the API leaves one.
    client
        .download(path, |bytes| {
            let file = match &mut file {
                Some(file) => file,
                None => file.insert(File::create_new(target).map_err(failed)?),
            };
            file.write_all(bytes).map_err(failed)?;
            count += bytes.len() as u64;
            Ok(ControlFlow::Continue(()))
        })
        .await?;
    let file = match file {
        Some(file) => file,
        None => File::create_new(target).map_err(failed)?,
    };
    file.sync_all().map_err(failed)?;
    Ok(count)
}

fn files_path(id: &str) -> Result<String, CliError> {
    Ok(format!("/api/v1/workflow_executions/{}/files", parse_execution(id)?.abi()))
}
