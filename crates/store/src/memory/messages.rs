//! Messages between executions.

use async_trait::async_trait;
use stepwell_core::execution::OutgoingMessage;
use stepwell_core::ids::ExecutionId;

use super::{MemoryStore, Result, State};
use crate::record::StoredMessage;
use crate::traits::{FindReceivers, MessageStore, Receivers};

#[async_trait]
impl MessageStore for MemoryStore {
    async fn list_messages(&self, to: ExecutionId, limit: usize) -> Result<Vec<StoredMessage>> {
        let state = self.state();
        let found = state.messages.iter().filter(|(_, sent)| sent.to == to).take(limit);
        let stored = |(number, sent): (&u64, &OutgoingMessage)| StoredMessage {
            number: *number,
            message: sent.message.clone(),
        };
        Ok(found.map(stored).collect())
    }

    async fn find_receivers(&self, find: FindReceivers) -> Result<Receivers> {
        let FindReceivers { node, after, limit } = find;
        let state = self.state();
        let read: Vec<_> = state.messages.range(after + 1..).take(limit).collect();
        let last = read.last().map(|(number, _)| **number);
        let next = last.filter(|_| read.len() == limit);
        let is_wanted = |id: &ExecutionId| {
            let owner = state.executions.get(id).map(|stored| stored.record.owner);
            owner.is_some_and(|owner| owner.is_none_or(|owner| owner == node))
        };
        let ids = read.into_iter().map(|(_, sent)| sent.to).filter(is_wanted).collect();
        Ok(Receivers { ids, next })
    }
}

impl State {
    /// Stores messages; those to executions that have ended or do not exist are dropped.
    pub(super) fn send_messages(&mut self, sent: Vec<OutgoingMessage>) {
        for message in sent {
            let receiver = self.executions.get(&message.to);
            if receiver.is_some_and(|stored| !stored.record.status.is_final()) {
                self.last_message += 1;
                self.messages.insert(self.last_message, message);
            }
        }
    }

    /// Deletes all messages to an execution that has ended.
    pub(super) fn drop_messages(&mut self, to: ExecutionId) {
        self.messages.retain(|_, sent| sent.to != to);
    }
}
