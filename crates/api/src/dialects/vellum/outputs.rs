//! A workflow's outputs: names, types, and which of them are exactly what a step makes.

use std::borrow::Cow;

use serde_json::Value;
use stepwell_core::definition::plan::Plan;
use stepwell_core::execution::{StepIndex, StepRunId};
use stepwell_core::ids::WorkflowId;
use uuid::Uuid;

use super::shapes;
use super::types::ValueType;
use super::wire::TypedValue;

/// The name of the only output of a workflow whose last step makes something without names.
const UNNAMED: &str = "output";

/// What is known of an output before the execution has it.
#[derive(Debug)]
pub struct WorkflowOutput {
    /// Its name.
    pub name: String,
    /// Its type; `None`: the value decides.
    pub value_type: Option<ValueType>,
    /// The step and the path inside its output that it is exactly.
    pub source: Option<(StepIndex, Vec<String>)>,
}

impl WorkflowOutput {
    /// Whether it is exactly the text that a step run sends in pieces.
    pub fn is_text_of(&self, step: &StepRunId) -> bool {
        let is_source = matches!(&self.source, Some((from, path))
            if *step == (*from).into() && matches!(path.as_slice(), [only] if only == "text"));
        is_source && matches!(self.value_type, None | Some(ValueType::String))
    }

    /// Its value, where it is exactly what a step run made.
    pub fn value_of_step<'a>(&self, step: &StepRunId, made: &'a Value) -> Option<&'a Value> {
        let (from, path) = self.source.as_ref()?;
        if *step == (*from).into() { value_at(made, path) } else { None }
    }
}

/// The id of an input, output or node of a workflow, the same in each of its releases.
pub fn output_id(workflow: WorkflowId, name: &str) -> Uuid {
    Uuid::new_v5(&workflow.uuid(), name.as_bytes())
}

/// The id of an input; it may have the name of an output.
pub fn input_id(workflow: WorkflowId, name: &str) -> Uuid {
    output_id(workflow, &format!("inputs.{name}"))
}

/// The outputs that the plan declares, else the output of its only last step.
pub fn plan_outputs(plan: &Plan) -> Vec<WorkflowOutput> {
    if !plan.outputs.is_empty() {
        let declared = plan.outputs.iter().map(|output| WorkflowOutput {
            name: output.name.clone(),
            value_type: ValueType::of_schema(&output.schema),
            source: output.value.as_path::<&str>(&[]).and_then(|path| output_source(plan, path)),
        });
        return declared.collect();
    }
    let [sink] = plan.top.sinks.as_slice() else { return Vec::new() };
    let step = &plan[*sink];
    let properties = step.output_schema.get("properties").and_then(Value::as_object);
    let sources = output_sources(plan, *sink);
    let made = properties.into_iter().flatten().map(|(name, schema)| {
        let value_type = ValueType::of_schema(schema);
        let type_in = |source: &StepIndex| {
            ValueType::of_schema(plan[*source].output_schema.get("properties")?.get(name)?)
        };
        WorkflowOutput {
            name: name.clone(),
            value_type: value_type.filter(|_| sources.iter().all(|s| type_in(s) == value_type)),
            source: Some((*sink, vec![name.clone()])),
        }
    });
    made.collect()
}

/// The steps whose output may be that of the execution: the last step and, as far as those may be
/// bypassed, the ones before it.
fn output_sources(plan: &Plan, sink: StepIndex) -> Vec<StepIndex> {
    let mut sources = vec![sink];
    let mut last = sink;
    while plan[last].when.is_some()
        && let [edge] = plan[last].after.as_slice()
    {
        last = edge.from;
        sources.push(last);
    }
    sources
}

/// `steps.<id>.output.<path…>`.
fn output_source(plan: &Plan, path: &[String]) -> Option<(StepIndex, Vec<String>)> {
    match path {
        [root, step, field, inside @ ..] if root == "steps" && field == "output" => {
            Some((*plan.by_id.get(step)?, inside.to_vec()))
        }
        _ => None,
    }
}

/// The value at a path inside a step's output.
fn value_at<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// Names and values of what an execution made.
pub fn named_values(value: &Value) -> Vec<(&str, &Value)> {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, v)| (name.as_str(), v)).collect(),
        other => vec![(UNNAMED, other)],
    }
}

