//! Messages between executions.

use stepwell_core::execution::ExecutionMessage;

/// A message that its receiver has not handled yet.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMessage {
    /// Greater than that of every message that was written before.
    pub number: u64,
    /// The message.
    pub message: ExecutionMessage,
}
