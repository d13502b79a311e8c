//! How large a definition may be, checked before anything of it is copied or compiled.

use serde_json::Value;

use super::DefinitionLimits;
use super::check::schema::pattern_bytes;
use crate::expr::{at_key, count_expressions};
use crate::{Problem, nests_deeper};

/// What a limit counts.
#[derive(Clone, Copy)]
enum SizeUnit {
    Values,
    Expressions,
}

/// The first limit that a definition exceeds, with the place at which it does.
pub(super) fn check_size(source: &Value, limits: &DefinitionLimits) -> Result<(), Problem> {
    if nests_deeper(source, limits.max_depth) {
        let message = format!("values may nest at most {} deep", limits.max_depth);
        return Err(Problem::new("", message));
    }
    let values = count_units(source, SizeUnit::Values);
    if values > limits.max_values {
        let path = find_excess(source, SizeUnit::Values, limits.max_values);
        return Err(too_many_values(path, limits)
            .with_expectation(at_most(limits.max_values), values.to_string()));
    }
    let expressions: usize =
        compiled_parts(source).map(|(_, part)| count_units(part, SizeUnit::Expressions)).sum();
    if expressions > limits.max_expressions {
        let message = format!(
            "a definition may have at most {} expressions; pass data as input instead of writing \
             it into expressions, or split the workflow into several",
            limits.max_expressions
        );
        let path = expression_place(source, limits.max_expressions);
        let found = expressions.to_string();
        return Err(
            Problem::new(path, message).with_expectation(at_most(limits.max_expressions), found)
        );
    }
    check_patterns(source, limits)
}

/// Refuses schemas whose patterns would take much memory; compiles one at a time to see.
fn check_patterns(source: &Value, limits: &DefinitionLimits) -> Result<(), Problem> {
    let mut left = limits.max_pattern_bytes;
    for name in ["inputs", "outputs"] {
        let Some(schemas) = source.get(name) else { continue };
        left = left.checked_sub(pattern_bytes(schemas, left)).ok_or_else(|| {
            let message = format!(
                "the patterns of a definition's schemas may take at most {} MiB compiled; use \
                 fewer of them, smaller repetition counts, or `[0-9A-Za-z_]` instead of `\\w`",
                limits.max_pattern_bytes >> 20
            );
            Problem::new(name, message)
        })?;
    }
    Ok(())
}

/// The problem of a definition with too many values.
pub(super) fn too_many_values(path: String, limits: &DefinitionLimits) -> Problem {
    let message = format!(
        "a definition may have at most {} values (texts, numbers, lists, objects); pass data as \
         input instead of writing it into the definition",
        limits.max_values
    );
    Problem::new(path, message)
}

fn at_most(limit: usize) -> String {
    format!("at most {limit}")
}

/// The parts of a definition in which texts are compiled.
fn compiled_parts(source: &Value) -> impl Iterator<Item = (&'static str, &Value)> {
    ["steps", "outputs", "on_failure"]
        .into_iter()
        .filter_map(|name| Some((name, source.get(name)?)))
}

/// How often the unit occurs in a value. Recurses as deep as the value nests.
fn count_units(value: &Value, unit: SizeUnit) -> usize {
    let inner: usize = match value {
        Value::Array(items) => items.iter().map(|item| count_units(item, unit)).sum(),
        Value::Object(map) => map.iter().map(|(key, item)| count_entry(key, item, unit)).sum(),
        _ => 0,
    };
    inner + count_here(value, unit)
}

fn count_here(value: &Value, unit: SizeUnit) -> usize {
    match (unit, value) {
        (SizeUnit::Values, _) => 1,
        (SizeUnit::Expressions, Value::String(text)) => count_expressions(text),
        (SizeUnit::Expressions, _) => 0,
    }
}

fn count_entry(key: &str, value: &Value, unit: SizeUnit) -> usize {
    match (unit, value) {
        // A bare expression, wherever it is.
        (SizeUnit::Expressions, Value::String(_)) if key == "when" => {
            count_units(value, unit).max(1)
        }
        _ => count_units(value, unit),
    }
}

