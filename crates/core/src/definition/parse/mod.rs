//! From a JSON value to a [`Definition`]: shapes, names, unknown fields. Collects all problems.

mod block;
mod block_fields;
mod codes;
mod compensation;
mod concurrency;
mod ids;
mod inputs;
mod map_block;
mod retry;
mod step;
mod steps;
mod walk;

pub(crate) use step::FIELDS as STEP_FIELDS;
pub(crate) use walk::{describe_value, type_name};

use indexmap::IndexMap;
use serde_json::Value;

use self::walk::ParseWalk;
use super::model::{Definition, OutputSpec};
use super::{DefinitionLimits, check::schema};
use crate::expr::at_key;
use crate::problem::MAX_PROBLEMS;
use crate::{Map, Problem, Problems, nests_deeper};

const FIELDS: &[&str] = &[
    "name",
    "description",
    "inputs",
    "steps",
    "outputs",
    "state",
    "timeout",
    "retention",
    "metadata",
    "on_failure",
    "concurrency",
];

/// As far as it can be read, with all that is wrong in it. `None` where nothing can be read.
pub(super) fn parse_source(
    source: &Value,
    limits: &DefinitionLimits,
) -> (Option<Definition>, Problems) {
    let mut walk = ParseWalk::default();
    if nests_deeper(source, limits.max_depth) {
        let message = format!("values may nest at most {} deep", limits.max_depth);
        return (None, Problem::new("", message).into());
    }
    let Value::Object(map) = source else {
        let problem = Problem::new("", "a definition is an object with `name` and `steps`")
            .with_expectation("object", describe_value(source));
        return (None, problem.into());
    };
    walk.unknown_fields(map, "", FIELDS);
    let definition = Definition {
        name: parse_name(&mut walk, map),
        description: walk.read_text(map, "description", ""),
        inputs: inputs::parse_inputs(&mut walk, map.get("inputs")),
        steps: steps::parse_steps(&mut walk, map, limits),
        outputs: parse_outputs(&mut walk, map),
        state: walk.read_object(map, "state", ""),
        timeout: walk.read_duration(map, "timeout", ""),
        retention: walk.read_duration(map, "retention", ""),
        metadata: walk.read_object(map, "metadata", ""),
        concurrency: concurrency::parse_concurrency(&mut walk, map, ""),
    };
    check_names(&mut walk, &definition.state, "state");
    walk.problems.0.truncate(MAX_PROBLEMS);
    (Some(definition), walk.problems)
}

fn parse_name(walk: &mut ParseWalk, map: &Map) -> String {
    match map.get("name") {
        None | Some(Value::Null) => {
            walk.add_problem("name", "a definition needs a `name`, such as `name: orders`");
        }
        Some(Value::String(name)) => {
            let length = name.chars().count();
            if name.trim().is_empty() || length > 200 || name.chars().any(char::is_control) {
                walk.add_problem("name", "`name` must have 1 to 200 characters that can be seen");
            }
            return name.clone();
        }
        Some(other) => walk.add_mismatch("name", "string", other),
    }
    String::new()
}

fn parse_outputs(walk: &mut ParseWalk, map: &Map) -> IndexMap<String, OutputSpec> {
    let written = walk.read_object(map, "outputs", "");
    check_names(walk, &written, "outputs");
    written
        .into_iter()
        .map(|(name, value)| {
            let spec = parse_output(walk, value, &at_key("outputs", &name));
            (name, spec)
        })
        .collect()
}

/// `{value, type | schema}` where nothing else is in it, else the value itself.
fn parse_output(walk: &mut ParseWalk, written: Value, path: &str) -> OutputSpec {
    let is_spec = written.as_object().is_some_and(|map| {
        map.contains_key("value")
            && map
                .keys()
                .all(|key| matches!(key.as_str(), "value" | "type" | "schema" | "description"))
    });
    let Some(map) = written.as_object().filter(|_| is_spec) else {
        return OutputSpec { value: written, schema: None };
    };
    let schema = match (map.get("schema"), map.get("type")) {
        (Some(schema), _) => {
            schema::check_schema(schema, &at_key(path, "schema"), &mut walk.problems);
            Some(schema.clone())
        }
        (None, Some(Value::String(name))) => {
            let schema = inputs::shorthand_schema(name);
            if schema.is_none() {
                walk.add_problem(&at_key(path, "type"), inputs::unknown_type(name));
            }
            schema
        }
        (None, Some(other)) => {
            walk.add_mismatch(&at_key(path, "type"), "string", other);
            None
        }
        (None, None) => None,
    };
    OutputSpec { value: map.get("value").cloned().unwrap_or_default(), schema }
}

fn check_names(walk: &mut ParseWalk, map: &Map, path: &str) {
    for name in map.keys() {
        if name.is_empty() || name.len() > 200 {
            walk.add_problem(&at_key(path, name), "a name must have 1 to 200 bytes");
        }
    }
}
