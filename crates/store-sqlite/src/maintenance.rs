//! Looking after the store: purge, backup, health.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, params};
use stepwell_core::Timestamp;
use stepwell_core::cache::PoolUsage;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_store::rollup::CountedExecution;
use stepwell_store::traits::{OldData, Purge, StoreGauges};
use stepwell_store::{MaintenanceStore, StoreError};

use crate::error::{Result, StoreResult};
use crate::row::{self, Id};
use crate::writer::Batch;
use crate::{SqliteStore, audit, deliveries, executions, feedback, gauges, vacuum};

/// How many executions, idempotency keys or deliveries are deleted in one write: others wait no longer.
const PURGE_STEP: usize = 64;

const NEXT_WORKFLOW: &str = "SELECT workflow FROM executions
    WHERE ended_at IS NOT NULL AND workflow > ?1 ORDER BY workflow LIMIT 1";
const RETENTION: &str = "SELECT retention_seconds FROM workflows WHERE id = ?1";
const OVER: &str = "SELECT n, id FROM executions
    WHERE workflow = ?1 AND ended_at < ?2 AND status >= 4 ORDER BY ended_at LIMIT ?3";
const ENDED: &str = "SELECT n, id FROM executions WHERE id = ?1 AND status >= 4";
const DELETE: &str = "DELETE FROM executions WHERE n = ?1 AND id = ?2 AND status >= 4
    RETURNING status, workspace, workflow, created_at";
const DELETE_JOURNAL: &str = "DELETE FROM journal WHERE key BETWEEN ?1 AND ?2";
const DELETE_KEYS: &str = "DELETE FROM idempotency WHERE rowid IN
    (SELECT rowid FROM idempotency WHERE created_at < ?1 LIMIT ?2)";
/// What there must be room for: a transaction of several executions.
const PROBE_BYTES: usize = 256 << 10;
const PROBE: &str = "UPDATE probe SET checks = checks + 1 WHERE n = 1";

/// The queries of the query plan test.
#[cfg(test)]
pub(crate) const QUERIES: &[&str] =
    &[NEXT_WORKFLOW, RETENTION, OVER, ENDED, DELETE, DELETE_JOURNAL, DELETE_KEYS, PROBE];

/// How often the log is truncated after the database was rewritten, while other connections read.
const TRUNCATE_TRIALS: usize = 100;
/// How often the log is moved after pages were released: on a busy server there is always more.
const MOVE_TRIALS: usize = 10;
/// The pause between the trials.
const TRIAL_PAUSE: Duration = Duration::from_millis(20);

/// Moves the log to the database; returns whether it was complete.
type LogStep = fn(&Connection) -> StoreResult<bool>;

#[async_trait]
impl MaintenanceStore for SqliteStore {
    async fn purge(&self, purge: Purge) -> StoreResult<u64> {
        match purge {
            Purge::Old(old) => {
                let purged = self.purge_old(old).await?;
                if (purged as usize) < old.limit {
                    self.release_pages().await?;
                }
                Ok(purged)
            }
            Purge::Ended(ids) => {
                let find = move |connection: &Connection| find_ended(connection, &ids);
                let ended = self.readers.read(find).await?;
                self.delete_rows(&ended).await
            }
        }
    }

    async fn gauges(&self) -> StoreResult<StoreGauges> {
        let database = self.opener.path().to_path_buf();
        let read = self.readers.read(move |connection| gauges::read(connection, &database)).await?;
        self.database_bytes.store(read.database_bytes, Ordering::Relaxed);
        Ok(read)
    }
}

impl SqliteStore {
    async fn purge_old(&self, purge: OldData) -> StoreResult<u64> {
        let over = self.readers.read(move |connection| find_over(connection, &purge)).await?;
        let purged = self.delete_rows(&over).await?;
        let before = purge.idempotency_before.as_micros();
        loop {
            let params = (before, row::sql_limit(PURGE_STEP));
            let delete =
                move |connection: &Connection| row::execute_sql(connection, DELETE_KEYS, params);
            let deleted = self.writer.write(0, move |batch| delete(batch.connection)).await?;
            if deleted < PURGE_STEP {
                break;
            }
        }
        loop {
            let before = purge.deliveries_before;
            let delete = move |connection: &Connection| {
                deliveries::purge_old(connection, before, PURGE_STEP)
            };
            let deleted = self.writer.write(0, move |batch| delete(batch.connection)).await?;
            if deleted < PURGE_STEP {
                break;
            }
        }
        let Some(before) = purge.audit_before else { return Ok(purged) };
        loop {
            let delete =
                move |connection: &Connection| audit::purge_old(connection, before, PURGE_STEP);
            let deleted = self.writer.write(0, move |batch| delete(batch.connection)).await?;
            if deleted < PURGE_STEP {
                return Ok(purged);
            }
        }
    }

