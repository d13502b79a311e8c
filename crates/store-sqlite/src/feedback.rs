//! Actuals.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_store::FeedbackStore;
use stepwell_store::codec;
use stepwell_store::record::{ActualRecord, QualityRow};

use crate::SqliteStore;
use crate::error::{Result, StoreResult};
use crate::row::{self, Id};

const ADD: &str = "INSERT INTO actuals (id, execution, workflow, release, tag, output, quality,
    desired, matched, metadata, at, created_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const LIST: &str = "SELECT id, execution, workflow, release, tag, output, quality, desired,
    matched, metadata, at, created_at FROM actuals WHERE execution = ?1 ORDER BY id";
const PURGE: &str = "DELETE FROM actuals WHERE execution = ?1";
const QUALITY: &str = "SELECT release, tag, COUNT(*), COUNT(quality), TOTAL(quality),
    COUNT(matched), CAST(TOTAL(matched) AS INTEGER) FROM actuals WHERE workflow = ?1
    GROUP BY release, tag ORDER BY release, tag";

/// The queries of the query plan test.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] = &[LIST, PURGE, QUALITY];

#[async_trait]
impl FeedbackStore for SqliteStore {
    async fn add_actuals(&self, actuals: Vec<ActualRecord>) -> StoreResult<()> {
        let mut rows = Vec::with_capacity(actuals.len());
        let mut bytes = 0;
        for actual in actuals {
            let desired = actual.desired.as_ref().map(codec::write_json).transpose()?;
            let metadata = row::labels_text(&actual.metadata)?;
            bytes += desired.as_ref().map_or(0, String::len);
            rows.push((actual, desired, metadata));
        }
        self.writer
            .write(bytes, move |batch| {
                rows.iter().try_for_each(|(actual, desired, metadata)| {
                    insert(batch.connection, actual, desired.as_deref(), metadata.as_deref())
                })
            })
            .await
    }

    async fn list_actuals(&self, execution: ExecutionId) -> StoreResult<Vec<ActualRecord>> {
        self.readers
            .read(move |connection| row::query_all(connection, LIST, [execution.blob()], actual))
            .await
    }

    async fn quality(&self, workflow: WorkflowId) -> StoreResult<Vec<QualityRow>> {
        self.readers
            .read(move |connection| row::query_all(connection, QUALITY, [workflow.blob()], quality))
            .await
    }
}

fn insert(
    connection: &Connection,
    actual: &ActualRecord,
    desired: Option<&str>,
    metadata: Option<&str>,
) -> Result<()> {
    let params = params![
        actual.id.blob(),
        actual.execution.blob(),
        actual.workflow.blob(),
        actual.release,
        actual.tag,
        actual.output,
        actual.quality,
        desired,
        actual.matched,
        metadata,
        actual.at.as_micros(),
        actual.created_at.as_micros(),
    ];
    row::execute_sql(connection, ADD, params).map(drop)
}

fn actual(found: &Row<'_>) -> Result<ActualRecord> {
    let desired = row::get_column::<Option<String>>(found, 7)?;
    let matched = row::get_column::<Option<i64>>(found, 8)?;
    Ok(ActualRecord {
        id: row::get_id(found, 0)?,
        execution: row::get_id(found, 1)?,
        workflow: row::get_id(found, 2)?,
        release: row::get_column(found, 3)?,
        tag: row::get_column(found, 4)?,
        output: row::get_column(found, 5)?,
        quality: row::get_column(found, 6)?,
        desired: desired.map(|text| codec::read_json(&text)).transpose()?,
        matched: matched.map(|number| number != 0),
        metadata: row::get_labels(found, 9)?,
        at: row::get_time(found, 10)?,
        created_at: row::get_time(found, 11)?,
    })
}

fn quality(found: &Row<'_>) -> Result<QualityRow> {
    Ok(QualityRow {
        release: row::get_column(found, 0)?,
        tag: row::get_column(found, 1)?,
        count: row::get_column(found, 2)?,
        rated: row::get_column(found, 3)?,
        quality_sum: row::get_column(found, 4)?,
        compared: row::get_column(found, 5)?,
        matched: row::get_column(found, 6)?,
    })
}

/// Deletes what belongs to an execution that is deleted.
pub(crate) fn purge(connection: &Connection, execution: ExecutionId) -> Result<()> {
    row::execute_sql(connection, PURGE, [execution.blob()]).map(drop)
}
