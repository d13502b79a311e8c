//! The journal's events: the only truth about an execution.
//!
//! Events change only by adding variants and optional fields: old journals are replayed for ever.
//! The short serde names are the stored form; see `tests/journals` for the fixtures that hold us
//! to it.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::approval_event::ApprovalEvent;
use super::blocks::block_run::BodyResult;
use super::end_outcome::EndOutcome;
use super::failure::Failure;
use super::message::{ChildLink, ParentLink};
use super::rerun_source::RerunSource;
use super::step_run_id::StepRunId;
use crate::definition::concurrency::ConcurrencyPlace;
use crate::expr::SecretInsertion;
use crate::ids::ExecutionId;
use crate::{Map, Timestamp};

/// An event with its position in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedEvent {
    /// 1 for the first event of an execution, without gaps.
    #[serde(rename = "s")]
    pub seq: u64,
    /// When it happened.
    #[serde(rename = "t")]
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen to an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "e", rename_all = "snake_case")]
pub enum Event {
    /// The execution was accepted and is queued. Always the first event.
    Accepted {
        /// Its input, defaults filled in.
        #[serde(rename = "in")]
        input: Arc<Value>,
        /// Initial state values, which override the definition's.
        #[serde(rename = "st", default, skip_serializing_if = "Option::is_none")]
        state: Option<Map>,
        /// The execution whose state that was.
        #[serde(rename = "prev", default, skip_serializing_if = "Option::is_none")]
        previous: Option<ExecutionId>,
        /// The release tag by which its release was chosen, where one was named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tag: Option<String>,
        /// Timeout in milliseconds from acceptance; the definition's own applies as well.
        #[serde(rename = "to", default, skip_serializing_if = "Option::is_none")]
        timeout_millis: Option<u64>,
        /// The steps that it takes over from an earlier execution of the same release.
        #[serde(rename = "re", default, skip_serializing_if = "Option::is_none")]
        rerun: Option<Box<RerunSource>>,
        /// The step run that started it, if it is a sub-workflow.
        #[serde(rename = "par", default, skip_serializing_if = "Option::is_none")]
        parent: Option<Box<ParentLink>>,
        /// The variables of the workspace that its plan names, by name, as they were then; `None`:
        /// the plan names none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vars: Option<Arc<Value>>,
        /// Whether it came with secrets.
        #[serde(rename = "sec", default, skip_serializing_if = "std::ops::Not::not")]
        secrets: bool,
        /// The place that it needs before it starts.
        #[serde(rename = "cc", default, skip_serializing_if = "Option::is_none")]
        concurrency: Option<Box<ConcurrencyPlace>>,
    },
    /// It left the queue.
    Started,
    /// An attempt of a step began.
    StepStarted {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
        /// From 1.
        #[serde(rename = "a", default = "first_attempt", skip_serializing_if = "is_one")]
        attempt: u32,
        /// The input of the attempt; `None`: the same as in the previous attempt.
        #[serde(rename = "in", default, deserialize_with = "deserialize_present")]
        #[serde(skip_serializing_if = "Option::is_none")]
        input: Option<Arc<Value>>,
        /// The configuration, if expressions created it.
        #[serde(rename = "cfg", default, deserialize_with = "deserialize_present")]
        #[serde(skip_serializing_if = "Option::is_none")]
        config: Option<Arc<Value>>,
        /// The secrets that are inserted into both before the step runs, by pointers from
        /// `{"input", "config"}`; `None`: the step's definition names none.
        #[serde(rename = "sec", default, skip_serializing_if = "Option::is_none")]
        secrets: Option<Vec<SecretInsertion>>,
    },
    /// A step waits for a point in time (`Delay`).
    StepWaiting {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
        /// When it continues.
        until: Timestamp,
    },
    /// The sub-workflow of a step was started, as an execution of its own.
    ChildStarted {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
        /// The execution.
        #[serde(flatten)]
        child: ChildLink,
        /// When the step's timeout ends; `None`: it has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// The attempt of a step waits for a place under the concurrency limit of the step.
    PlaceAwaited {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
        /// The place.
        #[serde(flatten)]
        place: ConcurrencyPlace,
    },
    /// The attempt of a step has its place, and runs.
    PlaceTaken {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
    },
    /// A step waits for a signal (`WaitForSignal`).
    SignalAwaited {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
        /// The name of the signal.
        #[serde(rename = "sig")]
        signal: String,
        /// The correlation key that the signal must have, if it is sent by its key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// When the wait ends without a signal; `None`: never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// A signal arrived. It is kept until a step consumes it; its number is that of this event.
    SignalReceived {
        /// The name of the signal.
        #[serde(rename = "sig")]
        signal: String,
        /// The correlation key that it was sent with; `None`: it was sent to the execution.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// The id that the sender gave it: further signals with this id are ignored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Its data.
        data: Arc<Value>,
    },
    /// A step took a signal that was kept. Its completion follows.
    SignalConsumed {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
        /// The number of the signal.
        #[serde(rename = "no")]
        number: u64,
    },
    /// An approval that a step waits for was requested, changed or ended.
    Approval {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
        /// What happened to it.
        #[serde(rename = "ap")]
        event: ApprovalEvent,
    },
    /// A step completed.
    StepCompleted {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
        /// Its output.
        #[serde(rename = "out")]
        output: Arc<Value>,
        /// Its output port; `None`: the default port.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<String>,
    },
    /// An attempt failed and another one will follow.
    StepRetrying {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
        /// Why the attempt failed.
        #[serde(rename = "err")]
        error: Failure,
        /// When the next attempt begins.
        until: Timestamp,
        /// The position of the retry policy that applied.
        #[serde(rename = "p", default, skip_serializing_if = "is_zero")]
        policy: u32,
    },
    /// A step failed for good.
    StepFailed {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
        /// Why.
        #[serde(rename = "err")]
        error: Failure,
        /// Whether the definition handles the failure, so that the execution continues.
        #[serde(rename = "ok", default, skip_serializing_if = "is_false")]
        handled: bool,
    },
    /// A step will not run.
    StepSkipped {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
        /// Why.
        #[serde(rename = "why")]
        reason: SkipReason,
    },
    /// A step was running or waiting when the execution ended.
    StepCancelled {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
    },
    /// The steps of a list of a block can start.
    BodyStarted {
        /// The run of the block.
        #[serde(rename = "n")]
        step: StepRunId,
        /// The position of the list in the block.
        #[serde(rename = "b", default, skip_serializing_if = "is_zero")]
        body: u32,
        /// The iteration, from 0.
        #[serde(rename = "i", default, skip_serializing_if = "is_zero")]
        index: u32,
    },
    /// The steps of a list of a block have settled, and the block continues.
    BodyEnded {
        /// The run of the block.
        #[serde(rename = "n")]
        step: StepRunId,
        /// The position of the list in the block.
        #[serde(rename = "b", default, skip_serializing_if = "is_zero")]
        body: u32,
        /// The iteration, from 0.
        #[serde(rename = "i", default, skip_serializing_if = "is_zero")]
        index: u32,
        /// Its output; `None`: it failed.
        #[serde(rename = "out", default, deserialize_with = "deserialize_present")]
        #[serde(skip_serializing_if = "Option::is_none")]
        output: Option<Arc<Value>>,
        /// Why it failed.
        #[serde(rename = "err", default, skip_serializing_if = "Option::is_none")]
        error: Option<Failure>,
    },
    /// Consecutive items of a `Map` have ended whose steps are not recorded.
    ItemsEnded {
        /// The run of the block.
        #[serde(rename = "n")]
        step: StepRunId,
        /// The first item, from 0.
        #[serde(rename = "i", default, skip_serializing_if = "is_zero")]
        index: u32,
        /// The results, in the order of the items.
        results: Vec<BodyResult>,
    },
    /// A step set state values.
    StateSet {
        /// By name.
        values: Map,
    },
    /// A running step stored its progress.
    StepCheckpoint {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
        /// What its next attempt gets, also after a crash.
        #[serde(rename = "v")]
        value: Arc<Value>,
    },
    /// A step wrote a log line.
    StepLogged {
        /// The step run.
        #[serde(rename = "n")]
        step: StepRunId,
        /// `info`, `warn` or `error`.
        level: String,
        /// The text.
        #[serde(rename = "msg")]
        message: String,
    },
    /// Another node took the execution over because its node stopped; running steps are repeated.
    Recovered,
    /// The execution starts no further steps until it is resumed.
    Paused,
    /// The execution continues.
    Resumed,
    /// It will end so: compensations and the steps of `on_failure` run before that.
    Ending {
        /// How it ends.
        #[serde(rename = "how")]
        outcome: EndOutcome,
    },
    /// All steps are settled. Final.
    Completed {
        /// The outputs.
        #[serde(rename = "out")]
        output: Arc<Value>,
    },
    /// A step failed and nothing handled it, or the outputs could not be evaluated. Final.
    Failed {
        /// Why.
        #[serde(rename = "err")]
        error: Failure,
    },
    /// The execution exceeded its timeout. Final.
    TimedOut {
        /// Why.
        #[serde(rename = "err")]
        error: Failure,
    },
    /// A caller cancelled the execution. Final.
    Cancelled {
        /// The reason stated by the caller.
        #[serde(rename = "why", default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// Why a step was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Its `when` was false.
    Condition,
    /// Too few of the edges into it were taken.
    NotTaken,
}

impl SkipReason {
    /// As it is written in the API: `condition`, `not_taken`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Condition => "condition",
            Self::NotTaken => "not_taken",
        }
    }
}

impl Event {
    /// An `Accepted` event with this input and defaults otherwise.
    pub fn accepted(input: Value) -> Self {
        Self::Accepted {
            input: Arc::new(input),
            state: None,
            previous: None,
            tag: None,
            timeout_millis: None,
            rerun: None,
            parent: None,
            vars: None,
            secrets: false,
            concurrency: None,
        }
    }

