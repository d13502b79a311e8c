//! Webhooks and the history of their deliveries.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stepwell_core::ids::{DeliveryId, WebhookId, WorkspaceId};
use stepwell_core::{Timestamp, Topics};
use stepwell_store::record::{AttemptRecord, DeliveryRecord};
use stepwell_store::webhooks::{
    DeliveryPage, ListWebhookDeliveries, Redeliver, WebhookRecord, WebhookStatus,
};
use stepwell_store::{Effects, StoreError, WebhookStore};

use crate::fault::{Answer, Result, corrupt};
use crate::row::{self, Id};
use crate::{SqliteStore, codec, deliveries, effects};

macro_rules! columns {
    () => {
        "id, workspace, url, topics, description, status, disabled_reason, secret, \
         previous_secret, previous_secret_until, created_at, updated_at, failing_since"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO webhooks (",
    columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
);
const FIND: &str = concat!("SELECT ", columns!(), " FROM webhooks WHERE id = ?1");
/// All of them: whoever remembers them asks for that, and there are not many.
const ALL: &str = concat!("SELECT ", columns!(), " FROM webhooks ORDER BY id DESC");
const OF_WORKSPACE: &str =
    concat!("SELECT ", columns!(), " FROM webhooks WHERE workspace = ?1 ORDER BY id DESC");
const UPDATE: &str = "UPDATE webhooks SET url = ?2, topics = ?3, description = ?4, status = ?5,
    disabled_reason = ?6, secret = ?7, previous_secret = ?8, previous_secret_until = ?9,
    updated_at = ?10, failing_since = ?11 WHERE id = ?1";
const DELETE: &str = "DELETE FROM webhooks WHERE id = ?1";
const WELL: &str =
    "UPDATE webhooks SET failing_since = NULL WHERE id = ?1 AND failing_since IS NOT NULL";
const FAILING: &str =
    "UPDATE webhooks SET failing_since = ?2 WHERE id = ?1 AND failing_since IS NULL";
const CHANGES: &str = "SELECT changes FROM webhook_changes WHERE n = 1";
const CHANGED: &str = "UPDATE webhook_changes SET changes = changes + 1 WHERE n = 1";
const DELIVERIES: &str = concat!(
    "SELECT ",
    deliveries::columns!(),
    " FROM deliveries WHERE webhook = ?1 ORDER BY id DESC LIMIT ?2 OFFSET ?3"
);
const DELIVERIES_THAT_STAND: &str = concat!(
    "SELECT ",
    deliveries::columns!(),
    " FROM deliveries WHERE webhook = ?1 AND status = ?4 ORDER BY id DESC LIMIT ?2 OFFSET ?3"
);
const COUNT: &str = "SELECT COUNT(*) FROM deliveries WHERE webhook = ?1";
const COUNT_THAT_STAND: &str = "SELECT COUNT(*) FROM deliveries WHERE webhook = ?1 AND status = ?2";

/// Those that the query plan test looks at.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] = &[
    FIND,
    OF_WORKSPACE,
    UPDATE,
    DELETE,
    WELL,
    FAILING,
    CHANGES,
    CHANGED,
    DELIVERIES,
    DELIVERIES_THAT_STAND,
    COUNT,
    COUNT_THAT_STAND,
];

#[async_trait]
impl WebhookStore for SqliteStore {
    async fn create_webhook(&self, webhook: WebhookRecord, effects: Effects) -> Answer<()> {
        let topics = codec::write_json(&webhook.topics.names())?;
        self.writer
            .write(effects.bytes(), move |batch| {
                if find(batch.connection, webhook.id)?.is_some() {
                    return Err(corrupt(format!("webhook {} is already there", webhook.id)));
                }
                insert(batch.connection, &webhook, &topics)?;
                changed(batch.connection)?;
                effects::write(batch.connection, &effects)
            })
            .await
    }

    async fn update_webhook(&self, webhook: WebhookRecord, effects: Effects) -> Answer<()> {
        let topics = codec::write_json(&webhook.topics.names())?;
        self.writer
            .write(effects.bytes(), move |batch| {
                require(update(batch.connection, &webhook, &topics)?)?;
                changed(batch.connection)?;
                effects::write(batch.connection, &effects)
            })
            .await
    }

    async fn delete_webhook(&self, id: WebhookId, effects: Effects) -> Answer<()> {
        self.writer
            .write(effects.bytes(), move |batch| {
                require(row::run(batch.connection, DELETE, [id.blob()])?)?;
                changed(batch.connection)?;
                effects::write(batch.connection, &effects)
            })
            .await
    }

    async fn find_webhook(&self, id: WebhookId) -> Answer<Option<WebhookRecord>> {
        self.readers.read(move |connection| find(connection, id)).await
    }

    async fn list_webhooks(&self, workspace: Option<WorkspaceId>) -> Answer<Vec<WebhookRecord>> {
        self.readers
            .read(move |connection| match workspace {
                Some(of) => row::all(connection, OF_WORKSPACE, [of.blob()], webhook),
                None => row::all(connection, ALL, [], webhook),
            })
            .await
    }

    async fn webhook_changes(&self) -> Answer<u64> {
        let read = |connection: &Connection| {
            row::first(connection, CHANGES, [], |found| row::get::<u64>(found, 0))
        };
        Ok(self.readers.read(read).await?.unwrap_or_default())
    }

    async fn webhook_deliveries(&self, list: ListWebhookDeliveries) -> Answer<DeliveryPage> {
        self.readers.read(move |connection| page(connection, list)).await
    }

    async fn find_delivery(&self, id: DeliveryId) -> Answer<Option<DeliveryRecord>> {
        self.readers
            .read(move |connection| {
                row::first(connection, deliveries::FIND, [id.blob()], deliveries::record)
            })
            .await
    }

    async fn list_attempts(&self, of: Vec<DeliveryId>) -> Answer<Vec<Vec<AttemptRecord>>> {
        self.readers
            .read(move |connection| {
                let read = |id: DeliveryId| {
                    row::all(connection, deliveries::ATTEMPTS, [id.blob()], deliveries::attempt)
                };
                of.into_iter().map(read).collect()
            })
            .await
    }

    async fn redeliver(&self, redeliver: Redeliver) -> Answer<()> {
        self.writer
            .write(redeliver.effects.bytes(), move |batch| {
                deliveries::redeliver(batch.connection, &redeliver)
            })
            .await
    }
}

/// The webhook answers as it should.
pub(crate) fn is_well(connection: &Connection, id: WebhookId) -> Result<()> {
    row::run(connection, WELL, [id.blob()]).map(drop)
}

/// The webhook failed at that moment.
pub(crate) fn is_failing(connection: &Connection, id: WebhookId, at: Timestamp) -> Result<()> {
    row::run(connection, FAILING, params![id.blob(), at.as_micros()]).map(drop)
}

fn require(rows: usize) -> Result<()> {
    if rows == 0 { Err(StoreError::Missing("the webhook").into()) } else { Ok(()) }
}

fn changed(connection: &Connection) -> Result<()> {
    row::run(connection, CHANGED, []).map(drop)
}

fn find(connection: &Connection, id: WebhookId) -> Result<Option<WebhookRecord>> {
    row::first(connection, FIND, [id.blob()], webhook)
}

fn webhook(found: &Row<'_>) -> Result<WebhookRecord> {
    let names: Vec<String> = codec::read_json(&row::get::<String>(found, 3)?)?;
    let topics = Topics::read(names.iter().map(String::as_str))
        .map_err(|_| corrupt(format!("a webhook is told of unknown events: {names:?}")))?;
    let status = match (row::get::<i64>(found, 5)?, row::get(found, 6)?) {
        (0, None) => WebhookStatus::Active,
        (1, None) => WebhookStatus::Inactive,
        (2, Some(reason)) => WebhookStatus::Disabled { reason },
        (other, _) => return Err(corrupt(format!("a webhook has the unknown status {other}"))),
    };
    let previous_secret = match (row::get(found, 8)?, row::maybe_time(found, 9)?) {
        (Some(secret), Some(until)) => Some((secret, until)),
        (None, None) => None,
        _ => return Err(corrupt("half of a webhook's previous secret is stored")),
    };
    Ok(WebhookRecord {
        id: row::id(found, 0)?,
        workspace: row::id(found, 1)?,
        url: row::get(found, 2)?,
        topics,
        description: row::get(found, 4)?,
        status,
        secret: row::get(found, 7)?,
        previous_secret,
        created_at: row::time(found, 10)?,
        updated_at: row::time(found, 11)?,
        failing_since: row::maybe_time(found, 12)?,
    })
}

/// The columns of a status.
fn status(status: &WebhookStatus) -> (i64, Option<&str>) {
    match status {
        WebhookStatus::Active => (0, None),
        WebhookStatus::Inactive => (1, None),
        WebhookStatus::Disabled { reason } => (2, Some(reason)),
    }
}

/// The columns of the previous secret.
fn previous(webhook: &WebhookRecord) -> (Option<&str>, Option<i64>) {
    let previous = webhook.previous_secret.as_ref();
    previous.map(|(secret, until)| (secret.as_str(), until.as_micros())).unzip()
}

fn insert(connection: &Connection, webhook: &WebhookRecord, topics: &str) -> Result<()> {
    let (status, reason) = status(&webhook.status);
    let (previous_secret, until) = previous(webhook);
    let params = params![
        webhook.id.blob(),
        webhook.workspace.blob(),
        webhook.url,
        topics,
        webhook.description,
        status,
        reason,
        webhook.secret,
        previous_secret,
        until,
        webhook.created_at.as_micros(),
        webhook.updated_at.as_micros(),
        row::micros(webhook.failing_since),
    ];
    row::run(connection, INSERT, params).map(drop)
}

/// Changes no row where there is none.
fn update(connection: &Connection, webhook: &WebhookRecord, topics: &str) -> Result<usize> {
    let (status, reason) = status(&webhook.status);
    let (previous_secret, until) = previous(webhook);
    let params = params![
        webhook.id.blob(),
        webhook.url,
        topics,
        webhook.description,
        status,
        reason,
        webhook.secret,
        previous_secret,
        until,
        webhook.updated_at.as_micros(),
        row::micros(webhook.failing_since),
    ];
    row::run(connection, UPDATE, params)
}

fn page(connection: &Connection, list: ListWebhookDeliveries) -> Result<DeliveryPage> {
    let ListWebhookDeliveries { webhook, status, skip, limit } = list;
    // Page and count of the same moment.
    let transaction = connection.unchecked_transaction()?;
    let (id, limit, skip) = (webhook.blob(), row::limit(limit), row::limit(skip));
    let total = |found: &Row<'_>| row::get::<u64>(found, 0);
    let (deliveries, total) = match status.map(row::delivery_status_number) {
        None => (
            row::all(&transaction, DELIVERIES, params![id, limit, skip], deliveries::record)?,
            row::first(&transaction, COUNT, params![id], total)?,
        ),
        Some(status) => {
            let params = params![id, limit, skip, status];
            (
                row::all(&transaction, DELIVERIES_THAT_STAND, params, deliveries::record)?,
                row::first(&transaction, COUNT_THAT_STAND, params![id, status], total)?,
            )
        }
    };
    Ok(DeliveryPage { deliveries, total: total.unwrap_or_default() })
}
