//! The walk over a schema, alone or together with a value, that counts the work of a check.

use std::collections::HashMap;

use serde_json::Value;

use super::cost::{CheckCost, KeywordSlot, SchemaWeights, TooMuch, keyword_slot};
use super::walk_position::WalkPosition;
use crate::Map;

/// How deep a check may recurse, in schema and value together.
const MAX_DEPTH: usize = 500;
/// What a schema and a value look at for each other, whatever is in them.
const VISIT: u64 = 2;
/// One keyword.
const KEYWORD: u64 = 6;

/// What is known of a schema without a value: see [`SchemaWeights`].
pub(super) struct CostBounds {
    pub(super) per_value: u64,
    pub(super) per_byte: u64,
    pub(super) is_uneven: bool,
}

/// A keyword of a schema.
#[derive(Clone, Copy)]
struct SchemaKeyword<'s> {
    schema: &'s Map,
    name: &'s str,
    value: &'s Value,
}

/// One walk over a schema and a value.
pub(super) struct CostWalk<'s> {
    root: &'s Value,
    weights: &'s SchemaWeights,
    left: u64,
    references: HashMap<&'s str, &'s Value>,
    nesting: u64,
    alternatives: u64,
    is_uneven: bool,
    per_byte: u64,
}

impl<'s> CostWalk<'s> {
    /// `left`: the most units that are counted.
    pub(super) fn new(root: &'s Value, weights: &'s SchemaWeights, left: u64) -> Self {
        let references = HashMap::new();
        Self {
            root,
            weights,
            left,
            references,
            nesting: 0,
            alternatives: 0,
            is_uneven: false,
            per_byte: 0,
        }
    }

    /// What checking a value takes.
    pub(super) fn check_cost(
        mut self,
        schema: &'s Value,
        value: &Value,
    ) -> Result<CheckCost, TooMuch> {
        let most = self.left;
        self.visit_schema(schema, value, WalkPosition::ROOT)?;
        let units = most - self.left;
        Ok(CheckCost { units, nesting: self.nesting, alternatives: self.alternatives })
    }

    /// What can be known without a value.
    pub(super) fn schema_bounds(mut self, schema: &'s Value) -> CostBounds {
        let per_value = self.largest_cost(schema, 0).unwrap_or(u64::MAX);
        let per_byte = self.per_byte.saturating_add(1);
        CostBounds { per_value, per_byte, is_uneven: self.is_uneven }
    }

    fn charge_units(&mut self, units: u64) -> Result<(), TooMuch> {
        self.left = self.left.checked_sub(units).ok_or(TooMuch)?;
        Ok(())
    }

    fn find_target(&mut self, reference: &'s str) -> Option<&'s Value> {
        if let Some(known) = self.references.get(reference) {
            return Some(*known);
        }
        let found = self.root.pointer(reference.strip_prefix('#')?)?;
        self.references.insert(reference, found);
        Some(found)
    }

    /// Charges for comparing a value with what is written in the schema.
    fn charge_comparison(&mut self, written: &Value, value: &Value) -> Result<(), TooMuch> {
        match (written, value) {
            (Value::String(a), Value::String(b)) if a.len() == b.len() => {
                self.charge_units(1 + a.len() as u64 / 8)
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                self.charge_units(VISIT + a.len() as u64)?;
                a.iter().zip(b).try_for_each(|(a, b)| self.charge_comparison(a, b))
            }
            (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
                self.charge_units(VISIT + KEYWORD * a.len() as u64)?;
                a.iter().try_for_each(|(key, a)| match b.get(key) {
                    Some(b) => self.charge_comparison(a, b),
                    None => Ok(()),
                })
            }
            _ => self.charge_units(1),
        }
    }

    /// Charges for reading all of a value, as often as `times`.
    fn charge_reading(&mut self, value: &Value, times: u64) -> Result<(), TooMuch> {
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            let size = match value {
                Value::String(text) => text.len() as u64,
                Value::Array(items) => {
                    open.extend(items);
                    items.len() as u64
                }
                Value::Object(map) => {
                    open.extend(map.values());
                    map.keys().map(|key| 8 + key.len() as u64).sum()
                }
                _ => 0,
            };
            self.charge_units(times.saturating_mul(KEYWORD + size))?;
        }
        Ok(())
    }

    fn charge_search(&mut self, pattern: &str, text: &str) -> Result<(), TooMuch> {
        let positions = self.weights.pattern_positions(pattern);
        self.charge_units(positions.saturating_mul(text.len() as u64).saturating_add(KEYWORD))
    }