/// What an execution made, typed.
pub fn typed_outputs<'a>(
    workflow: WorkflowId,
    known: &[WorkflowOutput],
    value: &'a Value,
    thinking: bool,
) -> Vec<TypedValue<'a>> {
    let outputs = named_values(value).into_iter();
    outputs
        .map(|(name, value)| {
            let wanted = known.iter().find(|output| output.name == name);
            let wanted = wanted.and_then(|output| output.value_type);
            typed_output(output_id(workflow, name), name, wanted, value, thinking)
        })
        .collect()
}

/// A value under the type that clients can read it as.
pub fn typed_output<'a>(
    id: Uuid,
    name: &'a str,
    wanted: Option<ValueType>,
    value: &'a Value,
    thinking: bool,
) -> TypedValue<'a> {
    let value_type = ValueType::for_value(wanted, value);
    // Clients of the older version of the API do not know the type `THINKING`.
    let changed = match (value_type, value) {
        (ValueType::Array, Value::Array(items)) if !thinking => shapes::without_thinking(items),
        _ => None,
    };
    let value = changed.map_or(Cow::Borrowed(value), |items| Cow::Owned(Value::Array(items)));
    TypedValue { id: id.to_string(), name, value_type, value }
}

/// The typed inputs of an execution.
pub fn typed_inputs<'a>(
    workflow: WorkflowId,
    plan: &Plan,
    input: &'a Value,
    thinking: bool,
) -> Vec<TypedValue<'a>> {
    let Value::Object(fields) = input else { return Vec::new() };
    let schema = |name: &str| plan.input_schema.get("properties")?.get(name);
    fields
        .iter()
        .map(|(name, value)| {
            let wanted = schema(name).and_then(ValueType::of_schema);
            typed_output(input_id(workflow, name), name, wanted, value, thinking)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stepwell_core::definition::{self, DefinitionLimits};

    use super::*;

    fn plan(source: Value) -> Plan {
        definition::plan_source(
            &source,
            stepwell_steps::step_registry(),
            &DefinitionLimits::default(),
        )
        .unwrap()
        .1
    }

    #[test]
    fn outputs_know_their_steps() {
        let plan = plan(json!({"name": "x", "steps": [
            {"id": "a", "type": "StreamText", "input": "hi"},
            {"id": "b", "type": "TextOperation.Size"}],
            "outputs": {"text": "{{ steps.a.output.text }}", "both": "{{ steps.a.output.text }}!",
                "whole": "{{ steps.a.output }}"}}));
        let found: Vec<_> = plan_outputs(&plan).into_iter().map(|o| (o.name, o.source)).collect();
        assert_eq!(
            found,
            [
                ("text".to_owned(), Some((0.into(), vec!["text".to_owned()]))),
                ("both".to_owned(), None),
                ("whole".to_owned(), Some((0.into(), vec![]))),
            ]
        );
    }

    #[test]
    fn what_the_last_step_makes_is_the_output() {
        let plan = plan(json!({"name": "x", "steps": [{"type": "StreamText", "input": "hi"}]}));
        let workflow = WorkflowId::from_uuid(Uuid::from_u128(1));
        let known = plan_outputs(&plan);
        assert_eq!(
            (known.len(), &known[0].source),
            (1, &Some((0.into(), vec!["text".to_owned()])))
        );
        let value = json!({"text": "hi", "more": [{"type": "THINKING"}]});
        let typed = typed_outputs(workflow, &known, &value, false);
        let shown: Vec<_> = typed.iter().map(|o| (o.name, o.value_type)).collect();
        assert_eq!(shown, [("text", ValueType::String), ("more", ValueType::Json)]);
        assert_eq!(typed[0].id, Uuid::new_v5(&workflow.uuid(), b"text").to_string());
        assert_eq!(named_values(&json!(5)), [(UNNAMED, &json!(5))]);
    }

    #[test]
    fn thinking_is_for_newer_clients() {
        let value = json!([{"type": "THINKING"}, {"type": "STRING", "value": "x"}]);
        for (thinking, expect) in [(true, 2), (false, 1)] {
            let one = typed_output(Uuid::nil(), "x", Some(ValueType::Array), &value, thinking);
            assert_eq!(one.value.as_array().unwrap().len(), expect);
        }
    }
}
