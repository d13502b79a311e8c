//! Reading the fields of request bodies. [`request_body!`] declares a body: the OpenAPI schema and the
//! reader come from the same struct.

use serde_json::Value;
use stepwell_core::{Map, Problem};

use crate::error::{ApiError, Kind, shorten_text};
use crate::json::type_name;

/// Declares a struct of a request body, with its OpenAPI schema and [`FromFields`]. The fields have
/// the names of the JSON fields.
macro_rules! request_body {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty,)+
    }) => {
        #[derive(utoipa::ToSchema)]
        $(#[$meta])*
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $type,)+
        }

        impl $crate::fields::FromFields for $name {
            fn read(fields: &mut $crate::fields::Fields) -> Self {
                Self {
                    $($field: $crate::fields::Field::read(
                        fields,
                        $crate::fields::json_name(stringify!($field)),
                    ),)+
                }
            }
        }
    };
}

pub(crate) use request_body;

/// A request body that can be read from its fields.
pub trait FromFields: Sized {
    /// Reads the fields. Problems are added to `fields`; then the result is a placeholder, because
    /// [`Fields::finish`] fails.
    fn read(fields: &mut Fields) -> Self;
}

/// A field of a request body, required or not.
pub trait Field: Sized {
    fn read(fields: &mut Fields, name: &'static str) -> Self;
}

/// The JSON type of a field.
pub trait FieldType: Sized {
    /// `None` if the field is omitted, `null` or of another type; the last is a problem.
    fn read(fields: &mut Fields, name: &'static str) -> Option<Self>;
}

/// A field of a change: omitting it differs from `null`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patch<T> {
    Unchanged,
    /// `null`.
    Removed,
    Set(T),
}

impl<T> Patch<T> {
    /// `Some(None)` removes the value.
    pub fn nullable(self) -> Option<Option<T>> {
        match self {
            Self::Unchanged => None,
            Self::Removed => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }

    /// The new value; that of a removed one is empty.
    pub fn or_empty(self) -> Option<T>
    where
        T: Default,
    {
        self.nullable().map(Option::unwrap_or_default)
    }
}

impl<T: FieldType> Field for Option<T> {
    fn read(fields: &mut Fields, name: &'static str) -> Self {
        T::read(fields, name)
    }
}

impl<T: FieldType> Field for Patch<T> {
    fn read(fields: &mut Fields, name: &'static str) -> Self {
        let is_null = fields.is_null(name);
        match T::read(fields, name) {
            Some(value) => Self::Set(value),
            None if is_null => Self::Removed,
            None => Self::Unchanged,
        }
    }
}

/// Implements [`FieldType`], and [`Field`] for required fields.
macro_rules! field_types {
    ($($type:ty: $method:ident,)+) => {
        $(
            impl FieldType for $type {
                fn read(fields: &mut Fields, name: &'static str) -> Option<Self> {
                    fields.$method(name)
                }
            }

            impl Field for $type {
                fn read(fields: &mut Fields, name: &'static str) -> Self {
                    let value = fields.$method(name);
                    fields.require(name, value).unwrap_or_default()
                }
            }
        )+
    };
}

field_types! {
    String: text,
    Vec<String>: texts,
    f64: number,
    bool: truth,
    Map: object,
    Vec<Value>: list,
    Value: value,
}

/// The JSON name of a field: a raw identifier such as `r#type` has a prefix.
pub fn json_name(identifier: &'static str) -> &'static str {
    identifier.strip_prefix("r#").unwrap_or(identifier)
}

/// The fields of a request body, read one by one. Problems are collected and reported at once.
pub struct Fields {
    left: Map,
    known: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl Fields {
    /// The fields of a body that must be an object.
    ///
    /// # Errors
    /// `InvalidRequest` where it is something else.
    pub fn of(body: Value) -> Result<Self, ApiError> {
        match body {
            Value::Object(left) => Ok(Self { left, known: Vec::new(), problems: Vec::new() }),
            other => Err(ApiError::problem(
                Problem::new("", "the body must be a JSON object")
                    .with_expectation("object", type_name(&other)),
            )),
        }
    }

    /// A field of any type; `null` is the same as omitting it.
    pub fn value(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.left.shift_remove(name).filter(|value| !value.is_null())
    }

    /// Whether a field is `null`, for fields where that differs from omitting it.
    pub fn is_null(&self, name: &str) -> bool {
        self.left.get(name).is_some_and(Value::is_null)
    }

    /// Allows fields that have no meaning.
    pub fn ignore(&mut self, names: &[&'static str]) {
        for name in names {
            self.left.shift_remove(*name);
        }
    }

    /// A text.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text),
            other => self.mistyped(name, "string", &other),
        }
    }

    /// A list of texts.
    pub fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        let items = match self.value(name)? {
            Value::Array(items) => items,
            other => return self.mistyped(name, "array of strings", &other),
        };
        let mut texts = Vec::with_capacity(items.len());
        for (i, item) in items.into_iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text),
                other => self.problems.push(
                    Problem::new(format!("{name}[{i}]"), "must be a string")
                        .with_expectation("string", type_name(&other)),
                ),
            }
        }
        Some(texts)
    }

    /// Adds a problem that the caller found.
    pub fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Checks that a required field is there.
    pub fn require<T>(&mut self, name: &'static str, value: Option<T>) -> Option<T> {
        let is_reported = self.problems.iter().any(|p| p.path == name);
        if value.is_none() && !is_reported {
            self.problems.push(Problem::new(name, "is required"));
        }
        value
    }

    /// A number.
    pub fn number(&mut self, name: &'static str) -> Option<f64> {
        match self.value(name)? {
            Value::Number(number) => number.as_f64(),
            other => self.mistyped(name, "number", &other),
        }
    }

    /// A yes or no.
    pub fn truth(&mut self, name: &'static str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(truth) => Some(truth),
            other => self.mistyped(name, "boolean", &other),
        }
    }

    /// An object.
    pub fn object(&mut self, name: &'static str) -> Option<Map> {
        match self.value(name)? {
            Value::Object(fields) => Some(fields),
            other => self.mistyped(name, "object", &other),
        }
    }

    /// A list.
    pub fn list(&mut self, name: &'static str) -> Option<Vec<Value>> {
        match self.value(name)? {
            Value::Array(items) => Some(items),
            other => self.mistyped(name, "array", &other),
        }
    }

    /// Ends reading; fields that were not read are ignored.
    ///
    /// # Errors
    /// `InvalidRequest` with every problem.
    pub fn finish_open(mut self) -> Result<(), ApiError> {
        self.left.clear();
        self.finish()
    }

    /// Ends reading; fields that were not read are unknown.
    ///
    /// # Errors
    /// `InvalidRequest` with every problem.
    pub fn finish(mut self) -> Result<(), ApiError> {
        for name in self.left.keys() {
            self.problems.push(unknown_field(name, &self.known));
        }
        match self.problems.len() {
            0 => Ok(()),
            1 => Err(ApiError::problem(self.problems.remove(0))),
            _ => Err(ApiError::with_problems(
                Kind::InvalidRequest,
                "the request is not valid",
                self.problems,
            )),
        }
    }

    fn mistyped<T>(&mut self, name: &str, expected: &str, found: &Value) -> Option<T> {
        let message = format!("must be {} {expected}", indefinite_article(expected));
        self.problems
            .push(Problem::new(name, message).with_expectation(expected, type_name(found)));
        None
    }
}

