//! TEMP
use crate::catalog::Catalog;
use serde_json::Value;
pub(super) fn format_schema(_catalog: &dyn Catalog) -> Value { Value::Null }
