//! This dialect's bodies, named as its clients name them. Fields that may be `null` are written
//! all the same: its clients distinguish "null" from "absent" in logs.

use serde::{Serialize, Serializer};
use serde_json::Value;
use stepwell_core::Map;
use stepwell_core::ids::ExecutionId;
use utoipa::ToSchema;
use uuid::Uuid;

use super::actuals::ActualRequest;
use super::types::ValueType;
use crate::fields::request_body;
use crate::respond::Time;

request_body! {
    /// A request to execute.
    #[schema(as = VellumExecuteRequest)]
    pub struct ExecuteRequest {
        /// Typed inputs; `type` is optional.
        #[schema(value_type = Vec<InputRequest>)]
        pub inputs: Vec<Value>,
        /// Either this or the name.
        pub workflow_deployment_id: Option<String>,
        /// Either this or the id.
        pub workflow_deployment_name: Option<String>,
        /// Default: `LATEST`.
        pub release_tag: Option<String>,
        /// Decides between several releases of the tag: the same key always runs the same one.
        /// Default: `metadata.user_id`, else `external_id`, else chance. 1 to 255 bytes.
        pub traffic_key: Option<String>,
        /// Unique in the workspace.
        pub external_id: Option<String>,
        /// Labels.
        #[schema(value_type = Option<Object>)]
        pub metadata: Option<Map>,
        /// An execution of the same workflow, with whose last state this one begins.
        pub previous_execution_id: Option<String>,
        /// `{usage, cost, model_name}`: for language-model steps.
        #[schema(value_type = Option<Object>)]
        pub expand_meta: Option<Map>,
        /// For streams: `WORKFLOW` (the default) and `NODE`.
        #[schema(value_type = Option<Vec<String>>)]
        pub event_types: Option<Vec<Value>>,
    }
}

request_body! {
    /// A request to execute a deployment by plain values.
    #[schema(as = VellumExecuteDeploymentRequest)]
    pub struct ExecuteDeploymentRequest {
        /// Values by the names of inputs.
        #[schema(value_type = Option<Object>)]
        pub inputs: Option<Map>,
        /// There are none: leave it out.
        pub trigger: Option<String>,
        /// Default: `LATEST`.
        pub release_tag: Option<String>,
        /// Decides between several releases of the tag: the same key always runs the same one.
        /// Default: `metadata.user_id`, else `external_id`, else chance. 1 to 255 bytes.
        pub traffic_key: Option<String>,
        /// Unique in the workspace.
        pub external_id: Option<String>,
        /// Labels.
        #[schema(value_type = Option<Object>)]
        pub metadata: Option<Map>,
        /// An execution of the same workflow, with whose last state this one begins.
        pub previous_execution_id: Option<String>,
    }
}

/// An input.
#[derive(ToSchema)]
pub struct InputRequest {
    /// Its name.
    pub name: String,
    /// `STRING`, `NUMBER`, `JSON`, `CHAT_HISTORY`, `AUDIO`, `VIDEO`, `IMAGE`, `DOCUMENT`.
    pub r#type: Option<String>,
    /// Its value.
    pub value: Value,
}

/// A value with its name and type.
#[derive(Debug, Serialize, ToSchema)]
pub struct TypedValue<'a> {
    /// The same for each execution of the workflow.
    pub id: String,
    /// The name.
    pub name: &'a str,
    /// The type.
    #[serde(rename = "type")]
    pub value_type: ValueType,
    /// The value.
    #[schema(value_type = Value)]
    pub value: std::borrow::Cow<'a, Value>,
}

/// Why an execution or a node failed.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventError<'a> {
    /// What happened.
    pub message: std::borrow::Cow<'a, str>,
    /// `NODE_EXECUTION`, `WORKFLOW_TIMEOUT`, …
    pub code: &'static str,
    /// The same in the older words: `WORKFLOW_INITIALIZATION_ERROR`, `NODE_EXECUTION_ERROR`, else
    /// as `code`.
    pub error_code: &'static str,
    /// The server's own code, the step and the attempt.
    pub raw_data: Option<Value>,
    /// Always `null`: steps are not programs of the client's.
    pub stacktrace: Option<&'static str>,
}

