//! The bodies about executions, and what they are made of. Domain structs are taken apart field by
//! field, so that a new one breaks the build here on purpose.

use serde::Serialize;
use stepwell_core::{Map, Timestamp};
use stepwell_engine::view::{ExecutionView, LogLine, StepStatus, StepView};
use stepwell_store::record::ExecutionRecord;
use utoipa::ToSchema;

use super::statuses::{ExecutionStatus, RunStatus};
use super::wire::Failure;
use crate::large::Shared;
use crate::respond::Time;

/// An execution just ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Executed)]
pub struct Executed<'a> {
    /// Its id.
    #[schema(example = "exec_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub execution_id: String,
    /// Its workflow.
    pub workflow_id: String,
    /// How it ended.
    pub status: ExecutionStatus,
    /// When it began.
    pub started_at: Option<Time>,
    /// When it ended.
    pub completed_at: Option<Time>,
    /// How long that took.
    pub duration_ms: Option<u64>,
    /// What it was given.
    #[schema(value_type = Value)]
    pub parameters: Shared<'a>,
    /// What it made.
    #[schema(value_type = Value)]
    pub result: Option<Shared<'a>>,
}

/// An execution just accepted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Accepted)]
pub struct Accepted<'a> {
    /// Its id.
    pub execution_id: String,
    /// Its workflow.
    pub workflow_id: String,
    /// `running`, or `queued` where it waits for its turn.
    pub status: ExecutionStatus,
    /// When it began; `null` where it waits for its turn.
    pub started_at: Option<Time>,
    /// What it was given.
    #[schema(value_type = Value)]
    pub parameters: Shared<'a>,
    /// Where it is sent once it has ended.
    pub callback_url: Option<&'a str>,
    /// The execution that it is run again from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rerun_of: Option<String>,
}

/// An execution with all of its steps.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Execution)]
pub struct Execution<'a> {
    /// Its id.
    pub execution_id: String,
    /// Its workflow.
    pub workflow_id: String,
    /// The workflow's name.
    pub workflow_name: &'a str,
    /// How it stands.
    pub status: ExecutionStatus,
    /// When it was accepted.
    pub created_at: Time,
    /// When it began; `null` while it waits for its turn.
    pub started_at: Option<Time>,
    /// When it ended.
    pub completed_at: Option<Time>,
    /// How long that took.
    pub duration_ms: Option<u64>,
    /// What it was given.
    #[schema(value_type = Value)]
    pub parameters: Shared<'a>,
    /// What it made; `null` unless it has completed.
    #[schema(value_type = Value)]
    pub result: Option<Shared<'a>>,
    /// Why it failed or ran out of time.
    pub error: Option<Failure<'a>>,
    /// Every step of the definition, in its order, from the first moment on.
    pub steps: Vec<Step<'a>>,
    /// The release that it runs.
    pub release: u32,
    /// Its labels.
    #[schema(value_type = Object)]
    pub metadata: &'a Map,
    /// Where it is sent once it has ended.
    pub callback_url: Option<&'a str>,
    /// The execution that it is run again from.
    pub rerun_of: Option<String>,
}

/// A step of an execution.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Step)]
pub struct Step<'a> {
    /// Its id in the definition.
    #[schema(example = "extract_sentiment")]
    pub name: &'a str,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: &'a str,
    /// How it stands.
    pub status: RunStatus,
    /// When its first attempt began.
    pub started_at: Option<Time>,
    /// When it settled.
    pub completed_at: Option<Time>,
    /// How long that took.
    pub duration_ms: Option<u64>,
    /// How many attempts have begun.
    pub attempt: u32,
    /// Why it failed.
    pub error: Option<Failure<'a>>,
    /// Whether its result was taken over from the execution that this one runs again.
    pub reused: bool,
    /// With `include=io`: what it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    pub input: Option<Shared<'a>>,
    /// With `include=io`: what it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    pub output: Option<Shared<'a>>,
}

/// An execution in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::ExecutionRow)]
pub struct ExecutionRow<'a> {
    /// Its id.
    pub execution_id: String,
    /// Its workflow.
    pub workflow_id: String,
    /// The workflow's name.
    pub workflow_name: &'a str,
    /// How it stands.
    pub status: ExecutionStatus,
    /// When it was accepted.
    pub created_at: Time,
    /// When it began; `null` while it waits for its turn.
    pub started_at: Option<Time>,
    /// When it ended.
    pub completed_at: Option<Time>,
    /// How long that took.
    pub duration_ms: Option<u64>,
    /// Its labels.
    #[schema(value_type = Object)]
    pub metadata: &'a Map,
}

/// An execution whose status was changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Controlled)]
pub struct Controlled {
    /// Its id.
    pub execution_id: String,
    /// How it stands now.
    pub status: ExecutionStatus,
}

