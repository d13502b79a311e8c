//! The schemas of a plan: shared where steps share their type, and bounded where they are put
//! together from other schemas.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Compiler, memory};
use crate::catalog::StepSpec;
use crate::definition::check::schema;
use crate::definition::check::types::is_trivial;

/// The most values in the schemas that are derived for one plan. A step that passes on twice what
/// it gets doubles its schema: without a limit, thirty such steps would fill the memory. Past it,
/// the type of an output counts as unknown.
pub(super) const MAX_VALUES: usize = 100_000;

/// What the steps of a type share.
#[derive(Clone)]
pub(super) struct TypeSchemas {
    pub(super) input: Arc<Value>,
    pub(super) output: Arc<Value>,
    /// Compiled; `None` where every value satisfies it.
    pub(super) input_validator: Option<Arc<jsonschema::Validator>>,
    pub(super) config_validator: Option<Arc<jsonschema::Validator>>,
    /// About how many bytes the two take.
    pub(super) validator_bytes: usize,
}

impl Compiler<'_> {
    /// The schemas of a step type, compiled once.
    pub(super) fn type_schemas(&mut self, spec: &StepSpec) -> TypeSchemas {
        if let Some(found) = self.of_types.get(spec.name) {
            return found.clone();
        }
        let build = |schema: &Value| match is_trivial(schema) {
            true => None,
            // A step type whose schema is broken is caught by its own tests; here it checks
            // nothing.
            false => schema::validator(schema).ok().map(Arc::new),
        };
        let (input_validator, config_validator) = (build(&spec.input), build(&spec.config));
        let bytes = |validator: &Option<_>, schema| {
            validator.as_ref().map_or(0, |_| memory::validator_bytes(schema))
        };
        let made = TypeSchemas {
            input: Arc::new(spec.input.clone()),
            output: Arc::new(spec.output.clone()),
            validator_bytes: bytes(&input_validator, &spec.input)
                + bytes(&config_validator, &spec.config),
            input_validator,
            config_validator,
        };
        self.of_types.insert(spec.name, made.clone());
        made
    }

    /// A copy of a schema to be part of another one; `{}` where the plan has had too many.
    pub(super) fn copy_schema(&self, schema: &Value) -> Value {
        match count_values(schema, self.schema_values.get()) {
            Some(count) if self.take_schema_values(count) => schema.clone(),
            _ => json!({}),
        }
    }

    /// Counts values that are added to a derived schema; `false` where the plan has too many.
    pub(super) fn take_schema_values(&self, count: usize) -> bool {
        let left = self.schema_values.get().checked_sub(count);
        left.inspect(|left| self.schema_values.set(*left)).is_some()
    }

    /// A copy of the schema of what a path leads to, as by [`Compiler::copy_schema`].
    pub(super) fn copy_resolved(&self, path: &[String]) -> Option<Value> {
        self.resolve(path).map(|schema| self.copy_schema(&schema))
    }
}

/// How many values there are in a value; `None`: more than `most`.
fn count_values(value: &Value, most: usize) -> Option<usize> {
    let (mut count, mut open) = (0, vec![value]);
    while let Some(value) = open.pop() {
        count += 1;
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(map) => open.extend(map.values()),
            _ => {}
        }
        if count + open.len() > most {
            return None;
        }
    }
    Some(count)
}
