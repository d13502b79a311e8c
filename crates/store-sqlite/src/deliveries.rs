//! The outbox.
//!
//! The first pending delivery of a queue (a receiver and a subject) is its head. Every write keeps
//! the column `head` up to date, so that deliveries behind a head are never read. It is written with
//! the row if possible: most writes are new rows behind a head, and heads that become final. Due
//! deliveries are found receiver by receiver, so that those of a receiver that has its share are not
//! read either.

pub(crate) mod list;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stepwell_core::Timestamp;
use stepwell_core::ids::{DeliveryId, ExecutionId, ReceiverId, SubjectId, WebhookId};
use stepwell_store::lists::{List, Page};
use stepwell_store::outbox::fair_order;
use stepwell_store::record::{
    AttemptRecord, DeliveryHistory, DeliveryRecord, DeliveryStatus, Destination,
};
use stepwell_store::traits::{
    DeliveriesOf, DeliveryAttempt, DeliveryFilter, DueDeliveries, Health, OutboxDue, Redeliver,
};
use stepwell_store::{DeliveryStore, StoreError};

use crate::error::{Result, StoreResult, corrupt_row};
use crate::row::{self, Id};
use crate::{SqliteStore, effects};

macro_rules! columns {
    () => {
        "id, webhook, url, receiver, subject, sequence, workspace, event, body, status, attempts, \
         created_at, next_attempt_at, give_up_at, sensitive"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO deliveries (",
    columns!(),
    ", head) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
);
const FIND: &str = concat!("SELECT ", columns!(), " FROM deliveries WHERE id = ?1");
const RECEIVER: &str =
    "SELECT receiver FROM deliveries WHERE head = 1 AND receiver > ?1 ORDER BY receiver LIMIT 1";
/// What waits for it, the earliest first.
const DUE: &str = "SELECT id, subject FROM deliveries
    WHERE head = 1 AND receiver = ?1 AND next_attempt_at <= ?2
    ORDER BY next_attempt_at, id LIMIT ?3";
/// When the earliest of a receiver is due.
const NEXT: &str = "SELECT next_attempt_at FROM deliveries WHERE head = 1 AND receiver = ?1
    ORDER BY next_attempt_at LIMIT 1";
const FAILING_SINCE: &str = "SELECT since FROM failing_receivers WHERE receiver = ?1";
const FAILED: &str = "INSERT INTO failing_receivers (receiver, since) VALUES (?1, ?2)
    ON CONFLICT (receiver) DO NOTHING";
const RECOVERED: &str = "DELETE FROM failing_receivers WHERE receiver = ?1";
const FIND_STATE: &str = "SELECT receiver, subject, sequence, status, head, webhook FROM deliveries
    WHERE id = ?1";
const ATTEMPT: &str = "UPDATE deliveries
    SET status = ?2, attempts = ?3, next_attempt_at = ?4, head = ?5 WHERE id = ?1";
const REDELIVER: &str = "UPDATE deliveries
    SET status = 0, next_attempt_at = ?2, give_up_at = ?3, head = ?4 WHERE id = ?1";
const NOTE: &str = "INSERT OR REPLACE INTO delivery_attempts
    (delivery, number, at, micros, url, response_status, response)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const ATTEMPTS: &str = "SELECT number, at, micros, url, response_status, response
    FROM delivery_attempts WHERE delivery = ?1 ORDER BY number";
/// The first pending one of a queue, which is its head.
const FIRST: &str = "SELECT sequence, id FROM deliveries
    WHERE receiver = ?1 AND subject = ?2 AND status = 0 ORDER BY sequence, id LIMIT 1";
const DEMOTE: &str = "UPDATE deliveries SET head = 0 WHERE id = ?1";
/// Makes the first pending one of a queue its head.
const PROMOTE: &str = "UPDATE deliveries SET head = 1 WHERE id = (SELECT id FROM deliveries
    WHERE receiver = ?1 AND subject = ?2 AND status = 0 ORDER BY sequence, id LIMIT 1)";
const OF_EXECUTION: &str = "SELECT id FROM deliveries WHERE subject = ?1 AND webhook IS NULL";
const OLD: &str = "SELECT id FROM deliveries
    WHERE webhook IS NOT NULL AND status <> 0 AND created_at < ?1 LIMIT ?2";
const DELETE: &str = "DELETE FROM deliveries WHERE id = ?1";
const DELETE_ATTEMPTS: &str = "DELETE FROM delivery_attempts WHERE delivery = ?1";

/// The queries of the query plan test.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] = &[
    FIND,
    RECEIVER,
    DUE,
    NEXT,
    FAILING_SINCE,
    RECOVERED,
    FIND_STATE,
    ATTEMPT,
    REDELIVER,
    ATTEMPTS,
    FIRST,
    DEMOTE,
    PROMOTE,
    OF_EXECUTION,
    OLD,
    DELETE,
    DELETE_ATTEMPTS,
];

