//! Release tags and actuals.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_store::record::{ActualRecord, QualityRow, ReleaseTagRecord, Traffic};
use stepwell_store::{Effects, FeedbackStore};

use crate::fault::{Answer, Result};
use crate::row::{self, Id};
use crate::{SqliteStore, codec, effects};

const PUT_TAG: &str = "INSERT INTO release_tags (workflow, name, traffic, updated_at)
    VALUES (?1, ?2, ?3, ?4) ON CONFLICT (workflow, name)
    DO UPDATE SET traffic = excluded.traffic, updated_at = excluded.updated_at";
const FIND_TAG: &str =
    "SELECT name, traffic, updated_at FROM release_tags WHERE workflow = ?1 AND name = ?2";
const LIST_TAGS: &str =
    "SELECT name, traffic, updated_at FROM release_tags WHERE workflow = ?1 ORDER BY name";
const ADD: &str = "INSERT INTO actuals (id, execution, workflow, release, tag, output, quality,
    desired, matched, metadata, at, created_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const LIST: &str = "SELECT id, execution, workflow, release, tag, output, quality, desired,
    matched, metadata, at, created_at FROM actuals WHERE execution = ?1 ORDER BY id";
const PURGE: &str = "DELETE FROM actuals WHERE execution = ?1";
const QUALITY: &str = "SELECT release, tag, COUNT(*), COUNT(quality), TOTAL(quality),
    COUNT(matched), CAST(TOTAL(matched) AS INTEGER) FROM actuals WHERE workflow = ?1
    GROUP BY release, tag ORDER BY release, tag";

/// Those that the query plan test looks at.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] = &[FIND_TAG, LIST_TAGS, LIST, PURGE, QUALITY];

#[async_trait]
impl FeedbackStore for SqliteStore {
    async fn put_release_tag(&self, tag: ReleaseTagRecord, effects: Effects) -> Answer<()> {
        self.writer
            .write(effects.bytes(), move |batch| {
                put_tag(batch.connection, &tag)?;
                effects::write(batch.connection, &effects)
            })
            .await
    }

    async fn find_release_tag(
        &self,
        workflow: WorkflowId,
        name: &str,
    ) -> Answer<Option<ReleaseTagRecord>> {
        let name = name.to_owned();
        let params = move |connection: &Connection| {
            row::first(connection, FIND_TAG, params![workflow.blob(), name], |r| tag(workflow, r))
        };
        self.readers.read(params).await
    }

    async fn list_release_tags(&self, workflow: WorkflowId) -> Answer<Vec<ReleaseTagRecord>> {
        self.readers
            .read(move |connection| {
                row::all(connection, LIST_TAGS, params![workflow.blob()], |r| tag(workflow, r))
            })
            .await
    }

    async fn add_actuals(&self, actuals: Vec<ActualRecord>) -> Answer<()> {
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

    async fn list_actuals(&self, execution: ExecutionId) -> Answer<Vec<ActualRecord>> {
        self.readers
            .read(move |connection| row::all(connection, LIST, [execution.blob()], actual))
            .await
    }

    async fn quality(&self, workflow: WorkflowId) -> Answer<Vec<QualityRow>> {
        self.readers
            .read(move |connection| row::all(connection, QUALITY, [workflow.blob()], quality))
            .await
    }
}

/// Makes or moves a tag.
pub(crate) fn put_tag(connection: &Connection, tag: &ReleaseTagRecord) -> Result<()> {
    let ReleaseTagRecord { workflow, name, traffic, updated_at } = tag;
    let pairs: Vec<_> = traffic.iter().map(|part| (part.release, part.weight)).collect();
    let traffic = codec::write_json(&pairs)?;
    let params = params![workflow.blob(), name, traffic, updated_at.as_micros()];
    row::run(connection, PUT_TAG, params).map(drop)
}

fn tag(workflow: WorkflowId, found: &Row<'_>) -> Result<ReleaseTagRecord> {
    let pairs: Vec<(u32, u32)> = codec::read_json(&row::get::<String>(found, 1)?)?;
    let traffic = pairs.into_iter().map(|(release, weight)| Traffic { release, weight }).collect();
    let (name, updated_at) = (row::get(found, 0)?, row::time(found, 2)?);
    Ok(ReleaseTagRecord { workflow, name, traffic, updated_at })
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
    row::run(connection, ADD, params).map(drop)
}

fn actual(found: &Row<'_>) -> Result<ActualRecord> {
    let desired = row::get::<Option<String>>(found, 7)?;
    let matched = row::get::<Option<i64>>(found, 8)?;
    Ok(ActualRecord {
        id: row::id(found, 0)?,
        execution: row::id(found, 1)?,
        workflow: row::id(found, 2)?,
        release: row::get(found, 3)?,
        tag: row::get(found, 4)?,
        output: row::get(found, 5)?,
        quality: row::get(found, 6)?,
        desired: desired.map(|text| codec::read_json(&text)).transpose()?,
        matched: matched.map(|number| number != 0),
        metadata: row::labels(found, 9)?,
        at: row::time(found, 10)?,
        created_at: row::time(found, 11)?,
    })
}

fn quality(found: &Row<'_>) -> Result<QualityRow> {
    Ok(QualityRow {
        release: row::get(found, 0)?,
        tag: row::get(found, 1)?,
        count: row::get(found, 2)?,
        rated: row::get(found, 3)?,
        quality_sum: row::get(found, 4)?,
        compared: row::get(found, 5)?,
        matched: row::get(found, 6)?,
    })
}

/// Deletes what belongs to an execution that is deleted.
pub(crate) fn purge(connection: &Connection, execution: ExecutionId) -> Result<()> {
    row::run(connection, PURGE, [execution.blob()]).map(drop)
}
