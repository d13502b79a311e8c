//! Walking over a JSON value and collecting what is wrong with it.

use std::ops::RangeInclusive;

use std::time::Duration;

use serde_json::Value;

use crate::definition::duration::{EXPECTED, parse_duration};
use crate::definition::habits::habit_hint;
use crate::definition::suggestions::nearest_name;
use crate::expr::at_key;
use crate::problem::MAX_PROBLEMS;
use crate::{Map, Problem, Problems};

/// A value's type and, where it is short, the value itself: `number 5`.
pub(crate) fn describe_value(value: &Value) -> String {
    let kind = type_name(value);
    match value {
        Value::Bool(_) | Value::Number(_) => format!("{kind} {value}"),
        Value::String(text) if text.chars().count() <= 60 => format!("{kind} {value}"),
        _ => kind.to_owned(),
    }
}

/// The JSON Schema name of a value's type.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Collects problems.
#[derive(Debug, Default)]
pub(super) struct ParseWalk {
    pub(super) problems: Problems,
}

impl ParseWalk {
    pub(super) fn add_problem(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }

    pub(super) fn add_mismatch(&mut self, path: &str, expected: &str, found: &Value) {
        let name = path.rsplit('.').next().unwrap_or(path);
        self.problems.push(
            Problem::new(path, format!("`{name}` has the wrong type"))
                .with_expectation(expected, describe_value(found)),
        );
    }

    /// One problem for each field that is not in `known`.
    pub(super) fn unknown_fields(&mut self, map: &Map, path: &str, known: &[&str]) {
        self.unknown_keys(map.keys(), path, known);
    }

    /// One problem for each key that is not in `known`.
    pub(super) fn unknown_keys<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k String>,
        path: &str,
        known: &[&str],
    ) {
        for key in keys.filter(|key| !known.contains(&key.as_str())) {
            if self.problems.0.len() >= MAX_PROBLEMS {
                return;
            }
            let shown: String = key.chars().take(60).collect();
            let hint = habit_hint(key, known.iter().copied())
                .or_else(|| {
                    let name = nearest_name(key, known.iter().copied())?;
                    Some(format!("; did you mean `{name}`?"))
                })
                .unwrap_or_else(|| format!("; known here are {}", known.join(", ")));
            self.add_problem(&at_key(path, key), format!("there is no field `{shown}`{hint}"));
        }
    }

    pub(super) fn read_text(&mut self, map: &Map, key: &str, path: &str) -> Option<String> {
        match map.get(key)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => {
                self.add_mismatch(&at_key(path, key), "string", other);
                None
            }
        }
    }

    pub(super) fn read_boolean(&mut self, map: &Map, key: &str, path: &str) -> Option<bool> {
        match map.get(key)? {
            Value::Null => None,
            Value::Bool(b) => Some(*b),
            other => {
                self.add_mismatch(&at_key(path, key), "boolean", other);
                None
            }
        }
    }

    pub(super) fn read_object(&mut self, map: &Map, key: &str, path: &str) -> Map {
        match map.get(key) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(inner)) => inner.clone(),
            Some(other) => {
                self.add_mismatch(&at_key(path, key), "object", other);
                Map::new()
            }
        }
    }

    pub(super) fn read_duration(&mut self, map: &Map, key: &str, path: &str) -> Option<Duration> {
        let value = map.get(key).filter(|value| !value.is_null())?;
        match parse_duration(value) {
            Ok(duration) => Some(duration),
            Err(message) => {
                self.problems.push(
                    Problem::new(at_key(path, key), message)
                        .with_expectation(EXPECTED, describe_value(value)),
                );
                None
            }
        }
    }

    /// A number between two bounds, the bounds included.
    pub(super) fn read_number(
        &mut self,
        map: &Map,
        key: &str,
        path: &str,
        allowed: RangeInclusive<f64>,
    ) -> Option<f64> {
        let value = map.get(key).filter(|value| !value.is_null())?;
        let found = value.as_f64().filter(|number| allowed.contains(number));
        if found.is_none() {
            let (least, most) = allowed.into_inner();
            self.add_mismatch(&at_key(path, key), &format!("number from {least} to {most}"), value);
        }
        found
    }

    /// A whole number between two bounds, the bounds included.
    pub(super) fn read_integer(
        &mut self,
        value: &Value,
        path: &str,
        allowed: RangeInclusive<u64>,
    ) -> Option<u64> {
        let found = value.as_u64().filter(|number| allowed.contains(number));
        if found.is_none() {
            let (least, most) = allowed.into_inner();
            self.add_mismatch(path, &format!("integer from {least} to {most}"), value);
        }
        found
    }
}
