//! Reading requests: known fields are checked, unknown ones are ignored.

use serde_json::Value;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_core::{Map, Problem};
use stepwell_engine::app::WorkflowRef;

use super::meta::ExpandMeta;
use super::wire::ExecuteRequest;
use crate::error::{ApiError, shorten_text};
use crate::fields::{Fields, FromFields as _};

/// The longest external id, in bytes.
const MAX_EXTERNAL_ID: usize = 255;

/// How a request names a workflow.
#[derive(Debug, PartialEq, Eq)]
pub enum Deployment {
    /// `workflow_deployment_id`.
    Id(WorkflowId),
    /// `workflow_deployment_name`.
    Name(String),
    /// Both, which must agree.
    IdAndName(WorkflowId, String),
}

impl Deployment {
    /// As the application takes it.
    pub fn as_ref(&self) -> WorkflowRef<'_> {
        match self {
            Self::Id(id) | Self::IdAndName(id, _) => WorkflowRef::Id(*id),
            Self::Name(name) => WorkflowRef::Name(name),
        }
    }

    /// The field that named it.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Id(_) | Self::IdAndName(..) => "workflow_deployment_id",
            Self::Name(_) => "workflow_deployment_name",
        }
    }
}

/// Which events a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTypes {
    /// Those of the execution.
    pub workflow: bool,
    /// Those of its steps.
    pub node: bool,
}

/// A request to execute.
#[derive(Debug)]
pub struct Execute {
    /// What.
    pub deployment: Deployment,
    /// The typed inputs, not checked yet.
    pub inputs: Vec<Value>,
    /// The release tag.
    pub release_tag: Option<String>,
    /// What decides between several releases of the tag.
    pub traffic_key: Option<String>,
    /// The client's own id.
    pub external_id: Option<String>,
    /// The client's own labels.
    pub metadata: Map,
    /// Whose last state it begins with.
    pub previous: Option<ExecutionId>,
    /// For streams.
    pub events: EventTypes,
    /// For streams with events of steps.
    pub meta: ExpandMeta,
}

impl TryFrom<Fields> for Execute {
    type Error = ApiError;

    fn try_from(mut fields: Fields) -> Result<Self, ApiError> {
        let ExecuteRequest {
            inputs,
            workflow_deployment_id,
            workflow_deployment_name,
            release_tag,
            traffic_key,
            external_id,
            metadata,
            previous_execution_id,
            expand_meta,
            event_types,
        } = ExecuteRequest::read(&mut fields);
        let deployment =
            read_deployment(&mut fields, workflow_deployment_id, workflow_deployment_name);
        let release_tag = non_empty(&mut fields, "release_tag", release_tag);
        let external_id = self::external_id(&mut fields, external_id);
        let previous = read_id(&mut fields, "previous_execution_id", previous_execution_id);
        let meta = ExpandMeta::read(&mut fields, &expand_meta.unwrap_or_default());
        let events = self::event_types(&mut fields, &event_types.unwrap_or_default());
        fields.finish_open()?;
        let Some(deployment) = deployment else {
            return Err(ApiError::internal("an invalid request had no problems"));
        };
        let metadata = metadata.unwrap_or_default();
        Ok(Self {
            deployment,
            inputs,
            release_tag,
            traffic_key,
            external_id,
            metadata,
            previous,
            events,
            meta,
        })
    }
}

fn read_deployment(
    fields: &mut Fields,
    by_id: Option<String>,
    by_name: Option<String>,
) -> Option<Deployment> {
    let by_name = non_empty(fields, "workflow_deployment_name", by_name);
    match (by_id, by_name) {
        (Some(text), Some(name)) => parse_id(fields, "workflow_deployment_id", &text)
            .map(|id| Deployment::IdAndName(id, name)),
        (None, Some(name)) => Some(Deployment::Name(name)),
        (Some(text), None) => parse_id(fields, "workflow_deployment_id", &text).map(Deployment::Id),
        (None, None) => {
            // A field of a wrong type is reported already.
            fields.require::<()>("workflow_deployment_name", None);
            fields.push(Problem::new(
                "workflow_deployment_id",
                "give either workflow_deployment_id or workflow_deployment_name",
            ));
            None
        }
    }
}

