//! The bodies about workflows. Domain structs are taken apart field by
//! field, so that a new one breaks the build here on purpose.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use stepwell_core::Map;
use utoipa::ToSchema;

use super::super::warnings::WarningItem;
use crate::fields::{Patch, request_body};
use crate::respond::Time;

request_body! {
    /// A workflow to create, or what to change of one.
    #[schema(example = json!({"name": "Greeting", "type": "custom", "configuration": {"steps": [
        {"type": "StaticTextInput", "input": "Hello, world!"}, {"type": "TextOperation.Reverse"}]}}))]
    #[schema(as = abi::WorkflowRequest)]
    pub struct WorkflowRequest {
        /// Its name, 1 to 200 characters. Required for a new one.
        pub name: Option<String>,
        /// What it is for.
        #[schema(value_type = Option<String>)]
        pub description: Patch<String>,
        /// `custom` (the default), or a label of your own. `feedback_analysis`, `data_processing`,
        /// `notification`, `approval`, `integration` and `reporting` come in a later version.
        pub r#type: Option<String>,
        /// `definition` (see `/api/v1/schema/definition`), or `steps` and whatever else a definition
        /// has. Required for a new one.
        #[schema(value_type = Option<Object>)]
        pub configuration: Option<Map>,
        /// What it is connected to.
        #[schema(value_type = Option<Vec<IntegrationRequest>>)]
        pub integrations: Patch<Vec<IntegrationRequest>>,
        /// Your own labels; lists can be filtered by them.
        #[schema(value_type = Option<Object>)]
        pub metadata: Patch<Map>,
    }
}

/// An integration that a workflow uses.
#[derive(Debug, PartialEq, ToSchema)]
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
    /// What its definition is built from.
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
    /// In the response to its creation or change: what is probably not meant, such as inputs that nothing uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<WarningItem<'a>>>,
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
    /// How many executions were cancelled until now.
    pub cancelled_executions: u64,
    /// The bulk operation that still cancels executions, or that could not cancel some. Absent if
    /// all are cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "op_01k9x7m2q4e5rb8tz3v6w1y0ac")]
    pub operation_id: Option<String>,
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
