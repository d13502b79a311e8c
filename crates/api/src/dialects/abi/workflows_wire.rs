//! The bodies about workflows, and what they are made of. Domain structs are taken apart field by
//! field, so that a new one breaks the build here on purpose.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use stepwell_core::Map;
use stepwell_engine::app::{Connection, WorkflowView};
use stepwell_store::record::{IntegrationUse, WorkflowRecord, WorkflowStats};
use utoipa::ToSchema;

use super::convert::creator;
use crate::respond::Time;

/// A workflow.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Workflow)]
pub struct Workflow<'a> {
    /// Its id.
    #[schema(example = "wf_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub id: String,
    /// Its name.
    pub name: &'a str,
    /// What it is for.
    pub description: Option<&'a str>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// What its definition is made of.
    #[schema(value_type = Object)]
    pub configuration: Cow<'a, Map>,
    /// What it is connected to.
    pub integrations: Vec<Integration<'a>>,
    /// Its labels.
    #[schema(value_type = Object)]
    pub metadata: &'a Map,
    /// Whether it can be executed.
    pub status: WorkflowStatus,
    /// Its executions that have ended, counted.
    pub stats: Stats,
    /// When it was created.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// When it last became active.
    pub activated_at: Option<Time>,
    /// When it last became inactive.
    pub deactivated_at: Option<Time>,
    /// Who created it; `system`: the server itself.
    #[schema(example = "usr_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub created_by: String,
    /// The number of its newest release.
    pub release: u32,
    /// One more with each change, as in the header `ETag`.
    pub version: u64,
}

/// A workflow in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::WorkflowRow)]
pub struct WorkflowRow<'a> {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: &'a str,
    /// What it is for.
    pub description: Option<&'a str>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// Whether it can be executed.
    pub status: WorkflowStatus,
    /// Its labels.
    #[schema(value_type = Object)]
    pub metadata: &'a Map,
    /// When it was created.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// Whether a workflow can be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = abi::WorkflowStatus)]
pub enum WorkflowStatus {
    /// It can.
    Active,
    /// Not before it is activated.
    Inactive,
}

impl WorkflowStatus {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }
}

/// An integration of a workflow.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Integration)]
pub struct Integration<'a> {
    /// Its id.
    pub id: &'a str,
    /// Whether the workflow cannot do without.
    pub required: bool,
    /// Whether it is there and works.
    pub status: IntegrationStatus,
}

/// Whether an integration is there and works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = abi::IntegrationStatus)]
pub enum IntegrationStatus {
    /// It is not there, or its last test failed.
    Pending,
    /// It is there, and its last test passed.
    Connected,
}

/// Executions that have ended, counted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Stats)]
pub struct Stats {
    /// All of them.
    pub runs_total: u64,
    /// Those that completed.
    pub runs_success: u64,
    /// Those that failed or ran out of time.
    pub runs_failed: u64,
    /// Those that were cancelled.
    pub runs_cancelled: u64,
    /// Those that have not ended; not part of the total.
    pub runs_active: u64,
    /// The mean of their durations; 0 where there are none.
    pub average_duration_ms: u64,
}

/// A workflow just activated or deactivated.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Switched)]
pub struct Switched {
    /// Its id.
    pub id: String,
    /// Whether it can be executed.
    pub status: WorkflowStatus,
    /// When it last became active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<Time>,
    /// When it last became inactive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deactivated_at: Option<Time>,
    /// When it last changed.
    pub updated_at: Time,
}

/// A workflow just deleted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::Deleted)]
pub struct Deleted {
    /// Its id.
    pub id: String,
    /// Always true.
    #[schema(example = true)]
    pub deleted: bool,
    /// How many executions were cancelled.
    pub cancelled_executions: u64,
}

/// A workflow's definition.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::WorkflowDefinition)]
pub struct WorkflowDefinition<'a> {
    /// The workflow.
    pub id: String,
    /// The number of the release.
    pub release: u32,
    /// The definition: see `/api/v1/schema/definition`.
    #[schema(value_type = Object)]
    pub definition: &'a Value,
    /// The JSON Schema of the parameters.
    #[schema(value_type = Object)]
    pub input_schema: &'a Value,
}

const fn status(active: bool) -> WorkflowStatus {
    if active { WorkflowStatus::Active } else { WorkflowStatus::Inactive }
}

/// A workflow with its counts.
pub fn workflow<'a>(view: &'a WorkflowView, stats: &WorkflowStats) -> Workflow<'a> {
    let WorkflowView { record, source, plan: _ } = view;
    let WorkflowRecord {
        id,
        workspace: _,
        name,
        active,
        release,
        created_at,
        updated_at,
        deleted_at: _,
        metadata,
        retention_seconds: _,
        description,
        kind,
        configuration,
        integrations,
        created_by,
        activated_at,
        deactivated_at,
        version,
    } = record;
    // One that was given as a definition is configured by it.
    let given = || Map::from_iter([("definition".to_owned(), Value::clone(source))]);
    Workflow {
        id: id.abi(),
        name,
        description: description.as_deref(),
        kind,
        configuration: match configuration {
            Some(configuration) => Cow::Borrowed(configuration),
            None => Cow::Owned(given()),
        },
        integrations: integrations.iter().map(Into::into).collect(),
        metadata,
        status: status(*active),
        stats: stats.into(),
        created_at: Time(*created_at),
        updated_at: Time(*updated_at),
        activated_at: activated_at.map(Time),
        deactivated_at: deactivated_at.map(Time),
        created_by: creator(*created_by),
        release: *release,
        version: *version,
    }
}

impl<'a> From<&'a IntegrationUse> for Integration<'a> {
    fn from(used: &'a IntegrationUse) -> Self {
        let IntegrationUse { id, required } = used;
        let status = match Connection::of(used) {
            Connection::Pending => IntegrationStatus::Pending,
            Connection::Connected => IntegrationStatus::Connected,
        };
        Self { id, required: *required, status }
    }
}

impl From<&WorkflowStats> for Stats {
    fn from(stats: &WorkflowStats) -> Self {
        let WorkflowStats { completed, failed, timed_out, cancelled, active, total_micros, timed } =
            *stats;
        let mean = total_micros.checked_div(timed).unwrap_or_default();
        Self {
            runs_total: completed + failed + timed_out + cancelled,
            runs_success: completed,
            runs_failed: failed + timed_out,
            runs_cancelled: cancelled,
            runs_active: active,
            average_duration_ms: (mean + 500) / 1000,
        }
    }
}

impl<'a> From<&'a WorkflowRecord> for WorkflowRow<'a> {
    fn from(record: &'a WorkflowRecord) -> Self {
        Self {
            id: record.id.abi(),
            name: &record.name,
            description: record.description.as_deref(),
            kind: &record.kind,
            status: status(record.active),
            metadata: &record.metadata,
            created_at: Time(record.created_at),
            updated_at: Time(record.updated_at),
        }
    }
}

/// One just activated shows when, one just deactivated as well.
pub fn switched(record: &WorkflowRecord) -> Switched {
    Switched {
        id: record.id.abi(),
        status: status(record.active),
        activated_at: record.activated_at.filter(|_| record.active).map(Time),
        deactivated_at: record.deactivated_at.filter(|_| !record.active).map(Time),
        updated_at: Time(record.updated_at),
    }
}
