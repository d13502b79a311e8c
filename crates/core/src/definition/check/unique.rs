//! `uniqueItems`, in time that grows with the list whatever is in it: what the library does
//! compares all items of one hash, and its hash is the same for all lists of nothing.

use std::collections::HashMap;
use std::fmt::Write;

use jsonschema::paths::Location;
use jsonschema::{Keyword, ValidationError};
use serde_json::{Map, Number, Value};

struct UniqueItems {
    is_wanted: bool,
}

/// Makes the keyword.
pub(super) fn unique_items<'s>(
    _: &'s Map<String, Value>,
    wanted: &'s Value,
    _: Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'s>> {
    Ok(Box::new(UniqueItems { is_wanted: wanted == &Value::Bool(true) }))
}

impl<'i> Keyword<'i> for UniqueItems {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        match instance.as_array().filter(|_| self.is_wanted).and_then(|items| find_repeated(items))
        {
            Some((first, second)) => Err(ValidationError::custom(format!(
                "the items must differ, but items {first} and {second} are the same"
            ))),
            None => Ok(()),
        }
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        !self.is_wanted || instance.as_array().is_none_or(|items| find_repeated(items).is_none())
    }
}

/// The first item that is there before, and where, counted from 0.
fn find_repeated(items: &[Value]) -> Option<(usize, usize)> {
    let mut seen = HashMap::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let mut text = String::new();
        write_canonical(item, &mut text);
        if let Some(first) = seen.insert(text, i) {
            return Some((first, i));
        }
    }
    None
}

/// The same text for values that are equal, and another one for all others. Recurses as deep as
/// the value nests.
fn write_canonical(value: &Value, out: &mut String) {
    // Writing to a string does not fail.
    let _ = match value {
        Value::Number(number) => write!(out, "{}", canonical_number(number)),
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(',');
            }
            write!(out, "]")
        }
        Value::Object(map) => {
            let mut fields: Vec<(&String, &Value)> = map.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (key, inner) in fields {
                let _ = write!(out, "{}:", Value::from(key.as_str()));
                write_canonical(inner, out);
                out.push(',');
            }
            write!(out, "}}")
        }
        scalar => write!(out, "{scalar}"),
    };
}

/// 1 and 1.0 are the same number.
fn canonical_number(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e30 => {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
            let whole = float as i128;
            whole.to_string()
        }
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_are_compared_by_their_values() {
        for (items, expected) in [
            (json!([]), None),
            (json!([1, "1", true, null, [], {}, [[]], ""]), None),
            (json!([1, 2, 1.0]), Some((0, 2))),
            (json!([0, -0.0]), Some((0, 1))),
            (json!([9_007_199_254_740_993_u64, 9_007_199_254_740_992.0]), None),
            (json!([{"a": 1, "b": 2}, {"b": 2, "a": 1.0}]), Some((0, 1))),
            (json!([["a,b"], ["a", "b"]]), None),
        ] {
            assert_eq!(find_repeated(items.as_array().unwrap()), expected, "{items}");
        }
    }

    /// Lists of lists of nothing, each another one: one hash for all of them in the library.
    #[test]
    fn no_list_is_compared_with_all_others() {
        let nested = |n: usize| {
            let bits = (0..16).map(|bit| if n >> bit & 1 == 1 { json!([[]]) } else { json!([]) });
            Value::Array(bits.collect())
        };
        let items: Vec<Value> = (0..40_000).map(nested).collect();
        let start = std::time::Instant::now();
        assert_eq!(find_repeated(&items), None);
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
}
