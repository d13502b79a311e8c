//! The body that asks for a workflow or for changes of one.

use serde_json::Value;
use stepwell_core::{Map, Problem};
use stepwell_engine::app::{ChangeWorkflow, Idempotency, NewWorkflow};
use stepwell_store::record::IntegrationUse;
use utoipa::ToSchema;

use crate::error::{ApiError, Kind, shortened};
use crate::json::{Fields, type_name};

/// How the message about a wrong workflow begins.
pub const INVALID_WORKFLOW: &str = "the workflow is not valid";

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

/// What an answer shows beside what can be changed: a change may send it back as it was shown,
/// and it means nothing there.
const SHOWN_ONLY: [&str; 9] = [
    "id",
    "stats",
    "created_at",
    "updated_at",
    "activated_at",
    "deactivated_at",
    "created_by",
    "release",
    "version",
];

/// What to change of a workflow.
#[derive(Debug, PartialEq)]
pub struct WorkflowChange {
    /// What is to be as it says.
    pub request: WorkflowRequest,
    /// The fields that are `null`: of these nothing is to be left.
    pub emptied: Emptied,
    /// The status that the request shows; it is changed by other calls.
    pub status: Option<String>,
}

/// The fields of a workflow that can be without anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Emptied {
    description: bool,
    integrations: bool,
    metadata: bool,
}

impl TryFrom<Fields> for WorkflowRequest {
    type Error = ApiError;

    fn try_from(mut fields: Fields) -> Result<Self, ApiError> {
        let request = Self::read(&mut fields);
        finish(fields)?;
        Ok(request)
    }
}

impl TryFrom<Fields> for WorkflowChange {
    type Error = ApiError;

    fn try_from(mut fields: Fields) -> Result<Self, ApiError> {
        let emptied = Emptied {
            description: fields.is_null("description"),
            integrations: fields.is_null("integrations"),
            metadata: fields.is_null("metadata"),
        };
        let request = WorkflowRequest::read(&mut fields);
        let status = fields.text("status");
        fields.pass_over(&SHOWN_ONLY);
        finish(fields)?;
        Ok(Self { request, emptied, status })
    }
}

fn finish(fields: Fields) -> Result<(), ApiError> {
    let finished = fields.finish();
    finished.map_err(|error| error.recast(Kind::InvalidRequest, Kind::InvalidDefinition))
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
        let unknown = shortened(unknown);
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
    fn read(fields: &mut Fields) -> Self {
        Self {
            name: fields.text("name"),
            description: fields.text("description"),
            kind: fields.text("type"),
            configuration: fields.object("configuration"),
            integrations: integrations(fields),
            metadata: fields.object("metadata"),
        }
    }

    /// As a new workflow; what it cannot do without must be there.
    ///
    /// # Errors
    /// `InvalidDefinition` naming what is missing.
    pub fn into_new(self, idempotency: Option<Idempotency>) -> Result<NewWorkflow, ApiError> {
        let Self { name, description, kind, configuration, integrations, metadata } = self;
        let Some(name) = name else {
            let problems = vec![Problem::new("name", "is required")];
            let kind = Kind::InvalidDefinition;
            return Err(ApiError::with_problems(kind, INVALID_WORKFLOW, problems));
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

impl From<WorkflowChange> for ChangeWorkflow {
    fn from(change: WorkflowChange) -> Self {
        let WorkflowChange { request, emptied, status: _ } = change;
        let WorkflowRequest { name, description, kind, configuration, integrations, metadata } =
            request;
        Self {
            name,
            description: description.map(Some).or(emptied.description.then_some(None)),
            kind,
            configuration,
            integrations: integrations.or(emptied.integrations.then(Vec::new)),
            metadata: metadata.or(emptied.metadata.then(Map::new)),
        }
    }
}
