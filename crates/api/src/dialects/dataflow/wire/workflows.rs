//! Bodies of workflows.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Warning;
use crate::respond::Time;

/// The response to a created workflow.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkflowCreated<'a> {
    /// The workflow, to be executed by a call of its own.
    #[schema(example = "wf-01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub workflow_id: String,
    /// What is probably not meant, such as inputs that nothing uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<Warning<'a>>>,
}

/// A page of workflows.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkflowPage<'a> {
    /// Newest first.
    pub workflows: Vec<WorkflowRow<'a>>,
    /// Send it as `cursor` to get the next page; `null` after the last.
    pub next_cursor: Option<&'a str>,
}

/// A workflow in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkflowRow<'a> {
    /// Its id.
    pub workflow_id: String,
    /// Its name.
    pub name: &'a str,
    /// Whether it can be executed.
    pub status: WorkflowStatus,
    /// When it was created.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// Whether a workflow can be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WorkflowStatus {
    /// It can.
    Active,
    /// It cannot.
    Inactive,
}

/// A workflow with its current release.
#[derive(Debug, Serialize, ToSchema)]
pub struct Workflow<'a> {
    /// Its id.
    pub workflow_id: String,
    /// Its name.
    pub name: &'a str,
    /// Whether it can be executed.
    pub status: WorkflowStatus,
    /// The number of its current release, from 1.
    pub release: u32,
    /// When it was created.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// The labels of its definition.
    #[schema(value_type = Object)]
    pub metadata: &'a stepwell_core::Map,
    /// The definition as it was given.
    #[schema(value_type = Object)]
    pub definition: &'a Value,
    /// The JSON Schema that an execution's input must satisfy.
    #[schema(value_type = Object)]
    pub input_schema: &'a Value,
    /// The steps, resolved, in the order of the definition.
    pub steps: Vec<WorkflowStep<'a>>,
    /// In the response to its change: what is probably not meant, such as inputs that nothing uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<Warning<'a>>>,
}

/// A step of a workflow, resolved.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkflowStep<'a> {
    /// Its id in the definition, given or made from its type.
    pub step_id: &'a str,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: &'a str,
    /// The ids of the steps it comes after.
    pub after: Vec<&'a str>,
    /// What running it does to the world: `pure`, `idempotent`, `external`.
    pub effect: &'a str,
    /// The JSON Schema of its input, as far as it is known.
    #[schema(value_type = Object)]
    pub input_schema: &'a Value,
    /// The JSON Schema of its output, as far as it is known.
    #[schema(value_type = Object)]
    pub output_schema: &'a Value,
}

/// Counts of a workflow's executions.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stats {
    /// The workflow.
    pub workflow_id: String,
    /// All executions that were accepted.
    pub total: u64,
    /// Accepted and not ended.
    pub active: u64,
    /// Ended well.
    pub completed: u64,
    /// Ended by a failure.
    pub failed: u64,
    /// Ended by their timeout; their status is `FAILED` too.
    pub timed_out: u64,
    /// Ended by a request.
    pub cancelled: u64,
    /// The share of ended executions that ended well, 0 to 1; `null` before any ended.
    pub success_rate: Option<f64>,
    /// The mean time from start to end, in milliseconds; `null` before any ended.
    pub average_duration_ms: Option<f64>,
}
