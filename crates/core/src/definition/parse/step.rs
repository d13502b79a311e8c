//! One step as written.

use std::collections::BTreeSet;

use serde_json::Value;

use super::block_fields::{block_fields, block_with_field};
use super::concurrency::parse_step_concurrency;
use super::retry;
use super::walk::{ParseWalk, describe_value};
use crate::definition::config_fields::{config_fields, type_with_field};
use crate::definition::model::{
    EdgeDefinition, JoinRule, OnError, ParentBody, StepDefinition, StepRole,
};
use crate::definition::step_id::is_id;
use crate::definition::suggestions::did_you_mean;
use crate::expr::at_key;
use crate::{Map, Problem};

/// The problem of what is no step.
pub(super) const STEP_NEEDED: &str = "a step is an object with a `type`, or the type's name";

/// The fields of a step.
pub(crate) const FIELDS: &[&str] = &[
    "id",
    "type",
    "input",
    "config",
    "after",
    "join",
    "cancel_rest",
    "when",
    "timeout",
    "retry",
    "on_error",
    "compensate",
    "idempotent",
    "at_most_once",
    "concurrency",
];

/// The step at `path`; where its type cannot be read, with an empty one. The bodies of a block are
/// omitted.
pub(super) fn parse_step(
    walk: &mut ParseWalk,
    value: &Value,
    path: String,
    parent: Option<ParentBody>,
) -> StepDefinition {
    let mut step = empty_step(path.clone(), parent);
    match value {
        Value::String(name) => parse_type_name(walk, &mut step, name, &path),
        Value::Object(map) => {
            check_fields(walk, map, &path);
            parse_fields(walk, &mut step, map, &path);
        }
        other => walk.problems.push(
            Problem::new(path, STEP_NEEDED)
                .with_expectation("object or string", describe_value(other)),
        ),
    }
    step
}

/// A step with nothing but its place.
pub(super) fn empty_step(path: String, parent: Option<ParentBody>) -> StepDefinition {
    StepDefinition {
        path,
        parent,
        block: None,
        id: String::new(),
        type_name: String::new(),
        input: None,
        config: Map::new(),
        after: None,
        join: JoinRule::default(),
        join_count: None,
        cancel_rest: false,
        when: None,
        timeout: None,
        retry: Vec::new(),
        on_error: OnError::default(),
        role: StepRole::default(),
        idempotent: None,
        concurrency: None,
    }
}

/// Sets the name of a step's type.
pub(super) fn parse_type_name(
    walk: &mut ParseWalk,
    step: &mut StepDefinition,
    name: &str,
    path: &str,
) {
    if name.is_empty() || name.len() > 200 {
        walk.add_problem(path, "a step type's name has 1 to 200 bytes");
    } else {
        name.clone_into(&mut step.type_name);
    }
}

/// Reads the fields of a step, but not those that only blocks have, and not `compensate`.
pub(super) fn parse_fields(walk: &mut ParseWalk, step: &mut StepDefinition, map: &Map, path: &str) {
    match map.get("type") {
        Some(Value::String(name)) => parse_type_name(walk, step, name, &at_key(path, "type")),
        Some(other) => walk.add_mismatch(&at_key(path, "type"), "string", other),
        None => {
            walk.add_problem(&at_key(path, "type"), "a step needs a `type`, such as `type: Echo`")
        }
    }
    if let Some(id) = walk.read_text(map, "id", path) {
        if !is_id(&id) {
            let shown: String = id.chars().take(80).collect();
            walk.problems.push(
                Problem::new(at_key(path, "id"), format!("`{shown}` cannot be a step's id"))
                    .with_expectation(
                        "a letter or _, then up to 63 letters, digits, _ or -",
                        format!("{} characters", id.chars().count()),
                    ),
            );
        } else {
            step.id = id;
        }
    }
    step.input = map.get("input").filter(|value| !value.is_null()).cloned();
    step.config = match config_fields(&step.type_name) {
        Some(fields) => config_beside_type(map, fields),
        None => walk.read_object(map, "config", path),
    };
    step.after = parse_after(walk, map.get("after"), &at_key(path, "after"));
    step.join = parse_join(walk, map.get("join"), &at_key(path, "join"));
    if step.join == JoinRule::Computed {
        step.join_count = map.get("join").and_then(|join| join.get("n")).cloned();
    }
    step.cancel_rest = walk.read_boolean(map, "cancel_rest", path).unwrap_or(false);
    step.when = parse_when(walk, map, path);
    step.timeout = walk.read_duration(map, "timeout", path);
    step.retry = retry::parse_retry(walk, map.get("retry"), &at_key(path, "retry"));
    step.on_error = on_error(walk, map.get("on_error"), &at_key(path, "on_error"));
    step.idempotent = parse_idempotent(walk, map, path);
    step.concurrency = parse_step_concurrency(walk, map, path);
}

