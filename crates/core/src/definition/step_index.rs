//! The position of a step in a plan.

use serde::{Deserialize, Serialize};

/// The position of a step in its [`super::Plan`]. What it leads to is found with
/// [`super::Plan::step`]; there is no way to use it with another list.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct StepIndex(u32);

impl StepIndex {
    /// The index of the step at this position. Definitions are limited to far fewer steps than
    /// `u32` can count.
    pub(crate) fn at(position: usize) -> Self {
        Self(u32::try_from(position).unwrap_or(u32::MAX))
    }

    /// The position as a number that sorts as the steps.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Where it is in the list of steps.
    pub(crate) const fn position(self) -> usize {
        self.0 as usize
    }
}

impl From<u32> for StepIndex {
    fn from(index: u32) -> Self {
        Self(index)
    }
}
