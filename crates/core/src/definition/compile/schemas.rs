//! The schemas of a plan: shared where steps share their type, and bounded where they are put
//! together from other schemas.

use std::sync::Arc;

use serde_json::{Value, json};

use super::type_schemas::TypeSchemas;
use super::{PlanCompiler, memory};
use crate::catalog::StepSpec;
use crate::definition::check::schema::SchemaChecker;
use crate::definition::check::types::is_trivial;
use crate::memory::clone_bytes;

/// The most values in the schemas that are derived for one plan. A step that passes on twice what
/// it gets doubles its schema: without a limit, thirty such steps would fill the memory. Past it,
/// the type of an output counts as unknown.
pub(super) const MAX_VALUES: usize = 100_000;

impl PlanCompiler<'_> {
    /// The schemas of a step type, compiled once.
    pub(super) fn type_schemas(&mut self, spec: &StepSpec) -> TypeSchemas {
        if let Some(found) = self.of_types.get(spec.name) {
            return found.clone();
        }
        let build = |schema: &Arc<Value>| match is_trivial(schema) {
            true => None,
            // A step type whose schema is broken is caught by its own tests; here it checks
            // nothing.
            false => SchemaChecker::new(schema.clone()).ok().map(Arc::new),
        };
        let (input, config) = (Arc::new(spec.input.clone()), Arc::new(spec.config.clone()));
        let (input_checker, config_checker) = (build(&input), build(&config));
        let bytes = |checker: &Option<_>, schema| {
            checker.as_ref().map_or(0, |_| memory::checker_bytes(schema))
        };
        let made = TypeSchemas {
            checker_bytes: bytes(&input_checker, &input)
                + bytes(&config_checker, &config)
                + config_checker.as_ref().map_or(0, |_| clone_bytes(&config)),
            input,
            output: Arc::new(spec.output.clone()),
            input_checker,
            config_checker,
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

    /// A copy of the schema of what a path leads to, as by [`PlanCompiler::copy_schema`].
    pub(super) fn copy_resolved(&self, path: &[String]) -> Option<Value> {
        self.resolve_path(path).map(|schema| self.copy_schema(&schema))
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
