//! The bodies about executions. Domain structs are taken apart field by
//! field, so that a new one breaks the build here on purpose.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use stepwell_core::Map;
use utoipa::ToSchema;

use super::super::envelope::Failure;
use super::super::statuses::{ExecutionStatus, RunStatus};
use super::super::warnings::WarningItem;
use crate::fields::request_body;
use crate::large::SharedPlace;
use crate::respond::Time;

request_body! {
    /// Starts an execution.
    #[schema(example = json!({"parameters": {"text": "Hello, world!"},
        "execution_options": {"timeout_seconds": 30, "wait_for_completion": true}}))]
    #[schema(as = abi::ExecuteRequest)]
    pub struct ExecuteRequest {
        /// What the workflow is given; they must fit its inputs.
        #[schema(value_type = Option<Object>)]
        pub parameters: Option<Map>,
        /// How it is executed.
        pub execution_options: Option<ExecutionOptions>,
        /// Where the execution is sent once it has ended, as a signed webhook.
        pub callback_url: Option<String>,
        /// Your own labels; lists can be filtered by them.
        #[schema(value_type = Option<Object>)]
        pub metadata: Option<Map>,
        /// The release to run, by its tag. Default: `LATEST`.
        pub release_tag: Option<String>,
        /// Decides between several releases of the tag: the same key always runs the same one.
        /// Default: `metadata.user_id`, else chance. 1 to 255 bytes.
        pub traffic_key: Option<String>,
    }
}

/// How a workflow is executed.
#[derive(Default, ToSchema)]
#[schema(as = abi::ExecutionOptions)]
pub struct ExecutionOptions {
    /// How long the execution may take from its acceptance on; past that it is stopped as
    /// `timed_out`. Default: only the definition's own timeout counts.
    #[schema(value_type = Option<f64>)]
    pub timeout_seconds: Option<Duration>,
    /// Whether to return the ended execution; `false` is the same as `execute_async`.
    #[schema(default = true)]
    pub wait_for_completion: Option<bool>,
}

request_body! {
    /// Reruns an execution.
    #[schema(example = json!({"from_step": "generate_recommendations", "input": {"text": "better"}}))]
    #[schema(as = abi::RerunRequest)]
    pub struct RerunRequest {
        /// `start` (the default): all of it. `failed`: what failed or was not reached.
        pub from: Option<String>,
        /// From this step on, instead of `from`.
        pub from_step: Option<String>,
        /// With `from_step`: the step's input instead of the one it would be given.
        pub input: Option<Value>,
        /// With `from: start`: the parameters instead of the first ones.
        #[schema(value_type = Option<Object>)]
        pub parameters: Option<Map>,
        /// Where the new execution is sent once it has ended.
        pub callback_url: Option<String>,
        /// With `from: start`: the release to run, by its tag, instead of the first one.
        pub release_tag: Option<String>,
        /// With `release_tag`: decides between several releases of the tag.
        pub traffic_key: Option<String>,
    }
}

