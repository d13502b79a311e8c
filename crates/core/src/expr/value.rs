//! Between JSON and Jinja values: key order kept, integers exact to 64 bits, floats stay floats.
//!
//! JSON is never converted as a whole: a [`JsonNode`] refers to a position in a shared document and
//! reads it on access.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value, ValueKind};
use minijinja::{Error, ErrorKind};
use serde_json::Value as Json;

use super::meter;
use super::path::PathKey;
use super::secret::{SecretInsertion, SecretText, place_under};

/// The deepest value that an expression may make.
const MAX_DEPTH: usize = 128;

/// An array or object inside a shared JSON document.
#[derive(Debug)]
pub(super) struct JsonNode {
    root: Arc<Json>,
    path: Vec<PathKey>,
}

impl JsonNode {
    /// The JSON that it refers to.
    pub(super) fn get(&self) -> &Json {
        let mut at = &*self.root;
        for key in &self.path {
            match key.find_in(at) {
                Some(inner) => at = inner,
                None => return &Json::Null,
            }
        }
        at
    }

    fn child_value(&self, key: PathKey) -> Option<Value> {
        let inner = key.find_in(self.get())?;
        Some(charged_scalar(inner).unwrap_or_else(|| {
            let mut path = Vec::with_capacity(self.path.len() + 1);
            path.extend(self.path.iter().cloned());
            path.push(key);
            Value::from_object(Self { root: Arc::clone(&self.root), path })
        }))
    }
}

impl Object for JsonNode {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.get().is_array() { ObjectRepr::Seq } else { ObjectRepr::Map }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match self.get() {
            Json::Array(_) => self.child_value(PathKey::Index(key.as_usize()?)),
            _ => self.child_value(PathKey::Name(key.as_str()?.into())),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.get() {
            Json::Array(items) => Enumerator::Seq(items.len()),
            Json::Object(map) => {
                Enumerator::Values(map.keys().map(|key| Value::from(key.as_str())).collect())
            }
            _ => Enumerator::Empty,
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        match self.get() {
            Json::Array(items) => Some(items.len()),
            Json::Object(map) => Some(map.len()),
            _ => Some(0),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get())
    }
}

fn scalar_value(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::from(()),
        Json::Bool(b) => Value::from(*b),
        Json::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
            (Some(i), _, _) => Value::from(i),
            (_, Some(u), _) => Value::from(u),
            (_, _, f) => Value::from(f.unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(_) | Json::Object(_) => return None,
    })
}

/// As [`scalar_value`], charged for the text that is copied. Where the budget is used up, the value is
/// the error.
fn charged_scalar(json: &Json) -> Option<Value> {
    match json {
        Json::String(text) => Some(
            meter::charge_units(text.len() as u64)
                .map_or_else(Value::from, |()| text.as_str().into()),
        ),
        _ => scalar_value(json),
    }
}

/// A shared JSON document as a Jinja value.
pub(super) fn from_shared(json: &Arc<Json>) -> Value {
    charged_scalar(json).unwrap_or_else(|| {
        Value::from_object(JsonNode { root: Arc::clone(json), path: Vec::new() })
    })
}

/// A JSON value as a Jinja value.
pub(super) fn from_json(json: Json) -> Value {
    scalar_value(&json)
        .unwrap_or_else(|| Value::from_object(JsonNode { root: Arc::new(json), path: Vec::new() }))
}

/// A Jinja value as JSON. Pays for all of it.
pub(super) fn to_json(value: &Value) -> Result<Json, Error> {
    meter::weigh_value(value)?;
    convert_value(value, 0, &mut Vec::new())
}

/// A Jinja value as JSON, and the secrets that are inserted into it. Pays for all of it.
pub(super) fn to_json_placed(
    value: &Value,
    insertions: &mut Vec<SecretInsertion>,
) -> Result<Json, Error> {
    meter::weigh_placed(value)?;
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
