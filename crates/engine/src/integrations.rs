//! Whether the integrations of a workflow are connected.

use stepwell_store::record::{IntegrationUse, WorkflowRecord};

use crate::AppError;

/// The state of an integration of a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// It does not exist, its last test failed, or it was not tested.
    Pending,
    /// It exists, and its last test passed.
    Connected,
}

impl Connection {
    /// Its state. Integrations cannot be created yet, so none is connected.
    pub const fn of(_used: &IntegrationUse) -> Self {
        Self::Pending
    }
}

/// Fails if a required integration is not connected.
pub(crate) fn require_integrations(workflow: &WorkflowRecord) -> Result<(), AppError> {
    let missing =
        |used: &&IntegrationUse| used.required && Connection::of(used) != Connection::Connected;
    let missing: Vec<String> =
        workflow.integrations.iter().filter(missing).map(|used| used.id.clone()).collect();
    if missing.is_empty() { Ok(()) } else { Err(AppError::IntegrationMissing(missing)) }
}
