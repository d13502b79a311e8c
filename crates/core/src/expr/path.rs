//! Plain dotted paths: most templates are just one of these.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::definition::is_id;
use crate::memory::{ARC_BYTES, allocated_bytes, names_bytes};

/// One step down into a JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PathKey {
    /// A property. Written with an index on an object, the index as text is meant.
    Name(Arc<str>),
    /// An element.
    Index(usize),
}

impl PathKey {
    /// What is there, if anything is.
    pub(super) fn find_in<'v>(&self, value: &'v Json) -> Option<&'v Json> {
        match (value, self) {
            (Json::Object(map), Self::Name(name)) => map.get(&**name),
            (Json::Array(items), Self::Index(index)) => items.get(*index),
            _ => None,
        }
    }

    fn key_text(&self) -> String {
        match self {
            Self::Name(name) => name.to_string(),
            Self::Index(index) => index.to_string(),
        }
    }
}

/// A static path from a root name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ValuePath {
    /// The root name, then the keys below it.
    pub(super) keys: Vec<PathKey>,
    /// The same as text.
    names: Vec<String>,
}

impl ValuePath {
    /// About how many bytes it takes.
    pub(super) fn memory_bytes(&self) -> usize {
        let key = |name: &String| size_of::<PathKey>() + allocated_bytes(name.len() + ARC_BYTES);
        size_of::<Self>() + self.names.iter().map(key).sum::<usize>() + names_bytes(&self.names)
    }

    /// From the root name and the keys below it; the first key must be a name.
    pub(super) fn new(keys: Vec<PathKey>) -> Self {
        let names = keys.iter().map(PathKey::key_text).collect();
        Self { keys, names }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The beginning of the path as it would be written: `steps.a.output[0]`.
    pub(super) fn to_source(&self, length: usize) -> String {
        let mut out = String::new();
        for key in self.keys.iter().take(length) {
            match key {
                PathKey::Index(index) => out.push_str(&format!("[{index}]")),
                PathKey::Name(name) => push_member(&mut out, name),
            }
        }
        out
    }

    /// The secret that it refers to, if it is `secrets.NAME`.
    pub(super) fn secret_name(&self) -> Option<&str> {
        match self.names.as_slice() {
            [root, name] if root == "secrets" => Some(name),
            _ => None,
        }
    }

    /// The key at a place as text; empty past the end.
    pub(super) fn key_name(&self, at: usize) -> &str {
        self.names.get(at).map_or("", String::as_str)
    }
}

/// Appends a member to a path as it would be written.
fn push_member(out: &mut String, name: &str) {
    if out.is_empty() {
        out.push_str(name);
    } else if is_id(name) && !name.contains('-') {
        out.push('.');
        out.push_str(name);
    } else {
        out.push_str(&format!("['{name}']"));
    }
}

/// A path of names as it would be written; what could be an index is shown as one.
pub(crate) fn written_path<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let mut out = String::new();
    for name in names {
        match name.parse::<usize>() {
            Ok(index) if !out.is_empty() => out.push_str(&format!("[{index}]")),
            _ => push_member(&mut out, name),
        }
    }
    out
}
