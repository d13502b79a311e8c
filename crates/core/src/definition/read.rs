//! From text to a JSON value: syntax, duplicate keys, size and depth.
//!
//! It must survive any text: deep nesting, alias bombs and endless keys end in a problem, never in
//! a full stack or memory.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{DefinitionLimits, SourceFormat, size, yaml_numbers};
use crate::json::{JsonError, NumberWatch, too_many_bits};
use crate::{Map, Problem, Problems};

pub(super) fn read_source(
    text: &str,
    format: SourceFormat,
    limits: &DefinitionLimits,
) -> Result<Value, Problems> {
    if text.len() > limits.max_bytes {
        let message = format!("a definition may have at most {} bytes", limits.max_bytes);
        return Err(Problem::new("", message)
            .with_expectation(
                format!("at most {} bytes", limits.max_bytes),
                format!("{}", text.len()),
            )
            .into());
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        SourceFormat::Json => read_json(text, limits),
        SourceFormat::Yaml => read_yaml(text, limits),
    }
}

fn read_json(text: &str, limits: &DefinitionLimits) -> Result<Value, Problems> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let watch = NumberWatch::default();
    let values_left = Cell::new(limits.max_values);
    let seed = ValueSeed::new(limits, &watch, &values_left);
    let result = seed.deserialize(&mut deserializer).and_then(|v| deserializer.end().map(|()| v));
    let value = match result {
        Err(_) if values_left.get() == 0 => return Err(too_many_values(limits)),
        result => result.map_err(|error| invalid_json(error.into()))?,
    };
    watch.check(text).map_err(invalid_json)?;
    Ok(value)
}

fn too_many_values(limits: &DefinitionLimits) -> Problems {
    size::too_many_values(String::new(), limits).into()
}

fn invalid_json(error: JsonError) -> Problems {
    let JsonError { message, line, column } = error;
    Problem::new("", format!("not valid JSON at line {line}, column {column}: {message}")).into()
}

fn read_yaml(text: &str, limits: &DefinitionLimits) -> Result<Value, Problems> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        no_schema: false,
        strict_booleans: true,
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::PassThrough,
        budget: serde_saphyr::budget! {
            max_depth: limits.max_depth + 8,
            max_documents: 1,
            max_aliases: 1000,
            max_anchors: 1000,
            max_nodes: 200_000,
            max_total_scalar_bytes: limits.max_bytes,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 50_000,
            max_replay_stack_depth: 16,
        },
    };
    let watch = NumberWatch::default();
    let values_left = Cell::new(limits.max_values);
    let seed = ValueSeed::new(limits, &watch, &values_left);
    let read = serde_saphyr::with_deserializer_from_str_with_options(text, options, |reader| {
        seed.deserialize(reader)
    });
    let value = match read {
        Err(_) if values_left.get() == 0 => return Err(too_many_values(limits)),
        read => read.map_err(|error| invalid_yaml(&error))?,
    };
    yaml_numbers::check_numbers(text)?;
    Ok(value)
}

fn invalid_yaml(error: &serde_saphyr::Error) -> Problems {
    let message = error.without_snippet().to_string();
    let what = message.split(" at line ").next().unwrap_or_default().trim();
    let what = what.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let what = match what {
        _ if what.starts_with("non-finite float") => {
            "infinity and NaN are no values here; write a number, or the word in quotes for text"
        }
        _ if what.contains("Documents {") => "there is more than one document; send one",
        _ => what,
    };
    let place = error
        .location()
        .filter(|at| at.line() > 0)
        .map_or_else(String::new, |at| format!(" at line {}, column {}", at.line(), at.column()));
    Problem::new("", format!("not valid YAML{place}: {what}")).into()
}

/// Builds a value that may nest `depth` levels more.
#[derive(Clone, Copy)]
struct ValueSeed<'w> {
    depth: usize,
    most: usize,
    watch: &'w NumberWatch,
    /// How many values may still follow.
    values_left: &'w Cell<usize>,
}

impl<'w> ValueSeed<'w> {
    fn new(
        limits: &DefinitionLimits,
        watch: &'w NumberWatch,
        values_left: &'w Cell<usize>,
    ) -> Self {
        Self { depth: limits.max_depth, most: limits.max_depth, watch, values_left }
    }

