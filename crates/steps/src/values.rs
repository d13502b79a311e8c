//! Reading fields of inputs and configurations, and building outputs within the size limit.
//!
//! Inputs and configurations have passed the type's schemas before a step sees them, so a value
//! of the wrong shape is a defect elsewhere. It causes a failure, never a panic.

use serde_json::{Value, json};

use crate::{StepFailure, StepOutput};

/// The largest text a step makes, in bytes.
pub(crate) const MAX_OUTPUT_BYTES: usize = 4 * 1024 * 1024;

/// The largest number of values in a list that a step makes.
pub(crate) const MAX_ITEMS: usize = 200_000;

/// The deepest nesting of a value that a step makes.
pub(crate) const MAX_DEPTH: usize = stepwell_core::MAX_VALUE_DEPTH;

/// Whether a value is nested at most as deeply as a step may make it.
pub(crate) fn fits_depth(value: &Value) -> bool {
    !stepwell_core::nests_deeper(value, MAX_DEPTH)
}

/// The text under `key`.
pub(crate) fn text_field<'a>(of: &'a Value, key: &str) -> Result<&'a str, StepFailure> {
    optional_text(of, key).ok_or_else(|| unfit_value(key, "a text", of.get(key)))
}

/// The text under `key`, if there is one.
pub(crate) fn optional_text<'a>(of: &'a Value, key: &str) -> Option<&'a str> {
    of.get(key).and_then(Value::as_str)
}

/// The whole number from 0 under `key`, if there is one. `4.0` counts as 4, as in JSON Schema.
pub(crate) fn optional_count(of: &Value, key: &str) -> Result<Option<usize>, StepFailure> {
    let Some(value) = of.get(key).filter(|v| !v.is_null()) else { return Ok(None) };
    integer_value(value)
        .map(|n| Some(usize::try_from(n).unwrap_or(usize::MAX)))
        .ok_or_else(|| unfit_value(key, "a whole number from 0", Some(value)))
}

/// The whole number from 0 that a value is. `4.0` counts as 4, as in JSON Schema.
pub(crate) fn integer_value(value: &Value) -> Option<u64> {
    // Saturates by definition of `as`; a count beyond 2^53 is as good as no limit.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let from_float = |f: f64| (f >= 0.0 && f.fract() == 0.0).then_some(f as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(from_float))
}

/// Whether `key` is set to `true`.
pub(crate) fn is_set(of: &Value, key: &str) -> bool {
    of.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// The value under `key`.
pub(crate) fn required_field<'a>(of: &'a Value, key: &str) -> Result<&'a Value, StepFailure> {
    of.get(key).ok_or_else(|| unfit_value(key, "a value", None))
}

/// A failure for a value whose shape the schema should have refused.
pub(crate) fn unfit_value(key: &str, expected: &str, found: Option<&Value>) -> StepFailure {
    let found = found.map_or("nothing", type_name);
    StepFailure::permanent_failure(
        "INVALID_INPUT",
        format!("`{key}` must be {expected}, not {found}"),
    )
}

/// What kind of value it is, for a person.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The output `{text}`.
pub(crate) fn text_output(text: impl Into<String>) -> Result<StepOutput, StepFailure> {
    Ok(StepOutput::new(object_value([("text", Value::String(text.into()))])))
}

/// An object with these fields. Unlike in `json!`, the values are moved and not copied.
pub(crate) fn object_value<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A scalar as text: `null` is the empty text, numbers and booleans as in JSON. `None` for arrays
/// and objects.
pub(crate) fn scalar_text(value: &Value) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        Value::Null => Some("".into()),
        Value::Bool(b) => Some(if *b { "true" } else { "false" }.into()),
        Value::Number(n) => Some(n.to_string().into()),
        Value::String(s) => Some(s.as_str().into()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// Refuses an output text of so many bytes when it is over the limit; called before it is built.
pub(crate) fn check_size(bytes: usize) -> Result<(), StepFailure> {
    if bytes <= MAX_OUTPUT_BYTES {
        return Ok(());
    }
    Err(StepFailure::permanent_failure(
        "OUTPUT_TOO_LARGE",
        format!(
            "the result would have {bytes} bytes or more; at most {MAX_OUTPUT_BYTES} are allowed"
        ),
    )
    .with_details(json!({"limit_bytes": MAX_OUTPUT_BYTES})))
}

/// Refuses a list of more values than the limit.
pub(crate) fn check_items(count: usize) -> Result<(), StepFailure> {
    if count <= MAX_ITEMS {
        return Ok(());
    }
    Err(StepFailure::permanent_failure(
        "OUTPUT_TOO_LARGE",
        format!("the result would have more than {MAX_ITEMS} items; use `limit` to take fewer"),
    )
    .with_details(json!({"limit_items": MAX_ITEMS})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_counts() {
        for (value, expect) in [
            (json!({}), Some(None)),
            (json!({"n": null}), Some(None)),
            (json!({"n": 4}), Some(Some(4))),
            (json!({"n": 4.0}), Some(Some(4))),
            (json!({"n": 4.5}), None),
            (json!({"n": -1}), None),
            (json!({"n": "4"}), None),
        ] {
            assert_eq!(optional_count(&value, "n").ok(), expect, "{value}");
        }
    }

    #[test]
    fn reports_the_found_value() {
        let failure = text_field(&json!({"text": 5}), "text").unwrap_err();
        assert_eq!(failure.message, "`text` must be a text, not a number");
    }
}
