//! Bodies of executions.

use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Warning;
use crate::fields::request_body;
use crate::large::SharedPlace;
use crate::respond::Time;

request_body! {
    /// The body of `execute`; optional.
    #[schema(example = json!({"input": {"text": "Hello, world!"}}))]
    pub struct ExecuteRequest {
        /// The input, checked against the workflow's input schema.
        #[schema(value_type = Value, required = false)]
        pub input: Option<Value>,
        /// Where each change of status is sent.
        #[schema(example = "https://example.com/webhook")]
        pub webhook_url: Option<String>,
        /// The release to run, by its tag. Default: `LATEST`.
        #[schema(example = "production")]
        pub release_tag: Option<String>,
        /// Decides between several releases of the tag: the same key always runs the same one.
        /// Default: chance. 1 to 255 bytes.
        #[schema(example = "customer-17")]
        pub traffic_key: Option<String>,
    }
}

request_body! {
    /// The body of `cancel`; optional.
    pub struct CancelRequest {
        /// Why, for those who look at the execution later.
        pub reason: Option<String>,
    }
}

/// The response to an accepted execution.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecutionAccepted<'a> {
    /// The execution.
    #[schema(example = "ex-01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub execution_id: String,
    /// What is probably not meant, such as inputs that nothing uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<Warning<'a>>>,
}

/// The response to a change of an execution.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecutionChanged {
    /// The execution.
    pub execution_id: String,
    /// Its present status.
    pub status: ExecutionStatus,
}

/// The status of an execution.
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
    /// Ended by a failure or its timeout.
    Failed,
    /// Ended by a request.
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
    /// Its status.
    pub status: ExecutionStatus,
    /// Every step of the definition, in its order. Compensations and the steps of `on_failure` only
    /// once they run.
    pub tasks: Vec<Task<'a>>,
    /// Its input.
    #[schema(value_type = Value)]
    pub input: SharedPlace<'a>,
    /// What it made; `null` until it completed.
    #[schema(value_type = Option<Value>)]
    pub output: Option<SharedPlace<'a>>,
    /// Why it failed; `null` unless it did.
    pub error: Option<Failure<'a>>,
    /// What it waits for; only there while it waits and nothing of it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub waiting: Option<ExecutionWait<'a>>,
    /// How far it is.
    pub progress: Progress,
    /// The number of the release that it runs.
    pub release: u32,
    /// The release tag that selected the release; only there if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "production")]
    pub release_tag: Option<&'a str>,
    /// The execution that it reruns; only there if it is a rerun.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub rerun_of: Option<String>,
    /// The execution that started it; only there if it is a sub-workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub parent_execution_id: Option<String>,
    /// The step that started it, as it is written in that execution; only there if it is a
    /// sub-workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "orders[3].invoice")]
    pub parent_step_id: Option<&'a str>,
    /// When it was accepted.
    pub created_at: Time,
    /// When it began; `null` before.
    pub started_at: Option<Time>,
    /// When it ended; `null` before.
    pub completed_at: Option<Time>,
    /// Of a completed execution: the failures that it handled, with the code `HANDLED_FAILURE`. In
    /// the response to `execute` also what is probably not meant, such as inputs that nothing uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<Warning<'a>>>,
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
    /// Its status.
    pub status: TaskStatus,
    /// What it was given; not there before it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    pub input: Option<SharedPlace<'a>>,
    /// What it made; not there before it completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    pub output: Option<SharedPlace<'a>>,
    /// Why it failed; only there when it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure<'a>>,
    /// The step's id in the definition.
    pub step_id: &'a str,
    /// How many attempts have begun.
    pub attempt: u32,
    /// Its attempts, in order; in events only the last one.
    pub attempts: Vec<TaskAttempt<'a>>,
    /// What it waits for; only there while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub waiting: Option<TaskWait<'a>>,
    /// Why it was skipped: `condition` if its `when` was false, `not_taken` if too few of the edges
    /// into it were followed; only there if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "condition")]
    pub skip_reason: Option<&'static str>,
    /// Whether its result was taken over from the execution that this one reruns; only there if so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub reused: bool,
    /// Of a compensation: the step that it compensates.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "orders[3].charge")]
    pub compensates: Option<&'a str>,
    /// Its configuration with all expressions evaluated and `[secret]` in place of each secret. Only
    /// when the execution is read, for tasks that have begun and keys that may read the workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    pub config: Option<SharedPlace<'a>>,
    /// Whether `config` was shortened to 16 KiB, with `[truncated]` where something was removed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub config_truncated: bool,
    /// The execution that the last attempt of a `SubWorkflow` started; only there if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub child_execution_id: Option<String>,
    /// When the first attempt began; `null` before.
    pub started_at: Option<Time>,
    /// When it settled; `null` before.
    pub completed_at: Option<Time>,
    /// The tasks inside it, if it is a block: those of each iteration one after the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion, required = false)]
    pub children: Vec<Self>,
}

