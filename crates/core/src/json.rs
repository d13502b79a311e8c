//! Reading JSON text: one rule for its numbers, wherever the text comes from.
//!
//! A number is kept exactly or refused. Integers have up to 64 bits, signed or unsigned. A number
//! with a fraction or an exponent is an IEEE 754 double, as in every JSON implementation: its
//! digits that it has no room for, after the 15th significant one, are rounded. It is refused where
//! the double would be another number: from ±2^52 on, where doubles have no fraction, when it does
//! not come back as it was written, and near 0 when its digits are lost.
//!
//! `serde_json` rounds such numbers silently. A [`NumberWatch`] notes when a reader has met a
//! double of such a size; only then is the text examined.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use crate::Map;
use crate::exact_decimal::ExactDecimal;

/// From here on doubles have no fraction: 2^52.
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// Why a text is not accepted as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong, without the place.
    pub message: String,
    /// From 1; 0 where the line is unknown.
    pub line: usize,
    /// From 1, in bytes; 0 where the line is empty.
    pub column: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {} column {}", self.message, self.line, self.column)
    }
}

impl std::error::Error for JsonError {}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let place = format!(" at line {line} column {column}");
        let message = text.strip_suffix(&place).unwrap_or(&text).to_owned();
        Self { message, line, column }
    }
}

/// Reads one JSON value. Nesting is bounded by `serde_json`; of a repeated key, the last value
/// counts.
///
/// # Errors
/// The text is not JSON, or a number in it cannot be kept exactly.
pub fn from_str(text: &str) -> Result<Value, JsonError> {
    let watch = NumberWatch::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = LenientSeed(&watch).deserialize(&mut reader)?;
    reader.end()?;
    watch.check(text)?;
    Ok(value)
}

/// As [`from_str`], from bytes that must be UTF-8.
///
/// # Errors
/// As [`from_str`].
pub fn from_slice(bytes: &[u8]) -> Result<Value, JsonError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => from_str(text),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            Err(error_after(before, "invalid UTF-8".into()))
        }
    }
}

/// Notes whether a reader of JSON text met a double that may stand for another number than the
/// text. Every visitor that builds values from text passes its doubles through here.
#[derive(Debug, Default)]
pub struct NumberWatch(Cell<bool>);

impl NumberWatch {
    /// The double as a value.
    pub fn float_value(&self, value: f64) -> Value {
        if is_doubtful(value) {
            self.0.set(true);
        }
        Value::from(value)
    }

    /// Whether [`Self::check`] would examine the text.
    fn is_doubtful(&self) -> bool {
        self.0.get()
    }

    /// Examines the numbers of the text that was read, where one of them was doubtful.
    ///
    /// # Errors
    /// The first number that cannot be kept exactly, with its place.
    pub fn check(&self, text: &str) -> Result<(), JsonError> {
        if self.is_doubtful() { check_numbers(text) } else { Ok(()) }
    }
}

/// Whether a double is of a size at which reading a number may change it.
fn is_doubtful(value: f64) -> bool {
    value.abs() >= WHOLE || value.abs() < f64::MIN_POSITIVE
}

/// Checks each number of a text that is known to be JSON.
fn check_numbers(text: &str) -> Result<(), JsonError> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_string(bytes, at),
            b'-' | b'0'..=b'9' => {
                let is_part = |b: &u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let length = bytes.iter().skip(at).take_while(|b| is_part(b)).count();
                let number = text.get(at..at + length).unwrap_or_default();
                check_number(number).map_err(|message| error_after(&bytes[..at], message))?;
                at += length;
            }
            _ => at += 1,
        }
    }
    Ok(())
}

/// The position after the string that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// An error at the end of `before`.
fn error_after(before: &[u8], message: String) -> JsonError {
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    JsonError { message, line, column }
}

