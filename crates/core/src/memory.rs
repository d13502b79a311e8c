//! How much memory JSON values take: of a value that exists, and of the values that a JSON or YAML
//! text is parsed into. Both are upper estimates, so that memory can be reserved before it is used.
//!
//! A value in memory takes many times the bytes of its text: `[0],` is 4 bytes of text and about
//! 400 bytes of values. What counts is the size of [`Value`], the capacity to which vectors and
//! hash tables grow, and what the allocator adds.

use std::mem::size_of;

use serde_json::Value;

use crate::Map;

/// The counters of an `Arc`.
pub const ARC_BYTES: usize = 2 * size_of::<usize>();

/// What an entry of an object takes beside its key's text and its value: the key itself, its hash,
/// its places in the index, and room that is reserved for more.
pub const OBJECT_ENTRY_BYTES: usize = size_of::<String>() + 5 * size_of::<usize>();

/// A value in an array, or in a field of a struct.
const VALUE: usize = size_of::<Value>();

/// An entry of an object: its hash, key and value.
const ENTRY: usize = size_of::<usize>() + size_of::<String>() + VALUE;

/// A slot of an object's hash table: the place of the entry and a control byte.
const SLOT: usize = size_of::<usize>() + 1;

/// The control bytes after the last slot of a hash table.
const GROUP: usize = 16;

/// The least capacity of an array that has a value.
const LEAST_ITEMS: usize = 4;

/// Containers nested deeper than this are refused wherever a text is parsed; deeper ones are
/// counted as part of the one that they are in.
const MAX_NESTING: usize = 256;

/// About how many bytes the allocator takes for an allocation of so many bytes.
pub const fn allocated_bytes(bytes: usize) -> usize {
    if bytes == 0 {
        return 0;
    }
    // Size classes are at most an eighth apart; the smallest are 16 bytes apart.
    let classed = bytes + bytes / 8;
    (classed + 15) & !15
}

/// The vector of an array that grew to so many items.
fn array_bytes(items: usize) -> usize {
    match items {
        0 => 0,
        items => allocated_bytes(items.max(LEAST_ITEMS).next_power_of_two() * VALUE),
    }
}

/// The entries and hash table of an object that grew to so many entries.
fn object_bytes(entries: usize) -> usize {
    if entries == 0 {
        return 0;
    }
    let slots = match entries {
        1..=3 => 4,
        4..=7 => 8,
        entries => (entries * 8 / 7 + 1).next_power_of_two(),
    };
    let capacity = if slots == 4 { 3 } else { slots / 8 * 7 };
    allocated_bytes(capacity * ENTRY) + allocated_bytes(slots * SLOT + GROUP)
}

/// About how many bytes the value takes as JSON. Escapes are not counted, so text of control
/// characters takes more; walking stops once `enough` is reached.
pub fn json_size(value: &Value, enough: usize) -> usize {
    // Only containers in containers are kept here, so most values need none of it.
    let mut open = Vec::new();
    let mut next = Some(value);
    let mut size = 0;
    while let Some(value) = next {
        match value {
            Value::Array(items) => {
                size += 2;
                for item in items {
                    size += leaf_size(item, &mut open);
                    if size >= enough {
                        return size;
                    }
                }
            }
            Value::Object(fields) => {
                size += 2;
                for (key, value) in fields {
                    size += key.len() + 3 + leaf_size(value, &mut open);
                    if size >= enough {
                        return size;
                    }
                }
            }
            other => size += leaf_size(other, &mut open),
        }
        if size >= enough {
            break;
        }
        next = open.pop();
    }
    size
}

/// The size of a text, number, boolean or null; containers are put aside.
fn leaf_size<'a>(value: &'a Value, open: &mut Vec<&'a Value>) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 3,
        Value::Array(_) | Value::Object(_) => {
            open.push(value);
            0
        }
    }
}

