//! Redaction of secrets in values.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::Map;
use crate::expr::{PLACEHOLDER, SecretInsertion};

/// Redacts the secrets of one execution, which must not be stored or shown.
pub trait Redact: fmt::Debug + Send + Sync {
    /// The text with [`PLACEHOLDER`] for each secret, in whatever form; `None`: it has none.
    fn redact_text(&self, text: &str) -> Option<String>;

    /// The same for bytes that become text later, such as the body of a response before it is
    /// written as base64.
    fn redact_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>>;
}

/// For executions without secrets: changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoSecrets;

impl Redact for NoSecrets {
    fn redact_text(&self, _: &str) -> Option<String> {
        None
    }

    fn redact_bytes(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// The text without secrets.
pub fn redacted_text<'t>(redact: &dyn Redact, text: &'t str) -> Cow<'t, str> {
    redact.redact_text(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The value without secrets: the same one where there are none in it.
pub fn redacted_value(redact: &dyn Redact, value: &Arc<Value>) -> Arc<Value> {
    let mut nowhere = WalkPosition { pointer: String::new(), insertions: &mut [] };
    redact_value(redact, value, &mut nowhere).map_or_else(|| Arc::clone(value), Arc::new)
}

/// As [`redacted_value`], for a value at `pointer` with insertions of secrets: they move with the
/// text around them.
pub(crate) fn redacted_around(
    redact: &dyn Redact,
    value: &Arc<Value>,
    pointer: &str,
    insertions: &mut [SecretInsertion],
) -> Arc<Value> {
    let mut place = WalkPosition { pointer: pointer.to_owned(), insertions };
    redact_value(redact, value, &mut place).map_or_else(|| Arc::clone(value), Arc::new)
}

/// An object whose values are without secrets; its keys are kept as they are.
pub(crate) fn redacted_members(redact: &dyn Redact, object: &Arc<Value>) -> Arc<Value> {
    let Value::Object(members) = &**object else { return Arc::clone(object) };
    let mut nowhere = WalkPosition { pointer: String::new(), insertions: &mut [] };
    let mut changed: Option<Map> = None;
    for (key, value) in members {
        if let Some(value) = redact_value(redact, value, &mut nowhere) {
            changed.get_or_insert_with(|| members.clone()).insert(key.clone(), value);
        }
    }
    changed.map_or_else(|| Arc::clone(object), |members| Arc::new(Value::Object(members)))
}

/// The members of an object without secrets.
pub(crate) fn redacted_map(redact: &dyn Redact, map: &Map) -> Option<Map> {
    let mut nowhere = WalkPosition { pointer: String::new(), insertions: &mut [] };
    redact_map(redact, map, &mut nowhere)
}

/// Where in a document the walk is, and what is inserted into the document.
struct WalkPosition<'a> {
    /// JSON Pointer; kept only where something is inserted.
    pointer: String,
    insertions: &'a mut [SecretInsertion],
}

impl WalkPosition<'_> {
    /// Goes down to a member; returns where to come back to.
    fn enter_member(&mut self, key: &str) -> usize {
        let length = self.pointer.len();
        if !self.insertions.is_empty() {
            self.pointer.push('/');
            self.pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        }
        length
    }

    /// The member that was entered has another key now; the insertions below it move with it.
    fn rename_member(&mut self, parent: usize, key: &str) {
        let old = self.pointer.clone();
        self.pointer.truncate(parent);
        self.enter_member(key);
        for insertion in &mut *self.insertions {
            let below = insertion.pointer.strip_prefix(&old);
            if let Some(below) = below.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
                insertion.pointer = format!("{}{below}", self.pointer);
            }
        }
    }
}

fn redact_value(redact: &dyn Redact, value: &Value, place: &mut WalkPosition<'_>) -> Option<Value> {
    match value {
        Value::String(text) => redact_string(redact, text, place).map(Value::String),
        Value::Number(number) => {
            let text = number.to_string();
            let digits = text.trim_start_matches('-');
            let is_secret = redact.redact_text(digits).is_some_and(|left| left == PLACEHOLDER);
            is_secret.then(|| PLACEHOLDER.into())
        }
        Value::Array(items) => {
            let mut changed: Option<Vec<Value>> = None;
            for (index, item) in items.iter().enumerate() {
                let parent = place.enter_member(&index.to_string());
                if let Some(item) = redact_value(redact, item, place) {
                    changed.get_or_insert_with(|| items.clone())[index] = item;
                }
                place.pointer.truncate(parent);
            }
            changed.map(Value::Array)
        }
        Value::Object(map) => redact_map(redact, map, place).map(Value::Object),
        Value::Null | Value::Bool(_) => None,
    }
}

