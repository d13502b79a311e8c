//! The events of nodes: what they have in common, and what depends on their state.

use serde::Serialize;
use serde_json::Value;
use stepwell_engine::view::StepView;
use uuid::Uuid;

use super::outputs;
use super::types::ValueType;
use super::wire::{ByName, EventError};
use crate::respond::Time;

/// What happened to a node.
#[derive(Serialize)]
pub struct NodeData<'a> {
    /// Of this event alone.
    pub id: Uuid,
    /// The node.
    pub node_id: Uuid,
    /// Its run in this execution.
    pub node_result_id: Uuid,
    /// The id of its step in the definition, with its iterations.
    pub name: &'a str,
    /// The ids of the steps that it comes after.
    pub after: &'a [String],
    /// `INITIATED`, `STREAMING`, `FULFILLED`, `REJECTED`.
    pub state: &'static str,
    /// When.
    pub ts: Time,
    /// Always `null`.
    pub source_execution_id: Option<&'static str>,
    /// Its outputs by name with `FULFILLED`, else empty.
    pub outputs: ByName<'a>,
    /// What there is to the state.
    #[serde(flatten)]
    pub details: NodeDetails<'a>,
}

/// The fields of an event of a node that depend on its state.
#[derive(Serialize)]
#[serde(untagged)]
pub enum NodeDetails<'a> {
    /// With `INITIATED`.
    Initiated { data: Value, input_values: Vec<NodeInput<'a>> },
    /// With `STREAMING`.
    Streaming {
        /// Always `null`.
        data: (),
        output: NodeOutput<'a, &'a str>,
        output_index: usize,
    },
    /// With `FULFILLED`.
    Fulfilled {
        data: Value,
        output_values: Vec<NodeOutput<'a, &'a Value>>,
        /// Always `null`.
        mocked: (),
    },
    /// With `REJECTED`.
    Rejected { data: Value, error: Option<EventError<'a>> },
}

/// An input of a node.
#[derive(Serialize)]
pub struct NodeInput<'a> {
    node_input_id: Uuid,
    key: &'a str,
    r#type: ValueType,
    value: &'a Value,
}

/// An output of a node, or a piece of it.
#[derive(Serialize)]
pub struct NodeOutput<'a, T> {
    /// Its name, if it is a whole output.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    r#type: ValueType,
    value: T,
    node_output_id: Uuid,
    state: &'static str,
}

impl<'a> NodeDetails<'a> {
    pub fn initiated(view: &'a StepView, data: Value) -> Self {
        let inputs = view.input.as_deref().map(outputs::named_values).unwrap_or_default();
        let input = |(key, value): (&'a str, &'a Value)| NodeInput {
            node_input_id: value_id(view.run_id.uuid(), key),
            key,
            r#type: ValueType::of_value(value),
            value,
        };
        Self::Initiated { data, input_values: inputs.into_iter().map(input).collect() }
    }

    pub fn streaming(text: &'a str, output_id: Uuid) -> Self {
        let output = NodeOutput {
            key: None,
            r#type: ValueType::String,
            value: text,
            node_output_id: output_id,
            state: "STREAMING",
        };
        Self::Streaming { data: (), output, output_index: 0 }
    }

    pub fn fulfilled(view: &'a StepView, node: Uuid, data: Value) -> Self {
        let outputs = view.output.as_deref().map(outputs::named_values).unwrap_or_default();
        let output = |(key, value): (&'a str, &'a Value)| NodeOutput {
            key: Some(key),
            r#type: ValueType::of_value(value),
            value,
            node_output_id: value_id(node, key),
            state: "FULFILLED",
        };
        Self::Fulfilled {
            data,
            output_values: outputs.into_iter().map(output).collect(),
            mocked: (),
        }
    }

    pub fn rejected(error: Option<EventError<'a>>, data: Value) -> Self {
        Self::Rejected { data, error }
    }
}

/// The outputs of a node by name; empty until it is `FULFILLED`.
pub fn outputs_by_name(view: Option<&StepView>) -> ByName<'_> {
    let output = view.and_then(|view| view.output.as_deref());
    ByName(output.map(outputs::named_values).unwrap_or_default())
}

/// The id of what a node takes or returns under a name.
pub fn value_id(node: Uuid, key: &str) -> Uuid {
    Uuid::new_v5(&node, key.as_bytes())
}