    /// Deletes executions in steps between which other writes run.
    async fn delete_rows(&self, rows: &[Row]) -> StoreResult<u64> {
        let mut deleted = 0;
        for step in rows.chunks(PURGE_STEP) {
            let step = step.to_vec();
            deleted += self.writer.write(0, move |batch| delete(batch, &step)).await?;
        }
        Ok(deleted)
    }

    /// Returns free pages to the file system, in steps between which other writes run.
    async fn release_pages(&self) -> StoreResult<()> {
        for _ in 0..vacuum::MAX_STEPS {
            let has_more =
                self.writer.write(0, |batch| vacuum::release_step(batch.connection)).await?;
            if !has_more {
                break;
            }
        }
        // Otherwise the file of a quiet server keeps its size until the log is full.
        self.shrink_files(vacuum::move_log, MOVE_TRIALS).await
    }

    /// Rewrites the database without free pages, and so that later deletions return space to the
    /// file system. It needs free space of the size of the data, and blocks writes.
    ///
    /// # Errors
    /// `Unavailable`, with the cause.
    pub async fn compact(&self) -> StoreResult<()> {
        let stopped = |error| StoreError::Unavailable(format!("compacting stopped: {error}"));
        let opener = self.opener.clone();
        let compacting = tokio::task::spawn_blocking(move || vacuum::compact(&opener.helper()?));
        compacting.await.map_err(stopped)??;
        self.shrink_files(vacuum::truncate_log, TRUNCATE_TRIALS).await
    }

    /// Cuts released pages off the files, which needs a moment without reads of older pages.
    async fn shrink_files(&self, step: LogStep, trials: usize) -> StoreResult<()> {
        for _ in 0..trials {
            let opener = self.opener.clone();
            let moving = tokio::task::spawn_blocking(move || step(&opener.helper()?));
            let stopped =
                |error| StoreError::Unavailable(format!("moving the log stopped: {error}"));
            if moving.await.map_err(stopped)?? {
                break;
            }
            tokio::time::sleep(TRIAL_PAUSE).await;
        }
        Ok(())
    }

    /// Makes a consistent copy at `target`, which must not exist, while serving.
    ///
    /// # Errors
    /// `Unavailable`, with the cause.
    pub async fn backup(&self, target: PathBuf) -> StoreResult<()> {
        let opener = self.opener.clone();
        // A connection of its own: it takes long, and those that read refuse to copy.
        let copying = tokio::task::spawn_blocking(move || {
            back_up(&opener.helper()?, &target).map_err(|why| {
                let text = format!("the backup to {} failed: {why}", target.display());
                StoreError::Unavailable(text)
            })
        });
        let stopped = |error| StoreError::Unavailable(format!("the backup stopped: {error}"));
        copying.await.map_err(stopped)?
    }

    /// Checks that the database and its disk can be written: a small write, and a probe of the free
    /// space, which the write alone does not need.
    ///
    /// # Errors
    /// `Unavailable`, with the cause.
    pub async fn check(&self) -> StoreResult<()> {
        let path = self.opener.path().to_path_buf();
        let probed = tokio::task::spawn_blocking(move || probe_room(&path)).await;
        let stopped = |error| StoreError::Unavailable(format!("the probe stopped: {error}"));
        probed.map_err(stopped)?.map_err(|error| {
            StoreError::Unavailable(format!("the disk of the database cannot be written: {error}"))
        })?;
        self.writer.write(0, |batch| row::execute_sql(batch.connection, PROBE, []).map(drop)).await
    }

    /// The caches and queues in memory, with their use and their limits.
    pub fn memory_pools(&self) -> Vec<PoolUsage> {
        let database = self.database_bytes.load(Ordering::Relaxed);
        vec![self.opener.options.cache_usage(database), self.writer.usage()]
    }
}

type Row = (i64, ExecutionId);

