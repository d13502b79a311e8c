//! What a JSON Schema requires of a value, in words: what to write instead.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

/// The most alternatives that are listed.
const MAX_ALTERNATIVES: usize = 10;

/// The longest pattern or constant that is repeated, in characters.
const MAX_SHOWN: usize = 80;

/// What a value has to be so that it does not violate this keyword, such as `string` or `a number
/// of at least 1`; `None` where that takes more than a phrase.
pub(super) fn describe_requirement(error: &ValidationError<'_>) -> Option<String> {
    use ValidationErrorKind as Of;
    Some(match error.kind() {
        Of::Type { kind } => describe_types(kind),
        Of::Enum { options } => one_of(options),
        Of::Constant { expected_value } => {
            format!("`{}`", shorten_text(&expected_value.to_string()))
        }
        Of::Minimum { limit } => format!("a number of at least {limit}"),
        Of::Maximum { limit } => format!("a number of at most {limit}"),
        Of::ExclusiveMinimum { limit } => format!("a number above {limit}"),
        Of::ExclusiveMaximum { limit } => format!("a number below {limit}"),
        Of::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        Of::MinLength { limit } => {
            format!("text of at least {}", describe_count(*limit, "character"))
        }
        Of::MaxLength { limit } => {
            format!("text of at most {}", describe_count(*limit, "character"))
        }
        Of::MinItems { limit } => format!("a list of at least {}", describe_count(*limit, "item")),
        Of::MaxItems { limit } => format!("a list of at most {}", describe_count(*limit, "item")),
        Of::MinProperties { limit } => {
            format!("an object of at least {}", describe_count(*limit, "field"))
        }
        Of::MaxProperties { limit } => {
            format!("an object of at most {}", describe_count(*limit, "field"))
        }
        Of::UniqueItems => "a list without duplicates".to_owned(),
        Of::Pattern { pattern } => format!("text that matches `{}`", shorten_text(pattern)),
        Of::Format { format } => format!("text of the format `{}`", shorten_text(format)),
        Of::Required { property } => {
            format!("an object with `{}`", shorten_text(property.as_str().unwrap_or_default()))
        }
        Of::AnyOf { context } | Of::OneOfNotValid { context } => {
            describe_alternatives(context, error.instance_path().as_str())?
        }
        _ => return None,
    })
}

/// What each alternative requires of the value at `pointer`, joined by "or"; `None` where that
/// has no phrase for all.
pub(super) fn describe_alternatives(
    context: &[Vec<ValidationError<'_>>],
    pointer: &str,
) -> Option<String> {
    let mut all: Vec<String> = Vec::new();
    for errors in context.iter().take(MAX_ALTERNATIVES) {
        let error = errors.first()?;
        let mut required = describe_requirement(error)?;
        let part = error.instance_path().as_str().strip_prefix(pointer)?;
        if let Some(part) = part.strip_prefix('/') {
            required = format!("a value whose `{}` is {required}", part.replace('/', "."));
        }
        if !all.contains(&required) {
            all.push(required);
        }
    }
    if context.len() > MAX_ALTERNATIVES {
        all.push("one of the other alternatives".to_owned());
    }
    (!all.is_empty()).then(|| all.join(", or "))
}

/// `one of a, b, c`, cut where there are many.
pub(crate) fn one_of(options: &Value) -> String {
    let all = options.as_array().map(Vec::as_slice).unwrap_or_default();
    let shown: Vec<String> = all
        .iter()
        .take(20)
        .map(|option| option.as_str().map_or_else(|| option.to_string(), str::to_owned))
        .collect();
    let more = if all.len() > shown.len() { ", …" } else { "" };
    format!("one of {}{more}", shown.join(", "))
}

/// The types that a value may have.
pub(super) fn describe_types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => one.to_string(),
        TypeKind::Multiple(set) => {
            set.iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn describe_count(limit: u64, what: &str) -> String {
    match limit {
        1 => format!("1 {what}"),
        limit => format!("{limit} {what}s"),
    }
}

/// A text, cut for a message.
pub(super) fn shorten_text(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use crate::Problem;
    use crate::definition::check::schema::SchemaChecker;

    fn violations(schema: &Value, value: &Value) -> String {
        let checker = SchemaChecker::new(Arc::new(schema.clone())).unwrap();
        let problems = checker.check_value(value, "v").unwrap_err();
        problems.0.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn alternatives_are_listed() {
        let chunk =
            json!({"anyOf": [{"enum": ["words", "graphemes"]}, {"type": "integer", "minimum": 1}]});
        let status = json!({"anyOf": [
            {"type": "integer", "minimum": 100, "maximum": 599},
            {"type": "string", "pattern": "^[1-5]xx$"}
        ]});
        for (schema, value, expected) in [
            (&chunk, json!("lines"), "one of words, graphemes, or integer, found string"),
            (
                &chunk,
                json!(0),
                "one of words, graphemes, or a number of at least 1, found integer 0",
            ),
            (&status, json!(600), "a number of at most 599, or string, found integer 600"),
            (&status, json!("6xx"), "integer, or text that matches `^[1-5]xx$`, found string"),
        ] {
            let message = violations(schema, &value);
            let expected =
                format!("v: the value fits none of the alternatives (expected {expected}");
            assert!(message.starts_with(&expected), "{message}");
        }
        let kinds = json!({"anyOf": [
            {"type": "object", "properties": {"n": {"type": "integer"}}},
            {"type": "object", "properties": {"m": {"minimum": 2}}}
        ]});
        let expected =
            "a value whose `n` is integer, or a value whose `m` is a number of at least 2";
        assert!(violations(&kinds, &json!({"n": "x", "m": 1})).contains(expected));
        let inner = json!({"oneOf": [
            {"type": "string"},
            {"type": "object", "properties": {"n": {"type": "integer"}}}
        ]});
        assert_eq!(
            violations(&inner, &json!({"n": "x"})),
            "v.n: the value has the wrong type (expected integer, found string \"x\")"
        );
    }

    #[test]
    fn invalid_schemas_are_reported_by_place_and_way_out() {
        for (schema, expected) in [
            (
                json!({"properties": {"a": {"pattern": "("}}}),
                "`properties.a.pattern`: `(` is not a regular expression: unclosed group",
            ),
            (
                json!({"minLength": -1}),
                "`minLength`: must be a number of at least 0, not integer -1",
            ),
            (json!({"required": "a"}), "`required`: must be array, not string \"a\""),
            (
                json!({"type": "text"}),
                "`type`: must be one of array, boolean, integer, null, number, object, string, or ",
            ),
        ] {
            let message = SchemaChecker::new(Arc::new(schema)).unwrap_err();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