/// Where more than `limit` of the unit are reached: the list item or object entry.
fn find_excess(value: &Value, unit: SizeUnit, limit: usize) -> String {
    let (mut at, mut path, mut left) = (value, String::new(), limit);
    loop {
        left = left.saturating_sub(count_here(at, unit));
        let next = match at {
            Value::Array(items) => {
                let items = items.iter().enumerate();
                find_crossing(
                    items.map(|(i, item)| (format!("[{i}]"), item, count_units(item, unit))),
                    left,
                )
                .map(|(key, item, left)| (format!("{path}{key}"), item, left))
            }
            Value::Object(map) => {
                let entries =
                    map.iter().map(|(key, item)| (key, item, count_entry(key, item, unit)));
                find_crossing(entries, left)
                    .map(|(key, item, left)| (at_key(&path, key), item, left))
            }
            _ => None,
        };
        let Some(found) = next else { return path };
        (path, at, left) = found;
    }
}

/// The first item at which the counts add up to more than `left`, and what was left before it.
fn find_crossing<'v, K>(
    items: impl Iterator<Item = (K, &'v Value, usize)>,
    mut left: usize,
) -> Option<(K, &'v Value, usize)> {
    for (key, item, count) in items {
        if count > left {
            return Some((key, item, left));
        }
        left -= count;
    }
    None
}

fn expression_place(source: &Value, limit: usize) -> String {
    let parts = compiled_parts(source)
        .map(|(name, part)| (name, part, count_units(part, SizeUnit::Expressions)));
    match find_crossing(parts, limit) {
        Some((name, part, left)) => {
            format!("{name}{}", path_suffix(&find_excess(part, SizeUnit::Expressions, left)))
        }
        None => String::new(),
    }
}

/// A path as the continuation of another one.
fn path_suffix(path: &str) -> String {
    match path.starts_with('[') || path.is_empty() {
        true => path.to_owned(),
        false => format!(".{path}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn limits() -> DefinitionLimits {
        DefinitionLimits { max_expressions: 5, max_values: 40, ..DefinitionLimits::default() }
    }

    #[test]
    fn expressions_are_counted_wherever_they_are_compiled() {
        let definition = |last: &str| {
            json!({
                "description": "{{ a }} {{ b }} {{ c }} {{ d }} {{ e }} {{ f }}",
                "steps": [
                    {"when": "inputs.n > 3", "input": ["{{ inputs.a }}", "{% if inputs.b %}x{% endif %}"]},
                    {"config": {"a b": {"x": last}}},
                ],
                "outputs": {"o": "no expression"},
            })
        };
        assert_eq!(check_size(&definition("{{ inputs.a }}"), &limits()), Ok(()));
        let problem = check_size(&definition("{{ a }}{{ b }}"), &limits()).unwrap_err();
        assert_eq!(problem.path, "steps[1].config[\"a b\"].x");
        assert_eq!(problem.found.as_deref(), Some("6"));
        assert!(problem.message.contains("at most 5 expressions"), "{}", problem.message);
        let mut in_outputs = definition("{{ a }}");
        in_outputs["outputs"]["o"] = json!({"value": "{{ steps.a.output }}"});
        assert_eq!(check_size(&in_outputs, &limits()).unwrap_err().path, "outputs.o.value");
    }

    #[test]
    fn patterns_are_weighed_before_schemas_are_compiled() {
        let definition = |count: usize| {
            let pattern =
                |n: usize| (format!("i{n}"), json!({"type": "string", "pattern": r"^\w{1,50}$"}));
            let properties: crate::Map = (0..count).map(pattern).collect();
            json!({"inputs": {"type": "object", "properties": properties}})
        };
        assert_eq!(check_size(&definition(1), &DefinitionLimits::default()), Ok(()));
        let problem = check_size(&definition(20), &DefinitionLimits::default()).unwrap_err();
        assert_eq!(problem.path, "inputs");
        assert!(problem.message.contains("at most 16 MiB"), "{}", problem.message);
    }

    #[test]
    fn values_are_counted_everywhere() {
        let definition = |n: usize| json!({"name": "n", "metadata": {"l": vec![0; n]}});
        assert_eq!(check_size(&definition(36), &limits()), Ok(()));
        let problem = check_size(&definition(37), &limits()).unwrap_err();
        assert_eq!(
            (problem.path.as_str(), problem.found.as_deref()),
            ("metadata.l[36]", Some("41"))
        );
    }
}
