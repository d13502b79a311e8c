//! A compiled schema that knows how much work its checks are.

use std::sync::Arc;

use jsonschema::Validator;
use serde_json::Value;

use super::cost::{self, Cost, FULL, INLINE, Weights};
use super::schema::{validator, violations};
use crate::expr::at_key;
use crate::{Problem, Problems};

/// The most units that checking one value may take at one place of it.
const MAX_PER_VALUE: u64 = 4 << 20;
/// The most units that checking a value of a definition may take.
const MAX_CONSTANT: u64 = 1 << 20;
/// A part of a value that takes so many units is named where the whole takes too many.
const MUCH: u64 = FULL / 8;

/// A schema, ready to check values. What takes too much work is refused instead.
#[derive(Debug)]
pub struct Checker {
    schema: Arc<Value>,
    validator: Validator,
    weights: Weights,
}

impl Checker {
    /// # Errors
    /// Why it is no JSON Schema, as a sentence.
    pub(crate) fn new(schema: Arc<Value>) -> Result<Self, String> {
        let validator = validator(&schema)?;
        let weights = Weights::of(&schema);
        Ok(Self { schema, validator, weights })
    }

    /// Why no value should be checked against it: one alone could take too much work.
    pub(crate) fn too_costly(&self) -> Option<String> {
        let found = self.weights.per_value();
        (found > MAX_PER_VALUE).then(|| {
            format!(
                "checking one value against this schema could take {found} units of work, at most \
                 {MAX_PER_VALUE} are allowed; write fewer alternatives (`anyOf`, `oneOf`, `enum`), \
                 nest them less, or refer to them less often"
            )
        })
    }

    /// Checks a value where others wait for the thread: `None` where it is more work than that or
    /// than `left`, which is reduced.
    pub(crate) fn check_inline(
        &self,
        value: &Value,
        path: &str,
        left: &mut u64,
    ) -> Option<Result<(), Problems>> {
        if self.weights.is_small(value) {
            return Some(self.violations(value, path, Cost::default()));
        }
        let cost = self.weights.cost(&self.schema, value, INLINE.min(*left)).ok()?;
        *left = left.checked_sub(cost.units).filter(|_| cost.is_small())?;
        Some(self.violations(value, path, cost))
    }

    /// Checks a value at `path`.
    ///
    /// # Errors
    /// What it violates; that checking it takes too much work.
    pub(crate) fn check(&self, value: &Value, path: &str) -> Result<(), Problems> {
        match self.weights.cost(&self.schema, value, FULL) {
            Ok(cost) => self.violations(value, path, cost),
            Err(cost::TooMuch) => Err(self.too_much(value, path).into()),
        }
    }

    /// Checks a value that is written in a definition; `None` where that is too much work to be
    /// done while one is compiled.
    pub(crate) fn check_constant(&self, value: &Value, path: &str) -> Option<Result<(), Problems>> {
        let cost = self.weights.cost(&self.schema, value, MAX_CONSTANT).ok()?;
        Some(self.violations(value, path, cost))
    }

    fn violations(&self, value: &Value, path: &str, cost: Cost) -> Result<(), Problems> {
        Problems(violations(&self.validator, value, path, cost)).or_ok(())
    }

    fn too_much(&self, value: &Value, path: &str) -> Problem {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        let is_much = |name: &&String| {
            let schema = properties.and_then(|properties| properties.get(*name));
            // Its references are looked up in itself, so those are not counted.
            schema.is_some_and(|schema| self.weights.cost(schema, &value[*name], MUCH).is_err())
        };
        let fields = value.as_object().into_iter().flat_map(|map| map.keys());
        let path = match fields.clone().find(is_much) {
            Some(name) => at_key(path, name),
            None => path.to_owned(),
        };
        Problem::new(
            path,
            "checking this value against its schema takes too much work; send less, or simplify \
             the schema: fewer alternatives (`anyOf`, `oneOf`, `enum`) and simpler patterns",
        )
    }
}
