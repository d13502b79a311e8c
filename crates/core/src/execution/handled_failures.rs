//! The failures over which an execution continued.

use super::failure::Failure;

/// The most handled failures of an execution that are listed; the others are only counted.
const MAX_LISTED: usize = 100;

/// The handled failures of an execution, in order: of steps with `on_error`, of items whose errors
/// are collected, of branches that need not complete, and those that a `Try` caught.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HandledFailures {
    listed: Vec<Failure>,
    total: usize,
}

impl HandledFailures {
    /// The first of them.
    pub fn listed(&self) -> &[Failure] {
        &self.listed
    }

    /// How many others there are.
    pub const fn unlisted(&self) -> usize {
        self.total - self.listed.len()
    }

    /// Adds a failure, unless it is one that a list of steps passed on to its block.
    pub(super) fn add(&mut self, failure: &Failure) {
        let is_same = |known: &Failure| known.step == failure.step && known.code == failure.code;
        if self.listed.iter().any(is_same) {
            return;
        }
        self.total += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(failure.clone());
        }
    }
}
