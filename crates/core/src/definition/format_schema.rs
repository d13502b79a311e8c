//! The JSON Schema of the definition format, for editors: what `parse` accepts, and what `config`
//! and `input` of each step type look like.

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::Map;
use crate::catalog::{StepAction, StepCatalog, StepSpec};
use crate::definition::check::types::is_trivial;
use crate::definition::concurrency::{ConcurrencyPolicy, MAX_CONCURRENCY_LIMIT};
use crate::definition::model::MAX_RETRY_POLICIES;

pub(super) fn format_schema(catalog: &dyn StepCatalog) -> Value {
    let types = catalog.all_types();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Workflow definition",
        "description": "What a workflow takes, the steps it runs and how they are wired, and what \
            it gives. Strings may hold Jinja: `{{ inputs.text }}`.",
        "type": "object",
        "required": ["name", "steps"],
        "additionalProperties": false,
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "\\S"},
            "description": {"type": ["string", "null"]},
            "inputs": {"$ref": "#/$defs/inputs"},
            "steps": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/step"}},
            "outputs": {
                "description": "Outputs by name: a value, or {value, type}.",
                "type": ["object", "null"],
            },
            "state": {"description": "First values of the state.", "type": ["object", "null"]},
            "timeout": {"$ref": "#/$defs/duration"},
            "retention": {"$ref": "#/$defs/duration"},
            "metadata": {"type": ["object", "null"]},
            "on_failure": {
                "description": "Steps that run when the execution has failed or timed out, after \
                    the compensations. `error` is why.",
                "anyOf": [
                    {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/step"}},
                    {"type": "null"},
                ],
            },
            "concurrency": concurrency_schema(&ConcurrencyPolicy::ALL),
        },
        "$defs": {
            "step": {"anyOf": [type_name(&types), step_schema(&types)]},
            "compensation_type": type_name(&runnable(&types)),
            "compensation": {
                "anyOf": [{"$ref": "#/$defs/compensation_type"}, compensation_schema(&types)],
            },
            "inputs": inputs_schema(),
            "duration": duration_schema(),
            "retry": retry_schema(),
            "retry_policy": retry_policy_schema(),
            "on_error": on_error(),
            "join": join_schema(),
            "after": {
                "description": "`step` or `step.port`.",
                "type": "string",
                "pattern": "^[A-Za-z_][A-Za-z0-9_-]*(\\.[A-Za-z_][A-Za-z0-9_-]*)?$",
            },
            // Before its expressions are evaluated, any text may stand for any value.
            "template": {"type": "string", "pattern": "\\{[\\{%#]"},
        },
    })
}

fn concurrency_schema(policies: &[ConcurrencyPolicy]) -> Value {
    json!({
        "description": "How many executions, or attempts of the step, with the same key there are \
            at the same time, and what happens to a further one.",
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": {
            "limit": {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_CONCURRENCY_LIMIT, "default": 1},
            "key": {
                "description": "A template; that of a workflow reads only `inputs`. Default: all \
                    share one key.",
                "type": ["string", "null"],
                "minLength": 1,
            },
            "policy": {
                "enum": policies.iter().map(|policy| json!(policy.name()))
                    .chain([Value::Null]).collect::<Vec<_>>(),
                "default": "queue",
            },
        },
    })
}

fn type_names(spec: &StepSpec) -> impl Iterator<Item = &str> {
    std::iter::once(spec.name).chain(spec.aliases.iter().copied())
}

fn type_name(types: &[&StepSpec]) -> Value {
    let all: Vec<&str> = types.iter().flat_map(|spec| type_names(spec)).collect();
    json!({"description": "What the step does.", "type": "string", "enum": all})
}