#[async_trait]
impl DeliveryStore for SqliteStore {
    async fn due_deliveries(&self, due: DueDeliveries) -> StoreResult<OutboxDue> {
        self.readers.read(move |connection| find_due(connection, &due)).await
    }

    async fn record_attempts(&self, attempts: Vec<DeliveryAttempt>) -> StoreResult<()> {
        self.writer
            .write(0, move |batch| {
                for attempt in &attempts {
                    record_attempt(batch.connection, attempt)?;
                }
                Ok(())
            })
            .await
    }

    async fn find_delivery(&self, id: DeliveryId) -> StoreResult<Option<DeliveryHistory>> {
        self.readers.read(move |connection| history(connection, id)).await
    }

    async fn list_deliveries(
        &self,
        of: DeliveriesOf,
        list: List<DeliveryFilter>,
    ) -> StoreResult<Page<DeliveryHistory, DeliveryId>> {
        self.readers.read(move |connection| list::page(connection, of, &list)).await
    }

    async fn redeliver(&self, redeliver: Redeliver) -> StoreResult<()> {
        self.writer
            .write(redeliver.effects.bytes(), move |batch| send_again(batch.connection, &redeliver))
            .await
    }

    async fn failing_since(
        &self,
        receivers: Vec<ReceiverId>,
    ) -> StoreResult<Vec<Option<Timestamp>>> {
        self.readers
            .read(move |connection| {
                let since = |receiver: ReceiverId| {
                    let read = |found: &Row<'_>| row::get_time(found, 0);
                    row::query_first(connection, FAILING_SINCE, [receiver.blob()], read)
                };
                receivers.into_iter().map(since).collect()
            })
            .await
    }
}

/// A delivery with its attempts.
fn history(connection: &Connection, id: DeliveryId) -> Result<Option<DeliveryHistory>> {
    let Some(record) = row::query_first(connection, FIND, [id.blob()], record)? else {
        return Ok(None);
    };
    let attempts = row::query_all(connection, ATTEMPTS, [id.blob()], attempt)?;
    Ok(Some(DeliveryHistory { record, attempts }))
}

/// Reads the columns of [`columns`].
fn record(found: &Row<'_>) -> Result<DeliveryRecord> {
    let destination = match (row::maybe_id(found, 1)?, row::get_column(found, 2)?) {
        (Some(webhook), None) => Destination::Webhook(webhook),
        (None, Some(url)) => Destination::Url(url),
        _ => return Err(corrupt_row("a delivery goes nowhere, or to two places")),
    };
    Ok(DeliveryRecord {
        id: row::get_id(found, 0)?,
        destination,
        receiver: row::get_id(found, 3)?,
        subject: row::get_id(found, 4)?,
        sequence: row::get_column(found, 5)?,
        workspace: row::get_id(found, 6)?,
        event: row::get_column(found, 7)?,
        body: row::get_column(found, 8)?,
        status: row::delivery_status(found, 9)?,
        attempts: row::get_column(found, 10)?,
        created_at: row::get_time(found, 11)?,
        next_attempt_at: row::get_time(found, 12)?,
        give_up_at: row::get_time(found, 13)?,
        sensitive: row::get_bool(found, 14)?,
    })
}

fn attempt(found: &Row<'_>) -> Result<AttemptRecord> {
    Ok(AttemptRecord {
        number: row::get_column(found, 0)?,
        at: row::get_time(found, 1)?,
        micros: row::get_column(found, 2)?,
        url: row::get_column(found, 3)?,
        response_status: row::get_column(found, 4)?,
        response: row::get_column(found, 5)?,
    })
}