/// An upper estimate of the bytes that a value takes, itself included.
pub fn value_bytes(value: &Value) -> usize {
    // Only containers in containers are kept here, so most values need none of it.
    let mut open = Vec::new();
    let mut bytes = VALUE;
    let mut next = Some(value);
    while let Some(value) = next {
        match value {
            Value::Array(items) => {
                bytes += allocated_bytes(items.capacity() * VALUE);
                bytes += items.iter().map(|item| leaf_bytes(item, &mut open)).sum::<usize>();
            }
            Value::Object(fields) => {
                bytes += object_bytes(fields.len());
                for (key, value) in fields {
                    bytes += allocated_bytes(key.len()) + leaf_bytes(value, &mut open);
                }
            }
            other => bytes += leaf_bytes(other, &mut open),
        }
        next = open.pop();
    }
    bytes
}

/// About how many bytes a clone of a value takes: its arrays and objects have no spare capacity.
/// Recurses as deep as the value nests.
pub fn clone_bytes(value: &Value) -> usize {
    let inner = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => allocated_bytes(text.len()),
        Value::Array(items) => items.iter().map(clone_bytes).sum(),
        Value::Object(fields) => map_clone_bytes(fields),
    };
    VALUE + inner
}

/// About how many bytes the entries of a clone of an object take.
pub fn map_clone_bytes(fields: &Map) -> usize {
    let entry = |(key, value): (&String, &Value)| {
        OBJECT_ENTRY_BYTES + allocated_bytes(key.len()) + clone_bytes(value)
    };
    fields.iter().map(entry).sum()
}

/// About how many bytes a list of names takes.
pub fn names_bytes(names: &[String]) -> usize {
    let name = |name: &String| size_of::<String>() + allocated_bytes(name.len());
    size_of::<Vec<String>>() + names.iter().map(name).sum::<usize>()
}

/// What a text takes beside the value itself; containers are put aside.
fn leaf_bytes<'a>(value: &'a Value, open: &mut Vec<&'a Value>) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => allocated_bytes(text.len()),
        Value::Array(_) | Value::Object(_) => {
            open.push(value);
            0
        }
    }
}

/// An upper estimate of the bytes that the value of a JSON text takes while it is parsed and
/// afterwards. One pass over the bytes; a text that is not valid JSON gets some estimate.
pub fn json_bytes(text: &[u8]) -> usize {
    let mut scan = TextScan::default();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                let end = end_of_string(text, at + 1);
                scan.bytes += allocated_bytes(end - at - 1);
                scan.note_value();
                at = end;
            }
            b'[' | b'{' => scan.open_container(*byte == b'{'),
            b']' | b'}' => scan.close_container(),
            b',' => scan.count_comma(),
            b' ' | b'\t' | b'\r' | b'\n' | b':' => {}
            _ => scan.note_value(),
        }
        at += 1;
    }
    scan.total_bytes()
}

