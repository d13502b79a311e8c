//! The schemas of a step type, and their compiled form.

use std::sync::Arc;

use serde_json::Value;

use crate::definition::check::schema::SchemaChecker;

/// What the steps of a type share.
#[derive(Clone)]
pub(super) struct TypeSchemas {
    pub(super) input: Arc<Value>,
    pub(super) output: Arc<Value>,
    /// Compiled; `None` where every value satisfies it.
    pub(super) input_checker: Option<Arc<SchemaChecker>>,
    pub(super) config_checker: Option<Arc<SchemaChecker>>,
    /// About how many bytes the two take.
    pub(super) checker_bytes: usize,
}