fn step_schema(types: &[&StepSpec]) -> Value {
    let by_type: Vec<Value> = types
        .iter()
        .map(|spec| {
            let all: Vec<&str> = type_names(spec).collect();
            json!({
                "if": {"properties": {"type": {"enum": all}}, "required": ["type"]},
                "then": {
                    "description": spec.summary,
                    "properties": type_properties(spec),
                    "required": spec.block.as_ref().map_or_else(|| json!([]), |block| block["required"].clone()),
                },
            })
        })
        .collect();
    let mut schema = json!({
        "type": "object",
        "required": ["type"],
        "additionalProperties": false,
        "properties": {
            "id": {
                "description": "Made from the type where it is not given.",
                "type": ["string", "null"],
                "pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,63}$",
            },
            "type": type_name(types),
            "input": {"description": "Data. Default: the output of the previous step."},
            "config": {"type": ["object", "null"]},
            "after": {
                "description": "The steps that it depends on. Default: the previous step in the list.",
                "anyOf": [
                    {"$ref": "#/$defs/after"},
                    {"type": "array", "items": {"$ref": "#/$defs/after"}},
                    {"type": "null"},
                ],
            },
            "join": {"$ref": "#/$defs/join"},
            "cancel_rest": {
                "description": "With `join: any` or `{n: 2}`: when the step starts, what leads \
                    only to it is cancelled. Of a `Parallel`: the other branches.",
                "type": ["boolean", "null"],
            },
            "when": {
                "description": "A bare expression; if it is false, the step is skipped, and the next step of the list continues with what came before it.",
                "type": ["string", "boolean", "null"],
            },
            "timeout": {"$ref": "#/$defs/duration"},
            "retry": {"$ref": "#/$defs/retry"},
            "on_error": {"$ref": "#/$defs/on_error"},
            "compensate": {
                "description": "What undoes the step if the execution fails, times out or is \
                    cancelled after the step has completed.",
                "anyOf": [{"$ref": "#/$defs/compensation"}, {"type": "null"}],
            },
            "idempotent": {
                "description": "Whether it may be repeated after a crash.",
                "type": ["boolean", "null"],
            },
            "at_most_once": {
                "description": "The opposite of `idempotent`.",
                "type": ["boolean", "null"],
            },
            "concurrency": concurrency_schema(&[ConcurrencyPolicy::Queue]),
        },
        "allOf": by_type,
    });
    allow_block_fields(&mut schema, types);
    schema
}

/// The types that do work, and so can compensate a step.
fn runnable<'s>(types: &[&'s StepSpec]) -> Vec<&'s StepSpec> {
    types.iter().copied().filter(|spec| spec.action == StepAction::Run).collect()
}

fn compensation_schema(types: &[&StepSpec]) -> Value {
    let runnable = runnable(types);
    let by_type: Vec<Value> = runnable
        .iter()
        .map(|spec| {
            let all: Vec<&str> = type_names(spec).collect();
            json!({
                "if": {"properties": {"type": {"enum": all}}, "required": ["type"]},
                "then": {"properties": type_properties(spec)},
            })
        })
        .collect();
    json!({
        "type": "object",
        "required": ["type"],
        "additionalProperties": false,
        "properties": {
            "type": {"$ref": "#/$defs/compensation_type"},
            "input": {"description": "Data. Default: the output of the step."},
            "config": {"type": ["object", "null"]},
            "timeout": {"$ref": "#/$defs/duration"},
            "retry": {"$ref": "#/$defs/retry"},
            "idempotent": {
                "description": "Whether it may be repeated after a crash.",
                "type": ["boolean", "null"],
            },
            "at_most_once": {
                "description": "The opposite of `idempotent`.",
                "type": ["boolean", "null"],
            },
        },
        "allOf": by_type,
    })
}

/// The properties that depend on the type of a step.
fn type_properties(spec: &StepSpec) -> Map {
    let mut properties = Map::new();
    let Some(block) = &spec.block else {
        let config = nullable_schema(templated_schema(&spec.config));
        properties.insert("config".into(), config);
        properties.insert("input".into(), input_schema(spec));
        return properties;
    };
    let fields = |fields: &Value| fields["properties"].as_object().cloned().unwrap_or_default();
    if spec.action == StepAction::Block {
        properties.extend(fields(block));
        for name in ["config", "retry", "compensate", "idempotent", "at_most_once"] {
            properties.insert(name.into(), json!(false));
        }
        return properties;
    }
    // An ordinary step with its configuration beside `type`.
    let fields = fields(&templated_schema(&spec.config)).into_iter();
    let required = block["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    properties.extend(fields.map(|(name, schema)| match required.contains(&json!(name)) {
        true => (name, schema),
        false => (name, nullable_schema(schema)),
    }));
    properties.insert("input".into(), input_schema(spec));
    properties.insert("config".into(), json!(false));
    properties
}

/// Allows each field of a block in the types that have it.
fn allow_block_fields(schema: &mut Value, types: &[&StepSpec]) {
    let mut owners: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for spec in types {
        let fields = spec.block.as_ref().and_then(|block| block["properties"].as_object());
        for name in fields.into_iter().flat_map(Map::keys) {
            owners.entry(name).or_default().push(spec.name);
        }
    }
    for (name, owners) in owners {
        // One that every step has.
        if schema["properties"].get(name).is_some() {
            continue;
        }
        schema["properties"][name] = json!(true);
        if let Value::Array(rules) = &mut schema["allOf"] {
            rules.push(json!({
                "if": {"required": [name]},
                "then": {"properties": {"type": {"enum": owners}}},
            }));
        }
    }
}