/// An execution that has ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecuteResponse<'a> {
    /// The execution.
    pub execution_id: String,
    /// Always `null`.
    pub run_id: Option<&'static str>,
    /// The client's own id.
    pub external_id: Option<&'a str>,
    /// How it ended.
    pub data: ResultEvent<'a>,
}

/// How it ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResultEvent<'a> {
    /// The execution.
    pub id: String,
    /// `FULFILLED` or `REJECTED`.
    pub state: &'static str,
    /// When it ended.
    pub ts: Time,
    /// With `FULFILLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Vec<TypedValue<'a>>>,
    /// With `REJECTED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<EventError<'a>>,
}

/// A line of a stream.
#[derive(Debug, Serialize)]
pub struct StreamEvent<'a, D> {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Always `null`.
    pub run_id: Option<&'static str>,
    /// The client's own id.
    pub external_id: Option<&'a str>,
    /// `WORKFLOW` or `NODE`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What happened.
    pub data: D,
}

/// What happened to an execution.
#[derive(Debug, Serialize)]
pub struct WorkflowData<'a> {
    /// The execution.
    pub id: ExecutionId,
    /// `INITIATED`, `STREAMING`, `FULFILLED`, `REJECTED`.
    pub state: &'static str,
    /// When.
    pub ts: Time,
    /// With `STREAMING`.
    pub output: Option<StreamedOutput<'a>>,
    /// With `REJECTED`.
    pub error: Option<EventError<'a>>,
    /// All of them with `FULFILLED`, else empty.
    pub outputs: &'a [TypedValue<'a>],
    /// With `INITIATED`.
    pub inputs: Option<&'a [TypedValue<'a>]>,
}

/// An output as it comes to be.
#[derive(Debug, Serialize)]
pub struct StreamedOutput<'a> {
    /// The same as in the outputs at the end.
    pub id: Uuid,
    /// The name.
    pub name: &'a str,
    /// `STREAMING` with a piece, `FULFILLED` with the whole.
    pub state: &'static str,
    /// The node that makes it.
    pub node_id: Option<Uuid>,
    /// The next piece of its text.
    pub delta: Option<&'a str>,
    /// The type.
    #[serde(rename = "type")]
    pub value_type: ValueType,
    /// All of it.
    pub value: Option<&'a Value>,
}

/// An execution that was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecuteAsyncResponse {
    /// The execution.
    pub execution_id: String,
}

/// The status of an execution.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatusResponse<'a> {
    /// `PENDING`, `INITIATED`, `FULFILLED`, `REJECTED`.
    pub status: &'static str,
    /// The execution.
    pub execution_id: String,
    /// The values by name, once fulfilled.
    #[schema(value_type = Option<Object>)]
    pub outputs: Option<ByName<'a>>,
    /// Why, once rejected.
    pub error: Option<EventError<'a>>,
    /// Always `null`.
    pub execution_detail_url: Option<&'static str>,
}

/// Values by name.
#[derive(Debug)]
pub struct ByName<'a>(pub Vec<(&'a str, &'a Value)>);

impl Serialize for ByName<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().copied())
    }
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumErrorBody)]
pub struct ErrorBody<'a> {
    /// What is wrong, with the names of the fields.
    pub detail: &'a str,
    /// A stable code.
    pub code: &'static str,
    /// Everything that is wrong, place by place.
    pub errors: Vec<ErrorItem<'a>>,
    /// For readers of the server's log.
    pub request_id: &'a str,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumErrorItem)]
pub struct ErrorItem<'a> {
    /// Where.
    pub field: &'a str,
    /// What.
    pub message: &'a str,
    /// What was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<&'a str>,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<&'a str>,
}

request_body! {
    /// Feedback on outputs. The older form is read as well: `execution_id`, `output_name` and `value`
    /// in each actual.
    pub struct ActualsRequest {
        /// The execution; either this or the external id.
        pub execution_id: Option<String>,
        /// The client's own id of the execution.
        pub external_id: Option<String>,
        /// The feedback.
        #[schema(value_type = Vec<ActualRequest>)]
        pub actuals: Vec<Value>,
    }
}
