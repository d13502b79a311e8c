//! Paths as problems name them (`steps[2].retry.max_attempts`), found again in the source.

use serde_json::Value;

/// One part of a path, with where it ends in the text.
struct PathPart {
    key: String,
    end: usize,
}

/// Splits a path; what cannot be read ends it.
fn split_path(path: &str) -> Vec<PathPart> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(rest) = path.get(at..).filter(|rest| !rest.is_empty()) {
        let (key, length) = if rest.starts_with("[\"") {
            // A key that is not an identifier is a JSON string.
            let mut stream = serde_json::Deserializer::from_str(&rest[1..]).into_iter::<String>();
            let Some(Ok(key)) = stream.next() else { break };
            (key, 1 + stream.byte_offset() + 1)
        } else if let Some(inner) = rest.strip_prefix('[') {
            let Some(end) = inner.find(']') else { break };
            (inner[..end].to_owned(), end + 2)
        } else {
            let start = usize::from(rest.starts_with('.'));
            let end = rest[start..].find(['.', '[']).map_or(rest.len(), |end| start + end);
            (rest[start..end].to_owned(), end)
        };
        at += length.max(1);
        parts.push(PathPart { key, end: at.min(path.len()) });
    }
    parts
}

fn child_value<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Where each prefix of a path ends that is a path itself, the shortest first; that of the empty
/// path comes first.
pub(super) fn path_ends(path: &str) -> Vec<usize> {
    std::iter::once(0).chain(split_path(path).into_iter().map(|part| part.end)).collect()
}

/// The path, cut back to what is there in the source, or to the one field that is missing there.
pub(super) fn existing_path(source: &Value, path: &str) -> String {
    let mut at = Some(source);
    let mut end = 0;
    for part in split_path(path) {
        match at {
            Some(value @ (Value::Object(_) | Value::Array(_))) => {
                at = child_value(value, &part.key);
                end = part.end;
                if at.is_none() && value.is_array() {
                    break;
                }
            }
            _ => break,
        }
    }
    path.get(..end).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::existing_path;

    #[test]
    fn paths_lead_somewhere() {
        let source = json!({"steps": [{"type": "A", "after": "b", "x.y": {"k": 1}}, "Echo"]});
        for (path, expected) in [
            ("steps[0].type", "steps[0].type"),
            ("steps[0].after[0]", "steps[0].after"),
            ("steps[0].input.text", "steps[0].input"),
            ("steps[0].missing", "steps[0].missing"),
            ("steps[1].type", "steps[1]"),
            ("steps[0][\"x.y\"].k", "steps[0][\"x.y\"].k"),
            ("steps[0][\"x.y\"].l.m", "steps[0][\"x.y\"].l"),
            ("name", "name"),
            ("", ""),
        ] {
            assert_eq!(existing_path(&source, path), expected, "{path}");
        }
    }
}
