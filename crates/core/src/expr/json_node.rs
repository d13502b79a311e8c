//! JSON as Jinja values: key order kept, integers exact to 64 bits, floats stay floats.
//!
//! JSON is never converted as a whole: a [`JsonNode`] refers to a position in a shared document and
//! reads it on access.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use serde_json::Value as Json;

use super::meter;
use super::path::PathKey;

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

/// A member of a shared JSON object as a Jinja value.
pub(super) fn child_of(json: &Arc<Json>, name: &str) -> Option<Value> {
    let node = JsonNode { root: Arc::clone(json), path: Vec::new() };
    node.child_value(PathKey::Name(name.into()))
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
