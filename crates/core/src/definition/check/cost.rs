//! How much work it is to check a value against a schema, estimated before it is done: both may be
//! the caller's, and a check that was begun cannot be interrupted.
//!
//! Units are those of [`crate::expr::Budget`]: about the work of touching one byte of text. An
//! estimate assumes that every alternative is tried and every pattern takes its worst case.

use std::collections::HashMap;

use regex_syntax::hir::{Hir, HirKind};
use serde_json::Value;

/// What may be checked where others wait for the thread: well below a millisecond.
pub(crate) const INLINE: u64 = 128 << 10;
/// What may be checked at all.
pub(crate) const FULL: u64 = 64 << 20;
/// What a schema and a value look at for each other, whatever is in them.
const VISIT: u64 = 2;
/// One keyword.
const KEYWORD: u64 = 6;
/// A pattern that cannot be read here counts as one with so many positions.
const UNKNOWN_POSITIONS: u64 = 5_000;
/// How deep a check may recurse, in schema and value together.
const MAX_DEPTH: usize = 500;

/// What is reported of a value that violates its schema where finding out more is much work.
pub(super) const UNNAMED_VIOLATION: &str = "the value violates its schema, which says too much of a value that is too large to name the \
     place; send less, or make the schema simpler";

/// What a keyword's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// A schema, a list of schemas, or something that holds none.
    Schema,
    /// Schemas by names.
    Schemas,
    /// Data, or schemas that apply only where something refers to them.
    Data,
}

/// What the value of a keyword is.
pub(super) fn slot(keyword: &str) -> Slot {
    match keyword {
        "$defs" | "definitions" | "enum" | "const" | "default" | "examples" => Slot::Data,
        "properties" | "patternProperties" | "dependentSchemas" | "dependencies" => Slot::Schemas,
        _ => Slot::Schema,
    }
}

/// An estimate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Of finding out whether the value is valid.
    pub(crate) units: u64,
    /// How deep alternatives nest: to find out why none of them holds, those inside are tried
    /// again.
    nesting: u64,
    /// The most that the alternatives for one value take: the errors of all are kept.
    alternatives: u64,
}

impl Cost {
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
pub(super) struct Weights {
    /// At most this much for each value that is looked at.
    per_value: u64,
    /// Some of it depends on more than the number of values and their text.
    is_uneven: bool,
    /// At most this much for each byte of text.
    per_byte: u64,
    /// The positions of each pattern.
    patterns: HashMap<String, u64>,
}

impl Weights {
    pub(super) fn of(schema: &Value) -> Self {
        let mut patterns = HashMap::new();
        find_patterns(schema, &mut patterns);
        let mut weights = Self { per_value: 0, is_uneven: false, per_byte: 0, patterns };
        let mut walk = Walk { left: FULL, ..Walk::new(schema, &weights) };
        let most = walk.most(schema, 0);
        let (is_uneven, per_byte) = (walk.is_uneven, walk.per_byte);
        weights.per_value = most.unwrap_or(u64::MAX);
        weights.is_uneven = is_uneven;
        weights.per_byte = per_byte.saturating_add(1);
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
    pub(super) fn cost(&self, schema: &Value, value: &Value, most: u64) -> Result<Cost, TooMuch> {
        let mut walk = Walk { left: most, ..Walk::new(schema, self) };
        walk.visit(schema, value, 0, 0)?;
        let units = most - walk.left;
        Ok(Cost { units, nesting: walk.nesting, alternatives: walk.alternatives })
    }
}

/// The patterns anywhere in a schema, and what only looks like one.
fn find_patterns(schema: &Value, found: &mut HashMap<String, u64>) {
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(map) => {
                if let Some(Value::String(pattern)) = map.get("pattern") {
                    found.entry(pattern.clone()).or_insert_with(|| positions_of(pattern));
                }
                if let Some(Value::Object(patterns)) = map.get("patternProperties") {
                    for pattern in patterns.keys() {
                        found.entry(pattern.clone()).or_insert_with(|| positions_of(pattern));
                    }
                }
                open.extend(map.values());
            }
            _ => {}
        }
    }
}

/// At how many places of a pattern a search can be at once: the work for each byte of the text.
fn positions_of(pattern: &str) -> u64 {
    regex_syntax::parse(pattern).map_or(UNKNOWN_POSITIONS, |hir| positions(&hir).max(1))
}

