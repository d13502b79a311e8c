//! This dialect's bodies, named as its clients name them, in the order of its documentation.

use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::respond::Time;

/// The answer to a created workflow.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkflowCreated {
    /// The workflow, to be executed by a call of its own.
    #[schema(example = "wf-01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub workflow_id: String,
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

/// The body of `execute`; it may be left out.
#[derive(Debug, Default, PartialEq, ToSchema)]
#[schema(example = json!({"input": {"text": "Hello, world!"}}))]
pub struct ExecuteRequest {
    /// The input, checked against the workflow's input schema.
    #[schema(value_type = Value, required = false)]
    pub input: Option<Value>,
    /// Where each change of status is sent.
    #[schema(example = "https://example.com/webhook")]
    pub webhook_url: Option<String>,
}

/// The body of `cancel`; it may be left out.
#[derive(Debug, Default, PartialEq, ToSchema)]
pub struct CancelRequest {
    /// Why, for those who look at the execution later.
    pub reason: Option<String>,
}

/// The answer to an accepted execution.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecutionAccepted {
    /// The execution.
    #[schema(example = "ex-01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub execution_id: String,
}

/// The answer to a change of an execution.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecutionChanged {
    /// The execution.
    pub execution_id: String,
    /// Where it stands now.
    pub status: ExecutionStatus,
}

/// Where an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ExecutionStatus {
    /// Accepted, not begun.
    Pending,
    /// Begun.
    Running,
    /// Held until it is resumed.
    Paused,
    /// Ended well.
    Completed,
    /// Ended by a failure or its time-out.
    Failed,
    /// Ended by somebody.
    Cancelled,
}

impl ExecutionStatus {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Running,
        Self::Paused,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

impl FromStr for ExecutionStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|s| s.name().eq_ignore_ascii_case(text)).ok_or(())
    }
}

/// An execution with all of its tasks.
#[derive(Debug, Serialize, ToSchema)]
pub struct Execution<'a> {
    /// Its id.
    pub execution_id: String,
    /// What it is an execution of.
    pub workflow_id: String,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// Every step of the definition, in its order.
    pub tasks: Vec<Task<'a>>,
    /// Its input.
    #[schema(value_type = Value)]
    pub input: &'a Value,
    /// What it made; `null` until it completed.
    #[schema(value_type = Option<Value>)]
    pub output: Option<&'a Value>,
    /// Why it failed; `null` unless it did.
    pub error: Option<Failure<'a>>,
    /// How far it is.
    pub progress: Progress,
    /// The number of the release that it runs.
    pub release: u32,
    /// When it was accepted.
    pub created_at: Time,
    /// When it began; `null` before.
    pub started_at: Option<Time>,
    /// When it ended; `null` before.
    pub completed_at: Option<Time>,
}

/// How many tasks are settled.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Progress {
    /// Tasks to which nothing further happens.
    pub completed: usize,
    /// All tasks.
    pub total: usize,
}

/// A step of an execution.
#[derive(Debug, Serialize, ToSchema)]
pub struct Task<'a> {
    /// Its id.
    #[schema(example = "task-4zr1m0v8nb8k7p3gq5x2t6w9yd")]
    pub task_id: String,
    /// The step's type.
    #[serde(rename = "type")]
    pub type_name: &'a str,
    /// Where it stands.
    pub status: TaskStatus,
    /// What it was given; not there before it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    pub input: Option<&'a Value>,
    /// What it made; not there before it completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    pub output: Option<&'a Value>,
    /// Why it failed; only there when it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure<'a>>,
    /// The step's id in the definition.
    pub step_id: &'a str,
    /// How many attempts have begun.
    pub attempt: u32,
    /// When the first attempt began; `null` before.
    pub started_at: Option<Time>,
    /// When it settled; `null` before.
    pub completed_at: Option<Time>,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum TaskStatus {
    /// Not reached yet.
    Pending,
    /// Under way, or waiting for a moment.
    Running,
    /// Done.
    Completed,
    /// Failed for good.
    Failed,
    /// Its condition was false, or nothing led to it.
    Skipped,
    /// The execution ended first.
    Cancelled,
}