    /// Charges for checking `value` against `schema`.
    fn visit_schema(
        &mut self,
        schema: &'s Value,
        value: &Value,
        at: WalkPosition,
    ) -> Result<(), TooMuch> {
        self.charge_units(VISIT)?;
        let Value::Object(map) = schema else { return Ok(()) };
        if at.depth > MAX_DEPTH {
            return Err(TooMuch);
        }
        self.nesting = self.nesting.max(at.alternatives);
        let before = self.left;
        for (keyword, inner) in map {
            self.charge_units(KEYWORD)?;
            self.in_place(keyword, inner, value, at.deeper())?;
        }
        let in_place = before - self.left;
        for (keyword, inner) in map {
            match (keyword.as_str(), value) {
                // To find out what was evaluated, the keywords for the same value are tried again.
                ("unevaluatedProperties", Value::Object(fields)) => {
                    self.charge_units(in_place.saturating_mul(1 + fields.len() as u64))?;
                }
                ("unevaluatedItems", Value::Array(items)) => {
                    self.charge_units(in_place.saturating_mul(1 + items.len() as u64))?;
                }
                _ => {}
            }
            let keyword = SchemaKeyword { schema: map, name: keyword, value: inner };
            match value {
                Value::Object(fields) => self.visit_fields(keyword, fields, at.deeper())?,
                Value::Array(items) => self.visit_items(keyword, items, at.deeper())?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The keywords for the value itself.
    fn in_place(
        &mut self,
        keyword: &str,
        inner: &'s Value,
        value: &Value,
        at: WalkPosition,
    ) -> Result<(), TooMuch> {
        match (keyword, inner, value) {
            ("$ref", Value::String(reference), _) => match self.find_target(reference) {
                Some(target) => self.visit_schema(target, value, at),
                None => Ok(()),
            },
            ("allOf", Value::Array(all), _) => {
                all.iter().try_for_each(|one| self.visit_schema(one, value, at))
            }
            ("anyOf" | "oneOf", Value::Array(all), _) => {
                let before = self.left;
                all.iter()
                    .try_for_each(|one| self.visit_schema(one, value, at.in_alternative()))?;
                self.alternatives = self.alternatives.max(before - self.left);
                Ok(())
            }
            ("not" | "if", one, _) => self.visit_schema(one, value, at.in_alternative()),
            ("then" | "else", one, _) => self.visit_schema(one, value, at),
            ("dependentSchemas" | "dependencies", Value::Object(all), Value::Object(_)) => {
                all.values().try_for_each(|one| self.visit_schema(one, value, at))
            }
            ("enum", Value::Array(options), _) => {
                options.iter().try_for_each(|option| self.charge_comparison(option, value))
            }
            ("const", written, _) => self.charge_comparison(written, value),
            ("pattern", Value::String(pattern), Value::String(text)) => {
                self.charge_search(pattern, text)
            }
            ("minLength" | "maxLength" | "format", _, Value::String(text)) => {
                self.charge_units(text.len() as u64)
            }
            ("uniqueItems", Value::Bool(true), Value::Array(_)) => self.charge_reading(value, 4),
            ("required", Value::Array(names), Value::Object(_)) => {
                self.charge_units(VISIT * names.len() as u64)
            }
            ("dependentRequired", one, Value::Object(_)) => self.charge_reading(one, 1),
            _ => Ok(()),
        }
    }

    fn visit_fields(
        &mut self,
        keyword: SchemaKeyword<'s>,
        fields: &Map,
        at: WalkPosition,
    ) -> Result<(), TooMuch> {
        match (keyword.name, keyword.value) {
            ("properties", Value::Object(properties)) => {
                self.charge_units(VISIT * properties.len() as u64)?;
                properties.iter().try_for_each(|(name, one)| match fields.get(name) {
                    Some(field) => self.visit_schema(one, field, at),
                    None => Ok(()),
                })
            }
            ("patternProperties", Value::Object(patterns)) => {
                for (name, field) in fields {
                    for (pattern, one) in patterns {
                        // Searched again for `additionalProperties`.
                        self.charge_search(pattern, name)?;
                        self.charge_search(pattern, name)?;
                        self.visit_schema(one, field, at)?;
                    }
                }
                Ok(())
            }
            ("additionalProperties" | "unevaluatedProperties", one) => {
                let known = keyword.schema.get("properties").and_then(Value::as_object);
                for (name, field) in fields {
                    self.charge_units(VISIT + name.len() as u64 / 8)?;
                    if keyword.name == "unevaluatedProperties"
                        || known.is_none_or(|known| !known.contains_key(name))
                    {
                        self.visit_schema(one, field, at)?;
                    }
                }
                Ok(())
            }
            ("propertyNames", one) => fields.keys().try_for_each(|name| {
                self.charge_units(KEYWORD + name.len() as u64)?;
                self.visit_schema(one, &Value::String(name.clone()), at)
            }),
            _ => Ok(()),
        }
    }

    fn visit_items(
        &mut self,
        keyword: SchemaKeyword<'s>,
        items: &[Value],
        at: WalkPosition,
    ) -> Result<(), TooMuch> {
        let first = keyword.schema.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
        match (keyword.name, keyword.value) {
            ("items", one) => {
                items.iter().skip(first).try_for_each(|item| self.visit_schema(one, item, at))
            }
            ("prefixItems", Value::Array(schemas)) => schemas
                .iter()
                .zip(items)
                .try_for_each(|(one, item)| self.visit_schema(one, item, at)),
            ("contains", one) => {
                items.iter().try_for_each(|item| self.visit_schema(one, item, at.in_alternative()))
            }
            ("unevaluatedItems", one) => {
                items.iter().try_for_each(|item| self.visit_schema(one, item, at))
            }
            _ => Ok(()),
        }
    }

    /// The most that any one value takes, with all that is written out and errors included; `None`
    /// where the schema is too large. Adds up what each byte of text takes.
    fn largest_cost(&mut self, schema: &'s Value, depth: usize) -> Option<u64> {
        self.charge_units(1).ok()?;
        let Value::Object(map) = schema else { return Some(VISIT) };
        if depth > MAX_DEPTH {
            return None;
        }
        let mut sum = VISIT;
        for (keyword, inner) in map {
            match (keyword.as_str(), inner) {
                // What they cost depends on the square of the value or on all that is in it.
                ("unevaluatedItems" | "unevaluatedProperties" | "uniqueItems", _) => {
                    self.is_uneven = true;
                }
                ("pattern", Value::String(pattern)) => {
                    self.add_per_byte(self.weights.pattern_positions(pattern));
                }
                ("patternProperties", Value::Object(patterns)) => {
                    for pattern in patterns.keys() {
                        self.add_per_byte(
                            self.weights.pattern_positions(pattern).saturating_mul(2),
                        );
                    }
                }
                ("minLength" | "maxLength" | "format", _) => self.add_per_byte(1),
                _ => {}
            }
            let more = match (keyword.as_str(), inner) {
                ("$ref", Value::String(reference)) => {
                    let target = self.find_target(reference)?;
                    self.largest_cost(target, depth + 1)?
                }
                ("enum" | "const" | "required" | "dependentRequired", written) => {
                    written_size(written)
                }
                ("anyOf" | "oneOf" | "not" | "if" | "contains", inner) => {
                    // Tried again where the errors of an alternative around them are wanted.
                    self.nesting += 1;
                    let before = self.per_byte;
                    let inner = self.most_of(keyword, inner, depth + 1)?;
                    let text = self.per_byte.saturating_sub(before);
                    self.nesting -= 1;
                    self.add_per_byte(text.saturating_mul(1 + self.nesting));
                    inner.saturating_mul(2 + self.nesting)
                }
                (_, inner) => self.most_of(keyword, inner, depth + 1)?,
            };
            sum = sum.saturating_add(KEYWORD).saturating_add(more);
        }
        Some(sum)
    }

    fn add_per_byte(&mut self, units: u64) {
        self.per_byte = self.per_byte.saturating_add(units);
    }

    fn most_of(&mut self, keyword: &str, inner: &'s Value, depth: usize) -> Option<u64> {
        let schemas: Vec<&'s Value> = match (keyword_slot(keyword), inner) {
            (KeywordSlot::Data, _) => return Some(0),
            (KeywordSlot::Schemas, Value::Object(map)) => map.values().collect(),
            (KeywordSlot::Schema, Value::Object(_)) => vec![inner],
            (_, Value::Array(all)) => all.iter().collect(),
            _ => return Some(0),
        };
        schemas.into_iter().try_fold(0_u64, |sum, one| {
            Some(sum.saturating_add(VISIT + KEYWORD).saturating_add(self.largest_cost(one, depth)?))
        })
    }
}

/// How much is written, without the keys.
fn written_size(value: &Value) -> u64 {
    let (mut size, mut open) = (0, vec![value]);
    while let Some(value) = open.pop() {
        size += match value {
            Value::String(text) => 1 + text.len() as u64 / 8,
            Value::Array(items) => {
                open.extend(items);
                VISIT + items.len() as u64
            }
            Value::Object(map) => {
                open.extend(map.values());
                VISIT + KEYWORD * map.len() as u64
            }
            _ => 1,
        };
    }
    size
}
