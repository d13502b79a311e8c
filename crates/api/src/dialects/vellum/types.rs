//! This dialect's value types, and how they stand to JSON Schemas.
//!
//! A schema declares its type with `x-vellum-type`; without that, `string` is `STRING`, `number` and
//! `integer` are `NUMBER`, anything else is `JSON`.

use serde::Serialize;
use serde_json::Value;

use super::shapes;

/// The keyword of a schema that names its type.
pub const KEYWORD: &str = "x-vellum-type";

/// A value's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ValueType {
    /// A text.
    String,
    /// A number.
    Number,
    /// Anything.
    Json,
    /// An array of messages.
    ChatHistory,
    /// An array of search results.
    SearchResults,
    /// An array of typed values.
    Array,
    /// An error as a value.
    Error,
    /// A call of a function.
    FunctionCall,
    /// `{src, metadata}`.
    Image,
    /// `{src, metadata}`.
    Audio,
    /// `{src, metadata}`.
    Video,
    /// `{src, metadata}`.
    Document,
}

impl ValueType {
    const ALL: [(Self, &'static str); 12] = [
        (Self::String, "STRING"),
        (Self::Number, "NUMBER"),
        (Self::Json, "JSON"),
        (Self::ChatHistory, "CHAT_HISTORY"),
        (Self::SearchResults, "SEARCH_RESULTS"),
        (Self::Array, "ARRAY"),
        (Self::Error, "ERROR"),
        (Self::FunctionCall, "FUNCTION_CALL"),
        (Self::Image, "IMAGE"),
        (Self::Audio, "AUDIO"),
        (Self::Video, "VIDEO"),
        (Self::Document, "DOCUMENT"),
    ];

    /// The type of that name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        let known = Self::ALL.into_iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
        known.map(|(found, _)| found)
    }

    /// The type of exactly that name.
    pub fn spelled(name: &str) -> Option<Self> {
        Self::named(name).filter(|found| found.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(known, _)| *known == self).map_or("JSON", |(_, name)| name)
    }

    /// The type that a schema declares; `None`: the value decides.
    pub fn of_schema(schema: &Value) -> Option<Self> {
        if let Some(Value::String(name)) = schema.get(KEYWORD) {
            return Some(Self::named(name).unwrap_or(Self::Json));
        }
        let of = |name: &Value| match name.as_str() {
            Some("string") => Self::String,
            Some("number" | "integer") => Self::Number,
            _ => Self::Json,
        };
        match schema.get("type")? {
            Value::Array(names) => {
                let mut others = names.iter().filter(|name| *name != "null").map(of);
                let first = others.next()?;
                Some(if others.all(|other| other == first) { first } else { Self::Json })
            }
            name => Some(of(name)),
        }
    }

    /// The type that a value has by itself.
    pub const fn of_value(value: &Value) -> Self {
        match value {
            Value::String(_) => Self::String,
            Value::Number(_) => Self::Number,
            _ => Self::Json,
        }
    }

    /// The type under which clients can read `value`: the wanted one where the value has its
    /// shape. `null` has every shape.
    pub fn for_value(wanted: Option<Self>, value: &Value) -> Self {
        match wanted {
            Some(wanted) if value.is_null() || wanted.fits(value) => wanted,
            Some(_) => Self::Json,
            None => Self::of_value(value),
        }
    }

    /// Whether it is a reference to a picture, sound, film or document.
    pub const fn is_media(self) -> bool {
        matches!(self, Self::Image | Self::Audio | Self::Video | Self::Document)
    }

    /// Whether a value has the shape of this type.
    pub fn fits(self, value: &Value) -> bool {
        shapes::fits(self, value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_say_types() {
        for (schema, expect) in [
            (json!({"type": "string"}), Some(ValueType::String)),
            (json!({"type": ["string", "null"]}), Some(ValueType::String)),
            (json!({"type": ["integer", "number"]}), Some(ValueType::Number)),
            (json!({"type": ["string", "object"]}), Some(ValueType::Json)),
            (json!({"type": "boolean"}), Some(ValueType::Json)),
            (
                json!({"type": "array", "x-vellum-type": "CHAT_HISTORY"}),
                Some(ValueType::ChatHistory),
            ),
            (json!({}), None),
        ] {
            assert_eq!(ValueType::of_schema(&schema), expect, "{schema}");
        }
    }

    #[test]
    fn values_that_do_not_fit_are_json() {
        let chat = Some(ValueType::ChatHistory);
        for (wanted, value, expect) in [
            (None, json!("x"), ValueType::String),
            (None, json!(null), ValueType::Json),
            (Some(ValueType::String), json!(5), ValueType::Json),
            (Some(ValueType::String), json!(null), ValueType::String),
            (chat, json!([{"role": "USER", "text": "hi"}]), ValueType::ChatHistory),
            (chat, json!([{"text": "hi"}]), ValueType::Json),
            (Some(ValueType::Image), json!({"src": "https://x"}), ValueType::Image),
            (Some(ValueType::Image), json!("https://x"), ValueType::Json),
            (Some(ValueType::Array), json!([{"type": "NUMBER", "value": 1}]), ValueType::Array),
            (Some(ValueType::Array), json!([{"type": "NUMBER", "value": "1"}]), ValueType::Json),
        ] {
            assert_eq!(ValueType::for_value(wanted, &value), expect, "{value}");
        }
    }

    #[test]
    fn names_are_read_in_any_case() {
        for (known, name) in ValueType::ALL {
            assert_eq!(ValueType::named(&name.to_lowercase()), Some(known));
            assert_eq!(serde_json::to_value(known).unwrap(), name);
            assert_eq!(known.name(), name);
        }
        assert_eq!(ValueType::named("text"), None);
    }
}