/// The position of the quote that ends a string, or the end of the text.
fn end_of_string(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// An upper estimate of the bytes that the value of a YAML text takes. Every sign that can separate
/// two values counts as an entry of an object of its own.
pub fn yaml_bytes(text: &[u8]) -> usize {
    let is_sign = |byte: &&u8| matches!(**byte, b'\n' | b',' | b':' | b'[' | b'{' | b'-' | b'?');
    let signs = text.iter().filter(is_sign).count();
    signs * (VALUE + array_bytes(1)) + 2 * text.len() + VALUE
}

/// A container whose end has not been reached.
#[derive(Clone, Copy)]
struct OpenContainer {
    is_object: bool,
    commas: usize,
    /// Whether it has anything in it.
    filled: bool,
}

#[derive(Default)]
struct TextScan {
    bytes: usize,
    open: Vec<OpenContainer>,
    /// Containers beyond [`MAX_NESTING`].
    deeper: usize,
    /// The largest single container: while it grows, its old and its new memory are both there.
    largest: usize,
}

impl TextScan {
    fn note_value(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.filled = true;
        }
    }

    fn count_comma(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.commas += 1;
        }
    }

    fn open_container(&mut self, is_object: bool) {
        self.note_value();
        if self.open.len() == MAX_NESTING {
            self.deeper += 1;
            self.bytes += object_bytes(1);
            return;
        }
        self.open.push(OpenContainer { is_object, commas: 0, filled: false });
    }

    fn close_container(&mut self) {
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        let Some(OpenContainer { is_object, commas, filled }) = self.open.pop() else { return };
        let items = commas + usize::from(filled);
        let bytes = if is_object { object_bytes(items) } else { array_bytes(items) };
        self.largest = self.largest.max(bytes);
        self.bytes += bytes;
    }

    fn total_bytes(mut self) -> usize {
        self.deeper = 0;
        while !self.open.is_empty() {
            self.close_container();
        }
        VALUE + self.bytes + self.largest / 2
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn is_near_the_written_size() {
        let value = json!({"a": [1, 2, "three"], "b": {"c": null, "d": "x".repeat(100)}});
        let written = value.to_string().len();
        let size = json_size(&value, usize::MAX);
        assert!(size.abs_diff(written) < 40, "{size} {written}");
        assert!(json_size(&value, 10) < 60, "stops early");
    }

    #[test]
    fn estimates_grow_with_the_values() {
        assert_eq!(value_bytes(&json!(null)), VALUE);
        assert_eq!(value_bytes(&json!("")), VALUE);
        assert_eq!(json_bytes(b"1"), VALUE);
        assert!(json_bytes(b"\"abc\"") >= VALUE + 3);
        assert!(value_bytes(&json!({"a": [1]})) > 4 * VALUE);
        assert!(yaml_bytes(b"a: [1, 2]\n") > 5 * VALUE);
    }

    #[test]
    fn any_text_gets_an_estimate() {
        for text in ["", "]]]]", "\"", "\"\\", "[[[", "{\"a", ",,,", "[\"\\\"]"] {
            assert!(json_bytes(text.as_bytes()) >= VALUE, "{text}");
        }
        assert!(json_bytes("[".repeat(100_000).as_bytes()) > 100_000);
    }

    /// What the text is thought to take is at least what its value takes, and not far more.
    fn check_estimate(text: &str, most: usize) {
        let value = crate::json::from_str(text).unwrap();
        let (before, after) = (json_bytes(text.as_bytes()), value_bytes(&value));
        let shown = &text[..text.len().min(40)];
        assert!(before >= after, "{shown}: {before} before, {after} after");
        assert!(before <= most * after, "{shown}: {before} before, {after} after");
    }

    #[test]
    fn dense_texts_are_recognised_before_they_are_parsed() {
        for (item, at_least) in [
            ("0", 30),
            ("[]", 20),
            ("[0]", 80),
            ("{\"a\":0}", 40),
            ("\"\"", 20),
            ("{\"a\":[{\"b\":[1,2]}]}", 20),
        ] {
            let text = format!("[{}{item}]", format!("{item},").repeat(20_000));
            check_estimate(&text, 3);
            let factor = json_bytes(text.as_bytes()) / text.len();
            assert!(factor >= at_least, "{item}: {factor}");
        }
        let long = format!("[\"{}\"]", "x".repeat(1 << 20));
        check_estimate(&long, 2);
        assert!(json_bytes(long.as_bytes()) < 2 * long.len());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 200, 30, |inner| {
            let object = prop::collection::vec((".{0,12}", inner.clone()), 0..30);
            prop_oneof![
                prop::collection::vec(inner, 0..30).prop_map(Value::from),
                object.prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn no_value_takes_more_than_its_text_was_thought_to(value in any_json()) {
            for text in [value.to_string(), format!("{value:#}")] {
                let parsed = crate::json::from_str(&text).unwrap();
                prop_assert!(json_bytes(text.as_bytes()) >= value_bytes(&parsed), "{}", text);
            }
        }
    }
}