/// An object of inputs, or, where the type has a default input, that value alone.
fn input_schema(spec: &StepSpec) -> Value {
    let mut whole = templated_schema(&spec.input);
    let Some(key) = spec.default_input else { return nullable_schema(whole) };
    let bare = spec.input.get("properties").and_then(|all| all.get(key)).map(templated_schema);
    // Omitted properties may come from the previous step.
    if let Some(Value::Array(required)) = whole.get_mut("required") {
        required.retain(|name| name != key);
    }
    json!({"anyOf": [
        nullable_schema(whole),
        {"allOf": [{"not": {"type": "object"}}, bare.unwrap_or_else(|| json!({}))]},
    ]})
}

fn nullable_schema(schema: Value) -> Value {
    if is_trivial(&schema) { schema } else { json!({"anyOf": [schema, {"type": "null"}]}) }
}

/// The schema, with a template allowed in place of each property and element.
fn templated_schema(schema: &Value) -> Value {
    let Value::Object(map) = schema else { return schema.clone() };
    let mut out = Map::new();
    for (key, value) in map {
        let value = match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => Value::Object(
                properties.iter().map(|(name, inner)| (name.clone(), or_template(inner))).collect(),
            ),
            ("items" | "additionalProperties", inner @ Value::Object(_)) => or_template(inner),
            _ => value.clone(),
        };
        out.insert(key.clone(), value);
    }
    Value::Object(out)
}

fn or_template(schema: &Value) -> Value {
    if is_trivial(schema) {
        return schema.clone();
    }
    let mut inner = templated_schema(schema);
    let description = inner.get_mut("description").map(Value::take);
    let mut out = json!({"anyOf": [inner, {"$ref": "#/$defs/template"}]});
    if let (Some(text), Value::Object(map)) = (description, &mut out) {
        map.insert("description".into(), text.clone());
        if let Some(Value::Object(inner)) = map["anyOf"].get_mut(0) {
            inner.shift_remove("description");
        }
    }
    out
}

fn inputs_schema() -> Value {
    let types = "^(string|text|number|integer|boolean|object|array|file|any|null)\\??$";
    json!({
        "description": "Inputs by name: a type (`string`, optional `string?`) or a JSON Schema; or \
            one JSON Schema of an object for all. Default: inferred.",
        "type": ["object", "null"],
        "anyOf": [
            {"type": "null"},
            {"properties": {"type": {"const": "object"}}, "required": ["type"]},
            {"additionalProperties": {"anyOf": [
                {"type": "string", "pattern": types},
                {"type": "object"},
                {"const": true},
            ]}},
        ],
    })
}

fn duration_schema() -> Value {
    json!({
        "description": "Seconds, or text such as `500ms`, `30s`, `5m`, `1h30m`, `1d`, `PT5M`.",
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "string", "pattern": "[0-9]"},
            {"type": "null"},
        ],
    })
}

fn retry_schema() -> Value {
    json!({
        "description": "What happens to a failed attempt; a number is `max_attempts`.",
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 1000},
            {"type": "null"},
            {"$ref": "#/$defs/retry_policy"},
            {
                "description": "The first entry whose `on` has the code of the error applies.",
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_RETRY_POLICIES,
                "items": {"$ref": "#/$defs/retry_policy"},
            },
        ],
    })
}

fn retry_policy_schema() -> Value {
    json!({
        "description": "How failed attempts are retried.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "max_attempts": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 3},
            "initial": {"$ref": "#/$defs/duration"},
            "factor": {"type": ["number", "null"], "minimum": 1, "maximum": 100},
            "max": {"$ref": "#/$defs/duration"},
            "jitter": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "on": {
                "description": "The error codes that are retried.",
                "type": ["array", "string", "null"],
                "items": {"type": "string", "minLength": 1},
            },
        },
    })
}

fn on_error() -> Value {
    json!({
        "description": "What happens when the last attempt failed.",
        "anyOf": [
            {"enum": ["fail", "continue", "port", null]},
            {"type": "string", "pattern": "^goto:\\s*[A-Za-z_][A-Za-z0-9_-]{0,63}\\s*$"},
            {
                "type": "object",
                "required": ["goto"],
                "additionalProperties": false,
                "properties": {"goto": {"type": "string"}},
            },
        ],
    })
}

fn join_schema() -> Value {
    json!({
        "description": "When a step with several predecessors starts.",
        "anyOf": [
            {"enum": ["all", "any", null]},
            {
                "type": "object",
                "required": ["n"],
                "additionalProperties": false,
                "properties": {"n": {"anyOf": [
                    {"type": "integer", "minimum": 1, "maximum": 10000},
                    {"$ref": "#/$defs/template"},
                ]}},
            },
        ],
    })
}
