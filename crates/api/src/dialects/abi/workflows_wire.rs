//! The bodies about workflows, and what they are made of. Domain structs are taken apart field by
//! field, so that a new one breaks the build here on purpose.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use stepwell_core::{Map, Problem};
use stepwell_engine::app::{ChangeWorkflow, Connection, NewWorkflow, WorkflowView};
use stepwell_store::record::{IntegrationUse, WorkflowRecord, WorkflowStats};
use utoipa::ToSchema;

use super::convert::key_id;
use crate::error::{ApiError, Kind};
use crate::json::{Fields, type_name};
use crate::respond::Time;

/// Who created what no key created: the process itself.
const SYSTEM: &str = "system";

/// A workflow to create, or what to change of one.
#[derive(Debug, Default, PartialEq, ToSchema)]
#[schema(example = json!({"name": "Greeting", "type": "custom", "configuration": {"steps": [
    {"type": "StaticTextInput", "input": "Hello, world!"}, {"type": "TextOperation.Reverse"}]}}))]
#[schema(as = abi::WorkflowRequest)]
pub struct WorkflowRequest {
    /// Its name, 1 to 200 characters. Required for a new one.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// `custom` (the default), or a label of your own. `feedback_analysis`, `data_processing`,
    /// `notification`, `approval`, `integration` and `reporting` come in a later version.
    #[schema(rename = "type")]
    pub kind: Option<String>,
    /// `definition` (see `/api/v1/schema/definition`), or `steps` and whatever else a definition
    /// has. Required for a new one.
    #[schema(value_type = Option<Object>)]
    pub configuration: Option<Map>,
    /// What it is connected to.
    #[schema(value_type = Option<Vec<IntegrationRequest>>)]
    pub integrations: Option<Vec<IntegrationUse>>,
    /// Your own labels; lists can be filtered by them.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map>,
}

/// An integration that a workflow uses.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the API's description")]
#[schema(as = abi::IntegrationRequest)]
pub struct IntegrationRequest {
    /// Its id.
    #[schema(example = "int_zendesk")]
    pub id: String,
    /// Whether the workflow cannot do without: then it is not activated or executed unless the
    /// integration is connected.
    #[schema(default = false)]
    pub required: Option<bool>,
}

impl TryFrom<Fields> for WorkflowRequest {
    type Error = ApiError;

    fn try_from(mut fields: Fields) -> Result<Self, ApiError> {
        let request = Self {
            name: fields.text("name"),
            description: fields.text("description"),
            kind: fields.text("type"),
            configuration: fields.object("configuration"),
            integrations: integrations(&mut fields),
            metadata: fields.object("metadata"),
        };
        fields
            .finish()
            .map_err(|error| error.recast(Kind::InvalidRequest, Kind::InvalidDefinition))?;
        Ok(request)
    }
}

fn integrations(fields: &mut Fields) -> Option<Vec<IntegrationUse>> {
    let list = fields.list("integrations")?;
    let mut integrations = Vec::with_capacity(list.len());
    for (at, item) in list.iter().enumerate() {
        match integration(item) {
            Ok(integration) => integrations.push(integration),
            Err((field, message)) => {
                let path = format!("integrations[{at}]{field}");
                fields.push(Problem::new(path, message));
            }
        }
    }
    Some(integrations)
}

fn integration(item: &Value) -> Result<IntegrationUse, (&'static str, String)> {
    let Value::Object(parts) = item else {
        return Err(("", format!("must be an object with `id`, not {}", type_name(item))));
    };
    if let Some(unknown) =
        parts.keys().find(|key| !["id", "required", "status"].contains(&key.as_str()))
    {
        let unknown: String = unknown.chars().take(64).collect();
        return Err(("", format!("unknown field `{unknown}`; the fields are id, required")));
    }
    let id = match parts.get("id").and_then(Value::as_str) {
        Some(id) if (1..=100).contains(&id.len()) => id.to_owned(),
        _ => return Err((".id", "must be a text of 1 to 100 bytes".into())),
    };
    let required = match parts.get("required") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(required)) => *required,
        Some(other) => {
            return Err((".required", format!("must be a boolean, not {}", type_name(other))));
        }
    };
    Ok(IntegrationUse { id, required })
}

impl WorkflowRequest {
    /// As a new workflow; what it cannot do without must be there.
    ///
    /// # Errors
    /// `InvalidDefinition` naming what is missing.
    pub fn into_new(
        self,
        idempotency: Option<stepwell_engine::app::Idempotency>,
    ) -> Result<NewWorkflow, ApiError> {
        let Self { name, description, kind, configuration, integrations, metadata } = self;
        let Some(name) = name else {
            let problems = vec![Problem::new("name", "is required")];
            let intro = "the workflow is not valid";
            return Err(ApiError::with_problems(Kind::InvalidDefinition, intro, problems));
        };
        Ok(NewWorkflow {
            name,
            description,
            kind: kind.unwrap_or_else(|| "custom".to_owned()),
            configuration: configuration.unwrap_or_default(),
            integrations: integrations.unwrap_or_default(),
            metadata,
            idempotency,
        })
    }
}

impl From<WorkflowRequest> for ChangeWorkflow {
    fn from(request: WorkflowRequest) -> Self {
        let WorkflowRequest { name, description, kind, configuration, integrations, metadata } =
            request;
        Self { name, description, kind, configuration, integrations, metadata }
    }
}

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
    /// The key that created it, or `system`.
    #[schema(example = "apk_01k9x7m2q4e5rb8tz3v6w1y0ac")]
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
        created_by: created_by.map_or_else(|| SYSTEM.to_owned(), key_id),
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