/// Recurses as deep as the pattern nests, which its parser limits.
fn positions(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(_) => 1,
        HirKind::Capture(capture) => positions(&capture.sub),
        HirKind::Repetition(repeated) => {
            let times = repeated.max.unwrap_or(repeated.min.saturating_add(1)).max(1);
            positions(&repeated.sub).saturating_mul(u64::from(times))
        }
        HirKind::Concat(all) | HirKind::Alternation(all) => {
            all.iter().fold(0, |sum: u64, one| sum.saturating_add(positions(one)))
        }
    }
}

/// One walk over a schema and a value.
struct Walk<'s> {
    root: &'s Value,
    weights: &'s Weights,
    left: u64,
    references: HashMap<&'s str, &'s Value>,
    nesting: u64,
    alternatives: u64,
    is_uneven: bool,
    per_byte: u64,
}

impl<'s> Walk<'s> {
    fn new(root: &'s Value, weights: &'s Weights) -> Self {
        let references = HashMap::new();
        Self {
            root,
            weights,
            left: 0,
            references,
            nesting: 0,
            alternatives: 0,
            is_uneven: false,
            per_byte: 0,
        }
    }

    fn charge(&mut self, units: u64) -> Result<(), TooMuch> {
        self.left = self.left.checked_sub(units).ok_or(TooMuch)?;
        Ok(())
    }

    fn target(&mut self, reference: &'s str) -> Option<&'s Value> {
        if let Some(known) = self.references.get(reference) {
            return Some(known);
        }
        let found = self.root.pointer(reference.strip_prefix('#')?)?;
        self.references.insert(reference, found);
        Some(found)
    }

    /// Charges for comparing a value with what is written in the schema.
    fn compare(&mut self, written: &Value, value: &Value) -> Result<(), TooMuch> {
        match (written, value) {
            (Value::String(a), Value::String(b)) if a.len() == b.len() => {
                self.charge(1 + a.len() as u64 / 8)
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                self.charge(VISIT + a.len() as u64)?;
                a.iter().zip(b).try_for_each(|(a, b)| self.compare(a, b))
            }
            (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
                self.charge(VISIT + KEYWORD * a.len() as u64)?;
                a.iter().try_for_each(|(key, a)| match b.get(key) {
                    Some(b) => self.compare(a, b),
                    None => Ok(()),
                })
            }
            _ => self.charge(1),
        }
    }

    /// Charges for reading all of a value, as often as `times`.
    fn read(&mut self, value: &Value, times: u64) -> Result<(), TooMuch> {
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
            self.charge(times.saturating_mul(KEYWORD + size))?;
        }
        Ok(())
    }

    fn search(&mut self, pattern: &str, text: &str) -> Result<(), TooMuch> {
        let positions = self.positions(pattern);
        self.charge(positions.saturating_mul(text.len() as u64).saturating_add(KEYWORD))
    }

    fn positions(&self, pattern: &str) -> u64 {
        self.weights.patterns.get(pattern).copied().unwrap_or(UNKNOWN_POSITIONS)
    }

