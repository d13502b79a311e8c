//! The bodies about schedules, named as this dialect's clients name them.

use serde::Serialize;
use stepwell_core::Map;
use utoipa::ToSchema;

use super::super::statuses::ExecutionStatus;
use super::super::warnings::WarningItem;
use crate::fields::{Patch, request_body};
use crate::respond::Time;

request_body! {
    /// Creates a schedule, or changes one: then omitted fields are unchanged.
    #[schema(example = json!({"name": "Daily Feedback Analysis", "schedule_type": "cron",
        "cron_expression": "0 0 * * *", "timezone": "UTC", "parameters": {"source": "daily_report"},
        "enabled": true}))]
    pub struct ScheduleRequest {
        /// The name that users see, 1 to 100 characters. By default it describes the timing.
        pub name: Option<String>,
        /// What it is for.
        #[schema(value_type = Option<String>)]
        pub description: Patch<String>,
        /// `cron`, `interval` or `fixed_time`. Required when it is created.
        pub schedule_type: Option<String>,
        /// With `cron`: five fields, six with seconds first, or a form such as `@daily`.
        pub cron_expression: Option<String>,
        /// With `interval`: how many units; at least 1.
        #[schema(value_type = Option<u64>)]
        pub interval_value: Option<f64>,
        /// With `interval`: `seconds`, `minutes`, `hours` or `days` (of 24 hours).
        pub interval_unit: Option<String>,
        /// With `fixed_time`: when, in the future.
        #[schema(format = DateTime)]
        pub execution_time: Option<String>,
        /// An IANA time zone, default `UTC`.
        pub timezone: Option<String>,
        /// The input of its executions.
        #[schema(value_type = Option<Object>)]
        pub parameters: Patch<Map>,
        /// The release tag of its executions, resolved at each firing; `null`: the newest release.
        #[schema(value_type = Option<String>)]
        pub release_tag: Patch<String>,
        /// Whether it fires, default `true`.
        pub enabled: Option<bool>,
        /// What becomes of firings that fell into an outage: `run_once` (default), `skip`, `run_all`.
        pub misfire_policy: Option<String>,
        /// What becomes of a firing while the last execution still runs: `allow` (default), `skip`,
        /// `queue`.
        pub overlap_policy: Option<String>,
    }
}

request_body! {
    /// Which schedules are to be paused or resumed: exactly one of these.
    #[schema(example = json!({"workflow_id": "wf_01k9x7m2q4e5rb8tz3v6w1y0ac"}))]
    pub struct SelectionRequest {
        /// All of a workflow.
        pub workflow_id: Option<String>,
        /// These, at most 1,000.
        pub schedule_ids: Option<Vec<String>>,
        /// `true`: all of the workspace.
        pub all: Option<bool>,
    }
}

/// When a schedule fires.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Timing<'a> {
    /// `cron`, `interval` or `fixed_time`.
    pub schedule_type: &'static str,
    /// With `cron`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron_expression: Option<&'a str>,
    /// With `interval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_value: Option<u64>,
    /// With `interval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_unit: Option<&'static str>,
    /// With `fixed_time`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_time: Option<Time>,
}

/// A schedule.
#[derive(Debug, Serialize, ToSchema)]
pub struct Schedule<'a> {
    /// Its id.
    #[schema(example = "sched_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// The workflow that it executes.
    pub workflow_id: String,
    /// The workflow's name.
    pub workflow_name: &'a str,
    /// What people call it.
    pub name: &'a str,
    /// What it is for.
    pub description: Option<&'a str>,
    /// When it fires.
    #[serde(flatten)]
    pub timing: Timing<'a>,
    /// The input of its executions.
    #[schema(value_type = Object)]
    pub parameters: &'a Map,
    /// The release tag of its executions; `null`: the newest release.
    pub release_tag: Option<&'a str>,
    /// Whether it fires.
    pub enabled: bool,
    /// The IANA name of its time zone.
    pub timezone: &'a str,
    /// What becomes of firings that fell into an outage.
    pub misfire_policy: &'static str,
    /// What becomes of a firing while the last execution still runs.
    pub overlap_policy: &'static str,
    /// The next firing; `null`: there is none, or it is disabled.
    pub next_execution: Option<Time>,
    /// The last execution that it started; `null`: none that is still stored.
    pub last_execution: Option<LastExecution>,
    /// The last firing that started nothing, and why; `null`: all have.
    pub last_skipped: Option<Skipped<'a>>,
    /// How many firings wait for the end of the last execution.
    pub queued_executions: usize,
    /// When it was created.
    pub created_at: Time,
    /// When it was last changed, by a user or by firing.
    pub updated_at: Time,
    /// Who created it; `system`: the server itself.
    pub created_by: String,
    /// What is probably wrong with it, in the response to its creation or change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<WarningItem<'a>>>,
}

/// A schedule in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduleItem<'a> {
    /// Its id.
    pub id: String,
    /// The workflow that it executes.
    pub workflow_id: String,
    /// The workflow's name.
    pub workflow_name: &'a str,
    /// What people call it.
    pub name: &'a str,
    /// What it is for.
    pub description: Option<&'a str>,
    /// When it fires.
    #[serde(flatten)]
    pub timing: Timing<'a>,
    /// Whether it fires.
    pub enabled: bool,
    /// The IANA name of its time zone.
    pub timezone: &'a str,
    /// The next firing; `null`: there is none, or it is disabled.
    pub next_execution: Option<Time>,
    /// When it was created.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// The last execution of a schedule.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastExecution {
    /// Its id.
    pub execution_id: String,
    /// Its status.
    pub status: ExecutionStatus,
    /// When it started; `null`: it has not yet.
    pub started_at: Option<Time>,
    /// When it ended; `null`: it has not yet.
    pub completed_at: Option<Time>,
}

/// A firing that started nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Skipped<'a> {
    /// When it was due.
    pub scheduled_at: Time,
    /// When that was decided.
    pub skipped_at: Time,
    /// `MISFIRED`, `OVERLAPPED`, `QUEUE_FULL`, `WORKFLOW_INACTIVE`, `CONCURRENCY_LIMIT`,
    /// `INVALID_CONCURRENCY_KEY`, `PARAMETER_VALIDATION_ERROR`, `RELEASE_TAG_NOT_FOUND`, …
    pub code: &'a str,
    /// Why, for a person.
    pub message: &'a str,
}

/// A deleted schedule.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletedSchedule {
    /// Its id.
    pub id: String,
    /// Always `true`.
    pub deleted: bool,
}

/// An execution that was triggered manually.
#[derive(Debug, Serialize, ToSchema)]
pub struct TriggeredSchedule {
    /// The execution.
    pub execution_id: String,
    /// The workflow.
    pub workflow_id: String,
    /// The schedule.
    pub schedule_id: String,
    /// The status of the execution.
    pub status: ExecutionStatus,
    /// Its input.
    #[schema(value_type = Object)]
    pub parameters: Map,
}

/// What became of the schedules that were meant.
#[derive(Debug, Serialize, ToSchema)]
pub struct SelectionChanged {
    /// How many were meant.
    pub matched: u64,
    /// How many of them were changed; the others were as they should be already.
    pub changed: u64,
}

/// When a cron expression fires.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview<'a> {
    /// The expression.
    pub cron: &'a str,
    /// The time zone.
    pub timezone: &'a str,
    /// Its next firings.
    pub next_executions: Vec<Firing>,
}

/// A firing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Firing {
    /// When.
    pub time: Time,
    /// The same on the clocks of the time zone.
    #[schema(example = "2026-03-29T03:00:00+02:00")]
    pub local_time: String,
}
