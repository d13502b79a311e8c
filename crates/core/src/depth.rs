//! How deeply values may nest. One limit for all that flows through an execution, so that whatever
//! reads it again (the journal, a client) knows an end to its recursion.

use serde_json::Value;

/// How many levels of arrays and objects a value of an execution may have: an input, what a step
/// is given and makes, the outputs.
pub const MAX_VALUE_DEPTH: usize = 100;

/// Whether a value nests deeper than `most` levels. Recurses no deeper than that.
pub fn nests_deeper(value: &Value, most: usize) -> bool {
    match value {
        Value::Array(items) => most == 0 || items.iter().any(|v| nests_deeper(v, most - 1)),
        Value::Object(map) => most == 0 || map.values().any(|v| nests_deeper(v, most - 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_arrays_and_objects() {
        for (value, depth) in [
            (json!(1), 0),
            (json!([]), 1),
            (json!({"a": 1, "b": [2, {}]}), 3),
            (json!([[[[]]], [1]]), 4),
        ] {
            assert!(!nests_deeper(&value, depth), "{value}");
            assert_eq!(nests_deeper(&value, depth.saturating_sub(1)), depth > 0, "{value}");
        }
    }
}
