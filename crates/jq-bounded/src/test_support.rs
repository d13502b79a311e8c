//! Shared by the tests.

use super::{JqError, MemoryReservation};

/// Memory without a limit.
#[derive(Debug)]
pub struct UnlimitedMemory;

impl MemoryReservation for UnlimitedMemory {
    fn reserve_bytes(&self, _: usize) -> Result<(), String> {
        Ok(())
    }
}

/// The name of the kind of error.
pub fn kind_of(error: &JqError) -> &'static str {
    match error {
        JqError::InvalidProgram(_) => "invalid",
        JqError::Failed(_) => "failed",
        JqError::LimitExceeded(_) => "limit",
        JqError::NoThread(_) => "no thread",
        JqError::MemoryShortage(_) => "memory",
        JqError::Interrupted => "interrupted",
    }
}
