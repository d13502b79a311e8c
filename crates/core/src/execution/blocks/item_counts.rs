//! What is kept of the items of a `Map` that does not keep their outputs, and how large results may
//! be.

use crate::definition::blocks::ItemCollection;
use crate::execution::failure::{Failure, codes};

/// The largest list of results of a block, in bytes as JSON text.
pub(super) const MAX_RESULT_BYTES: usize = 16 << 20;

/// The largest file of a `Map`, in bytes.
const MAX_FILE_BYTES: usize = 256 << 20;

/// The most errors that the output of a `Map` lists with `collect: errors`.
pub(super) const MAX_ERRORS: usize = 10_000;

/// How many bytes the next result of a `Map` may have, where all until now have `bytes`.
pub(super) fn room_for_result(collection: ItemCollection, bytes: usize) -> usize {
    match collection {
        ItemCollection::File => MAX_FILE_BYTES.saturating_sub(bytes).min(MAX_RESULT_BYTES),
        _ => MAX_RESULT_BYTES.saturating_sub(bytes),
    }
}

/// The failure of an iteration with which the results of a block become too large.
pub(super) fn too_large_results(collection: ItemCollection) -> Failure {
    let message = match collection {
        ItemCollection::File => format!(
            "output: a file may have at most {} MiB, and each result in it {} MiB; give less of \
             each by `output`",
            MAX_FILE_BYTES >> 20,
            MAX_RESULT_BYTES >> 20
        ),
        _ => format!(
            "output: the results of all iterations together may have at most {} MiB; give less of \
             each by `output`, or write them to a file by `collect: file` of a `Map`",
            MAX_RESULT_BYTES >> 20
        ),
    };
    Failure::new(codes::VALUE_TOO_LARGE, message)
}

/// What a `Map` that does not keep the outputs of its items has of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::execution) struct ItemCounts {
    /// The items that have ended: a bit each.
    ended: Vec<u64>,
    /// The first errors, in the order in which the items ended.
    pub(super) errors: Vec<(u32, Failure)>,
}

impl ItemCounts {
    pub(super) fn insert(&mut self, index: u32) {
        let (word, bit) = (index as usize / 64, index % 64);
        if self.ended.len() <= word {
            self.ended.resize(word + 1, 0);
        }
        if let Some(word) = self.ended.get_mut(word) {
            *word |= 1 << bit;
        }
    }

    pub(super) fn contains(&self, index: u32) -> bool {
        let word = self.ended.get(index as usize / 64);
        word.is_some_and(|word| word & (1 << (index % 64)) != 0)
    }
}
