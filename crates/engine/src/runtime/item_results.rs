//! The results of items of a `Map` that were run on threads.

use std::time::Duration;

use stepwell_core::execution::{BodyResult, StepRunId};

use crate::memory::Reservation;

/// Results of consecutive items, for the runner.
pub(crate) struct ItemResults {
    /// The run of the block.
    pub(crate) step: StepRunId,
    /// The first item.
    pub(crate) first: u32,
    /// The number of items of the chunk.
    pub(crate) wanted: u32,
    /// The results, in the order of the items.
    pub(crate) results: Vec<BodyResult>,
    /// How long the chunk took.
    pub(crate) took: Duration,
    /// What is reserved for the results.
    pub(crate) memory: Vec<Reservation>,
}