/// The problem of a field that is not one of `known`.
pub fn unknown_field(name: &str, known: &[&'static str]) -> Problem {
    let shown = shorten_text(name);
    let nearest = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(k, &shown), *k))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    if known.is_empty() {
        let message = format!("unknown field `{shown}`; this request takes none");
        return Problem::new(shown, message);
    }
    let known = known.join(", ");
    let message = match nearest {
        Some((_, nearest)) => format!("unknown field `{shown}`; did you mean `{nearest}`?"),
        None => format!("unknown field `{shown}`; the fields are {known}"),
    };
    Problem::new(shown, message).with_expectation(format!("one of {known}"), "an unknown field")
}

fn indefinite_article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    request_body! {
        /// A body with fields of every kind.
        struct Example {
            name: String,
            r#type: Option<String>,
            #[schema(value_type = Option<Object>)]
            tags: Patch<Map>,
            /// `null` is the same as omitting it.
            size: Option<f64>,
        }
    }

    #[test]
    fn bodies_are_read_by_the_names_of_their_fields() {
        let read = |body| {
            let mut fields = Fields::of(body).unwrap();
            let Example { name, r#type, tags, size } = Example::read(&mut fields);
            fields.finish().map(|()| (name, r#type, tags, size))
        };
        let full = read(json!({"name": "a", "type": "b", "tags": {"c": 1}, "size": 2})).unwrap();
        let tags = json!({"c": 1}).as_object().cloned().unwrap();
        assert_eq!(full, ("a".into(), Some("b".into()), Patch::Set(tags), Some(2.0)));
        let (.., tags, size) = read(json!({"name": "a", "tags": null, "size": null})).unwrap();
        assert_eq!((tags, size), (Patch::Removed, None));
        assert_eq!(read(json!({"name": "a"})).unwrap().2, Patch::Unchanged);
        let error = read(json!({"type": 1, "tags": [], "size": "x", "other": 1})).unwrap_err();
        let paths: Vec<_> = error.details().iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["name", "type", "tags", "size", "other"]);
    }

    #[test]
    fn a_removed_value_is_empty() {
        for (patch, nullable, or_empty) in [
            (Patch::Unchanged, None, None),
            (Patch::Removed, Some(None), Some(0)),
            (Patch::Set(5), Some(Some(5)), Some(5)),
        ] {
            assert_eq!(patch.clone().nullable(), nullable, "{patch:?}");
            assert_eq!(patch.or_empty(), or_empty);
        }
    }

    #[test]
    fn fields_report_all_problems_at_once() {
        let body = json!({"inputs": {}, "webhook_url": 5, "scopes": ["a", 1], "zzzzzzzz": 1});
        let mut fields = Fields::of(body).unwrap();
        assert_eq!(fields.value("input"), None);
        assert_eq!(fields.text("webhook_url"), None);
        fields.texts("scopes");
        let name = fields.text("name");
        fields.require("name", name);
        let error = fields.finish().unwrap_err();
        let problems: Vec<_> =
            error.details().iter().map(|p| (p.path.as_str(), p.message.as_str())).collect();
        assert_eq!(
            problems,
            [
                ("webhook_url", "must be a string"),
                ("scopes[1]", "must be a string"),
                ("name", "is required"),
                ("inputs", "unknown field `inputs`; did you mean `input`?"),
                (
                    "zzzzzzzz",
                    "unknown field `zzzzzzzz`; the fields are input, webhook_url, scopes, name"
                ),
            ]
        );
    }

    #[test]
    fn bodies_are_objects() {
        let error = Fields::of(json!([1])).err().unwrap();
        assert_eq!(
            error.message(),
            "the body must be a JSON object (expected object, found array)"
        );
    }
}
