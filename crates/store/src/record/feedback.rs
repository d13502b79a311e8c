//! What users say of executions.

use serde_json::Value;
use stepwell_core::ids::{ActualId, ExecutionId, WorkflowId};
use stepwell_core::{Map, Timestamp};

/// Feedback on one output of an execution: the value it should have had, or a quality.
#[derive(Debug, Clone, PartialEq)]
pub struct ActualRecord {
    /// Its id; sorts by when it was submitted.
    pub id: ActualId,
    /// The execution.
    pub execution: ExecutionId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// The release that it ran.
    pub release: u32,
    /// The tag by which that was chosen.
    pub tag: Option<String>,
    /// The output's name.
    pub output: String,
    /// How good it was, 0 to 1.
    pub quality: Option<f64>,
    /// What it should have been.
    pub desired: Option<Value>,
    /// Whether that is exactly what it was.
    pub matched: Option<bool>,
    /// The user's own labels.
    pub metadata: Map,
    /// When the feedback was given, in the user's words.
    pub at: Timestamp,
    /// When it was submitted.
    pub created_at: Timestamp,
}

/// The feedback on the executions of one release that were started by one tag, summed up.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QualityRow {
    /// The release.
    pub release: u32,
    /// The tag; `None`: started without one.
    pub tag: Option<String>,
    /// How many actuals.
    pub count: u64,
    /// How many of them have a quality.
    pub rated: u64,
    /// The sum of those.
    pub quality_sum: f64,
    /// How many say what the output should have been.
    pub compared: u64,
    /// How many of those say that it was.
    pub matched: u64,
}