/// The configuration of a type that has its fields beside `type`.
fn config_beside_type(map: &Map, fields: &[&str]) -> Map {
    let written =
        map.iter().filter(|(name, value)| fields.contains(&name.as_str()) && !value.is_null());
    written.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Unknown fields, and fields of blocks in other steps.
fn check_fields(walk: &mut ParseWalk, map: &Map, path: &str) {
    let type_name = map.get("type").and_then(Value::as_str).unwrap_or_default();
    if let Some(own) = config_fields(type_name) {
        let known = FIELDS.iter().filter(|field| **field != "config").chain(own);
        let known: Vec<&str> = known.copied().collect();
        if map.contains_key("config") {
            let names: Vec<String> = own.iter().map(|name| format!("`{name}`")).collect();
            let names = names.join(", ");
            let message = format!("a `{type_name}` has no `config`; write {names} beside `type`");
            walk.add_problem(&at_key(path, "config"), message);
        }
        let others = map.keys().filter(|key| *key != "config");
        return walk.unknown_keys(others, path, &known);
    }
    let owner = |key: &str| block_with_field(key).or_else(|| type_with_field(key));
    let own = block_fields(type_name).unwrap_or_default();
    // A block with a field of its own for its input has no `input`.
    let is_known = |field: &&&str| {
        **field != "input" || !["over", "value"].iter().any(|input| own.contains(input))
    };
    let known: Vec<&str> = FIELDS.iter().filter(is_known).chain(own).copied().collect();
    let owner = |key: &str| owner(key).filter(|_| !known.contains(&key));
    for (key, owner) in map.keys().filter_map(|key| Some((key, owner(key)?))) {
        let message =
            format!("there is no field `{key}` here; it belongs to a step of type `{owner}`");
        walk.add_problem(&at_key(path, key), message);
    }
    walk.unknown_keys(map.keys().filter(|key| owner(key).is_none()), path, &known);
}

fn parse_after(
    walk: &mut ParseWalk,
    value: Option<&Value>,
    path: &str,
) -> Option<Vec<EdgeDefinition>> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(one_after(walk, text, path).into_iter().collect()),
        Value::Array(items) => {
            let mut seen = BTreeSet::new();
            let mut all: Vec<EdgeDefinition> = Vec::new();
            for (i, item) in items.iter().enumerate() {
                let path = format!("{path}[{i}]");
                let Value::String(text) = item else {
                    walk.add_mismatch(&path, "string such as `step` or `step.port`", item);
                    continue;
                };
                let Some(entry) = one_after(walk, text, &path) else { continue };
                if !seen.insert(text.as_str()) {
                    walk.add_problem(&path, format!("`{text}` is there twice; remove one"));
                } else {
                    all.push(entry);
                }
            }
            Some(all)
        }
        other => {
            walk.add_mismatch(path, "list of `step` or `step.port`", other);
            None
        }
    }
}

fn one_after(walk: &mut ParseWalk, text: &str, path: &str) -> Option<EdgeDefinition> {
    let (step, port) = match text.split_once('.') {
        Some((step, port)) => (step, Some(port)),
        None => (text, None),
    };
    if !is_id(step) || port.is_some_and(|port| !is_id(port)) {
        let shown: String = text.chars().take(80).collect();
        walk.add_problem(
            path,
            format!("`{shown}` is not `step` or `step.port`; write the id of a step"),
        );
        return None;
    }
    Some(EdgeDefinition { step: step.to_owned(), port: port.map(str::to_owned) })
}

