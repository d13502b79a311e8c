//! Conversions between the bodies about workflows and the domain.

use std::borrow::Cow;

use serde_json::Value;
use stepwell_core::{Map, Problem};
use stepwell_engine::app::{ChangeWorkflow, Connection, Idempotency, NewWorkflow, WorkflowView};
use stepwell_store::record::{IntegrationUse, WorkflowRecord, WorkflowStats};

use super::super::ids::creator_id;
use super::wire::{
    Integration, IntegrationRequest, IntegrationStatus, Stats, Switched, Workflow, WorkflowRequest,
    WorkflowRow, WorkflowStatus,
};
use crate::error::{ApiError, Kind, shorten_text};
use crate::fields::{FieldType, Fields, FromFields as _};
use crate::json::type_name;
use crate::respond::Time;

/// The start of the message about an invalid workflow.
pub const INVALID_WORKFLOW: &str = "the workflow is not valid";

/// Fields of a response that cannot be changed: a change may send them back, without effect.
const SHOWN_ONLY: [&str; 10] = [
    "id",
    "stats",
    "created_at",
    "updated_at",
    "activated_at",
    "deactivated_at",
    "created_by",
    "release",
    "version",
    "warnings",
];

/// A change of a workflow.
pub struct WorkflowChange {
    pub change: ChangeWorkflow,
    /// The status in the request, which other operations change.
    pub status: Option<String>,
}

/// Reads a new workflow.
///
/// # Errors
/// `InvalidDefinition` with every problem; for a missing name, once there is no other.
pub fn new_workflow(
    mut fields: Fields,
    idempotency: Option<Idempotency>,
) -> Result<NewWorkflow, ApiError> {
    let request = WorkflowRequest::read(&mut fields);
    finish_fields(fields)?;
    let WorkflowRequest { name, description, r#type, configuration, integrations, metadata } =
        request;
    let Some(name) = name else {
        let problems = vec![Problem::new("name", "is required")];
        return Err(ApiError::with_problems(Kind::InvalidDefinition, INVALID_WORKFLOW, problems));
    };
    let integrations = integrations.or_empty().unwrap_or_default();
    Ok(NewWorkflow {
        name,
        description: description.nullable().flatten(),
        kind: r#type.unwrap_or_else(|| "custom".to_owned()),
        configuration: configuration.unwrap_or_default(),
        integrations: integrations.into_iter().map(Into::into).collect(),
        metadata: metadata.nullable().flatten(),
        idempotency,
    })
}

/// Reads a change of a workflow.
///
/// # Errors
/// `InvalidDefinition` with every problem.
pub fn change_workflow(mut fields: Fields) -> Result<WorkflowChange, ApiError> {
    let request = WorkflowRequest::read(&mut fields);
    let status = fields.text("status");
    fields.ignore(&SHOWN_ONLY);
    finish_fields(fields)?;
    let WorkflowRequest { name, description, r#type, configuration, integrations, metadata } =
        request;
    let integrations = integrations.or_empty();
    let change = ChangeWorkflow {
        name,
        description: description.nullable(),
        kind: r#type,
        configuration,
        integrations: integrations.map(|all| all.into_iter().map(Into::into).collect()),
        metadata: metadata.or_empty(),
    };
    Ok(WorkflowChange { change, status })
}

fn finish_fields(fields: Fields) -> Result<(), ApiError> {
    let finished = fields.finish();
    finished.map_err(|error| error.recast(Kind::InvalidRequest, Kind::InvalidDefinition))
}

impl From<IntegrationRequest> for IntegrationUse {
    fn from(request: IntegrationRequest) -> Self {
        let IntegrationRequest { id, required } = request;
        Self { id, required: required.unwrap_or_default() }
    }
}

impl FieldType for Vec<IntegrationRequest> {
    fn read(fields: &mut Fields, name: &'static str) -> Option<Self> {
        let list = fields.list(name)?;
        let mut integrations = Self::with_capacity(list.len());
        for (at, item) in list.iter().enumerate() {
            match read_integration(item) {
                Ok(integration) => integrations.push(integration),
                Err((field, message)) => {
                    fields.push(Problem::new(format!("{name}[{at}]{field}"), message));
                }
            }
        }
        Some(integrations)
    }
}

fn read_integration(item: &Value) -> Result<IntegrationRequest, (&'static str, String)> {
    let Value::Object(parts) = item else {
        return Err(("", format!("must be an object with `id`, not {}", type_name(item))));
    };
    if let Some(unknown) =
        parts.keys().find(|key| !["id", "required", "status"].contains(&key.as_str()))
    {
        let unknown = shorten_text(unknown);
        return Err(("", format!("unknown field `{unknown}`; the fields are id, required")));
    }
    let id = match parts.get("id").and_then(Value::as_str) {
        Some(id) if (1..=100).contains(&id.len()) => id.to_owned(),
        _ => return Err((".id", "must be a text of 1 to 100 bytes".into())),
    };
    let required = match parts.get("required") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(required)) => Some(*required),
        Some(other) => {
            return Err((".required", format!("must be a boolean, not {}", type_name(other))));
        }
    };
    Ok(IntegrationRequest { id, required })
}

pub const fn workflow_status(active: bool) -> WorkflowStatus {
    if active { WorkflowStatus::Active } else { WorkflowStatus::Inactive }
}

/// A workflow with its counts.
pub fn workflow_body<'a>(view: &'a WorkflowView, stats: &WorkflowStats) -> Workflow<'a> {
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
        status: workflow_status(*active),
        stats: stats.into(),
        created_at: Time(*created_at),
        updated_at: Time(*updated_at),
        activated_at: activated_at.map(Time),
        deactivated_at: deactivated_at.map(Time),
        created_by: creator_id(*created_by),
        release: *release,
        version: *version,
        warnings: None,
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
            status: workflow_status(record.active),
            metadata: &record.metadata,
            created_at: Time(record.created_at),
            updated_at: Time(record.updated_at),
        }
    }
}

/// One just activated shows when, one just deactivated as well.
pub fn switched_body(record: &WorkflowRecord) -> Switched {
    Switched {
        id: record.id.abi(),
        status: workflow_status(record.active),
        activated_at: record.activated_at.filter(|_| record.active).map(Time),
        deactivated_at: record.deactivated_at.filter(|_| !record.active).map(Time),
        updated_at: Time(record.updated_at),
    }
}
