//! Messages between executions. They are written and deleted by
//! [`ExecutionStore::commit`](super::ExecutionStore::commit), with the events that cause them and
//! with those that they cause.

use async_trait::async_trait;
use stepwell_core::ids::{ExecutionId, NodeId};

use crate::error::Result;
use crate::record::StoredMessage;

/// Messages between executions.
#[async_trait]
pub trait MessageStore: Send + Sync {
    /// The oldest messages to an execution, in the order in which they were written.
    async fn list_messages(&self, to: ExecutionId, limit: usize) -> Result<Vec<StoredMessage>>;

    /// The receivers of messages that the node drives or that no node owns, in the order of the
    /// messages.
    async fn find_receivers(&self, find: FindReceivers) -> Result<Receivers>;
}

/// Parameters of [`MessageStore::find_receivers`].
#[derive(Debug, Clone, Copy)]
pub struct FindReceivers {
    /// The node.
    pub node: NodeId,
    /// Only messages with a greater number.
    pub after: u64,
    /// The maximum number of messages that are read.
    pub limit: usize,
}

/// What [`MessageStore::find_receivers`] reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receivers {
    /// The receivers, once for each message.
    pub ids: Vec<ExecutionId>,
    /// The number of the last message that was read; `None`: all were read.
    pub next: Option<u64>,
}
