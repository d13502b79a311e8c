//! Snapshots: stored results that later runs are compared with.

use std::path::{Path, PathBuf};

use serde_json::Value;
use stepwell_core::Map;

use super::case_run::FileResult;
use super::cases::TestFile;
use super::checks::{describe_differences, snapshot_of};
use crate::definition_files::SNAPSHOT_SUFFIX;
use crate::documents;
use crate::error::CliError;

/// Compares the cases with their snapshots, or writes these. `is_whole`: whether all cases ran, so
/// that snapshots without a case can be removed.
///
/// # Errors
/// `Usage` if the file of the snapshots cannot be read or written.
pub fn check_snapshots(
    file: &TestFile,
    result: &mut FileResult,
    is_update: bool,
    is_whole: bool,
) -> Result<(), CliError> {
    if !file.cases.iter().any(|case| case.has_snapshot) || !result.problems.is_empty() {
        return Ok(());
    }
    let path = snapshot_file(&file.file);
    let stored = read_snapshots(&path)?;
    let mut updated = if is_whole { Map::new() } else { stored.clone() };
    let with_snapshot =
        |name: &str| file.cases.iter().any(|case| case.name == name && case.has_snapshot);
    for case in result.cases.iter_mut().filter(|case| with_snapshot(&case.name)) {
        // A case that could not run has a failure already.
        if case.run.is_null() {
            if let Some(snapshot) = stored.get(&case.name) {
                updated.insert(case.name.clone(), snapshot.clone());
            }
            continue;
        }
        let found = snapshot_of(&case.run);
        if !is_update {
            match stored.get(&case.name) {
                Some(snapshot) => {
                    case.failures.extend(describe_differences("snapshot", snapshot, &found));
                }
                None => case
                    .failures
                    .push("snapshot: there is none; write it with --update-snapshots".to_owned()),
            }
        }
        updated.insert(case.name.clone(), found);
    }
    if is_update && updated != stored {
        let text = format!("{:#}\n", Value::Object(updated));
        std::fs::write(&path, text)
            .map_err(|e| CliError::usage(format!("cannot write {}: {e}", path.display())))?;
    }
    Ok(())
}

/// `orders.test.yaml` has its snapshots in `orders.test.snapshots.json`.
fn snapshot_file(test_file: &Path) -> PathBuf {
    let stem = test_file.file_stem().unwrap_or_default().to_string_lossy();
    test_file.with_file_name(format!("{stem}{SNAPSHOT_SUFFIX}"))
}

fn read_snapshots(path: &Path) -> Result<Map, CliError> {
    if !path.exists() {
        return Ok(Map::new());
    }
    let text = documents::read_text(path)?;
    match stepwell_core::json::from_str(&text) {
        Ok(Value::Object(snapshots)) => Ok(snapshots),
        _ => Err(CliError::usage(format!(
            "{} is not a file of snapshots; delete it and write it with --update-snapshots",
            path.display()
        ))),
    }
}