/// Checks that a decimal number is kept exactly: an integer of at most 64 bits, or a double.
///
/// # Errors
/// Why it is not, and what to write instead.
pub fn check_number(number: &str) -> Result<(), String> {
    if !number.contains(['.', 'e', 'E']) {
        let fits = number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok();
        return if fits { Ok(()) } else { Err(too_many_bits(number)) };
    }
    let Ok(double) = number.parse::<f64>() else {
        return Err(format!("`{}` is not a number", shorten_number(number)));
    };
    if !double.is_finite() {
        return Err(format!(
            "the number {} is out of range: the largest is 1.7976931348623157e308; write it as \
             a string",
            shorten_number(number)
        ));
    }
    if !is_doubtful(double)
        || ExactDecimal::parse_decimal(number)
            == ExactDecimal::parse_decimal(&format!("{double:e}"))
    {
        return Ok(());
    }
    let shown = shorten_number(number);
    Err(match double.abs() < f64::MIN_POSITIVE {
        true => format!("the number {shown} is too close to 0 to be kept; write it as a string"),
        false => format!(
            "the number {shown} has more digits than can be kept at its size (it would become \
             {double:?}); write it as a string"
        ),
    })
}

/// Whether two numbers are equal: `3` and `3.0` are, and integers are compared exactly.
pub fn same_number(one: &Number, other: &Number) -> bool {
    let integer = |n: &Number| n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
    #[expect(clippy::cast_possible_truncation, reason = "no double beyond 128 bits is an integer")]
    let is = |integer: i128, double: f64| double.fract() == 0.0 && double as i128 == integer;
    match (integer(one), integer(other)) {
        (Some(a), Some(b)) => a == b,
        (Some(a), None) => other.as_f64().is_some_and(|b| is(a, b)),
        (None, Some(b)) => one.as_f64().is_some_and(|a| is(b, a)),
        (None, None) => one.as_f64() == other.as_f64(),
    }
}

/// The message for an integer that is too large.
pub fn too_many_bits(number: impl fmt::Display) -> String {
    let shown = number.to_string();
    format!("the integer {} has more than 64 bits; write it as a string", shorten_number(&shown))
}

fn shorten_number(number: &str) -> String {
    match number.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", number.get(..end).unwrap_or_default()),
        None => number.to_owned(),
    }
}

/// Builds any value, as `serde_json` does by itself, and notes its doubles.
#[derive(Clone, Copy)]
struct LenientSeed<'w>(&'w NumberWatch);