    /// The step run it is about, if any.
    pub const fn step_run(&self) -> Option<&StepRunId> {
        match self {
            Self::StepStarted { step, .. }
            | Self::StepWaiting { step, .. }
            | Self::ChildStarted { step, .. }
            | Self::PlaceAwaited { step, .. }
            | Self::PlaceTaken { step }
            | Self::SignalAwaited { step, .. }
            | Self::Approval { step, .. }
            | Self::StepCompleted { step, .. }
            | Self::StepRetrying { step, .. }
            | Self::StepFailed { step, .. }
            | Self::StepSkipped { step, .. }
            | Self::StepCancelled { step }
            | Self::StepCheckpoint { step, .. }
            | Self::StepLogged { step, .. } => Some(step),
            Self::Accepted { .. }
            | Self::Started
            | Self::BodyStarted { .. }
            | Self::BodyEnded { .. }
            | Self::ItemsEnded { .. }
            | Self::SignalReceived { .. }
            | Self::SignalConsumed { .. }
            | Self::StateSet { .. }
            | Self::Recovered
            | Self::Ending { .. }
            | Self::Paused
            | Self::Resumed
            | Self::Completed { .. }
            | Self::Failed { .. }
            | Self::TimedOut { .. }
            | Self::Cancelled { .. } => None,
        }
    }

    /// Whether nothing can follow it.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Completed { .. }
                | Self::Failed { .. }
                | Self::TimedOut { .. }
                | Self::Cancelled { .. }
        )
    }
}

/// A present field is a value, `null` too: only an omitted one is `None`.
pub(super) fn deserialize_present<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Arc<Value>>, D::Error> {
    Value::deserialize(from).map(|value| Some(Arc::new(value)))
}

const fn first_attempt() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_one(n: &u32) -> bool {
    *n == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(b: &bool) -> bool {
    !*b
}
