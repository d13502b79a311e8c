//! How much work it is to check a value against a schema, estimated before it is done: both may be
//! the caller's, and a check that was begun cannot be interrupted.
//!
//! Units are those of [`crate::expr::EvalBudget`]: about the work of touching one byte of text. An
//! estimate assumes that every alternative is tried and every pattern takes its worst case.

use std::collections::HashMap;

use serde_json::Value;

use super::cost_walk::CostWalk;
use super::patterns::{UNKNOWN_POSITIONS, find_patterns};

/// What may be checked where others wait for the thread: well below a millisecond.
pub(crate) const INLINE: u64 = 128 << 10;
/// What may be checked at all.
pub(crate) const FULL: u64 = 64 << 20;

/// What is reported of a value that violates its schema where finding out more is much work.
pub(super) const UNNAMED_VIOLATION: &str = "the value does not satisfy its schema; it is too large to find out where: send less, or make \
     the schema simpler";

/// What a keyword's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeywordSlot {
    /// A schema, a list of schemas, or something that holds none.
    Schema,
    /// Schemas by names.
    Schemas,
    /// Data, or schemas that apply only where something refers to them.
    Data,
}

/// What the value of a keyword is.
pub(super) fn keyword_slot(keyword: &str) -> KeywordSlot {
    match keyword {
        "$defs" | "definitions" | "enum" | "const" | "default" | "examples" => KeywordSlot::Data,
        "properties" | "patternProperties" | "dependentSchemas" | "dependencies" => {
            KeywordSlot::Schemas
        }
        _ => KeywordSlot::Schema,
    }
}

/// An estimate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CheckCost {
    /// Of finding out whether the value is valid.
    pub(crate) units: u64,
    /// How deep alternatives nest: to find out why none of them holds, those inside are tried
    /// again.
    pub(super) nesting: u64,
    /// The most that the alternatives for one value take: the errors of all are kept.
    pub(super) alternatives: u64,
}

impl CheckCost {
    fn with_errors(self) -> u64 {
        self.units.saturating_mul(1 + self.nesting)
    }

    /// Whether it may be done where others wait, all errors included.
    pub(crate) fn is_small(self) -> bool {
        self.with_errors() <= INLINE
    }

    /// Whether the first error may be found.
    pub(super) fn first_error_is_small(self) -> bool {
        self.with_errors() <= FULL && self.alternatives <= INLINE
    }
}

/// More work than was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMuch;

/// What is known of the cost of a schema without a value.
#[derive(Debug)]
pub(super) struct SchemaWeights {
    /// At most this much for each value that is checked.
    per_value: u64,
    /// Some of it depends on more than the number of values and their text.
    is_uneven: bool,
    /// At most this much for each byte of text.
    per_byte: u64,
    /// The positions of each pattern.
    patterns: HashMap<String, u64>,
}

impl SchemaWeights {
    /// At how many places of one of its patterns a search can be at once.
    pub(super) fn pattern_positions(&self, pattern: &str) -> u64 {
        self.patterns.get(pattern).copied().unwrap_or(UNKNOWN_POSITIONS)
    }

    pub(super) fn of_schema(schema: &Value) -> Self {
        let mut patterns = HashMap::new();
        find_patterns(schema, &mut patterns);
        let mut weights = Self { per_value: 0, is_uneven: false, per_byte: 0, patterns };
        let found = CostWalk::new(schema, &weights, FULL).schema_bounds(schema);
        weights.per_value = found.per_value;
        weights.is_uneven = found.is_uneven;
        weights.per_byte = found.per_byte;
        weights
    }

    /// The most that a value takes at one place, whatever it is.
    pub(super) fn per_value(&self) -> u64 {
        self.per_value
    }

    /// Whether a glance is enough to know that checking the value is little work.
    pub(super) fn is_small(&self, value: &Value) -> bool {
        if self.is_uneven {
            return false;
        }
        let most = INLINE / self.per_value.max(1);
        let (mut values, mut bytes, mut open) = (1_u64, 0_u64, vec![value]);
        while let Some(value) = open.pop() {
            match value {
                Value::String(text) => bytes += text.len() as u64,
                Value::Array(items) => {
                    values += items.len() as u64;
                    if values <= most {
                        open.extend(items);
                    }
                }
                Value::Object(map) => {
                    values += map.len() as u64;
                    if values <= most {
                        open.extend(map.values());
                        bytes += map.keys().map(|key| key.len() as u64).sum::<u64>();
                    }
                }
                _ => {}
            }
            if values > most {
                return false;
            }
        }
        let of_text = bytes.saturating_mul(self.per_byte);
        values.saturating_mul(self.per_value).saturating_add(of_text) <= INLINE
    }

    /// What checking a value takes, counted until it is more than `most`.
    pub(super) fn check_cost(
        &self,
        schema: &Value,
        value: &Value,
        most: u64,
    ) -> Result<CheckCost, TooMuch> {
        CostWalk::new(schema, self, most).check_cost(schema, value)
    }
}
