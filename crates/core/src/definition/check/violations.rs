//! The problems of a value that violates a schema.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::cost::{self, CheckCost};
use crate::Problem;
use crate::definition::habits::habit_hint;
use crate::definition::parse::describe_value;
use crate::definition::requirement::{self, one_of};
use crate::definition::suggestions::did_you_mean;
use crate::expr::at_key;

/// The most violations that are reported for one value.
const MAX_VIOLATIONS: usize = 100;

/// What a value violates of the schema, where `cost` is what checking it takes; `path` is where
/// the value is. Everything where that is little work, else the first or what is known.
pub(super) fn list_violations(
    validator: &Validator,
    value: &Value,
    path: &str,
    cost: CheckCost,
) -> Vec<Problem> {
    // The common case first: it allocates nothing.
    if validator.is_valid(value) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    if !cost.is_small() {
        match cost.first_error_is_small().then(|| validator.validate(value)) {
            Some(Err(error)) => describe_violation(&error, value, path, &mut problems),
            _ => problems.push(Problem::new(path, cost::UNNAMED_VIOLATION)),
        }
        return problems;
    }
    for error in validator.iter_errors(value).take(MAX_VIOLATIONS) {
        describe_violation(&error, value, path, &mut problems);
    }
    problems
}

fn describe_violation(
    error: &ValidationError<'_>,
    value: &Value,
    base: &str,
    out: &mut Vec<Problem>,
) {
    if out.len() >= MAX_VIOLATIONS {
        return;
    }
    let path = pointer_path(value, error.instance_path().as_str(), base);
    let found = describe_value(error.instance());
    match error.kind() {
        ValidationErrorKind::Type { kind } => {
            let expected = requirement::describe_types(kind);
            out.push(
                Problem::new(path, "the value has the wrong type")
                    .with_expectation(expected, found),
            );
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            out.push(Problem::new(at_key(&path, name), format!("`{name}` is required")));
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            out.extend(
                unexpected.iter().take(MAX_VIOLATIONS).map(|name| unknown_field(&path, name)),
            );
        }
        ValidationErrorKind::Enum { options } => {
            let problem = Problem::new(path, not_allowed(error.instance(), options));
            out.push(problem.with_expectation(one_of(options), found));
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            let message = "more than one of the alternatives is given; keep only one of them";
            out.push(Problem::new(path, message));
        }
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context }
            if let Some(names) = all_missing(context) =>
        {
            out.push(Problem::new(path, format!("one of {names} is required")));
        }
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            let place = error.instance_path().as_str();
            if let Some(errors) = likely_alternative(context, place.len()) {
                // The places of the errors begin at the whole value.
                errors.iter().for_each(|inner| describe_violation(inner, value, base, out));
                return;
            }
            let problem = Problem::new(path, "the value fits none of the alternatives");
            out.push(match requirement::describe_alternatives(context, place) {
                Some(expected) => problem.with_expectation(expected, found),
                None => problem,
            });
        }
        ValidationErrorKind::Not { schema } if schema.get("required").is_some() => {
            let names = schema["required"].as_array().into_iter().flatten();
            let names: Vec<String> =
                names.filter_map(|n| n.as_str()).map(|n| format!("`{n}`")).collect();
            let message = format!("{} cannot be given together", names.join(" and "));
            out.push(Problem::new(path, message));
        }
        _ => {
            let message = error.masked_with("the value").to_string();
            let message: String = message.chars().take(300).collect();
            out.push(Problem::new(path, message));
        }
    }
}

fn unknown_field(path: &str, name: &str) -> Problem {
    let shown: String = name.chars().take(60).collect();
    Problem::new(at_key(path, name), format!("there is no `{shown}` here; remove it"))
}

/// The message of a value that is none of the options of an `enum`.
fn not_allowed(value: &Value, options: &Value) -> String {
    let names = options.as_array().into_iter().flatten().filter_map(Value::as_str);
    let written = value.as_str().unwrap_or_default();
    format!("the value is none of those allowed{}", did_you_mean(written, names))
}

/// The errors of the alternative that was probably meant: the only one whose type the value has, so
/// that all its errors are of parts of the value. `depth`: the length of the value's own place.
fn likely_alternative<'e, 'v>(
    alternatives: &'e [Vec<ValidationError<'v>>],
    depth: usize,
) -> Option<&'e [ValidationError<'v>]> {
    let is_within = |error: &ValidationError<'_>| error.instance_path().as_str().len() > depth;
    let mut inner = alternatives.iter().filter(|errors| errors.iter().all(is_within));
    let only = inner.next().filter(|errors| !errors.is_empty())?;
    inner.next().is_none().then_some(only.as_slice())
}

/// `` `a` or `b` `` where each alternative lacks nothing but one property.
fn all_missing(alternatives: &[Vec<ValidationError<'_>>]) -> Option<String> {
    let missing = |errors: &Vec<ValidationError<'_>>| match errors.as_slice() {
        [only] => match only.kind() {
            ValidationErrorKind::Required { property } => Some(format!("`{}`", property.as_str()?)),
            _ => None,
        },
        _ => None,
    };
    let names: Option<Vec<String>> = alternatives.iter().map(missing).collect();
    names.filter(|names| !names.is_empty()).map(|names| names.join(" or "))
}

/// A JSON pointer into `value` as a path below `base`.
fn pointer_path(value: &Value, pointer: &str, base: &str) -> String {
    let mut at = Some(value);
    let mut path = base.to_owned();
    for part in pointer.split('/').skip(1) {
        let key = part.replace("~1", "/").replace("~0", "~");
        let index = key.parse::<usize>().ok();
        match (at, index) {
            (Some(Value::Array(items)), Some(index)) => {
                path.push_str(&format!("[{index}]"));
                at = items.get(index);
            }
            _ => {
                path = at_key(&path, &key);
                at = at.and_then(|value| value.get(&key));
            }
        }
    }
    path
}

/// The message for a name that a closed object does not have.
pub(crate) fn no_such_field<'n>(
    name: &str,
    known: impl IntoIterator<Item = &'n str> + Clone,
) -> String {
    let shown: String = name.chars().take(60).collect();
    if let Some(hint) = habit_hint(name, known.clone()) {
        return format!("there is no `{shown}`{hint}");
    }
    let hint = did_you_mean(name, known.clone());
    if !hint.is_empty() {
        return format!("there is no `{shown}`{hint}");
    }
    let names: Vec<&str> = known.into_iter().take(30).collect();
    match names.is_empty() {
        true => format!("there is no `{shown}` here; remove it"),
        false => format!("there is no `{shown}`; known here are {}", names.join(", ")),
    }
}