request_body! {
    /// Why an execution is cancelled.
    #[schema(as = abi::CancelRequest, example = json!({"reason": "no longer needed"}))]
    pub struct CancelRequest {
        /// In your words.
        pub reason: Option<String>,
    }
}

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
    pub parameters: SharedPlace<'a>,
    /// What it made.
    #[schema(value_type = Value)]
    pub result: Option<SharedPlace<'a>>,
    /// What is probably not meant, such as inputs that nothing uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<WarningItem<'a>>>,
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
    pub parameters: SharedPlace<'a>,
    /// Where it is sent once it has ended.
    pub callback_url: Option<&'a str>,
    /// The execution that it is run again from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rerun_of: Option<String>,
    /// What is probably not meant, such as inputs that nothing uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<WarningItem<'a>>>,
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
    /// Its status.
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
    pub parameters: SharedPlace<'a>,
    /// The variables of the workspace that its definition reads, as they were at its start; only
    /// with `include=io`, and if it reads some.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = Object)]
    pub vars: Option<SharedPlace<'a>>,
    /// What it made; `null` unless it has completed.
    #[schema(value_type = Value)]
    pub result: Option<SharedPlace<'a>>,
    /// Why it failed or ran out of time.
    pub error: Option<Failure<'a>>,
    /// What it waits for; `null` unless it waits and nothing of it runs.
    pub waiting: Option<ExecutionWait<'a>>,
    /// Every step of the definition, in its order, from the first moment on. Compensations and the
    /// steps of `on_failure` only once they run.
    pub steps: Vec<Step<'a>>,
    /// The release that it runs.
    pub release: u32,
    /// The release tag that selected the release; only there if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "production")]
    pub release_tag: Option<&'a str>,
    /// Its labels.
    #[schema(value_type = Object)]
    pub metadata: &'a Map,
    /// Where it is sent once it has ended.
    pub callback_url: Option<&'a str>,
    /// The execution that it is run again from.
    pub rerun_of: Option<String>,
    /// The execution that started it; only there if it is a sub-workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub parent_execution_id: Option<String>,
    /// The step that started it, as it is written in that execution; only there if it is a
    /// sub-workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "orders[3].invoice")]
    pub parent_step: Option<&'a str>,
    /// Of a completed execution: the failures that it handled, with the code `HANDLED_FAILURE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<WarningItem<'a>>>,
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
    /// Its status.
    pub status: RunStatus,
    /// When its first attempt began.
    pub started_at: Option<Time>,
    /// When it settled.
    pub completed_at: Option<Time>,
    /// How long that took.
    pub duration_ms: Option<u64>,
    /// How many attempts have begun.
    pub attempt: u32,
    /// Its attempts, in order; in events only the last one.
    pub attempts: Vec<StepAttempt<'a>>,
    /// What it waits for; `null` unless it waits.
    pub waiting: Option<StepWait<'a>>,
    /// Why it failed.
    pub error: Option<Failure<'a>>,
    /// Why it was skipped: `condition` if its `when` was false, `not_taken` if too few of the edges
    /// into it were followed; only there if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "condition")]
    pub skip_reason: Option<&'static str>,
    /// Whether its result was taken over from the execution that this one runs again.
    pub reused: bool,
    /// Of a compensation: the step that it compensates.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "orders[3].charge")]
    pub compensates: Option<&'a str>,
    /// With `include=io`: what it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    pub input: Option<SharedPlace<'a>>,
    /// With `include=io`: what it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    pub output: Option<SharedPlace<'a>>,
    /// With `include=io`, once it has started: its configuration with all expressions evaluated and
    /// `[secret]` in place of each secret. Only for keys that may read the workflow.
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
}

/// An attempt of a step.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::StepAttempt)]
pub struct StepAttempt<'a> {
    /// From 1.
    pub number: u32,
    /// `running`, `completed`, `failed` or `cancelled`.
    pub status: RunStatus,
    /// When it began.
    pub started_at: Time,
    /// When it ended.
    pub completed_at: Option<Time>,
    /// How long that took.
    pub duration_ms: Option<u64>,
    /// Why it failed.
    pub error: Option<AttemptFailure<'a>>,
    /// When the next attempt is due, or was; `null` where none follows.
    pub next_attempt_at: Option<Time>,
}

/// Why an attempt failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::AttemptFailure)]
pub struct AttemptFailure<'a> {
    /// A stable code.
    pub code: &'a str,
    /// What happened.
    pub message: &'a str,
}

/// What an execution waits for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::ExecutionWait)]
pub struct ExecutionWait<'a> {
    /// `timer`: the step is a `Delay`. `retry`: the next attempt of the step. `sub_workflow`: the
    /// end of the step's sub-workflow. `signal`: a signal for the step. `approval`: a decision.
    /// `capacity`: it is queued until other executions have ended. `concurrency`: it is queued until
    /// it has a place under the concurrency limit of its workflow.
    #[serde(rename = "for")]
    #[schema(example = "retry")]
    pub reason: &'static str,
    /// The step that continues first; `null` for `capacity` and `concurrency`.
    pub step: Option<&'a str>,
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

/// What a step waits for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::StepWait)]
pub struct StepWait<'a> {
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
    /// Its status.
    pub status: ExecutionStatus,
    /// Whether it waits and nothing of it runs; `?status=waiting` lists these.
    pub is_waiting: bool,
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
    /// The execution that started it; only there if it is a sub-workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub parent_execution_id: Option<String>,
}

/// An execution whose status was changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Controlled)]
pub struct Controlled {
    /// Its id.
    pub execution_id: String,
    /// Its present status.
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
