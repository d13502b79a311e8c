//! Parameters and results of the services for workflows.

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::Map;
use stepwell_core::definition::SharedPlan;
use stepwell_core::ids::OperationId;
use stepwell_store::record::{IntegrationUse, WorkflowRecord};

use crate::app::requests::{Expected, Idempotency};

/// Creates a workflow from a definition.
#[derive(Debug, Clone)]
pub struct CreateWorkflow {
    /// The definition, as JSON value.
    pub source: Value,
    /// Whether it may be executed at once.
    pub active: bool,
    /// The idempotency key, if any.
    pub idempotency: Option<Idempotency>,
}

/// Creates a workflow from a type and its configuration.
#[derive(Debug, Clone)]
pub struct NewWorkflow {
    /// Its name.
    pub name: String,
    /// Its purpose; `None`: the description in its definition.
    pub description: Option<String>,
    /// Its type.
    pub kind: String,
    /// The configuration that its definition is built from.
    pub configuration: Map,
    /// The integrations that it uses.
    pub integrations: Vec<IntegrationUse>,
    /// The user's own labels; `None`: those in its definition.
    pub metadata: Option<Map>,
    /// The idempotency key, if any.
    pub idempotency: Option<Idempotency>,
}

/// Changes a workflow; fields that are `None` are unchanged.
#[derive(Debug, Clone, Default)]
pub struct ChangeWorkflow {
    /// Its name.
    pub name: Option<String>,
    /// Its purpose; `Some(None)` removes it.
    pub description: Option<Option<String>>,
    /// Its type.
    pub kind: Option<String>,
    /// The configuration that its definition is built from.
    pub configuration: Option<Map>,
    /// The integrations that it uses.
    pub integrations: Option<Vec<IntegrationUse>>,
    /// The user's own labels.
    pub metadata: Option<Map>,
}

/// How a workflow is deleted.
#[derive(Debug, Clone, Default)]
pub struct Deletion {
    /// The versions that it may have.
    pub expected: Expected,
    /// Whether its executions that have not ended are cancelled; otherwise they continue.
    pub cancel_running: bool,
}

/// What became of the executions of a deleted workflow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeletedWorkflow {
    /// How many were cancelled until now.
    pub cancelled: u64,
    /// The operation that cancels the others, or that could not cancel some; `None`: it has
    /// completed, or none was needed.
    pub operation: Option<OperationId>,
}

/// A workflow with its current release.
#[derive(Clone)]
pub struct WorkflowView {
    /// The stored workflow.
    pub record: WorkflowRecord,
    /// The definition as given.
    pub source: Arc<Value>,
    /// The same, compiled: steps with ids, schemas, input schema.
    pub plan: SharedPlan,
}