/// A line of a log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Line)]
pub struct Line<'a> {
    /// Its place in the execution's journal.
    pub sequence: u64,
    /// When.
    pub timestamp: Time,
    /// The step that it is about.
    pub step: Option<&'a str>,
    /// `info`, `warn` or `error`.
    pub level: &'a str,
    /// The text.
    pub message: &'a str,
}

fn millis(from: Option<Timestamp>, until: Option<Timestamp>) -> Option<u64> {
    let length = until?.since(from?).as_millis();
    Some(u64::try_from(length).unwrap_or(u64::MAX))
}

impl<'a> From<&'a ExecutionView> for Executed<'a> {
    fn from(view: &'a ExecutionView) -> Self {
        let ExecutionRecord { id, workflow, status, started_at, ended_at, .. } = &view.record;
        Self {
            execution_id: id.abi(),
            workflow_id: workflow.abi(),
            status: (*status).into(),
            started_at: started_at.map(Time),
            completed_at: ended_at.map(Time),
            duration_ms: millis(*started_at, *ended_at),
            parameters: Shared(&view.input),
            result: view.output.as_ref().map(Shared),
        }
    }
}

/// As it stood when it began: it may have ended by now, which is for others to tell.
impl<'a> From<&'a ExecutionView> for Accepted<'a> {
    fn from(view: &'a ExecutionView) -> Self {
        let ExecutionRecord { id, workflow, started_at, callback_url, .. } = &view.record;
        Self {
            execution_id: id.abi(),
            workflow_id: workflow.abi(),
            status: match started_at {
                Some(_) => ExecutionStatus::Running,
                None => ExecutionStatus::Queued,
            },
            started_at: started_at.map(Time),
            parameters: Shared(&view.input),
            callback_url: callback_url.as_deref(),
            rerun_of: view.rerun_of.map(|id| id.abi()),
        }
    }
}

/// An execution; `with_io`: with the inputs and outputs of its steps.
pub fn execution<'a>(
    view: &'a ExecutionView,
    workflow_name: &'a str,
    with_io: bool,
) -> Execution<'a> {
    let ExecutionView { record, input, output, error, rerun_of, steps, memory: _ } = view;
    let ExecutionRow {
        execution_id,
        workflow_id,
        workflow_name,
        status,
        created_at,
        started_at,
        completed_at,
        duration_ms,
        metadata,
    } = row(record, workflow_name);
    Execution {
        execution_id,
        workflow_id,
        workflow_name,
        status,
        created_at,
        started_at,
        completed_at,
        duration_ms,
        parameters: Shared(input),
        result: output.as_ref().map(Shared),
        error: error.as_ref().map(Into::into),
        steps: steps.iter().map(|view| step(view, with_io)).collect(),
        release: record.release,
        metadata,
        callback_url: record.callback_url.as_deref(),
        rerun_of: rerun_of.map(|id| id.abi()),
    }
}

/// A step; `with_io`: with its input and output.
pub fn step(view: &StepView, with_io: bool) -> Step<'_> {
    let StepView {
        step_run: _,
        run_id: _,
        step_id,
        type_name,
        status,
        input,
        output,
        error,
        attempts,
        started_at,
        ended_at,
        reused,
    } = view;
    Step {
        name: step_id,
        type_name,
        status: (*status).into(),
        started_at: started_at.map(Time),
        completed_at: ended_at.map(Time),
        duration_ms: millis(*started_at, *ended_at),
        attempt: *attempts,
        // The error of an attempt that is tried again is in the log, not here.
        error: error.as_ref().filter(|_| *status == StepStatus::Failed).map(Into::into),
        reused: *reused,
        input: input.as_ref().filter(|_| with_io).map(Shared),
        output: output.as_ref().filter(|_| with_io).map(Shared),
    }
}

/// An execution in a list.
pub fn row<'a>(record: &'a ExecutionRecord, workflow_name: &'a str) -> ExecutionRow<'a> {
    let ExecutionRecord {
        id,
        workspace: _,
        workflow,
        release: _,
        status,
        seq: _,
        created_at,
        started_at,
        ended_at,
        wake_at: _,
        owner: _,
        external_id: _,
        metadata,
        webhook_url: _,
        callback_url: _,
        started_by: _,
    } = record;
    ExecutionRow {
        execution_id: id.abi(),
        workflow_id: workflow.abi(),
        workflow_name,
        status: (*status).into(),
        created_at: Time(*created_at),
        started_at: started_at.map(Time),
        completed_at: ended_at.map(Time),
        duration_ms: millis(*started_at, *ended_at),
        metadata,
    }
}

impl<'a> From<&'a LogLine> for Line<'a> {
    fn from(line: &'a LogLine) -> Self {
        let LogLine { seq, at, step_id, level, message } = line;
        Self { sequence: *seq, timestamp: Time(*at), step: step_id.as_deref(), level, message }
    }
}
