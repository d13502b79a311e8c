//! Webhooks and the history of their deliveries.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stepwell_core::ids::{DeliveryId, WebhookId, WorkspaceId};
use stepwell_core::{Timestamp, TopicFilter};
use stepwell_store::lists::Listed;
use stepwell_store::record::{AttemptRecord, DeliveryRecord};
use stepwell_store::webhooks::{
    ListWebhookDeliveries, Redeliver, UpdateWebhook, WebhookRecord, WebhookStatus,
};
use stepwell_store::{Effects, StoreError, WebhookStore};

use crate::fault::{Answer, Result, corrupt};
use crate::row::{self, Id};
use crate::{SqliteStore, codec, deliveries, effects};

pub(crate) mod history;

macro_rules! columns {
    () => {
        "id, workspace, url, topics, description, status, disabled_reason, secret, \
         previous_secrets, created_at, updated_at, failing_since"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO webhooks (",
    columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
);
const FIND: &str = concat!("SELECT ", columns!(), " FROM webhooks WHERE id = ?1");
/// All of them: whoever remembers them asks for that, and there are not many.
const ALL: &str = concat!("SELECT ", columns!(), " FROM webhooks ORDER BY id DESC");
const OF_WORKSPACE: &str =
    concat!("SELECT ", columns!(), " FROM webhooks WHERE workspace = ?1 ORDER BY id DESC");
const UPDATE: &str = "UPDATE webhooks SET url = ?2, topics = ?3, description = ?4, status = ?5,
    disabled_reason = ?6, secret = ?7, previous_secrets = ?8, updated_at = ?9,
    failing_since = IIF(?10 IS NULL, NULL, failing_since) WHERE id = ?1";
const UPDATED_AT: &str = "SELECT updated_at FROM webhooks WHERE id = ?1";
const DELETE: &str = "DELETE FROM webhooks WHERE id = ?1";
const WELL: &str =
    "UPDATE webhooks SET failing_since = NULL WHERE id = ?1 AND failing_since IS NOT NULL";
const FAILING: &str =
    "UPDATE webhooks SET failing_since = ?2 WHERE id = ?1 AND failing_since IS NULL";
const CHANGES: &str = "SELECT changes FROM webhook_changes WHERE n = 1";
const CHANGED: &str = "UPDATE webhook_changes SET changes = changes + 1 WHERE n = 1";

const MISSING: StoreError = StoreError::Missing("the webhook");

/// Those that the query plan test looks at.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] =
    &[FIND, OF_WORKSPACE, UPDATE, DELETE, WELL, FAILING, CHANGES, CHANGED, UPDATED_AT];

#[async_trait]
impl WebhookStore for SqliteStore {
    async fn create_webhook(&self, webhook: WebhookRecord, effects: Effects) -> Answer<()> {
        let written = Written::of(&webhook)?;
        self.writer
            .write(effects.bytes(), move |batch| {
                if find(batch.connection, webhook.id)?.is_some() {
                    return Err(corrupt(format!("webhook {} is already there", webhook.id)));
                }
                insert(batch.connection, &webhook, &written)?;
                changed(batch.connection)?;
                effects::write(batch.connection, &effects)
            })
            .await
    }

    async fn update_webhook(&self, change: UpdateWebhook) -> Answer<()> {
        let UpdateWebhook { webhook, expected, effects } = change;
        let written = Written::of(&webhook)?;
        self.writer
            .write(effects.bytes(), move |batch| {
                require_unchanged(batch.connection, webhook.id, expected)?;
                update(batch.connection, &webhook, &written)?;
                changed(batch.connection)?;
                effects::write(batch.connection, &effects)
            })
            .await
    }

    async fn delete_webhook(&self, id: WebhookId, effects: Effects) -> Answer<()> {
        self.writer
            .write(effects.bytes(), move |batch| {
                if row::run(batch.connection, DELETE, [id.blob()])? == 0 {
                    return Err(MISSING.into());
                }
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

    async fn webhook_deliveries(
        &self,
        list: ListWebhookDeliveries,
    ) -> Answer<Listed<DeliveryRecord>> {
        self.readers.read(move |connection| history::page(connection, &list)).await
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

/// Refuses to write over a webhook that was changed since it was read.
fn require_unchanged(connection: &Connection, id: WebhookId, expected: Timestamp) -> Result<()> {
    match row::first(connection, UPDATED_AT, [id.blob()], |found| row::time(found, 0))? {
        None => Err(MISSING.into()),
        Some(found) if found == expected => Ok(()),
        Some(_) => Err(StoreError::Outdated("the webhook").into()),
    }
}

fn changed(connection: &Connection) -> Result<()> {
    row::run(connection, CHANGED, []).map(drop)
}

fn find(connection: &Connection, id: WebhookId) -> Result<Option<WebhookRecord>> {
    row::first(connection, FIND, [id.blob()], webhook)
}

fn webhook(found: &Row<'_>) -> Result<WebhookRecord> {
    let names: Vec<String> = codec::read_json(&row::get::<String>(found, 3)?)?;
    let topics = TopicFilter::parse_names(names.iter().map(String::as_str))
        .map_err(|_| corrupt(format!("a webhook is told of unknown events: {names:?}")))?;
    let status = match (row::get::<i64>(found, 5)?, row::get(found, 6)?) {
        (0, None) => WebhookStatus::Active,
        (1, None) => WebhookStatus::Inactive,
        (2, Some(reason)) => WebhookStatus::Disabled { reason },
        (other, _) => return Err(corrupt(format!("a webhook has the unknown status {other}"))),
    };
    let previous_secrets = match row::get::<Option<String>>(found, 8)? {
        Some(text) => codec::read_json::<Vec<(String, i64)>>(&text)?,
        None => Vec::new(),
    };
    let until = |(secret, micros)| (secret, Timestamp::from_micros(micros));
    Ok(WebhookRecord {
        id: row::id(found, 0)?,
        workspace: row::id(found, 1)?,
        url: row::get(found, 2)?,
        topics,
        description: row::get(found, 4)?,
        status,
        secret: row::get(found, 7)?,
        previous_secrets: previous_secrets.into_iter().map(until).collect(),
        created_at: row::time(found, 9)?,
        updated_at: row::time(found, 10)?,
        failing_since: row::maybe_time(found, 11)?,
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

/// The texts of the columns that hold JSON.
struct Written {
    topics: String,
    previous_secrets: Option<String>,
}

impl Written {
    /// Encodes on the caller's thread.
    fn of(webhook: &WebhookRecord) -> Answer<Self> {
        let topics = codec::write_json(&webhook.topics.names())?;
        let previous = &webhook.previous_secrets;
        let pair = |(secret, until): &(String, Timestamp)| (secret.clone(), until.as_micros());
        let pairs: Vec<_> = previous.iter().map(pair).collect();
        let previous_secrets =
            (!pairs.is_empty()).then(|| codec::write_json(&pairs)).transpose()?;
        Ok(Self { topics, previous_secrets })
    }
}

fn insert(connection: &Connection, webhook: &WebhookRecord, written: &Written) -> Result<()> {
    let (status, reason) = status(&webhook.status);
    let params = params![
        webhook.id.blob(),
        webhook.workspace.blob(),
        webhook.url,
        written.topics,
        webhook.description,
        status,
        reason,
        webhook.secret,
        written.previous_secrets,
        webhook.created_at.as_micros(),
        webhook.updated_at.as_micros(),
        row::micros(webhook.failing_since),
    ];
    row::run(connection, INSERT, params).map(drop)
}

fn update(connection: &Connection, webhook: &WebhookRecord, written: &Written) -> Result<()> {
    let (status, reason) = status(&webhook.status);
    let params = params![
        webhook.id.blob(),
        webhook.url,
        written.topics,
        webhook.description,
        status,
        reason,
        webhook.secret,
        written.previous_secrets,
        webhook.updated_at.as_micros(),
        row::micros(webhook.failing_since),
    ];
    row::run(connection, UPDATE, params).map(drop)
}