/// Chooses by ids: bodies can be large, and only those of the chosen ones are read.
fn find_due(connection: &Connection, due: &DueDeliveries) -> Result<OutboxDue> {
    let mut by_receiver = Vec::new();
    let mut last = None;
    while let Some(receiver) = receiver_after(connection, last)? {
        last = Some(receiver);
        by_receiver.push((receiver, heads_of(connection, due, receiver)?));
    }
    let ids = fair_order(due, by_receiver).into_iter();
    let read = |id: DeliveryId| row::query_first(connection, FIND, [id.blob()], record);
    let deliveries = ids.filter_map(|id| read(id).transpose()).collect::<Result<Vec<_>>>()?;
    let next = if deliveries.is_empty() { find_next(connection)? } else { None };
    Ok(OutboxDue { deliveries, next })
}

/// When the earliest of all is due.
fn find_next(connection: &Connection) -> Result<Option<Timestamp>> {
    let (mut earliest, mut last) = (None::<Timestamp>, None);
    while let Some(receiver) = receiver_after(connection, last)? {
        last = Some(receiver);
        let next =
            row::query_first(connection, NEXT, [receiver.blob()], |found| row::get_time(found, 0))?;
        earliest = earliest.into_iter().chain(next).min();
    }
    Ok(earliest)
}

/// The next receiver that something waits for.
fn receiver_after(connection: &Connection, last: Option<ReceiverId>) -> Result<Option<ReceiverId>> {
    row::query_first(connection, RECEIVER, [row::id_after(last)], |found| row::get_id(found, 0))
}

/// What is due for a receiver and fits into its share.
fn heads_of(
    connection: &Connection,
    due: &DueDeliveries,
    receiver: ReceiverId,
) -> Result<Vec<DeliveryId>> {
    let busy = due.busy_subjects(receiver);
    let room = due.room(busy.len());
    if room == 0 {
        return Ok(Vec::new());
    }
    // Those under way still are heads of their queues.
    let limit = row::sql_limit(room.saturating_add(busy.len()));
    let params = params![receiver.blob(), due.now.as_micros(), limit];
    let heads = row::query_all(connection, DUE, params, |found| {
        Ok((row::get_id::<DeliveryId>(found, 0)?, row::get_id::<SubjectId>(found, 1)?))
    })?;
    let free = heads.into_iter().filter(|(_, subject)| !busy.contains(subject));
    Ok(free.map(|(id, _)| id).take(room).collect())
}

/// Puts new deliveries in the outbox.
pub(crate) fn insert(connection: &Connection, deliveries: &[DeliveryRecord]) -> Result<()> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(INSERT)?;
    let mut firsts: BTreeMap<Queue, Option<QueuePosition>> = BTreeMap::new();
    for delivery in deliveries {
        let mut head = false;
        if delivery.status == DeliveryStatus::Pending {
            let (queue, position) = ((delivery.receiver, delivery.subject), position_of(delivery));
            let head_now = match firsts.entry(queue) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(first(connection, queue)?),
            };
            head = is_before(connection, position, *head_now)?;
            if head {
                *head_now = Some(position);
            }
        }
        let (webhook, url) = match &delivery.destination {
            Destination::Webhook(webhook) => (Some(webhook.blob()), None),
            Destination::Url(url) => (None, Some(url)),
        };
        let params = params![
            delivery.id.blob(),
            webhook,
            url,
            delivery.receiver.blob(),
            delivery.subject.blob(),
            delivery.sequence,
            delivery.workspace.blob(),
            delivery.event,
            delivery.body,
            row::delivery_status_number(delivery.status),
            delivery.attempts,
            delivery.created_at.as_micros(),
            delivery.next_attempt_at.as_micros(),
            delivery.give_up_at.as_micros(),
            delivery.sensitive,
            head,
        ];
        statement.execute(params)?;
    }
    Ok(())
}

/// Deletes the deliveries of an execution to the URL that it was given.
pub(crate) fn purge(connection: &Connection, execution: ExecutionId) -> Result<()> {
    let of = SubjectId::from(execution).blob();
    let ids = row::query_all(connection, OF_EXECUTION, [of], |found| row::get_id(found, 0))?;
    ids.into_iter().try_for_each(|id| delete(connection, id))
}

/// Deletes some of the settled deliveries to webhooks that are older; how many.
pub(crate) fn purge_old(connection: &Connection, before: Timestamp, limit: usize) -> Result<usize> {
    let params = params![before.as_micros(), row::sql_limit(limit)];
    let ids = row::query_all(connection, OLD, params, |found| row::get_id(found, 0))?;
    let count = ids.len();
    ids.into_iter().try_for_each(|id| delete(connection, id))?;
    Ok(count)
}

