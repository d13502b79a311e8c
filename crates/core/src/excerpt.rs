//! Excerpts of values: large ones are shortened, with a mark where something was removed.

use std::sync::Arc;

use serde_json::Value;

use crate::Map;
use crate::memory::json_size;

/// What replaces the removed part of a text, or the removed entries of an array or object.
const MARK: &str = "[truncated]";

/// Of a value that is shortened, a text has at most this share of the limit, so that one long text
/// does not displace all other fields.
const TEXT_SHARE: usize = 4;

/// A value, or the beginning of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Excerpt {
    /// The value; if it was shortened, with `[truncated]` where something was removed.
    pub value: Arc<Value>,
    /// Whether it was shortened.
    pub is_shortened: bool,
}

/// The value itself if it takes at most about `limit` bytes as JSON, otherwise a copy of its
/// beginning of about that size.
pub fn shorten_value(value: &Arc<Value>, limit: usize) -> Excerpt {
    if json_size(value, limit + 1) <= limit {
        return Excerpt { value: Arc::clone(value), is_shortened: false };
    }
    let longest_text = limit / TEXT_SHARE;
    let mut copier = ExcerptCopier { left: limit, longest_text, is_shortened: false };
    let copy = copier.copy_value(value);
    Excerpt { value: Arc::new(copy), is_shortened: copier.is_shortened }
}

struct ExcerptCopier {
    /// The bytes that may still be copied.
    left: usize,
    /// The most bytes of one text.
    longest_text: usize,
    /// Whether something was removed.
    is_shortened: bool,
}

impl ExcerptCopier {
    /// Recurses as deep as the value nests, which is bounded for every value of an execution.
    fn copy_value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.copy_text(text)),
            Value::Array(items) => {
                let mut copy = Vec::new();
                for item in items {
                    if self.left == 0 {
                        self.is_shortened = true;
                        copy.push(Value::from(MARK));
                        break;
                    }
                    self.spend(1);
                    copy.push(self.copy_value(item));
                }
                Value::Array(copy)
            }
            Value::Object(fields) => {
                let mut copy = Map::new();
                for (name, field) in fields {
                    if self.left < name.len() + 1 {
                        self.left = 0;
                        self.is_shortened = true;
                        copy.insert(MARK.to_owned(), Value::from(MARK));
                        break;
                    }
                    self.spend(name.len() + 4);
                    copy.insert(name.clone(), self.copy_value(field));
                }
                Value::Object(copy)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.spend(json_size(value, usize::MAX));
                value.clone()
            }
        }
    }

    fn copy_text(&mut self, text: &str) -> String {
        let room = self.longest_text.min(self.left);
        let end = text.floor_char_boundary(room);
        self.spend(end + 2);
        if end == text.len() {
            return text.to_owned();
        }
        self.is_shortened = true;
        format!("{}{MARK}", &text[..end])
    }

    fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_small_value_is_shared() {
        let value = Arc::new(json!({"url": "http://a", "headers": {"x": [1, null, true]}}));
        let excerpt = shorten_value(&value, 1000);
        assert!(Arc::ptr_eq(&excerpt.value, &value) && !excerpt.is_shortened);
    }

    #[test]
    fn a_large_value_is_marked_where_it_was_shortened() {
        let texts = json!({"long": "ä".repeat(1000), "url": "http://a"});
        let excerpt = shorten_value(&Arc::new(texts), 100);
        let start = "ä".repeat(12);
        let expected = json!({"long": format!("{start}[truncated]"), "url": "http://a"});
        assert_eq!((&*excerpt.value, excerpt.is_shortened), (&expected, true));
        for value in [
            json!((0..1000).collect::<Vec<_>>()),
            json!(vec!["a".repeat(100); 100]),
            json!({"a": vec![json!({"b": vec![1; 100]}); 100]}),
            Value::Object((0..1000).map(|n| (format!("field {n}"), json!(n))).collect()),
            json!({"n".repeat(1000): 1}),
        ] {
            for limit in [0, 1, 20, 200] {
                let excerpt = shorten_value(&Arc::new(value.clone()), limit);
                let text = excerpt.value.to_string();
                assert!(excerpt.is_shortened && text.contains(MARK), "{text}");
                // Marks and brackets are small.
                assert!(text.len() < 2 * limit + 200, "{limit}: {} of {text}", text.len());
            }
        }
    }
}
