//! Reading JSON bodies: strictly, to a bounded depth, and telling what is wrong by place.
//!
//! Nothing here recurses deeper than the configured limit, whatever a client sends.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use stepwell_core::json::{JsonError, NumberWatch};
use stepwell_core::{Map, Problem};

use crate::error::{ApiError, Kind, shortened};

/// The most values in one document. In memory each takes many times the two bytes that it may take
/// in a body.
const MAX_VALUES: usize = 1_000_000;

/// Reads one JSON document: UTF-8, no duplicate keys, nested at most `max_depth` deep.
///
/// # Errors
/// `InvalidRequest` with line and column.
pub fn parse(bytes: &[u8], max_depth: usize) -> Result<Value, ApiError> {
    let text = utf8(bytes)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let values = Cell::new(0);
    let watch = NumberWatch::default();
    let read = Strict { left: max_depth, max: max_depth, values: &values, watch: &watch }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    let read = read.map_err(JsonError::from).and_then(|value| watch.check(text).map(|()| value));
    read.map_err(|error| ApiError::invalid("", format!("the body is not valid JSON: {error}")))
}

/// The bytes as text, without a byte order mark.
///
/// # Errors
/// `InvalidRequest` naming the first byte that is not UTF-8.
pub fn utf8(bytes: &[u8]) -> Result<&str, ApiError> {
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
struct Strict<'c> {
    left: usize,
    max: usize,
    /// How many values there were.
    values: &'c Cell<usize>,
    watch: &'c NumberWatch,
}

impl Strict<'_> {
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

impl<'de> DeserializeSeed<'de> for Strict<'_> {
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

impl<'de> Visitor<'de> for Strict<'_> {
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

/// The fields of a request body, taken one by one; what is wrong is collected and told at once.
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

    /// A field of any type; `null` is as if it were not there.
    pub fn value(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.left.shift_remove(name).filter(|value| !value.is_null())
    }

    /// Whether a field is there and `null`, where that means something else than to leave it out.
    pub fn is_null(&self, name: &str) -> bool {
        self.left.get(name).is_some_and(Value::is_null)
    }

    /// Fields that may be there and mean nothing.
    pub fn pass_over(&mut self, names: &[&'static str]) {
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

    /// Notes a problem that the caller found.
    pub fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// A required field is there.
    pub fn require<T>(&mut self, name: &'static str, value: Option<T>) -> Option<T> {
        let told = self.problems.iter().any(|p| p.path == name);
        if value.is_none() && !told {
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

    /// Everything that was wrong so far; fields that nobody asked for are passed over.
    ///
    /// # Errors
    /// `InvalidRequest` with every problem.
    pub fn finish_open(mut self) -> Result<(), ApiError> {
        self.left.clear();
        self.finish()
    }

    /// Everything that was wrong, fields that nobody asked for included.
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
        let message = format!("must be {} {expected}", article(expected));
        self.problems
            .push(Problem::new(name, message).with_expectation(expected, type_name(found)));
        None
    }
}

fn unknown_field(name: &str, known: &[&'static str]) -> Problem {
    let shown = shortened(name);
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

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
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

    #[test]
    fn reads_what_serde_json_reads() {
        let text =
            r#"{"b":[1,-2,2.5,18446744073709551615],"a":{"x":null,"y":"\u00e9\n"},"t":true}"#;
        let value = parse(text.as_bytes(), 8).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(value.as_object().unwrap().keys().collect::<Vec<_>>(), ["b", "a", "t"]);
    }

    #[test]
    fn takes_off_a_byte_order_mark() {
        assert_eq!(parse(b"\xef\xbb\xbf{\"a\": 1}", 8).unwrap(), json!({"a": 1}));
        // Once: a second one is no mark.
        assert!(parse(b"\xef\xbb\xbf\xef\xbb\xbf{}", 8).is_err());
    }

    #[test]
    fn tells_what_is_wrong() {
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
            let error = parse(body, 64).unwrap_err();
            assert!(error.message().contains(expect), "{}", error.message());
            assert_eq!(error.kind(), Kind::InvalidRequest);
        }
    }

    #[test]
    fn depth_counts_containers() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(nested(64).as_bytes(), 64).is_ok());
        assert!(parse(nested(65).as_bytes(), 64).is_err());
    }

    #[test]
    fn fields_tell_all_problems_at_once() {
        let body = json!({"inputs": {}, "webhook_url": 5, "scopes": ["a", 1], "zzzzzzzz": 1});
        let mut fields = Fields::of(body).unwrap();
        assert_eq!(fields.value("input"), None);
        assert_eq!(fields.text("webhook_url"), None);
        fields.texts("scopes");
        let name = fields.text("name");
        fields.require("name", name);
        let error = fields.finish().unwrap_err();
        let told: Vec<_> =
            error.details().iter().map(|p| (p.path.as_str(), p.message.as_str())).collect();
        assert_eq!(
            told,
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