fn parse_join(walk: &mut ParseWalk, value: Option<&Value>, path: &str) -> JoinRule {
    let expected = "`all`, `any` or {n: 2}";
    match value {
        None | Some(Value::Null) => JoinRule::All,
        Some(Value::String(text)) => match text.as_str() {
            "all" => JoinRule::All,
            "any" => JoinRule::Any,
            other => {
                let hint = did_you_mean(other, ["all", "any"]);
                let message = format!("there is no such join{hint}");
                walk.problems.push(
                    Problem::new(path, message)
                        .with_expectation(expected, describe_value(&Value::from(other))),
                );
                JoinRule::All
            }
        },
        Some(Value::Object(map)) => {
            walk.unknown_fields(map, path, &["n"]);
            match map.get("n") {
                Some(Value::String(text)) if is_one_expression(text) => JoinRule::Computed,
                Some(n) => walk
                    .read_integer(n, &at_key(path, "n"), 1..=10_000)
                    .and_then(|n| usize::try_from(n).ok())
                    .map_or(JoinRule::All, JoinRule::Count),
                None => {
                    let message = "`join` as an object needs `n`, such as `{n: 2}`";
                    walk.add_problem(&at_key(path, "n"), message);
                    JoinRule::All
                }
            }
        }
        Some(other) => {
            walk.add_mismatch(path, expected, other);
            JoinRule::All
        }
    }
}

/// Whether a text is an expression in braces, without anything around it.
fn is_one_expression(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("{{") && text.ends_with("}}")
}

/// The condition `when`.
pub(super) fn parse_when(walk: &mut ParseWalk, map: &Map, path: &str) -> Option<String> {
    parse_bare(walk, map, "when", path)
}

/// A bare expression.
pub(super) fn parse_bare(
    walk: &mut ParseWalk,
    map: &Map,
    field: &str,
    path: &str,
) -> Option<String> {
    match map.get(field)? {
        Value::Null => None,
        Value::Bool(b) => Some(b.to_string()),
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        other => {
            walk.add_mismatch(&at_key(path, field), "expression such as `inputs.n > 3`", other);
            None
        }
    }
}

fn on_error(walk: &mut ParseWalk, value: Option<&Value>, path: &str) -> OnError {
    let names = ["fail", "continue", "port"];
    match value {
        None | Some(Value::Null) => OnError::Fail,
        Some(Value::String(text)) => match text.as_str() {
            "fail" => OnError::Fail,
            "continue" => OnError::Continue,
            "port" => OnError::Port,
            other => match other.strip_prefix("goto:") {
                Some(target) => parse_goto(walk, &Value::from(target.trim()), path),
                None => {
                    let hint = did_you_mean(other, names);
                    walk.problems.push(
                        Problem::new(path, format!("there is no such way to treat errors{hint}"))
                            .with_expectation(
                                "fail, continue, port or `goto: step`",
                                describe_value(&Value::from(other)),
                            ),
                    );
                    OnError::Fail
                }
            },
        },
        Some(Value::Object(map)) => {
            walk.unknown_fields(map, path, &["goto"]);
            match map.get("goto") {
                Some(target) => parse_goto(walk, target, &at_key(path, "goto")),
                None => {
                    let message = "`on_error` as an object needs `goto`, such as `{goto: step}`";
                    walk.add_problem(&at_key(path, "goto"), message);
                    OnError::Fail
                }
            }
        }
        Some(other) => {
            walk.add_mismatch(path, "fail, continue, port or {goto: step}", other);
            OnError::Fail
        }
    }
}

fn parse_goto(walk: &mut ParseWalk, target: &Value, path: &str) -> OnError {
    match target.as_str().filter(|id| is_id(id)) {
        Some(id) => OnError::Goto(id.to_owned()),
        None => {
            walk.add_mismatch(path, "a step's id", target);
            OnError::Fail
        }
    }
}

fn parse_idempotent(walk: &mut ParseWalk, map: &Map, path: &str) -> Option<bool> {
    let idempotent = walk.read_boolean(map, "idempotent", path);
    let at_most_once = walk.read_boolean(map, "at_most_once", path);
    match (idempotent, at_most_once) {
        (Some(given), Some(once)) if given == once => {
            walk.add_problem(
                &at_key(path, "at_most_once"),
                "`idempotent` and `at_most_once` say opposite things; write one of them",
            );
            None
        }
        (Some(given), _) => Some(given),
        (None, Some(once)) => Some(!once),
        (None, None) => None,
    }
}