/// An attempt of a task.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskAttempt<'a> {
    /// From 1.
    pub attempt: u32,
    /// `RUNNING`, `COMPLETED`, `FAILED` or `CANCELLED`.
    pub status: TaskStatus,
    /// When it began.
    pub started_at: Time,
    /// When it ended; `null` before.
    pub completed_at: Option<Time>,
    /// Why it failed; `null` unless it did.
    pub error: Option<AttemptFailure<'a>>,
    /// When the next attempt is due, or was; `null` where none follows.
    pub next_attempt_at: Option<Time>,
}

/// Why an attempt failed.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptFailure<'a> {
    /// A stable code.
    pub code: &'a str,
    /// What happened.
    pub message: &'a str,
}

/// What an execution waits for.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecutionWait<'a> {
    /// `timer`: the step is a `Delay`. `retry`: the next attempt of the step. `sub_workflow`: the
    /// end of the step's sub-workflow. `signal`: a signal for the step. `approval`: a decision.
    /// `capacity`: it is queued until other executions have ended. `concurrency`: it is queued until
    /// it has a place under the concurrency limit of its workflow.
    #[serde(rename = "for")]
    #[schema(example = "retry")]
    pub reason: &'static str,
    /// The step that continues first; `null` for `capacity` and `concurrency`.
    pub step_id: Option<&'a str>,
    /// Until when; `null` if that is not known: for `capacity` and `concurrency`, and for a
    /// `sub_workflow`, a `signal` or an `approval` unless the step has a timeout.
    pub until: Option<Time>,
    /// For `signal`: the name of the signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "payment")]
    pub signal: Option<&'a str>,
    /// For `signal`: its correlation key, if the step has one. For `concurrency`: the key, if the
    /// workflow has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "order-17")]
    pub key: Option<&'a str>,
    /// For `concurrency`: how many executions with the key may be under way at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = 1)]
    pub limit: Option<u32>,
    /// For `concurrency`: the position among the executions that wait for a place with the key, from
    /// 1 to 10,000; not in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = 3)]
    pub position: Option<u64>,
}

/// What a task waits for.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskWait<'a> {
    /// `timer`, `retry`, `sub_workflow`, `signal`, `approval` or `concurrency`.
    #[serde(rename = "for")]
    #[schema(example = "retry")]
    pub reason: &'static str,
    /// Until when; `null` if that is not known.
    pub until: Option<Time>,
    /// For `signal`: the name of the signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "payment")]
    pub signal: Option<&'a str>,
    /// For `signal`: its correlation key, if the step has one. For `concurrency`: the key, if the step
    /// has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "order-17")]
    pub key: Option<&'a str>,
    /// For `concurrency`: how many attempts of the step with the key run at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = 1)]
    pub limit: Option<u32>,
    /// For `concurrency`: the position among the attempts that wait for a place with the key on this
    /// server, from 1 to 10,000; not in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = 3)]
    pub position: Option<u64>,
}

/// The status of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
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
    /// It was under way when the execution ended.
    Cancelled,
    /// The execution ended before it was reached.
    NotReached,
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
    /// Its status.
    pub status: ExecutionStatus,
    /// When it was accepted.
    pub created_at: Time,
    /// When it began; `null` before.
    pub started_at: Option<Time>,
    /// When it ended; `null` before.
    pub completed_at: Option<Time>,
    /// The execution that started it; only there if it is a sub-workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub parent_execution_id: Option<String>,
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