    /// Charges for checking `value` against `schema`. `inside`: how many alternatives are around.
    fn visit(
        &mut self,
        schema: &'s Value,
        value: &Value,
        inside: u64,
        depth: usize,
    ) -> Result<(), TooMuch> {
        self.charge(VISIT)?;
        let Value::Object(map) = schema else { return Ok(()) };
        if depth > MAX_DEPTH {
            return Err(TooMuch);
        }
        self.nesting = self.nesting.max(inside);
        let before = self.left;
        for (keyword, inner) in map {
            self.charge(KEYWORD)?;
            self.in_place(keyword, inner, value, inside, depth + 1)?;
        }
        let in_place = before - self.left;
        for (keyword, inner) in map {
            match (keyword.as_str(), value) {
                // To know what was looked at, what is said of the same value is tried again.
                ("unevaluatedProperties", Value::Object(fields)) => {
                    self.charge(in_place.saturating_mul(1 + fields.len() as u64))?;
                }
                ("unevaluatedItems", Value::Array(items)) => {
                    self.charge(in_place.saturating_mul(1 + items.len() as u64))?;
                }
                _ => {}
            }
            match value {
                Value::Object(fields) => {
                    self.fields(map, keyword, inner, fields, inside, depth + 1)?;
                }
                Value::Array(items) => self.items(map, keyword, inner, items, inside, depth + 1)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// What is said of the value itself.
    fn in_place(
        &mut self,
        keyword: &str,
        inner: &'s Value,
        value: &Value,
        inside: u64,
        depth: usize,
    ) -> Result<(), TooMuch> {
        match (keyword, inner, value) {
            ("$ref", Value::String(reference), _) => match self.target(reference) {
                Some(target) => self.visit(target, value, inside, depth),
                None => Ok(()),
            },
            ("allOf", Value::Array(all), _) => {
                all.iter().try_for_each(|one| self.visit(one, value, inside, depth))
            }
            ("anyOf" | "oneOf", Value::Array(all), _) => {
                let before = self.left;
                all.iter().try_for_each(|one| self.visit(one, value, inside + 1, depth))?;
                self.alternatives = self.alternatives.max(before - self.left);
                Ok(())
            }
            ("not" | "if", one, _) => self.visit(one, value, inside + 1, depth),
            ("then" | "else", one, _) => self.visit(one, value, inside, depth),
            ("dependentSchemas" | "dependencies", Value::Object(all), Value::Object(_)) => {
                all.values().try_for_each(|one| self.visit(one, value, inside, depth))
            }
            ("enum", Value::Array(options), _) => {
                options.iter().try_for_each(|option| self.compare(option, value))
            }
            ("const", written, _) => self.compare(written, value),
            ("pattern", Value::String(pattern), Value::String(text)) => self.search(pattern, text),
            ("minLength" | "maxLength" | "format", _, Value::String(text)) => {
                self.charge(text.len() as u64)
            }
            ("uniqueItems", Value::Bool(true), Value::Array(_)) => self.read(value, 4),
            ("required", Value::Array(names), Value::Object(_)) => {
                self.charge(VISIT * names.len() as u64)
            }
            ("dependentRequired", one, Value::Object(_)) => self.read(one, 1),
            _ => Ok(()),
        }
    }

    fn fields(
        &mut self,
        schema: &'s serde_json::Map<String, Value>,
        keyword: &str,
        inner: &'s Value,
        fields: &serde_json::Map<String, Value>,
        inside: u64,
        depth: usize,
    ) -> Result<(), TooMuch> {
        match (keyword, inner) {
            ("properties", Value::Object(properties)) => {
                self.charge(VISIT * properties.len() as u64)?;
                properties.iter().try_for_each(|(name, one)| match fields.get(name) {
                    Some(field) => self.visit(one, field, inside, depth),
                    None => Ok(()),
                })
            }
            ("patternProperties", Value::Object(patterns)) => {
                for (name, field) in fields {
                    for (pattern, one) in patterns {
                        // Searched again for `additionalProperties`.
                        self.search(pattern, name)?;
                        self.search(pattern, name)?;
                        self.visit(one, field, inside, depth)?;
                    }
                }
                Ok(())
            }
            ("additionalProperties" | "unevaluatedProperties", one) => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (name, field) in fields {
                    self.charge(VISIT + name.len() as u64 / 8)?;
                    if keyword == "unevaluatedProperties"
                        || known.is_none_or(|known| !known.contains_key(name))
                    {
                        self.visit(one, field, inside, depth)?;
                    }
                }
                Ok(())
            }
            ("propertyNames", one) => fields.keys().try_for_each(|name| {
                self.charge(KEYWORD + name.len() as u64)?;
                self.visit(one, &Value::String(name.clone()), inside, depth)
            }),
            _ => Ok(()),
        }
    }

    fn items(
        &mut self,
        schema: &'s serde_json::Map<String, Value>,
        keyword: &str,
        inner: &'s Value,
        items: &[Value],
        inside: u64,
        depth: usize,
    ) -> Result<(), TooMuch> {
        let first = schema.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
        match (keyword, inner) {
            ("items", one) => {
                items.iter().skip(first).try_for_each(|item| self.visit(one, item, inside, depth))
            }
            ("prefixItems", Value::Array(schemas)) => schemas
                .iter()
                .zip(items)
                .try_for_each(|(one, item)| self.visit(one, item, inside, depth)),
            ("contains", one) => {
                items.iter().try_for_each(|item| self.visit(one, item, inside + 1, depth))
            }
            ("unevaluatedItems", one) => {
                items.iter().try_for_each(|item| self.visit(one, item, inside, depth))
            }
            _ => Ok(()),
        }
    }

    /// The most that any one value takes, with all that is written out and errors included; `None`
    /// where the schema is too large. Adds up what each byte of text takes.
    fn most(&mut self, schema: &'s Value, depth: usize) -> Option<u64> {
        self.charge(1).ok()?;
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
                ("pattern", Value::String(pattern)) => self.add_per_byte(self.positions(pattern)),
                ("patternProperties", Value::Object(patterns)) => {
                    for pattern in patterns.keys() {
                        self.add_per_byte(2 * self.positions(pattern));
                    }
                }
                ("minLength" | "maxLength" | "format", _) => self.add_per_byte(1),
                _ => {}
            }
            let more = match (keyword.as_str(), inner) {
                ("$ref", Value::String(reference)) => {
                    let target = self.target(reference)?;
                    self.most(target, depth + 1)?
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
        let schemas: Vec<&'s Value> = match (slot(keyword), inner) {
            (Slot::Data, _) => return Some(0),
            (Slot::Schemas, Value::Object(map)) => map.values().collect(),
            (Slot::Schema, Value::Object(_)) => vec![inner],
            (_, Value::Array(all)) => all.iter().collect(),
            _ => return Some(0),
        };
        schemas.into_iter().try_fold(0_u64, |sum, one| {
            Some(sum.saturating_add(VISIT + KEYWORD).saturating_add(self.most(one, depth)?))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use proptest::test_runner::{Config, TestRunner};
    use serde_json::json;

    use super::super::checker::Checker;
    use super::*;

    fn units(schema: &Value, value: &Value) -> Result<u64, TooMuch> {
        Weights::of(schema).cost(schema, value, FULL).map(|cost| cost.units)
    }

    /// What took a server down: little text, much work.
    #[test]
    fn what_multiplies_is_refused() {
        let alternatives: Vec<Value> = (0..300).map(|i| json!({"const": -i})).collect();
        let numbers = |n: usize| json!({"v": (0..n).collect::<Vec<_>>()});
        let of_items = |items: Value| json!({"properties": {"v": {"items": items}}});
        let nested = (0..40).fold(
            json!({"const": 1}),
            |inner, _| json!({"anyOf": [{"const": 0}, inner, {"maxProperties": 1}]}),
        );
        for (schema, value) in [
            (of_items(json!({"anyOf": alternatives})), numbers(500_000)),
            (
                of_items(json!({"enum": (0..2000).map(|i| -i).collect::<Vec<_>>()})),
                numbers(500_000),
            ),
            (of_items(nested), numbers(500_000)),
            (
                json!({"properties": {"v": {"pattern": "[ab]*a[ab]{2000}$"}}}),
                json!({"v": "a".repeat(1 << 20)}),
            ),
            (
                json!({"properties": {"v": {
                    "anyOf": [{"properties": {"a": true}}, {"required": ["b"]}],
                    "unevaluatedProperties": {"type": "integer"},
                }}}),
                json!({"v": (0..50_000).map(|i| (i.to_string(), json!(i))).collect::<serde_json::Map<_, _>>()}),
            ),
        ] {
            let checker = Checker::new(Arc::new(schema)).unwrap();
            let start = Instant::now();
            assert!(checker.check_inline(&value, "input", &mut u64::MAX.clone()).is_none());
            let problems = checker.check(&value, "input").unwrap_err();
            assert_eq!(problems.0[0].path, "input.v", "{problems}");
            assert!(problems.to_string().contains("too much work"), "{problems}");
            assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
        }
    }

    #[test]
    fn usual_checks_are_small_and_large_data_is_allowed() {
        let schema = json!({
            "type": "object",
            "properties": {
                "url": {"type": "string", "format": "uri", "pattern": "^https?://"},
                "method": {"enum": ["GET", "POST", "PUT", "PATCH", "DELETE"]},
                "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                "rows": {"type": "array", "items": {
                    "type": "object",
                    "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
                    "required": ["id", "name"],
                }},
            },
            "required": ["url"],
        });
        let row = |i: usize| json!({"id": i, "name": format!("row {i}")});
        let value = |n: usize| json!({"url": "https://example.com/a/b", "rows": (0..n).map(row).collect::<Vec<_>>()});
        let weights = Weights::of(&schema);
        assert!(weights.is_small(&value(100)));
        let checker = Checker::new(Arc::new(schema)).unwrap();
        assert!(checker.check_inline(&value(1000), "input", &mut u64::MAX.clone()).is_some());
        assert!(checker.check_inline(&value(100_000), "input", &mut u64::MAX.clone()).is_none());
        assert_eq!(checker.check(&value(100_000), "input"), Ok(()));
        // The first violation of a large value is found where it is.
        let mut wrong = value(50_000);
        wrong["rows"][40_000]["id"] = json!("x");
        let problems = checker.check(&wrong, "input").unwrap_err();
        assert_eq!(problems.0[0].path, "input.rows[40000].id");
    }

    #[test]
    fn a_schema_that_multiplies_is_refused_by_itself() {
        let mut definitions = serde_json::Map::new();
        let options: Vec<usize> = (0..90_000).collect();
        definitions.insert("e".into(), json!({"enum": options}));
        let all = vec![json!({"$ref": "#/$defs/e"}); 150];
        let schema = json!({"$defs": definitions, "anyOf": all});
        let message = Checker::new(Arc::new(schema)).unwrap().too_costly().unwrap();
        assert!(message.contains("at most 4194304"), "{message}");
        let large_list = json!({"enum": (0..90_000).collect::<Vec<_>>()});
        assert_eq!(Checker::new(Arc::new(large_list)).unwrap().too_costly(), None);
    }

    /// Whatever is small at a glance is small when counted, and what is counted covers the time.
    #[test]
    fn estimates_cover_the_work() {
        let leaf = |i: u32| match i % 12 {
            0 => json!({"type": "integer"}),
            1 => json!({"enum": [1, "a", [1, 2], {"a": 1}]}),
            2 => json!({"pattern": "^(a|b)*a(a|b){3}$"}),
            3 => json!({"minLength": 2, "maxLength": 9}),
            4 => json!({"uniqueItems": true}),
            5 => json!({"required": ["a", "b"]}),
            6 => json!({"const": {"a": [1, 2, 3]}}),
            7 => json!({"propertyNames": {"pattern": "^.{1,50}$"}}),
            8 => json!(true),
            9 => json!({"minItems": 1, "maxProperties": 90}),
            10 => json!({"$ref": "#/$defs/d"}),
            _ => json!({"multipleOf": 0.5}),
        };
        let node = move |bits: Vec<u32>| {
            bits.iter().fold(leaf(bits.len() as u32), |inner, bit| {
                let other = leaf(bit / 16);
                match bit % 13 {
                    0 => json!({"items": inner}),
                    1 => json!({"properties": {"a": inner, "b": other}}),
                    2 => json!({"anyOf": [inner, other]}),
                    3 => json!({"oneOf": [other, inner, {"type": "null"}]}),
                    4 => json!({"allOf": [inner, other]}),
                    5 => json!({"not": inner}),
                    6 => json!({"if": other, "then": inner, "else": {"type": "array"}}),
                    7 => json!({"additionalProperties": inner}),
                    8 => json!({"patternProperties": {"^[a-m]": inner, "x$": other}}),
                    9 => json!({"prefixItems": [other, inner], "items": inner}),
                    10 => json!({"contains": inner}),
                    11 => json!({"anyOf": [inner, other], "unevaluatedProperties": false}),
                    _ => json!({"anyOf": [inner, other], "unevaluatedItems": {"type": "integer"}}),
                }
            })
        };
        let schemas = proptest::collection::vec(0_u32..4096, 0..7);
        let sizes = (0_u32..8, 1_usize..2000);
        let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new(config);
        let run = runner.run(&(schemas, sizes), |(bits, (form, size))| {
            let mut schema = node(bits);
            if let Value::Object(map) = &mut schema {
                map.insert(
                    "$defs".into(),
                    json!({"d": {"anyOf": [{"type": "string"}, {"items": true}]}}),
                );
            }
            let value = match form {
                0 => json!(vec![7; size]),
                1 => json!("ab".repeat(size)),
                2 => (0..size).map(|i| (format!("a{i}"), json!(i))).collect(),
                3 => json!(vec![json!({"a": [1, 2], "b": "abab"}); size]),
                4 => json!({"a": vec!["abaab"; size], "b": {"a": 1}}),
                5 => json!(vec![vec![vec![1]; 3]; size / 3 + 1]),
                6 => json!(vec!["a".repeat(20); size]),
                _ => json!((0..size).map(|i| vec![i; i % 3]).collect::<Vec<_>>()),
            };
            let weights = Weights::of(&schema);
            let Ok(cost) = weights.cost(&schema, &value, FULL) else { return Ok(()) };
            if weights.is_small(&value) {
                assert!(cost.is_small(), "{schema} {value} {cost:?}");
            }
            let checker = Checker::new(Arc::new(schema.clone())).unwrap();
            let start = Instant::now();
            let _ = checker.check(&value, "");
            // A debug build on a busy machine; the work that is missed is many times larger.
            let allowed = Duration::from_millis(300) + Duration::from_micros(3) * cost.units as u32;
            assert!(start.elapsed() < allowed, "{:?} for {cost:?}: {schema}", start.elapsed());
            Ok(())
        });
        run.unwrap();
    }

    #[test]
    fn positions_of_patterns() {
        for (pattern, expected) in [
            ("", 1),
            ("abc", 3),
            ("^[a-z]+$", 2),
            ("a{5}", 5),
            ("(a|b){2,10}", 10),
            ("(?i)k", 1),
            ("(", UNKNOWN_POSITIONS),
        ] {
            assert_eq!(positions_of(pattern), expected, "{pattern}");
        }
        assert_eq!(units(&json!({"pattern": "a{100}"}), &json!("b".repeat(50))), Ok(5014));
    }
}