    fn descend_level<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(E::custom(format!("values may nest at most {} deep", self.most))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.values_left.get().checked_sub(1) {
            Some(left) => self.values_left.set(left),
            None => return Err(D::Error::custom("there are too many values")),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<Value, E> {
        i64::try_from(value).map(Value::from).or_else(|_| {
            u64::try_from(value).map(Value::from).map_err(|_| E::custom(too_many_bits(value)))
        })
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Value, E> {
        u64::try_from(value).map(Value::from).map_err(|_| E::custom(too_many_bits(value)))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        if !value.is_finite() {
            return Err(E::custom(format!("{value} is not a JSON number")));
        }
        Ok(self.watch.float_value(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Value, E> {
        Err(E::custom("binary values are not allowed; write text"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let below = self.descend_level()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(below)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let below = self.descend_level()?;
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if map.contains_key(&key) {
                let shown: String = key.chars().take(100).collect();
                return Err(A::Error::custom(format!("the key `{shown}` is there twice")));
            }
            map.insert(key, access.next_value_seed(below)?);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn json(text: &str) -> Result<Value, String> {
        read_source(text, SourceFormat::Json, &DefinitionLimits::default())
            .map_err(|p| p.to_string())
    }

    fn yaml(text: &str) -> Result<Value, String> {
        read_source(text, SourceFormat::Yaml, &DefinitionLimits::default())
            .map_err(|p| p.to_string())
    }

    #[test]
    fn reads_both_notations() {
        assert_eq!(json(r#"{"b": 1, "a": [true, null]}"#), Ok(json!({"b": 1, "a": [true, null]})));
        let text = "b: 18446744073709551615\na:\n- -9223372036854775808\n- 3.0\n- no\n- x\non: 'y'\n1: z\n";
        let value = yaml(text).unwrap();
        let expected = json!({"b": u64::MAX, "a": [i64::MIN, 3.0, "no", "x"], "on": "y", "1": "z"});
        assert_eq!(value, expected);
        assert_eq!(value.to_string(), expected.to_string());
        assert_eq!(yaml("a: &x [1]\nb: *x\n"), Ok(json!({"a": [1], "b": [1]})));
    }

    #[test]
    fn refuses_with_position() {
        let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for i in 1..12 {
            let refs = vec![format!("*a{}", i - 1); 10].join(",");
            bomb.push_str(&format!("a{i}: &a{i} [{refs}]\n"));
        }
        for (result, part) in [
            (json("{\"a\": 1,\n \"a\": 2}"), "line 2, column 4: the key `a` is there twice"),
            (json("{\"a\": }"), "line 1, column 7: expected value"),
            (json("{} x"), "trailing characters"),
            (json(""), "EOF"),
            (json(&deep("[", "]")), "nest at most 64 deep"),
            (json(&deep("{\"a\":", "}")), "nest at most 64 deep"),
            (yaml("a: 1\nb: 2\na: 3\n"), "the key `a` is there twice"),
            (yaml("a: [1"), "not valid YAML"),
            (yaml(&deep("[", "]")), "not valid YAML"),
            (yaml(&bomb), "not valid YAML"),
            (yaml("a: .nan"), "not valid YAML"),
            (yaml("a: 1\n---\nb: 2\n"), "not valid YAML"),
            (yaml("? [1]\n: 2\n"), "not valid YAML"),
            (json("{\"a\": 18446744073709551616}"), "line 1, column 7: the integer 184467"),
            (json("{\"a\": 1e400}"), "out of range"),
            (json("{\"a\": 1e-400}"), "too close to 0"),
            (yaml("b: 0.0\na: [1, 18446744073709551616]\n"), "line 2, column 8: the integer"),
            (yaml("a: -9223372036854775809"), "has more than 64 bits"),
            (yaml("a: !!float 9007199254740993"), "more digits than can be kept"),
            (yaml("a: {b: {c: 9007199254740993.0}}"), "more digits than can be kept"),
            (yaml("a: 1e400"), "not valid YAML"),
            (yaml("a: .inf"), "infinity and NaN are no values here"),
            (yaml("a: 0xFFFFFFFFFFFFFFFFFF"), "has more than 64 bits"),
            (yaml("a: -0x8000000000000001"), "has more than 64 bits"),
            (yaml("a: [0o7777777777777777777777777]"), "line 1, column 5: the integer 0o7777"),
            (yaml("a: 18_446_744_073_709_551_616"), "has more than 64 bits"),
            (yaml("a: 017"), "write 17, or 0o17 for the octal number, or \"017\" for text"),
            (yaml("a: -00"), "write 0,"),
            (yaml("a: 1e-400"), "too close to 0"),
            (yaml("? a\n: ? b\n  : - +99999999999999999999\n"), "has more than 64 bits"),
        ] {
            let message = result.unwrap_err();
            assert!(message.contains(part), "{part}: {message}");
        }
        let numbers = "a: [0x1F, 0o17, 0, 0.5, 00.5, '017', 0x1F_x, 017a, 12_30x]\n017: 1\n";
        let expected = json!({
            "a": [31, 15, 0, 0.5, 0.5, "017", "0x1F_x", "017a", "12_30x"], "017": 1,
        });
        assert_eq!(yaml(numbers), Ok(expected));
        // Keys and text are no numbers.
        let text = "99999999999999999999: '99999999999999999999'\nb: {99999999999999999998: 1e20}\nc: 0.0\n";
        let expected = json!({
            "99999999999999999999": "99999999999999999999", "b": {"99999999999999999998": 1e20}, "c": 0.0,
        });
        assert_eq!(yaml(text), Ok(expected));
        let nested = "- ".repeat(5000) + "x";
        assert!(yaml(&nested).unwrap_err().contains("not valid YAML"));
        let long = " ".repeat(5 << 20);
        assert!(json(&long).unwrap_err().contains("at most 4194304 bytes"));
    }
}
