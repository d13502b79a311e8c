//! Creates workflows from the definitions of a folder, for new users to execute.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use stepwell_core::ids::WorkflowId;
use stepwell_engine::app::CreateWorkflow;
use stepwell_engine::{App, AppError, Caller};

use crate::definition_files::{is_definition, list_definitions};
use crate::documents;
use crate::error::{CliError, CliErrorKind};

#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    pub id: WorkflowId,
    pub name: String,
    pub input: Option<Value>,
}

/// Creates a workflow for each definition of `folder`. If one with the same name exists, it is
/// updated unless the definition is unchanged.
///
/// # Errors
/// `Usage` for the first invalid definition.
pub async fn register_examples(app: &App, folder: &Path) -> Result<Vec<Example>, CliError> {
    let mut examples = Vec::new();
    for file in list_definitions(folder, is_definition)? {
        let definition = documents::read_definition(&file, CliErrorKind::Usage)?;
        let (id, name) = register_one(app, definition)
            .await
            .map_err(|error| with_file_name(&file, CliError::from(error)))?;
        let input = file.with_extension("").with_extension("input.json");
        let input = if input.is_file() {
            Some(documents::read_input("the input", &format!("@{}", input.display()))?)
        } else {
            None
        };
        examples.push(Example { id, name, input });
    }
    Ok(examples)
}

fn with_file_name(file: &Path, error: CliError) -> CliError {
    let message = format!("{}: {}", file.display(), error.message);
    let kind = if error.kind == CliErrorKind::Failed { CliErrorKind::Usage } else { error.kind };
    CliError { kind, message, ..error }
}

async fn register_one(app: &App, definition: Value) -> Result<(WorkflowId, String), AppError> {
    let caller = Caller::internal();
    let (parsed, _) = app.validate(Arc::new(definition.clone())).await?;
    match app.workflow_by_name(&caller, &parsed.name).await {
        Ok(existing) if *existing.source == definition => Ok((existing.record.id, parsed.name)),
        Ok(existing) => {
            let view = app.update_workflow(&caller, existing.record.id, definition).await?;
            Ok((view.record.id, parsed.name))
        }
        Err(AppError::NotFound { .. }) => {
            let create = CreateWorkflow { source: definition, active: true, idempotency: None };
            Ok((app.create_workflow(&caller, create).await?, parsed.name))
        }
        Err(error) => Err(error),
    }
}
