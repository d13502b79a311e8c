//! What is kept of the items of a `Map` that does not keep their outputs.

use crate::execution::failure::Failure;

/// The largest list of results of a block, in bytes as JSON text.
pub(super) const MAX_RESULT_BYTES: usize = 16 << 20;

/// The most errors that the output of a `Map` lists with `collect: errors`.
pub(super) const MAX_ERRORS: usize = 10_000;

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
