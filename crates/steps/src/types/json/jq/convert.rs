//! Between JSON and a program's values. Both keep the order of keys and integers of 64 bits.

use std::mem::size_of;
use std::rc::Rc;

use serde_json::Value;

use super::budget::make;
use super::limit;
use super::value::{Num, Val};
use crate::Failure;

/// A JSON value for a program.
pub(super) fn from_json(value: &Value) -> Val {
    match value {
        Value::Null => Val::Null,
        Value::Bool(b) => Val::Bool(*b),
        Value::Number(n) => {
            let int = n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
            Val::Num(int.map_or_else(|| Num::Float(n.as_f64().unwrap_or(f64::NAN)), Num::Int))
        }
        Value::String(text) => Val::text(text.as_str()),
        Value::Array(items) => items.iter().map(from_json).collect(),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| (Rc::from(key.as_str()), from_json(value)));
            Val::object(entries.collect())
        }
    }
}

/// About what a value of a result takes beside its text. The first result is in the output twice.
const BYTES_OF_VALUE: usize = 4 * size_of::<Value>();

fn out_of_range() -> Failure {
    let message = "the query failed: a number in its result is out of range (beyond ±1.8e308)";
    Failure::permanent("QUERY_FAILED", message)
}

/// A program's result as JSON. Takes its size from `left`; values that a program shares are
/// written out at each place, so this is where they could grow beyond all bounds.
pub(super) fn to_json(value: &Val, left: &mut usize) -> Result<Value, Failure> {
    let mut take = |bytes: usize| {
        *left = left
            .checked_sub(bytes)
            .ok_or_else(|| limit("its results are too large; make them fewer or smaller"))?;
        make(bytes + BYTES_OF_VALUE);
        Ok::<_, Failure>(())
    };
    Ok(match value {
        Val::Null => {
            take(5)?;
            Value::Null
        }
        Val::Bool(b) => {
            take(5)?;
            Value::Bool(*b)
        }
        Val::Num(n) => {
            take(5)?;
            if matches!(n, Num::Float(f) if f.is_infinite()) {
                return Err(out_of_range());
            }
            n.to_json()
        }
        Val::Str(text) => {
            take(text.len() + 3)?;
            Value::String(text.as_ref().to_owned())
        }
        Val::Arr(array) => {
            take(8)?;
            let items = array.items.iter().map(|item| to_json(item, left));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Val::Obj(object) => {
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
