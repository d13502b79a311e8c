//! The working memory of a step: it is reserved before it is used.

use std::fmt;
use std::mem::size_of;

use async_trait::async_trait;
use serde_json::Value;
use stepwell_core::execution::codes;

use crate::outcome::StepFailure;
use crate::values::MAX_ITEMS;

/// Where a step reserves its working memory.
#[async_trait]
pub trait WorkingMemory: Send + Sync + fmt::Debug {
    /// Reserves so many bytes in all for this attempt; waits for them for a bounded time.
    ///
    /// # Errors
    /// `MEMORY_SHORTAGE`: they were not free in time; another attempt may find them.
    async fn reserve_bytes(&self, bytes: usize) -> Result<(), StepFailure>;

    /// As [`WorkingMemory::reserve_bytes`], for code that computes in a thread of its own.
    ///
    /// # Errors
    /// As there.
    fn reserve_blocking(&self, bytes: usize) -> Result<(), StepFailure>;
}

/// The failure of a step that found no memory.
pub fn memory_shortage(why: impl Into<String>) -> StepFailure {
    StepFailure::transient_failure(codes::MEMORY_SHORTAGE, why)
}

/// For a step that makes texts of about the length of what it is given, and copies them while
/// they grow.
pub(crate) fn copies_of_texts(input: &Value, config: &Value) -> usize {
    3 * (text_bytes(input) + text_bytes(config))
}

/// For a step that takes a text apart into a list of texts.
pub(crate) fn list_of_parts(text: &str) -> usize {
    let most = text.len().min(MAX_ITEMS) + 1;
    // The list grows by doubling, and each part is an allocation of its own.
    most * (3 * size_of::<Value>() + LEAST_ALLOCATION) + 2 * text.len()
}

/// The smallest allocation.
const LEAST_ALLOCATION: usize = 16;

/// The texts in a value together.
fn text_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 8,
        Value::Array(items) => items.iter().map(text_bytes).sum(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| key.len() + text_bytes(value)).sum()
        }
    }
}

/// Memory without a limit.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct UnlimitedMemory;

#[cfg(test)]
#[async_trait]
impl WorkingMemory for UnlimitedMemory {
    async fn reserve_bytes(&self, _: usize) -> Result<(), StepFailure> {
        Ok(())
    }

    fn reserve_blocking(&self, _: usize) -> Result<(), StepFailure> {
        Ok(())
    }
}
