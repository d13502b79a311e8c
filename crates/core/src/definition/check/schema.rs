//! JSON Schemas that users and step types give, and what values violate of them.

use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use regex::RegexBuilder;
use serde_json::Value;

use super::cost::{self, CheckCost, FULL, INLINE, KeywordSlot, SchemaWeights, keyword_slot};
use super::references::refuse_bad_references;
use super::unique::unique_items;
use super::violations::list_violations;
use crate::definition::parse::describe_value;
use crate::definition::requirement::{describe_requirement, shorten_text};
use crate::expr::at_key;
use crate::{Problem, Problems};

/// The size of a compiled pattern cannot be read: it counts as the first of these limits that it
/// fits, in bytes. The last one is that of the engine.
const PATTERN_SIZES: [usize; 5] = [16 << 10, 64 << 10, 256 << 10, 1 << 20, 10 << 20];
/// What searching with a pattern may take beside it, in bytes.
const SEARCH_BYTES: usize = 256 << 10;

/// Compiles a schema. Patterns run on an engine without backtracking; nothing is fetched.
///
/// # Errors
/// Why it is no JSON Schema, as a sentence.
fn compile_validator(schema: &Value) -> Result<Validator, String> {
    refuse_bad_references(schema)?;
    let patterns = PatternOptions::regex().dfa_size_limit(SEARCH_BYTES);
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(patterns)
        .with_keyword("uniqueItems", unique_items)
        .build(schema)
        .map_err(|error| invalid_schema(&error))
}

/// Why a schema is none: the place in it, and what to write there.
fn invalid_schema(error: &ValidationError<'_>) -> String {
    let found = error.instance();
    let what = match (error.kind(), found.as_str()) {
        (ValidationErrorKind::Format { format }, Some(pattern)) if format == "regex" => {
            format!(
                "`{}` is not a regular expression{}",
                shorten_text(pattern),
                pattern_fault(pattern)
            )
        }
        _ => match describe_requirement(error) {
            Some(required) => format!("must be {required}, not {}", describe_value(found)),
            None => error.masked_with("what is there").to_string().chars().take(300).collect(),
        },
    };
    let pointer = error.instance_path().as_str();
    match pointer.strip_prefix('/') {
        Some(place) => format!("`{}`: {what}", place.replace('/', ".")),
        None => what,
    }
}

/// What is wrong with a pattern, as the engine reports it.
fn pattern_fault(pattern: &str) -> String {
    let message = regex::Regex::new(pattern).err().map(|error| error.to_string());
    let last = message.as_deref().and_then(|message| message.lines().last());
    let fault = last.and_then(|line| line.strip_prefix("error: "));
    fault.map_or_else(String::new, |fault| format!(": {fault}"))
}

/// About how many bytes the patterns of a schema take compiled; counting stops above `enough`.
/// Recurses as deep as the schema nests.
pub(crate) fn pattern_bytes(schema: &Value, enough: usize) -> usize {
    let mut bytes = 0;
    let mut add = |more: &dyn Fn(usize) -> usize| {
        if bytes <= enough {
            bytes += more(enough - bytes);
        }
    };
    match schema {
        Value::Array(items) => items.iter().for_each(|item| add(&|left| pattern_bytes(item, left))),
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("pattern", Value::String(pattern)) => add(&|_| compiled_bytes(pattern)),
                    ("patternProperties", Value::Object(patterns)) => {
                        patterns.keys().for_each(|pattern| add(&|_| compiled_bytes(pattern)));
                    }
                    _ => {}
                }
                add(&|left| pattern_bytes(value, left));
            }
        }
        _ => {}
    }
    bytes
}

fn compiled_bytes(pattern: &str) -> usize {
    // One that cannot be read takes nothing; that is reported when the schema is compiled.
    let fits = |size: &usize| {
        let built = RegexBuilder::new(pattern).size_limit(*size).build();
        !matches!(built, Err(regex::Error::CompiledTooBig(_)))
    };
    let [.., largest] = PATTERN_SIZES;
    PATTERN_SIZES.into_iter().find(fits).unwrap_or(largest)
}

/// Checks a schema of the data of a form.
///
/// # Errors
/// Why it is no JSON Schema, as a sentence.
pub fn check_value_schema(schema: &Value) -> Result<(), String> {
    let checker = SchemaChecker::new(Arc::new(schema.clone()));
    let checker = checker.map_err(|message| format!("not a valid JSON Schema: {message}"))?;
    checker.too_costly().map_or(Ok(()), Err)
}

/// Checks the data of a form against its schema. It may take long.
///
/// # Errors
/// Every violation, with its path from `data`; that it takes too much work.
pub fn check_form(schema: &Arc<Value>, data: &Value) -> Result<(), Problems> {
    let checker = SchemaChecker::new(schema.clone())
        .map_err(|message| Problem::new("data", format!("the form is not valid: {message}")))?;
    checker.check_value(data, "data")
}

