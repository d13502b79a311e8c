//! What a `Map` keeps of the results of its items, and its output.

use serde_json::{Value, json};

use super::block_run::{BlockRun, BodyResult};
use super::item_counts::{MAX_ERRORS, MAX_RESULT_BYTES};
use super::item_line::ItemLine;
use crate::definition::blocks::ItemCollection;
use crate::execution::failure::Failure;
use crate::memory::json_size;

impl BlockRun {
    /// Takes the result of an item of a `Map`.
    pub(in crate::execution) fn add_item(
        &mut self,
        index: u32,
        result: BodyResult,
        collection: ItemCollection,
    ) {
        if collection.keeps_outputs() {
            return self.set_result(index as usize, result);
        }
        self.item_counts.insert(index);
        if collection == ItemCollection::File {
            self.result_bytes += ItemLine::new(index, &result).byte_count();
            return;
        }
        let BodyResult::Failed(error) = result else { return };
        let bytes = error.message.len() + json_size(&error.details, usize::MAX);
        let has_room = self.item_counts.errors.len() < MAX_ERRORS
            && self.result_bytes.saturating_add(bytes) <= MAX_RESULT_BYTES;
        if collection == ItemCollection::Errors && has_room {
            self.result_bytes += bytes;
            self.item_counts.errors.push((index, error));
        }
    }

    /// Whether an item of a `Map` has ended.
    pub(super) fn has_ended(&self, index: u32) -> bool {
        self.result(index as usize).is_some() || self.item_counts.contains(index)
    }

    /// The output of a `Map` all of whose items have ended; `name` is that of its file.
    pub(super) fn map_output(&self, collection: ItemCollection, name: &str) -> Value {
        if collection.keeps_outputs() {
            return Value::Array(self.results.iter().map(item_result).collect());
        }
        let (completed, failed) = (self.completed, self.failed);
        let count = u64::from(completed) + u64::from(failed);
        let mut output = json!({"count": count, "completed": completed, "failed": failed});
        if collection == ItemCollection::Errors {
            let mut errors: Vec<&(u32, Failure)> = self.item_counts.errors.iter().collect();
            errors.sort_by_key(|(index, _)| *index);
            let entry = |(index, error): &(u32, Failure)| json!({"index": index, "error": error_fields(error)});
            output["errors"] = errors.into_iter().map(entry).collect();
        }
        if collection == ItemCollection::File {
            output["file"] = name.into();
            output["bytes"] = self.result_bytes.into();
        }
        output
    }
}

/// The result of an item or iteration as it is in a list of results.
pub(super) fn item_result(result: &Option<BodyResult>) -> Value {
    match result {
        Some(BodyResult::Completed(output)) => Value::clone(output),
        Some(BodyResult::Failed(error)) => json!({"error": error_fields(error)}),
        None => Value::Null,
    }
}

/// The fields of the error of an item as users see them.
pub(super) fn error_fields(error: &Failure) -> Value {
    let Failure { code, message, step, details, .. } = error;
    json!({"code": code, "message": message, "step": step, "details": details})
}
