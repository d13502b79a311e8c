//! The budget of one evaluation: how much data it may touch.
//!
//! Fuel counts instructions, but one instruction can copy megabytes. So whatever grows with its
//! operands weighs them first and pays from here. The budget lives in the thread, because Jinja's
//! functions are called without a way back to who evaluates; an evaluation never leaves its
//! thread and never nests.

use std::cell::Cell;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use super::value::Node;

/// Instructions of one evaluation.
pub(super) const FUEL: u64 = 200_000;
/// Bytes of text that one evaluation may touch.
const BUDGET: u64 = 64 << 20;
/// What one value costs beside its text.
const VALUE: u64 = 8;
/// The longest text and the longest result, in bytes.
pub(super) const MAX_TEXT: usize = 4 << 20;
/// The longest sequence that repeating or filling may make.
pub(super) const MAX_ITEMS: usize = 100_000;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

/// Fills the budget for one evaluation.
pub(super) fn start() {
    LEFT.set(BUDGET);
}

/// Pays for work.
pub(super) fn charge(cost: u64) -> Result<(), Error> {
    let left = LEFT.get();
    match left.checked_sub(cost) {
        Some(rest) => {
            LEFT.set(rest);
            Ok(())
        }
        None => {
            LEFT.set(0);
            Err(Error::new(
                ErrorKind::OutOfFuel,
                "the expression touches too much data; let a step do this work",
            ))
        }
    }
}

/// Pays for text that is about to be made.
pub(super) fn charge_text(bytes: usize) -> Result<(), Error> {
    if bytes > MAX_TEXT {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("the text would be longer than {} MiB", MAX_TEXT >> 20),
        ));
    }
    charge(bytes as u64)
}

/// Pays for reading all of `value`, shared parts as often as they occur.
pub(super) fn weigh(value: &Value) -> Result<(), Error> {
    let mut open = vec![value.clone()];
    while let Some(value) = open.pop() {
        match value.kind() {
            ValueKind::String => charge(VALUE + value.as_str().map_or(0, str::len) as u64)?,
            ValueKind::Bytes => charge(VALUE + value.as_bytes().map_or(0, <[u8]>::len) as u64)?,
            ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {
                charge(VALUE)?;
                if let Some(node) = value.downcast_object_ref::<Node>() {
                    weigh_json(node.get())?;
                } else {
                    weigh_items(&value, &mut open)?;
                }
            }
            _ => charge(VALUE)?,
        }
    }
    Ok(())
}

fn weigh_items(value: &Value, open: &mut Vec<Value>) -> Result<(), Error> {
    let is_map = value.kind() == ValueKind::Map;
    for item in value.try_iter()? {
        // Paid before it is kept, so that an endless sequence ends here.
        charge(VALUE)?;
        if is_map {
            open.push(value.get_item(&item)?);
        }
        open.push(item);
    }
    Ok(())
}

fn weigh_json(value: &serde_json::Value) -> Result<(), Error> {
    use serde_json::Value as Json;
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Json::String(text) => charge(VALUE + text.len() as u64)?,
            Json::Array(items) => {
                charge(VALUE)?;
                open.extend(items);
            }
            Json::Object(map) => {
                for (key, value) in map {
                    charge(VALUE + key.len() as u64)?;
                    open.push(value);
                }
            }
            _ => charge(VALUE)?,
        }
    }
    Ok(())
}