impl<'de> DeserializeSeed<'de> for LenientSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for LenientSeed<'_> {
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
        Ok(self.0.float_value(value))
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
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            map.insert(key, entries.next_value_seed(self)?);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn exact_or_refused() {
        for (text, expected) in [
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("9007199254740993", "9007199254740993"),
            ("0.1", "0.1"),
            ("1.50", "1.5"),
            ("1e3", "1000.0"),
            ("1e19", "1e+19"),
            ("1.8446744073709552e19", "1.8446744073709552e+19"),
            ("9007199254740992.0", "9007199254740992.0"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("5e-324", "5e-324"),
            ("2.2250738585072014e-308", "2.2250738585072014e-308"),
            ("-0.0", "-0.0"),
            ("-0", "-0.0"),
            ("0e999999999999999999999", "0.0"),
            ("0.000", "0.0"),
            // Digits that no double holds are rounded where the number stays what it is.
            ("0.123456789012345678901234567890", "0.12345678901234568"),
        ] {
            assert_eq!(from_str(text).map(|v| v.to_string()), Ok(expected.into()), "{text}");
        }
        for (text, expected) in [
            ("18446744073709551616", "has more than 64 bits; write it as a string"),
            ("-9223372036854775809", "has more than 64 bits"),
            ("100000000000000000000", "has more than 64 bits"),
            ("9007199254740993.0", "would become 9007199254740992.0"),
            ("9007199254740991.4", "would become 9007199254740991.0"),
            ("-4503599627370496.5", "more digits than can be kept"),
            ("9007199254740993e0", "more digits than can be kept"),
            ("18446744073709551617.0", "more digits than can be kept"),
            ("123456789012345678901234567890e10", "more digits than can be kept"),
            ("1e400", "out of range"),
            ("-1e400", "out of range"),
            ("1e-400", "too close to 0"),
            ("3e-324", "too close to 0"),
            ("1.23456789e-320", "too close to 0"),
            ("1e-99999999999999999999", "too close to 0"),
        ] {
            let error = from_str(text).unwrap_err();
            assert!(error.message.contains(expected), "{text}: {error}");
            assert_eq!(error.line, 1, "{text}");
        }
        let long = "9".repeat(100_000);
        assert!(from_str(&long).unwrap_err().to_string().len() < 200);
    }

    #[test]
    fn equal_numbers() {
        for (one, other, expected) in [
            (json!(3), json!(3.0), true),
            (json!(-3.0), json!(-3), true),
            (json!(3), json!(3.5), false),
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992.0), false),
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64), false),
            (json!(u64::MAX), json!(18_446_744_073_709_551_616.0), false),
            (json!(0.0), json!(-0.0), true),
            (json!(1e300), json!(u64::MAX), false),
        ] {
            let (Value::Number(a), Value::Number(b)) = (&one, &other) else { panic!() };
            assert_eq!(same_number(a, b), expected, "{one} {other}");
            assert_eq!(same_number(b, a), expected, "{other} {one}");
        }
    }

    #[test]
    fn names_the_place_of_the_number() {
        let text =
            "{\"a\": \"1e400 \\\" 99999999999999999999\", \"b\": [0.0,\n  18446744073709551616]}";
        let error = from_str(text).unwrap_err();
        assert_eq!((error.line, error.column), (2, 3), "{error}");
        let fine = "{\"99999999999999999999\": \"99999999999999999999\\\\\", \"b\": 0.0}";
        assert_eq!(from_str(fine).unwrap()["b"], json!(0.0));
        let error = from_str("[1,\n ]").unwrap_err();
        assert_eq!(error.to_string(), "trailing comma at line 2 column 2");
        assert_eq!(from_slice(b"[\n\"\xff\"]").unwrap_err().line, 2);
        assert!(from_str("{} 1").is_err() && from_str(&"[".repeat(100_000)).is_err());
    }

    /// The text of a JSON number of any form.
    fn any_number() -> impl Strategy<Value = String> {
        let integer = "-?(0|[1-9][0-9]{0,30})";
        let form = "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?";
        let near = (any::<u64>(), -2_i128..3).prop_map(|(n, d)| (i128::from(n) + d).to_string());
        let double = any::<f64>().prop_filter_map("finite", |f| {
            f.is_finite().then(|| serde_json::Value::from(f).to_string())
        });
        let exact = (0_u64..60, -2_i64..3, prop::sample::select(vec!["", ".0", "e0", ".5"]))
            .prop_map(|(bits, off, end)| format!("{}{end}", (1_i64 << bits) + off));
        prop_oneof![integer, form, near, double, exact]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// What comes back out is equal as a decimal, or the number was refused; of a number with
        /// a fraction below 2^52, the digits that a double has none for are rounded.
        #[test]
        fn no_number_becomes_another(text in any_number()) {
            let document = format!("{{\"n\": [ {text} ]}}");
            let Ok(value) = from_str(&document) else { return Ok(()) };
            let out = value["n"][0].to_string();
            let (given, kept) = (ExactDecimal::parse_decimal(&text), ExactDecimal::parse_decimal(&out));
            if given != kept {
                let double: f64 = text.parse().unwrap();
                prop_assert!(text.contains(['.', 'e', 'E']), "{text} became {out}");
                prop_assert!(given.digits.len() > 15, "{text} became {out}");
                prop_assert!(double.abs() < WHOLE && double.abs() >= f64::MIN_POSITIVE);
                prop_assert_eq!(out.parse::<f64>().unwrap().to_bits(), double.to_bits());
            }
            // What is written is read again as the same.
            prop_assert_eq!(from_str(&out).unwrap().to_string(), out);
        }
    }
}
