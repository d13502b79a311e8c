//! Whether what a workflow is connected to is there and works.

use stepwell_store::record::{IntegrationUse, WorkflowRecord};

use crate::AppError;

/// How an integration of a workflow stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// It is not there, or its last test failed, or it was not tested.
    Pending,
    /// It is there, and its last test passed.
    Connected,
}

impl Connection {
    /// How it stands. No integration can be made yet, so none is connected.
    pub const fn of(_used: &IntegrationUse) -> Self {
        Self::Pending
    }
}

/// Refuses where the workflow cannot do without an integration that is not connected.
pub(super) fn require(workflow: &WorkflowRecord) -> Result<(), AppError> {
    let missing =
        |used: &&IntegrationUse| used.required && Connection::of(used) != Connection::Connected;
    let missing: Vec<String> =
        workflow.integrations.iter().filter(missing).map(|used| used.id.clone()).collect();
    if missing.is_empty() { Ok(()) } else { Err(AppError::IntegrationMissing(missing)) }
}