fn redact_map(redact: &dyn Redact, map: &Map, place: &mut WalkPosition<'_>) -> Option<Map> {
    let mut entries = Vec::with_capacity(map.len());
    let mut changed = false;
    for (key, value) in map {
        let parent = place.enter_member(key);
        let value = redact_value(redact, value, place);
        let renamed = redact.redact_text(key).map(|renamed| free_key(map, &entries, renamed));
        if let Some(renamed) = &renamed {
            place.rename_member(parent, renamed);
        }
        place.pointer.truncate(parent);
        changed |= value.is_some() || renamed.is_some();
        entries.push((renamed, key, value));
    }
    if !changed {
        return None;
    }
    let kept = map.values();
    let entries = entries.into_iter().zip(kept).map(|((renamed, key, value), old)| {
        (renamed.unwrap_or_else(|| key.clone()), value.unwrap_or_else(|| old.clone()))
    });
    Some(entries.collect())
}

/// Keys that read the same without their secrets stay apart.
fn free_key(
    map: &Map,
    done: &[(Option<String>, &String, Option<Value>)],
    wanted: String,
) -> String {
    let mut key = wanted.clone();
    let mut number = 2;
    while map.contains_key(&key) || done.iter().any(|(new, ..)| new.as_ref() == Some(&key)) {
        key = format!("{wanted} ({number})");
        number += 1;
    }
    key
}

fn redact_string(redact: &dyn Redact, text: &str, place: &mut WalkPosition<'_>) -> Option<String> {
    let pointer = &place.pointer;
    let mut here: Vec<&mut SecretInsertion> =
        place.insertions.iter_mut().filter(|insertion| insertion.pointer == *pointer).collect();
    if here.is_empty() {
        return redact.redact_text(text);
    }
    here.sort_unstable_by_key(|insertion| insertion.offset);
    let mut kept = String::with_capacity(text.len());
    let mut rest = 0;
    for insertion in here {
        kept.push_str(&redacted_text(redact, text.get(rest..insertion.offset).unwrap_or_default()));
        rest = insertion.offset + PLACEHOLDER.len();
        insertion.offset = kept.len();
        kept.push_str(PLACEHOLDER);
    }
    kept.push_str(&redacted_text(redact, text.get(rest..).unwrap_or_default()));
    (kept != text).then_some(kept)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Takes out one word.
    #[derive(Debug)]
    struct TestSecret(&'static str);

    impl Redact for TestSecret {
        fn redact_text(&self, text: &str) -> Option<String> {
            text.contains(self.0).then(|| text.replace(self.0, PLACEHOLDER))
        }

        fn redact_bytes(&self, _: &[u8]) -> Option<Vec<u8>> {
            None
        }
    }

    #[test]
    fn keys_texts_and_numbers_are_redacted() {
        let value = Arc::new(json!({"a hunter2": ["x", {"b": "hunter2hunter2"}], "n": 1}));
        assert_eq!(
            *redacted_value(&TestSecret("hunter2"), &value),
            json!({"a [secret]": ["x", {"b": "[secret][secret]"}], "n": 1})
        );
        let digits = Arc::new(json!([123_456, -123_456, 1_234_567, "123456"]));
        let expected = json!(["[secret]", "[secret]", 1_234_567, "[secret]"]);
        assert_eq!(*redacted_value(&TestSecret("123456"), &digits), expected);
        let keys = Arc::new(json!({"hunter2": 1, "[secret]": 2, "x": 3, "y hunter2": 4}));
        let found = redacted_value(&TestSecret("hunter2"), &keys);
        let apart = json!({"[secret] (2)": 1, "[secret]": 2, "x": 3, "y [secret]": 4});
        assert_eq!(*found, apart, "no member is lost");
    }

    #[test]
    fn members_are_redacted_and_keep_their_names() {
        let object = Arc::new(json!({"hunter2": "a hunter2", "n": {"hunter2": 1}, "x": 1}));
        let found = redacted_members(&TestSecret("hunter2"), &object);
        let expected = json!({"hunter2": "a [secret]", "n": {"[secret]": 1}, "x": 1});
        assert_eq!(*found, expected);
        let same = redacted_members(&TestSecret("hunter3"), &object);
        assert!(Arc::ptr_eq(&object, &same));
    }

    #[test]
    fn a_value_without_secrets_is_the_same_value() {
        let value = Arc::new(json!({"a": ["x", 1.5, null, true]}));
        assert!(Arc::ptr_eq(&value, &redacted_value(&TestSecret("hunter2"), &value)));
    }

    #[test]
    fn insertions_move_with_the_text_around_them() {
        let text = "hunter2 [secret] hunter2 [secret][secret]hunter2";
        let value = Arc::new(json!({"h": {"a/hunter2": [0, text]}}));
        let at = |pointer: &str, offset| SecretInsertion {
            pointer: pointer.into(),
            offset,
            name: "K".into(),
        };
        let old = "/config/h/a~1hunter2/1";
        let mut insertions = [at(old, 8), at(old, 25), at(old, 33)];
        let found = redacted_around(&TestSecret("hunter2"), &value, "/config", &mut insertions);
        let kept = "[secret] [secret] [secret] [secret][secret][secret]";
        assert_eq!(*found, json!({"h": {"a/[secret]": [0, kept]}}));
        let new = "/config/h/a~1[secret]/1";
        assert_eq!(insertions, [at(new, 9), at(new, 27), at(new, 35)]);
    }
}
