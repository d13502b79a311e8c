//! Lists of error codes.

use serde_json::Value;

use super::walk::ParseWalk;

/// A list of error codes.
pub(super) fn parse_codes(walk: &mut ParseWalk, value: Option<&Value>, path: &str) -> Vec<String> {
    let items = match value {
        None | Some(Value::Null) => return Vec::new(),
        Some(one @ Value::String(_)) => std::slice::from_ref(one),
        Some(Value::Array(items)) => items.as_slice(),
        Some(other) => {
            walk.add_mismatch(path, "list of error codes", other);
            return Vec::new();
        }
    };
    let mut codes = Vec::new();
    for (i, item) in items.iter().enumerate() {
        match item {
            Value::String(code) if !code.is_empty() => codes.push(code.clone()),
            other => walk.add_mismatch(&format!("{path}[{i}]"), "error code", other),
        }
    }
    codes
}