/// Checks a schema that a user wrote; `false` where it is none.
pub(crate) fn check_schema(schema: &Value, path: &str, problems: &mut Problems) -> bool {
    if !schema.is_object() && !schema.is_boolean() {
        let problem = Problem::new(path, "a JSON Schema is an object or a boolean");
        problems.push(problem.with_expectation("object", describe_value(schema)));
        return false;
    }
    match compile_validator(schema) {
        Ok(_) => true,
        Err(message) => {
            problems.push(Problem::new(path, format!("not a valid JSON Schema: {message}")));
            false
        }
    }
}

/// The most units that checking one value may take at one place of it.
const MAX_PER_VALUE: u64 = 4 << 20;
/// The most units that checking a value of a definition may take.
const MAX_CONSTANT: u64 = 1 << 20;
/// A part of a value that takes so many units is named where the whole takes too many.
const MUCH: u64 = FULL / 8;

/// A schema, ready to check values. What takes too much work is refused instead.
#[derive(Debug)]
pub struct SchemaChecker {
    schema: Arc<Value>,
    validator: Validator,
    weights: SchemaWeights,
}

impl SchemaChecker {
    /// # Errors
    /// Why it is no JSON Schema, as a sentence.
    pub(crate) fn new(schema: Arc<Value>) -> Result<Self, String> {
        let validator = compile_validator(&schema)?;
        let weights = SchemaWeights::of_schema(&schema);
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
            return Some(self.report_violations(value, path, CheckCost::default()));
        }
        let cost = self.weights.check_cost(&self.schema, value, INLINE.min(*left)).ok()?;
        *left = left.checked_sub(cost.units).filter(|_| cost.is_small())?;
        Some(self.report_violations(value, path, cost))
    }

    /// Checks a value at `path`.
    ///
    /// # Errors
    /// What it violates; that checking it takes too much work.
    pub(crate) fn check_value(&self, value: &Value, path: &str) -> Result<(), Problems> {
        match self.weights.check_cost(&self.schema, value, FULL) {
            Ok(cost) => self.report_violations(value, path, cost),
            Err(cost::TooMuch) => Err(self.too_much(value, path).into()),
        }
    }

    /// Checks a value that is written in a definition; `None` where that is too much work to be
    /// done while one is compiled.
    pub(crate) fn check_constant(&self, value: &Value, path: &str) -> Option<Result<(), Problems>> {
        let cost = self.weights.check_cost(&self.schema, value, MAX_CONSTANT).ok()?;
        Some(self.report_violations(value, path, cost))
    }

    fn report_violations(
        &self,
        value: &Value,
        path: &str,
        cost: CheckCost,
    ) -> Result<(), Problems> {
        Problems(list_violations(&self.validator, value, path, cost)).or_ok(())
    }

    fn too_much(&self, value: &Value, path: &str) -> Problem {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        let is_much = |name: &&String| {
            let schema = properties.and_then(|properties| properties.get(*name));
            // Its references are looked up in itself, so those are not counted.
            schema
                .is_some_and(|schema| self.weights.check_cost(schema, &value[*name], MUCH).is_err())
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

/// Keywords that count.
const COUNTS: [&str; 8] = [
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minContains",
    "maxContains",
];
/// The largest count that every reader of a schema understands: 2^53.
const MAX_COUNT: u64 = 1 << 53;

/// Reports counts that would be read as another number. Recurses as deep as the schema nests.
pub(crate) fn check_counts(schema: &Value, path: &str, problems: &mut Problems) {
    let Value::Object(map) = schema else { return };
    for (keyword, inner) in map {
        let path = at_key(path, keyword);
        match (keyword_slot(keyword), inner) {
            (_, Value::Number(number)) if COUNTS.contains(&keyword.as_str()) => {
                #[expect(clippy::cast_precision_loss, reason = "2^53 is a double")]
                let fits = number.as_f64().is_some_and(|count| count <= MAX_COUNT as f64);
                if !fits {
                    let expected = format!("a whole number up to {MAX_COUNT}");
                    let problem = Problem::new(path, format!("`{keyword}` is too large"));
                    problems.push(problem.with_expectation(expected, number.to_string()));
                }
            }
            (KeywordSlot::Schema, Value::Array(all)) => {
                for (i, one) in all.iter().enumerate() {
                    check_counts(one, &format!("{path}[{i}]"), problems);
                }
            }
            (KeywordSlot::Schemas, Value::Object(all)) => {
                for (name, one) in all {
                    check_counts(one, &at_key(&path, name), problems);
                }
            }
            (KeywordSlot::Data, Value::Object(all)) if keyword.ends_with("defs") => {
                for (name, one) in all {
                    check_counts(one, &at_key(&path, name), problems);
                }
            }
            (KeywordSlot::Schema, inner) => check_counts(inner, &path, problems),
            _ => {}
        }
    }
}
