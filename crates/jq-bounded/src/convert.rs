//! Between JSON and a program's values. Both keep the order of keys and integers of 64 bits.

use std::mem::size_of;
use std::rc::Rc;

use serde_json::Value;

use super::budget::count_bytes;
use super::error::{JqError, limit_exceeded};
use super::value::{JqNumber, JqValue};

/// A JSON value for a program.
pub(super) fn from_json(value: &Value) -> JqValue {
    match value {
        Value::Null => JqValue::Null,
        Value::Bool(b) => JqValue::Bool(*b),
        Value::Number(n) => {
            let int = n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
            JqValue::Num(
                int.map_or_else(|| JqNumber::Float(n.as_f64().unwrap_or(f64::NAN)), JqNumber::Int),
            )
        }
        Value::String(text) => JqValue::from_text(text.as_str()),
        Value::Array(items) => items.iter().map(from_json).collect(),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| (Rc::from(key.as_str()), from_json(value)));
            JqValue::from_entries(entries.collect())
        }
    }
}

/// About what a value of a result takes beside its text. The first result is in the output twice.
const BYTES_OF_VALUE: usize = 4 * size_of::<Value>();

fn out_of_range() -> JqError {
    let message = "the query failed: a number in its result is out of range (beyond ±1.8e308)";
    JqError::Failed(message.to_owned())
}

/// A program's result as JSON. Takes its size from `left`; values that a program shares are
/// written out at each place, so this is where they could grow beyond all bounds.
pub(super) fn to_json(value: &JqValue, left: &mut usize) -> Result<Value, JqError> {
    let mut take = |bytes: usize| {
        *left = left.checked_sub(bytes).ok_or_else(|| {
            limit_exceeded("its results are too large; make them fewer or smaller")
        })?;
        count_bytes(bytes + BYTES_OF_VALUE);
        Ok::<_, JqError>(())
    };
    Ok(match value {
        JqValue::Null => {
            take(5)?;
            Value::Null
        }
        JqValue::Bool(b) => {
            take(5)?;
            Value::Bool(*b)
        }
        JqValue::Num(n) => {
            take(5)?;
            if matches!(n, JqNumber::Float(f) if f.is_infinite()) {
                return Err(out_of_range());
            }
            n.to_json()
        }
        JqValue::Str(text) => {
            take(text.len() + 3)?;
            Value::String(text.as_ref().to_owned())
        }
        JqValue::Arr(array) => {
            take(8)?;
            let items = array.items.iter().map(|item| to_json(item, left));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        JqValue::Obj(object) => {
            take(8)?;
            let mut map = serde_json::Map::new();
            for (key, value) in &object.map {
                *left = left.saturating_sub(key.len() + 4);
                map.insert(key.as_ref().to_owned(), to_json(value, left)?);
            }
            Value::Object(map)
        }
    })
}