fn delete(connection: &Connection, id: DeliveryId) -> Result<()> {
    row::execute_sql(connection, DELETE_ATTEMPTS, [id.blob()])?;
    row::execute_sql(connection, DELETE, [id.blob()]).map(drop)
}

fn record_attempt(connection: &Connection, made: &DeliveryAttempt) -> Result<()> {
    let DeliveryAttempt { id, status, next_attempt_at, attempt, health } = made;
    let Some(stored) = stored(connection, *id)? else { return Ok(()) };
    let AttemptRecord { number, at, micros, url, response_status, response } = attempt;
    let (at_micros, next) = (at.as_micros(), next_attempt_at.as_micros());
    let is_pending = *status == DeliveryStatus::Pending;
    let head = is_pending && stored.is_head(connection)?;
    let status = row::delivery_status_number(*status);
    row::execute_sql(connection, ATTEMPT, params![id.blob(), status, number, next, head])?;
    if stored.head && !is_pending {
        let (receiver, subject) = stored.queue;
        row::execute_sql(connection, PROMOTE, params![receiver.blob(), subject.blob()])?;
    }
    let note = params![id.blob(), number, at_micros, micros, url, response_status, response];
    row::execute_sql(connection, NOTE, note)?;
    let (receiver, _) = stored.queue;
    match (stored.webhook, health) {
        (Some(_), Health::Well) => forget_failures(connection, receiver),
        (Some(_), Health::Failing) => {
            row::execute_sql(connection, FAILED, params![receiver.blob(), at_micros]).map(drop)
        }
        (None, _) | (_, Health::Unknown) => Ok(()),
    }
}

/// Forgets that deliveries to the receiver failed.
pub(crate) fn forget_failures(connection: &Connection, receiver: ReceiverId) -> Result<()> {
    row::execute_sql(connection, RECOVERED, [receiver.blob()]).map(drop)
}

/// Makes a delivery pending again.
fn send_again(connection: &Connection, redeliver: &Redeliver) -> Result<()> {
    let Redeliver { id, now, give_up_at, effects } = redeliver;
    let found = stored(connection, *id)?;
    let head = found.ok_or(StoreError::Missing("the delivery"))?.is_head(connection)?;
    let params = params![id.blob(), now.as_micros(), give_up_at.as_micros(), head];
    row::execute_sql(connection, REDELIVER, params)?;
    effects::write_effects(connection, effects)
}

type Queue = (ReceiverId, SubjectId);

/// The position of a delivery in its queue.
type QueuePosition = (u64, DeliveryId);

const fn position_of(delivery: &DeliveryRecord) -> QueuePosition {
    (delivery.sequence, delivery.id)
}

/// The stored fields that decide about a change of a delivery.
struct StoredDelivery {
    queue: Queue,
    position: QueuePosition,
    status: DeliveryStatus,
    head: bool,
    webhook: Option<WebhookId>,
}

fn stored(connection: &Connection, id: DeliveryId) -> Result<Option<StoredDelivery>> {
    row::query_first(connection, FIND_STATE, [id.blob()], |found| {
        Ok(StoredDelivery {
            queue: (row::get_id(found, 0)?, row::get_id(found, 1)?),
            position: (row::get_column(found, 2)?, id),
            status: row::delivery_status(found, 3)?,
            head: row::get_bool(found, 4)?,
            webhook: row::maybe_id(found, 5)?,
        })
    })
}

impl StoredDelivery {
    /// Whether it is the head of its queue, being pending from now on. Another one is no more.
    fn is_head(&self, connection: &Connection) -> Result<bool> {
        match self.status {
            DeliveryStatus::Pending => Ok(self.head),
            DeliveryStatus::Delivered | DeliveryStatus::Exhausted => {
                is_before(connection, self.position, first(connection, self.queue)?)
            }
        }
    }
}

/// The position of the head of a queue.
fn first(connection: &Connection, (receiver, subject): Queue) -> Result<Option<QueuePosition>> {
    row::query_first(connection, FIRST, params![receiver.blob(), subject.blob()], |found| {
        Ok((row::get_column(found, 0)?, row::get_id(found, 1)?))
    })
}

/// Whether what comes into a queue is before its head, which is the head no more.
fn is_before(
    connection: &Connection,
    position: QueuePosition,
    head: Option<QueuePosition>,
) -> Result<bool> {
    match head {
        None => Ok(true),
        Some(head) if head < position => Ok(false),
        Some((_, id)) => row::execute_sql(connection, DEMOTE, [id.blob()]).map(|_| true),
    }
}
