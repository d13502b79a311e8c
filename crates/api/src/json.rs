//! Reading JSON bodies: strictly, to a bounded depth, with the place of each error.
//!
//! Nothing here recurses deeper than the configured limit, whatever a client sends.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use stepwell_core::Map;
use stepwell_core::json::{JsonError, NumberWatch};

use crate::error::ApiError;

/// The most values in one document. In memory each takes many times the two bytes that it may take
/// in a body.
const MAX_VALUES: usize = 1_000_000;

/// Reads one JSON document: UTF-8, no duplicate keys, nested at most `max_depth` deep.
///
/// # Errors
/// `InvalidRequest` with line and column.
pub fn parse_json(bytes: &[u8], max_depth: usize) -> Result<Value, ApiError> {
    let text = decode_utf8(bytes)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let values = Cell::new(0);
    let watch = NumberWatch::default();
    let read = StrictVisitor { left: max_depth, max: max_depth, values: &values, watch: &watch }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    let read = read.map_err(JsonError::from).and_then(|value| watch.check(text).map(|()| value));
    read.map_err(|error| ApiError::invalid("", format!("the body is not valid JSON: {error}")))
}

/// The bytes as text, without a byte order mark.
///
/// # Errors
/// `InvalidRequest` naming the first byte that is not UTF-8.
pub fn decode_utf8(bytes: &[u8]) -> Result<&str, ApiError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        ApiError::invalid(
            "",
            format!("the body is not valid UTF-8 at byte {at}; send it encoded as UTF-8"),
        )
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Builds a value while it counts depth and refuses duplicate keys.
#[derive(Clone, Copy)]
struct StrictVisitor<'c> {
    left: usize,
    max: usize,
    /// How many values there were.
    values: &'c Cell<usize>,
    watch: &'c NumberWatch,
}

impl StrictVisitor<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Self { left, ..self }),
            None => Err(E::custom(format_args!(
                "nested deeper than the {} levels that are allowed",
                self.max
            ))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for StrictVisitor<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.values.set(self.values.get() + 1);
        if self.values.get() > MAX_VALUES {
            return Err(D::Error::custom(format_args!(
                "more than the {MAX_VALUES} values that are allowed"
            )));
        }
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictVisitor<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(self.watch.float_value(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if out.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate key `{key}`")));
            }
            let value = entries.next_value_seed(inner)?;
            out.insert(key, value);
        }
        Ok(Value::Object(out))
    }
}

/// The JSON name of a value's type.
pub const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::Kind;

    #[test]
    fn reads_what_serde_json_reads() {
        let text =
            r#"{"b":[1,-2,2.5,18446744073709551615],"a":{"x":null,"y":"\u00e9\n"},"t":true}"#;
        let value = parse_json(text.as_bytes(), 8).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(value.as_object().unwrap().keys().collect::<Vec<_>>(), ["b", "a", "t"]);
    }

    #[test]
    fn takes_off_a_byte_order_mark() {
        assert_eq!(parse_json(b"\xef\xbb\xbf{\"a\": 1}", 8).unwrap(), json!({"a": 1}));
        // Once: a second one is no mark.
        assert!(parse_json(b"\xef\xbb\xbf\xef\xbb\xbf{}", 8).is_err());
    }

    #[test]
    fn errors_have_their_place() {
        let deep = "[".repeat(100_000);
        let wide = format!("[{}1]", "[],".repeat(MAX_VALUES));
        for (body, expect) in [
            (b"{\"a\": 1,}".as_slice(), "line 1 column 9"),
            (b"", "EOF while parsing"),
            (b"{} {}", "trailing characters"),
            (b"{\"a\": {\"b\": 1, \"b\": 2}}", "duplicate key `b`"),
            (b"{\"a\": \"\xff\"}", "not valid UTF-8 at byte 7"),
            (wide.as_bytes(), "more than the 1000000 values"),
            (deep.as_bytes(), "nested deeper than the 64 levels"),
            (b"{\"v\": 18446744073709551616}", "18446744073709551616 has more than 64 bits"),
            (b"{\"v\": -1.0,\n\"w\": 9007199254740993.0}", "at line 2 column 6"),
            (b"{\"v\": 1e-400}", "too close to 0"),
            (b"{\"v\": 1e400}", "out of range"),
        ] {
            let error = parse_json(body, 64).unwrap_err();
            assert!(error.message().contains(expect), "{}", error.message());
            assert_eq!(error.kind(), Kind::InvalidRequest);
        }
    }

    #[test]
    fn depth_counts_containers() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse_json(nested(64).as_bytes(), 64).is_ok());
        assert!(parse_json(nested(65).as_bytes(), 64).is_err());
    }
}
