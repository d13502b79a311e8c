//! The ids that this dialect gives to what has none of its own: UUIDv5, so the same each time.

use axum::extract::RawPathParams;
use stepwell_core::Problem;
use stepwell_core::ids::{ExecutionId, WorkflowId, WorkspaceId};
use uuid::Uuid;

use crate::error::{ApiError, shorten_text};

/// A release; here it is a history item as well.
pub fn release_id(workflow: WorkflowId, number: u32) -> Uuid {
    Uuid::new_v5(&workflow.uuid(), format!("releases/{number}").as_bytes())
}

/// The number of the release with that id, of those up to `newest`.
pub fn release_number(workflow: WorkflowId, newest: u32, id: Uuid) -> Option<u32> {
    // Mostly the newer ones are requested.
    (1..=newest).rev().find(|number| release_id(workflow, *number) == id)
}

/// What a release executes.
pub fn version_id(workflow: WorkflowId, number: u32) -> Uuid {
    Uuid::new_v5(&workflow.uuid(), format!("versions/{number}").as_bytes())
}

/// A release tag.
pub fn tag_id(workflow: WorkflowId, name: &str) -> Uuid {
    Uuid::new_v5(&workflow.uuid(), format!("tags/{name}").as_bytes())
}

/// The span of the deployment around an execution.
pub fn parent_span_id(execution: ExecutionId) -> Uuid {
    Uuid::new_v5(&execution.uuid(), b"/deployment")
}

/// The only environment of a workspace.
pub fn environment_id(workspace: WorkspaceId) -> Uuid {
    Uuid::new_v5(&workspace.uuid(), b"environment")
}

/// The organization of a workspace.
pub fn organization_id(workspace: WorkspaceId) -> Uuid {
    Uuid::new_v5(&workspace.uuid(), b"organization")
}

/// The execution that a path names.
///
/// # Errors
/// `InvalidRequest` where it is not an id.
pub fn execution_id(path: &RawPathParams, name: &str) -> Result<ExecutionId, ApiError> {
    let text = path.iter().find(|(known, _)| *known == name).map_or("", |(_, id)| id);
    text.parse().map_err(|_| {
        let shown = shorten_text(text);
        ApiError::problem(
            Problem::new(name, "is not a UUID").with_expectation("UUID", format!("`{shown}`")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_found_by_their_ids() {
        let workflow = WorkflowId::from_uuid(Uuid::from_u128(5));
        for number in 1..=4 {
            let id = release_id(workflow, number);
            let expect = (number <= 3).then_some(number);
            assert_eq!(release_number(workflow, 3, id), expect);
            assert_ne!(id, version_id(workflow, number));
        }
        // Clients store these ids: they never change.
        assert_eq!(release_id(workflow, 1).to_string(), "48100103-6544-5039-9e39-6a4dff86c3fc");
    }
}
