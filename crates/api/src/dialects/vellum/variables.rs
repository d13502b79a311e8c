//! What a workflow takes and makes, as variables.

use serde::Serialize;
use serde_json::Value;
use stepwell_core::definition::plan::Plan;
use stepwell_core::ids::WorkflowId;
use utoipa::ToSchema;

use super::outputs;
use super::types::ValueType;

/// An input or output of a workflow.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumVariable)]
pub struct Variable {
    /// The same in each release.
    pub id: String,
    /// Its name.
    pub key: String,
    /// Its type; `JSON` where the value decides.
    #[serde(rename = "type")]
    pub value_type: ValueType,
    /// Whether an execution needs it.
    pub required: Option<bool>,
    /// What is taken where it is not given.
    pub default: Option<DefaultValue>,
    /// What people call it.
    pub extensions: Option<Extensions>,
    /// Its JSON Schema.
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
}

/// A value with its type.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumDefault)]
pub struct DefaultValue {
    /// Its type.
    #[serde(rename = "type")]
    value_type: ValueType,
    /// The value.
    value: Value,
}

/// What people call a variable.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumExtensions)]
pub struct Extensions {
    /// `title` of its schema.
    title: Option<String>,
    /// `description` of its schema.
    description: Option<String>,
}

/// The inputs that the schema names.
pub fn input_variables(workflow: WorkflowId, plan: &Plan) -> Vec<Variable> {
    let required = plan.input_schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|r| r == name));
    let properties = plan.input_schema.get("properties").and_then(Value::as_object);
    let variable = |(name, schema): (&String, &Value)| {
        let default = schema.get("default").map(|value| DefaultValue {
            value_type: ValueType::for_value(ValueType::of_schema(schema), value),
            value: value.clone(),
        });
        Variable {
            id: outputs::input_id(workflow, name).to_string(),
            key: name.clone(),
            value_type: ValueType::of_schema(schema).unwrap_or(ValueType::Json),
            required: Some(is_required(name) && default.is_none()),
            default,
            extensions: read_extensions(schema),
            schema: object_schema(schema),
        }
    };
    properties.into_iter().flatten().map(variable).collect()
}

/// The outputs that the plan declares.
pub fn output_variables(workflow: WorkflowId, plan: &Plan) -> Vec<Variable> {
    let declared = |name: &str| plan.outputs.iter().find(|output| output.name == name);
    let variable = |output: outputs::WorkflowOutput| {
        let schema = declared(&output.name).map(|output| &output.schema);
        Variable {
            id: outputs::output_id(workflow, &output.name).to_string(),
            value_type: output.value_type.unwrap_or(ValueType::Json),
            required: None,
            default: None,
            extensions: schema.and_then(read_extensions),
            schema: schema.and_then(object_schema),
            key: output.name,
        }
    };
    outputs::plan_outputs(plan).into_iter().map(variable).collect()
}

fn read_extensions(schema: &Value) -> Option<Extensions> {
    let text = |name: &str| Some(schema.get(name)?.as_str()?.to_owned());
    let (title, description) = (text("title"), text("description"));
    (title.is_some() || description.is_some()).then_some(Extensions { title, description })
}

/// A schema that is only `true`, or is empty, is omitted.
fn object_schema(schema: &Value) -> Option<Value> {
    schema.as_object().filter(|fields| !fields.is_empty()).map(|_| schema.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stepwell_core::definition::{self, DefinitionLimits};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn variables_say_type_default_and_name() {
        let source = json!({"name": "x",
            "inputs": {"q": {"type": "string", "title": "Question", "description": "What?"},
                "n": {"type": "integer", "default": 3},
                "chat": {"type": "array", "x-vellum-type": "CHAT_HISTORY", "required": false}},
            "steps": [{"id": "a", "type": "StaticTextInput", "input": "{{ inputs.q }}"}],
            "outputs": {"text": "{{ steps.a.output.text }}", "n": "{{ inputs.n }}"}});
        let registry = stepwell_steps::step_registry();
        let (_, plan) =
            definition::plan_source(&source, registry, &DefinitionLimits::default()).unwrap();
        let workflow = WorkflowId::from_uuid(Uuid::from_u128(1));
        let found = serde_json::to_value(input_variables(workflow, &plan)).unwrap();
        let shown: Vec<_> = found
            .as_array()
            .unwrap()
            .iter()
            .map(|v| {
                (v["key"].as_str().unwrap(), v["type"].as_str().unwrap(), v["required"] == true)
            })
            .collect();
        let expect =
            [("q", "STRING", true), ("n", "NUMBER", false), ("chat", "CHAT_HISTORY", false)];
        assert_eq!(shown, expect);
        assert_eq!(found[0]["extensions"], json!({"title": "Question", "description": "What?"}));
        assert_eq!(found[1]["default"], json!({"type": "NUMBER", "value": 3}));
        assert_eq!(found[0]["schema"]["type"], "string");
        let made = output_variables(workflow, &plan);
        let shown: Vec<_> = made.iter().map(|v| (v.key.as_str(), v.value_type)).collect();
        assert_eq!(shown, [("text", ValueType::String), ("n", ValueType::Number)]);
        assert_eq!(made[0].id, outputs::output_id(workflow, "text").to_string());
    }
}
