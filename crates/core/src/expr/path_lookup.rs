//! What plain paths lead to, found on the JSON itself.

use std::sync::Arc;

use serde_json::Value as Json;

use super::error::EvalError;
use super::path::{PathKey, ValuePath};
use super::scope::{EvalScope, StepScope};
use super::variables::unknown_variable;
use super::{meter, secret};

/// What a path led to, copied as little as possible.
pub(super) enum FoundValue<'s> {
    Shared(&'s Arc<Json>),
    Borrowed(&'s Json),
    Owned(Json),
}

impl FoundValue<'_> {
    pub(super) fn get(&self) -> &Json {
        match self {
            Self::Shared(value) => value,
            Self::Borrowed(value) => value,
            Self::Owned(value) => value,
        }
    }

    /// The value, shared where that is possible; a copy is charged.
    pub(super) fn into_shared(self) -> Result<Arc<Json>, EvalError> {
        match self {
            Self::Shared(value) => Ok(Arc::clone(value)),
            other => other.into_json().map(Arc::new),
        }
    }

    /// The value itself; a copy is charged.
    pub(super) fn into_json(self) -> Result<Json, EvalError> {
        let found: &Json = match self {
            Self::Shared(value) => value,
            Self::Borrowed(value) => value,
            Self::Owned(value) => return Ok(value),
        };
        meter::weigh_json(found).map_err(|error| EvalError::of_meter(&error))?;
        Ok(found.clone())
    }
}

impl ValuePath {
    fn missing_error(&self, length: usize) -> EvalError {
        EvalError::new(format!(
            "`{}` is not there; give it, or write a default: `{} | default(…)`",
            self.to_source(length),
            self.to_source(self.keys.len()),
        ))
    }

    /// Follows the path.
    pub(super) fn resolve_path<'s>(
        &self,
        scope: &'s dyn EvalScope,
    ) -> Result<FoundValue<'s>, EvalError> {
        let length = self.keys.len();
        match self.key_name(0) {
            "inputs" if length == 1 => Ok(FoundValue::Shared(scope.inputs())),
            "inputs" => self.descend_into(scope.inputs(), 1),
            "steps" if length > 1 => self.resolve_step(scope),
            "state" if length > 1 => {
                let first =
                    scope.state().get(self.key_name(1)).ok_or_else(|| self.missing_error(2))?;
                self.descend_into(first, 2)
            }
            "state" => Ok(FoundValue::Owned(Json::Object(scope.state().clone()))),
            "vars" if let Some(variables) = scope.variables() => {
                let name = self.key_name(1);
                match variables.get(name) {
                    None if length > 1 => Err(unknown_variable(name)),
                    _ => self.descend_into(variables, 1),
                }
            }
            // Templates place these; nothing else may use them.
            "secrets" => Err(EvalError::new(secret::only_placed(&self.to_source(length)))),
            "steps" => Ok(FoundValue::Owned(all_steps(scope))),
            root => {
                let value = scope.extra_root(root).ok_or_else(|| self.missing_error(1))?;
                match self.descend_into(&value, 1)? {
                    FoundValue::Borrowed(found) => Ok(FoundValue::Owned(found.clone())),
                    other => other.into_json().map(FoundValue::Owned),
                }
            }
        }
    }

    fn resolve_step<'s>(&self, scope: &'s dyn EvalScope) -> Result<FoundValue<'s>, EvalError> {
        let step = scope.step_scope(self.key_name(1)).ok_or_else(|| self.missing_error(2))?;
        match (self.keys.len(), self.key_name(2)) {
            (2, _) => Ok(FoundValue::Owned(step_object(&step))),
            (3, "output") => Ok(FoundValue::Shared(step.output)),
            (_, "output") => self.descend_into(step.output, 3),
            (3, "status") => Ok(FoundValue::Owned(Json::from(step.status))),
            (_, "status") => {
                let status = Json::from(step.status);
                self.descend_into(&status, 3)?.into_json().map(FoundValue::Owned)
            }
            (_, "error") => self.descend_into(step.error, 3),
            _ => Err(self.missing_error(3)),
        }
    }

    fn descend_into<'s>(&self, from: &'s Json, start: usize) -> Result<FoundValue<'s>, EvalError> {
        let mut at = from;
        for (i, key) in self.keys.iter().enumerate().skip(start) {
            if let (Json::String(text), PathKey::Index(index)) = (at, key) {
                return self.character_at(text, *index, i).map(FoundValue::Owned);
            }
            at = key.find_in(at).ok_or_else(|| self.missing_error(i + 1))?;
        }
        Ok(FoundValue::Borrowed(at))
    }

    /// A character of a text, which the key at `place` names; it is found by walking to it.
    fn character_at(&self, text: &str, index: usize, place: usize) -> Result<Json, EvalError> {
        meter::charge_units(text.len() as u64).map_err(|error| EvalError::of_meter(&error))?;
        let found = text.chars().nth(index).ok_or_else(|| self.missing_error(place + 1))?;
        // Of a single character, the first one is there.
        match self.keys.iter().skip(place + 1).position(|key| *key != PathKey::Index(0)) {
            Some(after) => Err(self.missing_error(place + 2 + after)),
            None => Ok(Json::String(found.into())),
        }
    }
}

fn step_object(step: &StepScope<'_>) -> Json {
    let mut map = crate::Map::new();
    map.insert("output".into(), Json::clone(step.output));
    map.insert("status".into(), Json::from(step.status));
    map.insert("error".into(), step.error.clone());
    Json::Object(map)
}

fn all_steps(scope: &dyn EvalScope) -> Json {
    let mut map = crate::Map::new();
    for id in scope.step_ids() {
        if let Some(step) = scope.step_scope(id) {
            map.insert(id.to_owned(), step_object(&step));
        }
    }
    Json::Object(map)
}

/// Whether a JSON value counts as true in Jinja's sense.
pub(super) fn is_true(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(b) => *b,
        Json::Number(n) => n.as_f64().is_none_or(|f| f != 0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(map) => !map.is_empty(),
    }
}