/// What has been kept long enough, at most as much as is to be purged.
fn find_over(connection: &Connection, purge: &OldData) -> Result<Vec<Row>> {
    let mut over = Vec::new();
    let mut after = row::BEFORE_ALL.to_vec();
    while over.len() < purge.limit {
        let read = |found: &rusqlite::Row<'_>| row::get_id::<WorkflowId>(found, 0);
        let Some(workflow) = row::query_first(connection, NEXT_WORKFLOW, [&after], read)? else {
            break;
        };
        after = workflow.blob().to_vec();
        let Some(before) = kept_from(connection, workflow, purge)? else { continue };
        let room = row::sql_limit(purge.limit - over.len());
        let params = params![workflow.blob(), before.as_micros(), room];
        over.extend(row::query_all(connection, OVER, params, place)?);
    }
    Ok(over)
}

/// Those of the executions that have ended.
fn find_ended(connection: &Connection, ids: &[ExecutionId]) -> Result<Vec<Row>> {
    let mut ended = Vec::new();
    for id in ids {
        ended.extend(row::query_first(connection, ENDED, [id.blob()], place)?);
    }
    Ok(ended)
}

fn place(found: &rusqlite::Row<'_>) -> Result<Row> {
    Ok((row::get_column(found, 0)?, row::get_id(found, 1)?))
}

/// From when on the workflow's ended executions are kept; `None`: all are.
fn kept_from(
    connection: &Connection,
    workflow: WorkflowId,
    purge: &OldData,
) -> Result<Option<Timestamp>> {
    let read = |found: &rusqlite::Row<'_>| row::get_column::<Option<i64>>(found, 0);
    let own = row::query_first(connection, RETENTION, [workflow.blob()], read)?.flatten();
    Ok(match own {
        Some(seconds) => Some(purge.now.before(Duration::from_secs(seconds.cast_unsigned()))),
        None => purge.default_before,
    })
}

fn delete(batch: &mut Batch<'_>, over: &[Row]) -> Result<u64> {
    let connection = batch.connection;
    let mut deleted = 0;
    for (n, id) in over {
        let found = row::query_first(connection, DELETE, params![n, id.blob()], |found| {
            let counted = CountedExecution {
                workspace: row::get_id(found, 1)?,
                workflow: row::get_id(found, 2)?,
                created_at: row::get_time(found, 3)?,
            };
            Ok((row::get_status(found, 0)?, counted))
        })?;
        let Some((status, counted)) = found else { continue };
        batch.counts.change(counted, Some(status), None);
        let (first, last) = executions::journal_keys(*n);
        row::execute_sql(connection, DELETE_JOURNAL, [first, last])?;
        deliveries::purge(connection, *id)?;
        feedback::purge(connection, *id)?;
        deleted += 1;
    }
    Ok(deleted)
}

/// Writes a file beside the database and deletes it. A write to the database alone does not show
/// whether there is free space: a small write fits in the existing log, the next large one does not.
fn probe_room(database: &Path) -> std::io::Result<()> {
    let mut path = database.as_os_str().to_owned();
    path.push(".probe");
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; PROBE_BYTES])?;
        file.sync_data()
    });
    // A probe that stays is overwritten by the next.
    let _ = std::fs::remove_file(&path);
    written
}

/// Copies to a file beside the target first, so that the target is always complete.
fn back_up(connection: &Connection, target: &Path) -> std::result::Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    if target.try_exists().map_err(text)? {
        return Err("the file exists; name one that does not".to_owned());
    }
    let mut partial = target.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let made = copy(connection, &partial).and_then(|()| {
        // Fails where the target has appeared meanwhile, unlike a rename.
        std::fs::hard_link(&partial, target).map_err(text)
    });
    let removed = std::fs::remove_file(&partial).map_err(text);
    made.and(removed)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(text)
}

/// A consistent copy of this moment, on the disk when this returns. Reads and writes continue.
fn copy(connection: &Connection, partial: &Path) -> std::result::Result<(), String> {
    let mut file = OpenOptions::new();
    file.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    let file = file.open(partial).map_err(|error| error.to_string())?;
    let name = partial.to_str().ok_or("the path is not UTF-8")?;
    vacuum::request_incremental(connection).map_err(|error| error.to_string())?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(|error| error.to_string())?;
    file.sync_all().map_err(|error| error.to_string())
}
