//! What the steps of a dry run did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stepwell_core::Timestamp;
use stepwell_core::definition::StepIndex;
use stepwell_core::definition::plan::Plan;
use stepwell_core::execution::{ApprovalEvent, Event, Failure, RecordedEvent, StepRunId};
use stepwell_core::memory::value_bytes;

use crate::view::StepStatus;

/// One step run of a dry run.
#[derive(Debug, Clone, PartialEq)]
pub struct StepTrace {
    /// The step run: the step's id, in an iteration with the enclosing steps (`orders[3].charge`).
    pub step: String,
    /// The step's id.
    pub step_id: String,
    /// Its type.
    pub type_name: &'static str,
    /// How it ended.
    pub status: StepStatus,
    /// Whether a mock replaced it.
    pub mocked: bool,
    /// How many attempts began.
    pub attempts: u32,
    /// Its input.
    pub input: Option<Arc<Value>>,
    /// Its output.
    pub output: Option<Arc<Value>>,
    /// The port by which it was left; `None`: the usual one.
    pub port: Option<String>,
    /// Why it failed.
    pub error: Option<Failure>,
    /// When it started, from the start of the run.
    pub started: Duration,
    /// When it ended.
    pub ended: Option<Duration>,
}

/// A list of steps of a block that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchTrace {
    /// The id of the block.
    pub step: String,
    /// The list: `cases[0]`, `else`, `branches.mail`, …
    pub branch: String,
}

/// Builds the traces from the events of the execution.
pub(super) struct TraceRecorder {
    start: Timestamp,
    steps: Vec<StepTrace>,
    /// The position of each step run.
    positions: BTreeMap<StepRunId, usize>,
    branches: BTreeSet<(StepIndex, u32)>,
    /// How many bytes the values of the events take, without sharing.
    value_bytes: usize,
}

impl TraceRecorder {
    pub(super) fn new(start: Timestamp) -> Self {
        Self {
            start,
            steps: Vec::new(),
            positions: BTreeMap::new(),
            branches: BTreeSet::new(),
            value_bytes: 0,
        }
    }

    pub(super) fn value_bytes(&self) -> usize {
        self.value_bytes
    }

    /// The number of step runs.
    pub(super) fn step_count(&self) -> usize {
        self.steps.len()
    }

    pub(super) fn mark_mocked(&mut self, run: &StepRunId) {
        let position = self.positions.get(run).copied();
        if let Some(trace) = position.and_then(|position| self.steps.get_mut(position)) {
            trace.mocked = true;
        }
    }

    pub(super) fn record_event(&mut self, plan: &Plan, recorded: &RecordedEvent) {
        let at = recorded.at.since(self.start);
        match &recorded.event {
            Event::StepStarted { step, attempt, input, config, .. } => {
                self.count_value(input.as_ref());
                self.count_value(config.as_ref());
                let trace = self.trace_of(plan, step, at);
                trace.attempts = *attempt;
                trace.status = StepStatus::Running;
                if let Some(input) = input {
                    trace.input = Some(input.clone());
                }
            }
            Event::StepWaiting { step, .. }
            | Event::SignalAwaited { step, .. }
            | Event::Approval { step, event: ApprovalEvent::Requested { .. } } => {
                self.trace_of(plan, step, at).status = StepStatus::Waiting;
            }
            Event::StepCompleted { step, output, port } => {
                self.count_value(Some(output));
                let trace = self.end_trace(plan, step, at, StepStatus::Completed);
                (trace.output, trace.port) = (Some(output.clone()), port.clone());
                trace.error = None;
            }
            Event::StepRetrying { step, error, .. } => {
                self.trace_of(plan, step, at).error = Some(error.clone());
            }
            Event::StepFailed { step, error, .. } => {
                let trace = self.end_trace(plan, step, at, StepStatus::Failed);
                trace.error = Some(error.clone());
            }
            Event::StepSkipped { step, .. } => {
                self.end_trace(plan, step, at, StepStatus::Skipped);
            }
            Event::StepCancelled { step } => {
                self.end_trace(plan, step, at, StepStatus::Cancelled);
            }
            Event::BodyStarted { step, body, .. } => {
                self.branches.insert((step.step, *body));
            }
            Event::BodyEnded { output, .. } => self.count_value(output.as_ref()),
            Event::Accepted { .. }
            | Event::Started
            | Event::ItemsEnded { .. }
            | Event::ChildStarted { .. }
            | Event::PlaceAwaited { .. }
            | Event::PlaceTaken { .. }
            | Event::SignalReceived { .. }
            | Event::SignalConsumed { .. }
            | Event::Approval { .. }
            | Event::StepCheckpoint { .. }
            | Event::Ending { .. }
            | Event::StateSet { .. }
            | Event::StepLogged { .. }
            | Event::Recovered
            | Event::Paused
            | Event::Resumed
            | Event::Completed { .. }
            | Event::Failed { .. }
            | Event::TimedOut { .. }
            | Event::Cancelled { .. } => {}
        }
    }

    fn count_value(&mut self, value: Option<&Arc<Value>>) {
        let bytes = value.map_or(0, |value| value_bytes(value));
        self.value_bytes = self.value_bytes.saturating_add(bytes);
    }

    fn end_trace(
        &mut self,
        plan: &Plan,
        run: &StepRunId,
        at: Duration,
        status: StepStatus,
    ) -> &mut StepTrace {
        let trace = self.trace_of(plan, run, at);
        (trace.status, trace.ended) = (status, Some(at));
        trace
    }

    /// The trace of a step run, a new one if it has none.
    fn trace_of(&mut self, plan: &Plan, run: &StepRunId, at: Duration) -> &mut StepTrace {
        let position = match self.positions.get(run) {
            Some(position) => *position,
            None => {
                let planned = &plan[run.step];
                self.steps.push(StepTrace {
                    step: run.display_in(plan).to_string(),
                    step_id: planned.id.clone(),
                    type_name: planned.type_name,
                    status: StepStatus::Pending,
                    mocked: false,
                    attempts: 0,
                    input: None,
                    output: None,
                    port: None,
                    error: None,
                    started: at,
                    ended: None,
                });
                self.positions.insert(run.clone(), self.steps.len() - 1);
                self.steps.len() - 1
            }
        };
        &mut self.steps[position]
    }

    /// The traces, and the lists of blocks that ran.
    pub(super) fn finish(self, plan: &Plan) -> (Vec<StepTrace>, Vec<BranchTrace>) {
        let branches = self.branches.into_iter().filter_map(|(step, body)| {
            let planned = plan.step(step)?;
            let branch = planned.block.as_ref()?.body_name(body)?;
            Some(BranchTrace { step: planned.id.clone(), branch })
        });
        (self.steps, branches.collect())
    }
}
