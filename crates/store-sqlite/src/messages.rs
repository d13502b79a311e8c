//! Messages between executions.

use async_trait::async_trait;
use rusqlite::{Connection, params};
use stepwell_core::execution::{ExecutionMessage, OutgoingMessage};
use stepwell_core::ids::{ExecutionId, NodeId};
use stepwell_store::codec;
use stepwell_store::record::StoredMessage;
use stepwell_store::traits::{FindReceivers, MessageStore, Receivers};

use crate::SqliteStore;
use crate::error::{Result, StoreResult};
use crate::row::{self, Id};
use crate::writer::Batch;

const LIST: &str = "SELECT n, body FROM messages WHERE execution = ?1 ORDER BY n LIMIT ?2";
const RECEIVERS: &str = "SELECT messages.n, messages.execution, executions.owner
    FROM messages CROSS JOIN executions ON executions.id = messages.execution
    WHERE messages.n > ?1 ORDER BY messages.n LIMIT ?2";
const SEND: &str = "INSERT INTO messages (execution, body)
    SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM executions WHERE id = ?1 AND status < 4)";
const HANDLED: &str = "DELETE FROM messages WHERE n = ?1 AND execution = ?2";
const ANY: &str = "SELECT 1 FROM messages LIMIT 1";
const DROP: &str = "DELETE FROM messages WHERE execution = ?1";

/// The queries of the query plan test.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] = &[LIST, RECEIVERS, HANDLED, DROP];

#[async_trait]
impl MessageStore for SqliteStore {
    async fn list_messages(
        &self,
        to: ExecutionId,
        limit: usize,
    ) -> StoreResult<Vec<StoredMessage>> {
        self.readers.read(move |connection| list(connection, to, limit)).await
    }

    async fn find_receivers(&self, find: FindReceivers) -> StoreResult<Receivers> {
        self.readers.read(move |connection| receivers(connection, find)).await
    }
}

fn list(connection: &Connection, to: ExecutionId, limit: usize) -> Result<Vec<StoredMessage>> {
    row::query_all(connection, LIST, params![to.blob(), row::sql_limit(limit)], |found| {
        let body: String = row::get_column(found, 1)?;
        let message: ExecutionMessage = codec::read_json(&body)?;
        Ok(StoredMessage { number: row::get_column(found, 0)?, message })
    })
}

fn receivers(connection: &Connection, find: FindReceivers) -> Result<Receivers> {
    let FindReceivers { node, after, limit } = find;
    let read: Vec<(u64, ExecutionId, Option<NodeId>)> =
        row::query_all(connection, RECEIVERS, params![after, row::sql_limit(limit)], |found| {
            Ok((row::get_column(found, 0)?, row::get_id(found, 1)?, row::maybe_id(found, 2)?))
        })?;
    let next = read.last().map(|(n, ..)| *n).filter(|_| read.len() == limit);
    let wanted = read.into_iter().filter(|(_, _, owner)| owner.is_none_or(|owner| owner == node));
    Ok(Receivers { ids: wanted.map(|(_, id, _)| id).collect(), next })
}

/// A message as it is stored, encoded on the caller's thread.
pub(crate) struct PreparedMessage {
    to: ExecutionId,
    body: String,
}

impl PreparedMessage {
    pub(crate) fn new(sent: &OutgoingMessage) -> StoreResult<Self> {
        Ok(Self { to: sent.to, body: codec::write_json(&sent.message)? })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.body.len()
    }
}

/// Stores messages to executions that have not ended.
pub(crate) fn send<'m>(
    batch: &mut Batch<'_>,
    sent: impl Iterator<Item = &'m PreparedMessage>,
) -> Result<()> {
    for PreparedMessage { to, body } in sent {
        row::execute_sql(batch.connection, SEND, params![to.blob(), body])?;
        batch.has_messages = None;
    }
    Ok(())
}

/// Deletes the messages to an execution that its commit handles.
pub(crate) fn delete_handled(
    connection: &Connection,
    to: ExecutionId,
    numbers: &[u64],
) -> Result<()> {
    for number in numbers {
        row::execute_sql(connection, HANDLED, params![number, to.blob()])?;
    }
    Ok(())
}

/// Deletes all messages to an execution that has ended.
pub(crate) fn drop_all(batch: &mut Batch<'_>, to: ExecutionId) -> Result<()> {
    let has_messages = match batch.has_messages {
        Some(found) => found,
        None => row::query_first(batch.connection, ANY, [], |_| Ok(()))?.is_some(),
    };
    batch.has_messages = Some(has_messages);
    match has_messages {
        true => row::execute_sql(batch.connection, DROP, [to.blob()]).map(drop),
        false => Ok(()),
    }
}