/// Checks the client's own id.
pub fn external_id(fields: &mut Fields, id: Option<String>) -> Option<String> {
    let id = non_empty(fields, "external_id", id);
    if id.as_ref().is_some_and(|id| id.len() > MAX_EXTERNAL_ID) {
        let message = format!("is longer than {MAX_EXTERNAL_ID} bytes");
        fields.push(Problem::new("external_id", message));
    }
    id
}

/// Checks that a text has at least one character.
pub fn non_empty(fields: &mut Fields, name: &'static str, text: Option<String>) -> Option<String> {
    let text = text?;
    if text.is_empty() {
        fields.push(Problem::new(name, "must have at least one character"));
        return None;
    }
    Some(text)
}

/// Reads an id in any form.
pub fn read_id<T: std::str::FromStr>(
    fields: &mut Fields,
    name: &'static str,
    text: Option<String>,
) -> Option<T> {
    parse_id(fields, name, &text?)
}

fn parse_id<T: std::str::FromStr>(
    fields: &mut Fields,
    name: &'static str,
    text: &str,
) -> Option<T> {
    let read = text.parse().ok();
    if read.is_none() {
        let shown = shorten_text(text);
        fields.push(
            Problem::new(name, "is not a UUID").with_expectation("UUID", format!("`{shown}`")),
        );
    }
    read
}

/// Those of the execution if none are named, because a stream without events is useless.
fn event_types(fields: &mut Fields, list: &[Value]) -> EventTypes {
    if list.is_empty() {
        return EventTypes { workflow: true, node: false };
    }
    let mut events = EventTypes { workflow: false, node: false };
    for (at, item) in list.iter().enumerate() {
        match item.as_str() {
            Some("WORKFLOW") => events.workflow = true,
            Some("NODE") => events.node = true,
            _ => fields.push(
                Problem::new(format!("event_types[{at}]"), "must be WORKFLOW or NODE")
                    .with_expectation("one of WORKFLOW, NODE", item.to_string()),
            ),
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<Execute, Vec<String>> {
        Execute::try_from(Fields::of(body).unwrap())
            .map_err(|e| e.details().iter().map(|p| p.path.clone()).collect())
    }

    #[test]
    fn nulls_and_unknown_keys_are_ignored() {
        let request = read(json!({
            "inputs": [], "workflow_deployment_name": "x", "workflow_deployment_id": null,
            "release_tag": null, "metadata": null, "external_id": null, "event_types": null,
            "previous_execution_id": null, "expand_meta": {"usage": true, "cost": null},
            "execution_context": {"trace_id": "t"},
        }))
        .unwrap();
        assert_eq!(request.deployment, Deployment::Name("x".into()));
        assert_eq!(request.events, EventTypes { workflow: true, node: false });
    }

    #[test]
    fn what_is_wrong_is_named() {
        let (id, name) = ("workflow_deployment_id", "workflow_deployment_name");
        for (body, expect) in [
            (json!({"inputs": []}), vec![name, id]),
            (json!({"inputs": [], id: "x", name: "x"}), vec![id]),
            (json!({"inputs": [], id: "x"}), vec![id]),
            (json!({"inputs": [], name: ""}), vec![name, id]),
            (json!({name: "x"}), vec!["inputs"]),
            (json!({"inputs": {}, name: "x"}), vec!["inputs"]),
            (json!({"inputs": [], name: "x", "external_id": ""}), vec!["external_id"]),
            (json!({"inputs": [], name: "x", "metadata": []}), vec!["metadata"]),
            (json!({"inputs": [], name: "x", "release_tag": 5}), vec!["release_tag"]),
            (
                json!({"inputs": [], name: "x", "previous_execution_id": "y"}),
                vec!["previous_execution_id"],
            ),
            (json!({"inputs": [], name: "x", "event_types": ["X"]}), vec!["event_types[0]"]),
            (
                json!({"inputs": [], name: "x", "expand_meta": {"cost": 1}}),
                vec!["expand_meta.cost"],
            ),
            (
                json!({"inputs": [], name: "x", "expand_meta": {"costs": true}}),
                vec!["expand_meta.costs"],
            ),
        ] {
            assert_eq!(read(body.clone()).unwrap_err(), expect, "{body}");
        }
    }
}
