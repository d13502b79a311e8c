//! How large a value is, without writing it out.

use serde_json::Value;

/// About how many bytes the value takes as JSON. Escapes are not counted, so text of control
/// characters takes more; walking stops once `enough` is reached.
pub(crate) fn json_size(value: &Value, enough: usize) -> usize {
    let mut size = 0;
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        size += match value {
            Value::Null | Value::Bool(_) => 5,
            Value::Number(_) => 8,
            Value::String(text) => text.len() + 3,
            Value::Array(items) => {
                open.extend(items);
                2
            }
            Value::Object(fields) => {
                open.extend(fields.values());
                2 + fields.keys().map(|k| k.len() + 3).sum::<usize>()
            }
        };
        if size >= enough {
            break;
        }
    }
    size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_near_the_written_size() {
        let value =
            serde_json::json!({"a": [1, 2, "three"], "b": {"c": null, "d": "x".repeat(100)}});
        let written = value.to_string().len();
        let size = json_size(&value, usize::MAX);
        assert!(size.abs_diff(written) < 40, "{size} {written}");
        assert!(json_size(&value, 10) < 60, "stops early");
    }
}
