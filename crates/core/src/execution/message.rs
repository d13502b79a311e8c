//! Links between an execution and the executions that its steps start, and the messages between
//! them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::failure::Failure;
use super::step_run_id::StepRunId;
use crate::definition::concurrency::ConcurrencyPlace;
use crate::ids::{ExecutionId, WorkflowId};

/// The most executions above a sub-workflow: its parent, the parent of that, and so on.
pub const MAX_SUB_WORKFLOW_DEPTH: u32 = 16;

/// The most sub-workflows for whose ends an execution waits at the same time.
pub const MAX_ACTIVE_CHILDREN: usize = 10_000;

/// The step run that started an execution, stored in the first event of that execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentLink {
    /// The execution of the step run.
    #[serde(rename = "x")]
    pub execution: ExecutionId,
    /// The step run.
    #[serde(rename = "n")]
    pub step: StepRunId,
    /// The written form of the step run.
    #[serde(rename = "id")]
    pub step_name: String,
    /// How many executions are above the started one, from 1.
    #[serde(rename = "d")]
    pub depth: u32,
    /// Whether the step run waits for the end of the execution.
    #[serde(rename = "w")]
    pub waits: bool,
    /// The concurrency keys of which the executions that wait for the started one have places.
    #[serde(rename = "h", default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldKey>,
}

/// A concurrency key of which an execution has a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldKey {
    /// The workflow.
    #[serde(rename = "wf")]
    pub workflow: WorkflowId,
    /// The key.
    #[serde(rename = "k", default, skip_serializing_if = "String::is_empty")]
    pub key: String,
}

impl ParentLink {
    /// Whether the executions that wait for the started one have all places that it could get, so
    /// that it would wait for ever.
    pub fn blocks_place(&self, workflow: WorkflowId, place: &ConcurrencyPlace) -> bool {
        let is_same = |held: &&HeldKey| held.workflow == workflow && held.key == place.key;
        self.held.iter().filter(is_same).count() >= place.limit as usize
    }
}

/// An execution that a step run started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildLink {
    /// The execution.
    #[serde(rename = "x")]
    pub execution: ExecutionId,
    /// Its workflow.
    #[serde(rename = "wf")]
    pub workflow: WorkflowId,
    /// The number of its release.
    #[serde(rename = "r")]
    pub release: u32,
}

/// How a sub-workflow ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildResult {
    /// It completed with this output.
    Completed(Arc<Value>),
    /// It failed or timed out.
    Failed(Failure),
    /// It was cancelled, for this reason.
    Cancelled(Option<String>),
    /// It was not accepted: there was no place for it under its concurrency limit.
    Rejected(Failure),
}

/// A message from one execution to another. It is stored in the transaction of the events that
/// cause it, and deleted in the transaction of the events that it causes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "m", rename_all = "snake_case")]
pub enum ExecutionMessage {
    /// To the parent: the sub-workflow of a step run has ended.
    ChildEnded {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
        /// The sub-workflow.
        #[serde(rename = "x")]
        child: ExecutionId,
        /// How it ended.
        #[serde(rename = "res")]
        result: ChildResult,
    },
    /// To a sub-workflow: no step waits for it any more. To another execution of the same
    /// concurrency key: a newer one replaces it.
    Cancel {
        /// Why.
        #[serde(rename = "why")]
        reason: String,
    },
    /// To a sub-workflow: its parent was paused.
    Pause,
    /// To a sub-workflow: its parent was resumed.
    Resume,
}

/// A message with its receiver.
#[derive(Debug, Clone, PartialEq)]
pub struct OutgoingMessage {
    /// The receiver.
    pub to: ExecutionId,
    /// The message.
    pub message: ExecutionMessage,
}
