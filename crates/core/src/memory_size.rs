//! Estimates of how much memory values take.

use serde_json::Value;

use crate::Map;

/// The counters of an `Arc`.
pub const ARC_BYTES: usize = 2 * size_of::<usize>();
/// What an entry of an object takes beside its key's text and its value: the key itself, its hash,
/// its places in the index, and room that is reserved for more.
pub const OBJECT_ENTRY_BYTES: usize = size_of::<String>() + 5 * size_of::<usize>();

/// What an allocation of so many bytes takes.
pub const fn allocation(bytes: usize) -> usize {
    bytes.next_multiple_of(16)
}

/// About how many bytes a JSON value takes in memory. Recurses as deep as the value nests.
pub fn value_bytes(value: &Value) -> usize {
    let inner = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => allocation(text.len()),
        Value::Array(items) => items.iter().map(value_bytes).sum(),
        Value::Object(map) => return size_of::<Value>() + map_bytes(map),
    };
    size_of::<Value>() + inner
}

/// About how many bytes the entries of a JSON object take in memory.
pub fn map_bytes(map: &Map) -> usize {
    let entry = |(key, value): (&String, &Value)| {
        OBJECT_ENTRY_BYTES + allocation(key.len()) + value_bytes(value)
    };
    map.iter().map(entry).sum()
}

/// About how many bytes a list of names takes.
pub fn names_bytes(names: &[String]) -> usize {
    let name = |name: &String| size_of::<String>() + allocation(name.len());
    size_of::<Vec<String>>() + names.iter().map(name).sum::<usize>()
}
