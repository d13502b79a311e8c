//! Jinja values as JSON: key order kept, integers exact to 64 bits, floats stay floats.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};
use serde_json::Value as Json;

use super::json_node::JsonNode;
use super::meter;
use super::secret::SecretText;
use super::secret_insertion::{SecretInsertion, place_under};
use super::weight::{weigh_placed, weigh_value};

/// The deepest value that an expression may make.
const MAX_DEPTH: usize = 128;

/// A Jinja value as JSON. Pays for all of it.
pub(super) fn to_json(value: &Value) -> Result<Json, Error> {
    weigh_value(value)?;
    convert_value(value, 0, &mut Vec::new())
}

/// A Jinja value as JSON, and the secrets that are inserted into it. Pays for all of it.
pub(super) fn to_json_placed(
    value: &Value,
    insertions: &mut Vec<SecretInsertion>,
) -> Result<Json, Error> {
    weigh_placed(value)?;
    convert_value(value, 0, insertions)
}

fn invalid_value(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::BadSerialization, message.into())
}

fn convert_value(
    value: &Value,
    depth: usize,
    insertions: &mut Vec<SecretInsertion>,
) -> Result<Json, Error> {
    if depth > MAX_DEPTH {
        return Err(invalid_value(format!("the value is nested deeper than {MAX_DEPTH}")));
    }
    if let Some(node) = value.downcast_object_ref::<JsonNode>() {
        return Ok(node.get().clone());
    }
    match value.kind() {
        ValueKind::Undefined => Err(invalid_value("the value is undefined")),
        ValueKind::None => Ok(Json::Null),
        ValueKind::Bool => Ok(Json::Bool(value.is_true())),
        ValueKind::Number => convert_number(value),
        ValueKind::String => Ok(Json::String(value.as_str().unwrap_or_default().to_owned())),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for (index, item) in value.try_iter()?.enumerate() {
                let before = insertions.len();
                items.push(convert_value(&item, depth + 1, insertions)?);
                if insertions.len() > before {
                    place_under(&mut insertions[before..], &index.to_string());
                }
            }
            Ok(Json::Array(items))
        }
        ValueKind::Map => {
            let start = insertions.len();
            let mut map = crate::Map::new();
            for key in value.try_iter()? {
                let name = match key.as_str() {
                    Some(text) => text.to_owned(),
                    None if matches!(key.kind(), ValueKind::Number | ValueKind::Bool) => {
                        key.to_string()
                    }
                    None => {
                        return Err(invalid_value(format!("a key of an object is {}", key.kind())));
                    }
                };
                let before = insertions.len();
                let inner = convert_value(&value.get_item(&key)?, depth + 1, insertions)?;
                place_under(&mut insertions[before..], &name);
                if map.insert(name, inner).is_some() && insertions.len() > start {
                    return Err(invalid_value("two keys of an object with secrets read the same"));
                }
            }
            Ok(Json::Object(map))
        }
        kind => match SecretText::downcast_from(value) {
            Some(secret) => Ok(Json::String(secret.place_in(insertions))),
            None => Err(invalid_value(format!("a value of kind {kind} is not JSON"))),
        },
    }
}

fn convert_number(value: &Value) -> Result<Json, Error> {
    if value.is_integer() {
        if let Ok(i) = i64::try_from(value.clone()) {
            return Ok(Json::from(i));
        }
        if let Ok(u) = u64::try_from(value.clone()) {
            return Ok(Json::from(u));
        }
        return Err(invalid_value("the integer has more than 64 bits"));
    }
    let float = f64::try_from(value.clone())?;
    serde_json::Number::from_f64(float)
        .map(Json::Number)
        .ok_or_else(|| invalid_value(format!("{float} is not a JSON number")))
}

/// How a value reads inside text: scalars plain, `null` as nothing, arrays and objects as JSON.
pub(super) fn to_text(value: &Value) -> Result<String, Error> {
    let text = match value.kind() {
        ValueKind::String => value.as_str().unwrap_or_default().to_owned(),
        ValueKind::None | ValueKind::Undefined => String::new(),
        _ => json_text(&to_json(value)?)?,
    };
    meter::charge_text(text.len())?;
    Ok(text)
}

/// JSON as compact text.
pub(super) fn json_text(json: &Json) -> Result<String, Error> {
    serde_json::to_string(json).map_err(|e| invalid_value(e.to_string()))
}
