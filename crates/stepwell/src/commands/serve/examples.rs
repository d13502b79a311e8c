//! Registering the definitions of a folder, so that a newcomer has something to execute.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use stepwell_core::ids::WorkflowId;
use stepwell_engine::app::CreateWorkflow;
use stepwell_engine::{App, AppError, Caller};

use crate::fault::{Fault, Kind};
use crate::source;

/// Beside `NAME.yaml`, an input that it works on.
const INPUT: &str = ".input.json";

/// A workflow that was registered.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Its id.
    pub id: WorkflowId,
    /// Its name.
    pub name: String,
    /// The input that lies beside it.
    pub input: Option<Value>,
}

/// Registers every definition of `folder` by its name: a new one is created, a changed one gets a
/// new release, an unchanged one is left alone.
///
/// # Errors
/// `Usage` for the first file that is not a valid definition.
pub async fn register(app: &App, folder: &Path) -> Result<Vec<Example>, Fault> {
    let mut examples = Vec::new();
    for file in definitions(folder)? {
        let definition = source::definition(&file, Kind::Usage)?;
        let (id, name) = register_one(app, definition)
            .await
            .map_err(|error| of_file(&file, Fault::from(error)))?;
        let input = file.with_extension("").with_extension("input.json");
        let input = if input.is_file() {
            Some(source::input(&format!("@{}", input.display()))?)
        } else {
            None
        };
        examples.push(Example { id, name, input });
    }
    Ok(examples)
}

fn of_file(file: &Path, fault: Fault) -> Fault {
    let message = format!("{}: {}", file.display(), fault.message);
    let kind = if fault.kind == Kind::Failed { Kind::Usage } else { fault.kind };
    Fault { kind, message, ..fault }
}

async fn register_one(app: &App, definition: Value) -> Result<(WorkflowId, String), AppError> {
    let caller = Caller::internal();
    let (parsed, _) = app.validate(Arc::new(definition.clone())).await?;
    match app.workflow_by_name(&caller, &parsed.name).await {
        Ok(known) if *known.source == definition => Ok((known.record.id, parsed.name)),
        Ok(known) => {
            let view = app.update_workflow(&caller, known.record.id, definition).await?;
            Ok((view.record.id, parsed.name))
        }
        Err(AppError::NotFound { .. }) => {
            let create = CreateWorkflow { source: definition, active: true, idempotency: None };
            Ok((app.create_workflow(&caller, create).await?, parsed.name))
        }
        Err(error) => Err(error),
    }
}

/// The definitions directly in the folder, sorted by name.
fn definitions(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let entries = std::fs::read_dir(folder).map_err(|e| {
        Fault::usage(format!("the examples in {} cannot be read: {e}", folder.display()))
    })?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file() && is_definition(path))
        .collect();
    files.sort();
    Ok(files)
}

fn is_definition(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let known = [".json", ".yaml", ".yml"].iter().any(|ext| name.ends_with(ext));
    known && !name.ends_with(INPUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_and_other_files_are_no_definitions() {
        for (name, expect) in [
            ("greet.yaml", true),
            ("greet.yml", true),
            ("dummy.json", true),
            ("greet.input.json", false),
            ("README.md", false),
            ("messy.csv", false),
        ] {
            assert_eq!(is_definition(Path::new(name)), expect, "{name}");
        }
    }
}
