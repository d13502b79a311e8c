//! The operators whose builtin form could make much from little, or read much for nothing.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::error::invalid_operation;
use super::json_node::JsonNode;
use super::meter::{self, VALUE, check_length, repeated_length};
use super::secret::SecretText;
use super::variables::VariablesObject;
use super::weight::weigh_value;
use super::{numbers, value};

fn undefined_error(message: &str) -> Error {
    Error::new(ErrorKind::UndefinedError, message.to_owned())
}

/// How a value is written in text; undefined is an error.
fn value_text(value: Value) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(undefined_error("a part of the text is undefined"));
    }
    if value.as_str().is_some() {
        return Ok(value);
    }
    value::to_text(&value).map(Value::from)
}

/// `left ~ right`.
pub(super) fn concat_text(left: Value, right: Value) -> Result<Value, Error> {
    if SecretText::downcast_from(&left).is_some() || SecretText::downcast_from(&right).is_some() {
        return concat_secrets(left, right);
    }
    let (left, right) = (value_text(left)?, value_text(right)?);
    let (left, right) = (left.as_str().unwrap_or_default(), right.as_str().unwrap_or_default());
    meter::charge_text(left.len() + right.len())?;
    Ok(Value::from([left, right].concat()))
}

/// `left ~ right`, where one of them is a secret or has one in it.
fn concat_secrets(left: Value, right: Value) -> Result<Value, Error> {
    let mut joined = SecretText::default();
    for side in [left, right] {
        match SecretText::downcast_from(&side) {
            Some(secret) => joined.append_secret(secret),
            None => joined.append_text(value_text(side)?.as_str().unwrap_or_default()),
        }
    }
    joined.into_value()
}

/// `value[key]`. A character of a text is found by walking to it; a name is hashed.
pub(super) fn index_value(value: Value, key: Value) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(undefined_error("undefined value"));
    }
    let walk = value.as_str().map_or(0, str::len);
    let hash = key.as_str().map_or(0, str::len);
    meter::charge_units(VALUE + walk as u64 + hash as u64)?;
    if let Some(variables) = value.downcast_object_ref::<VariablesObject>() {
        return variables.require(&key);
    }
    if key.as_object().is_some() {
        weigh_value(&key)?;
    }
    value.get_item(&key)
}

/// As [`index_value`], but undefined where there is nothing to look into.
pub(super) fn find_member(value: Value, key: Value) -> Result<Value, Error> {
    match value.is_undefined() || value.is_none() {
        true => Ok(Value::UNDEFINED),
        false => match value.downcast_object_ref::<VariablesObject>() {
            Some(variables) => Ok(variables.find(&key)),
            None => index_value(value, key),
        },
    }
}

/// What a loop goes over: beginning to walk counts characters and copies keys.
pub(super) fn loop_items(value: Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String => {
            meter::charge_units(VALUE + value.as_str().map_or(0, str::len) as u64)?
        }
        ValueKind::Map => match value.downcast_object_ref::<JsonNode>().map(JsonNode::get) {
            Some(serde_json::Value::Object(map)) => {
                let keys: usize = map.keys().map(String::len).sum();
                meter::charge_units(VALUE * map.len() as u64 + keys as u64)?;
            }
            _ => meter::charge_units(VALUE.saturating_mul(value.len().unwrap_or(1) as u64))?,
        },
        ValueKind::Seq | ValueKind::Iterable => {
            meter::charge_units(VALUE.saturating_mul(value.len().unwrap_or(1) as u64))?;
        }
        _ => {}
    }
    Ok(value)
}

/// `left * right`: numbers, or text or a sequence a number of times.
pub(super) fn times_operator(left: Value, right: Value) -> Result<Value, Error> {
    let (value, count) = match (left.kind(), right.kind()) {
        (ValueKind::Number | ValueKind::Bool, ValueKind::Number | ValueKind::Bool) => {
            return numbers::multiply_numbers(left, right);
        }
        (ValueKind::Number, _) => (right, left),
        _ => (left, right),
    };
    let count = count.as_usize().filter(|_| count.is_integer()).ok_or_else(|| {
        invalid_operation(format!("cannot multiply {} by {}", value.kind(), count.kind()))
    })?;
    match value.kind() {
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            meter::charge_text(repeated_length(0, count, text.len()))?;
            // Repeating nothing is as much work as repeating something.
            let count = if text.is_empty() { 0 } else { count };
            Ok(Value::from(text.repeat(count)))
        }
        ValueKind::Seq | ValueKind::Iterable => {
            weigh_value(&value)?;
            let items: Vec<Value> = value.try_iter()?.collect();
            let length = items.len().saturating_mul(count);
            check_length(length)?;
            Ok(Value::from(items.iter().cycle().take(length).cloned().collect::<Vec<_>>()))
        }
        kind => Err(invalid_operation(format!("cannot multiply {kind}"))),
    }
}

/// `left + right`: numbers, two texts or two sequences. Sequences are put together at once: the
/// builtin lazy form gets slower with each further one.
pub(super) fn plus_operator(left: Value, right: Value) -> Result<Value, Error> {
    let is_sequence = |v: &Value| matches!(v.kind(), ValueKind::Seq | ValueKind::Iterable);
    if let (Some(a), Some(b)) = (left.as_str(), right.as_str()) {
        meter::charge_text(a.len() + b.len())?;
        return Ok(Value::from([a, b].concat()));
    }
    if is_sequence(&left) && is_sequence(&right) {
        let length = left.len().zip(right.len()).map(|(a, b)| a.saturating_add(b));
        check_length(length.ok_or_else(|| invalid_operation("a list has no known length"))?)?;
        return Ok(Value::from_iter(left.try_iter()?.chain(right.try_iter()?)));
    }
    numbers::add_numbers(left, right)
}
