//! The setting `engine.memory_budget_bytes`.

use serde::{Deserialize, Serialize};

/// The smallest budget: with less, a body of the largest size could not be read.
pub const LEAST_BUDGET: u64 = 16 << 20;

/// The default budget.
const DEFAULT: u64 = 512 << 20;

/// The limit of the memory for request bodies, values and responses together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct MemoryLimit(u64);

impl MemoryLimit {
    /// In bytes.
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX / 2)
    }
}

impl Default for MemoryLimit {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl TryFrom<u64> for MemoryLimit {
    type Error = String;

    fn try_from(bytes: u64) -> Result<Self, String> {
        match bytes {
            LEAST_BUDGET..=MOST_BUDGET => Ok(Self(bytes)),
            _ => Err(format!("must be {LEAST_BUDGET} to {MOST_BUDGET} bytes")),
        }
    }
}

/// The largest budget: 4 TiB.
const MOST_BUDGET: u64 = 4 << 40;

impl From<MemoryLimit> for u64 {
    fn from(limit: MemoryLimit) -> Self {
        limit.0
    }
}