/// Why a task or an execution failed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Failure<'a> {
    /// A stable code.
    pub code: &'a str,
    /// What happened.
    pub message: &'a str,
    /// The step it happened in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_id: Option<&'a str>,
    /// The attempt it happened in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// More for a machine.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Value, required = false)]
    pub details: &'a Value,
}

/// A page of executions.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecutionPage<'a> {
    /// Newest first.
    pub executions: Vec<ExecutionRow>,
    /// Send it as `cursor` to get the next page; `null` after the last.
    pub next_cursor: Option<&'a str>,
}

/// An execution in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecutionRow {
    /// Its id.
    pub execution_id: String,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// When it was accepted.
    pub created_at: Time,
    /// When it began; `null` before.
    pub started_at: Option<Time>,
    /// When it ended; `null` before.
    pub completed_at: Option<Time>,
}

/// The log lines of an execution.
#[derive(Debug, Serialize, ToSchema)]
pub struct Logs<'a> {
    /// In order.
    pub logs: Vec<LogLine<'a>>,
}

/// A log line.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogLine<'a> {
    /// Its place in the execution's journal.
    pub sequence: u64,
    /// When.
    pub timestamp: Time,
    /// The step it is about; `null`: the execution.
    pub step_id: Option<&'a str>,
    /// `info`, `warn` or `error`.
    pub level: &'a str,
    /// The text.
    pub message: &'a str,
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
    /// Ended by their time-out; their status is `FAILED` too.
    pub timed_out: u64,
    /// Ended by somebody.
    pub cancelled: u64,
    /// The share of ended executions that ended well, 0 to 1; `null` before any ended.
    pub success_rate: Option<f64>,
    /// The mean time from start to end, in milliseconds; `null` before any ended.
    pub average_duration_ms: Option<f64>,
}

/// All step types.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepTypes<'a> {
    /// Sorted by name.
    pub step_types: Vec<StepType<'a>>,
}

/// A step type.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepType<'a> {
    /// Its name in definitions.
    #[serde(rename = "type")]
    #[schema(example = "TextOperation.Reverse")]
    pub type_name: &'a str,
    /// Other names under which it is accepted.
    pub aliases: &'a [&'a str],
    /// What it does.
    pub description: &'a str,
    /// What a user needs to know beyond that, in Markdown.
    pub documentation: &'a str,
    /// Its group.
    pub category: &'a str,
    /// What running it does to the world: `pure`, `idempotent`, `external`.
    pub effect: &'a str,
    /// The JSON Schema of `config`.
    #[schema(value_type = Object)]
    pub configuration_schema: &'a Value,
    /// The JSON Schema of its input.
    #[schema(value_type = Object)]
    pub input_schema: &'a Value,
    /// The JSON Schema of its output.
    #[schema(value_type = Object)]
    pub output_schema: &'a Value,
    /// The input property that a bare value binds to; `null`: the whole input.
    pub default_input: Option<&'a str>,
    /// The output property that feeds the next step; `null`: the whole output.
    pub default_output: Option<&'a str>,
    /// Ports it can leave by besides the usual one and `error`.
    pub ports: &'a [&'a str],
    /// The fields in which `secrets.NAME` may be used.
    pub secret_fields: &'a [&'a str],
    /// Example steps.
    #[schema(value_type = Vec<Object>)]
    pub examples: &'a [Value],
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody<'a> {
    /// What is wrong.
    pub error: Error<'a>,
}

/// An error.
#[derive(Debug, Serialize, ToSchema)]
pub struct Error<'a> {
    /// A stable code.
    #[schema(example = "INVALID_WORKFLOW")]
    pub code: &'a str,
    /// What is wrong and what to change.
    pub message: &'a str,
    /// Every problem that was found, with its place.
    pub details: Vec<Detail<'a>>,
    /// The request's id, as in the header `X-Request-Id` and in the server's log.
    pub request_id: &'a str,
}

/// One thing that is wrong at one place.
#[derive(Debug, Serialize, ToSchema)]
pub struct Detail<'a> {
    /// Where.
    #[schema(example = "steps[1].input.text")]
    pub path: &'a str,
    /// What is wrong.
    pub message: &'a str,
    /// What was expected there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "string")]
    pub expected: Option<&'a str>,
    /// What was found instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "number")]
    pub found: Option<&'a str>,
}
