//! What a rerun takes over from an earlier execution, as its first event has it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::{Event, deserialize_present};
use super::failure::Failure;
use super::step_run_id::StepRunId;
use crate::ids::ExecutionId;

/// What a rerun takes over from an earlier execution of the same release: steps that are settled
/// already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RerunSource {
    /// The earlier execution.
    pub of: ExecutionId,
    /// The steps that are not run again, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ReusedStep>,
    /// A step that is run again with this input instead of the one of its binding.
    #[serde(rename = "in", default, skip_serializing_if = "Option::is_none")]
    pub given: Option<GivenInput>,
    /// What the earlier execution has recorded of blocks that continue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
}

/// An input for a step run that replaces the one of its binding. Stored as a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "(StepRunId, Arc<Value>)", into = "(StepRunId, Arc<Value>)")]
pub struct GivenInput {
    /// The step run.
    pub step: StepRunId,
    /// Its input.
    pub input: Arc<Value>,
}

/// A step that is not run again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReusedStep {
    /// The step run.
    #[serde(rename = "n")]
    pub step: StepRunId,
    /// Its input.
    #[serde(rename = "in", default, deserialize_with = "deserialize_present")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Arc<Value>>,
    /// How it settled.
    pub how: ReusedOutcome,
}

/// The outcome of a step that is not run again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReusedOutcome {
    /// It completed.
    Completed {
        /// Its output.
        #[serde(rename = "out")]
        output: Arc<Value>,
        /// Its output port; `None`: the default port.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<String>,
    },
    /// It failed, and the definition handles the failure.
    Failed {
        /// Why.
        #[serde(rename = "err")]
        error: Failure,
    },
    /// It was skipped because too few of the edges into it were taken; in journals of earlier
    /// versions, for any reason.
    Skipped,
    /// Its `when` was false.
    Bypassed,
}

impl From<(StepRunId, Arc<Value>)> for GivenInput {
    fn from((step, input): (StepRunId, Arc<Value>)) -> Self {
        Self { step, input }
    }
}

impl From<GivenInput> for (StepRunId, Arc<Value>) {
    fn from(given: GivenInput) -> Self {
        (given.step, given.input)
    }
}

/// An event, preceded by the events that it takes over.
pub(super) fn with_taken_over(event: &Event) -> Vec<&Event> {
    match event {
        Event::Accepted { rerun: Some(rerun), .. } => {
            rerun.events.iter().chain(std::iter::once(event)).collect()
        }
        event => vec![event],
    }
}

/// The step run that an event is about, also of a block whose body it is about.
pub(super) fn event_subject(event: &Event) -> Option<&StepRunId> {
    match event {
        Event::BodyStarted { step, .. }
        | Event::BodyEnded { step, .. }
        | Event::ItemsEnded { step, .. } => Some(step),
        event => event.step_run(),
    }
}
