//! Configured objects.

mod list;

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stepwell_core::ids::{SubjectId, WorkspaceId};
use stepwell_store::ObjectStore;
use stepwell_store::codec;
use stepwell_store::lists::{List, Page};
use stepwell_store::objects::{
    DELETIONS_KEPT, DeleteObject, DueObjects, IndexFields, Kind, ObjectBatch, ObjectChanges,
    ObjectCursor, ObjectFilter, ObjectRef, StoredObject, remembers_revision,
};

use crate::error::{QueryError, Result, StoreResult, corrupt_row};
use crate::executions::idempotency;
use crate::row::{self, Id};
use crate::{SqliteStore, effects, workflows};

/// The columns that [`object`] reads.
macro_rules! columns {
    () => {
        "id, workspace, version, created_at, updated_at, unique_key, name, parent, status, \
         labels, due_at, document"
    };
}

const VERSION: &str = "SELECT version FROM objects WHERE kind = ?1 AND id = ?2";
const HOLDER: &str = "SELECT id FROM objects WHERE kind = ?1 AND unique_key = ?2";
const FIND: &str = concat!("SELECT ", columns!(), " FROM objects WHERE kind = ?1 AND id = ?2");
const FIND_KEY: &str =
    concat!("SELECT ", columns!(), " FROM objects WHERE kind = ?1 AND unique_key = ?2");
const DUE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM objects INDEXED BY objects_due WHERE kind = ?1 AND due_at <= ?2
    AND (due_at, id) > (?3, ?4) ORDER BY due_at, id LIMIT ?5"
);
const CHANGED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM objects INDEXED BY objects_revision WHERE kind = ?1 AND revision > ?2
    ORDER BY revision, id"
);
const DELETED: &str = "SELECT id FROM object_deletions WHERE kind = ?1 AND revision > ?2
    ORDER BY id";
const REVISION: &str = "SELECT revision FROM object_revision WHERE n = 1";
const NEXT_REVISION: &str =
    "UPDATE object_revision SET revision = revision + 1 WHERE n = 1 RETURNING revision";
const DELETE: &str = "DELETE FROM objects WHERE kind = ?1 AND id = ?2";
const FORGET: &str = "DELETE FROM object_deletions WHERE kind = ?1 AND id = ?2";
const REMEMBER_CHILDREN: &str = "INSERT INTO object_deletions (kind, id, revision)
    SELECT kind, id, ?3 FROM objects INDEXED BY objects_parent WHERE kind = ?1 AND parent = ?2
    ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision";
const DELETE_CHILDREN: &str =
    "DELETE FROM objects INDEXED BY objects_parent WHERE kind = ?1 AND parent = ?2";
const FORGET_OLD: &str = "DELETE FROM object_deletions WHERE revision < ?1";
const REMEMBER: &str = "INSERT INTO object_deletions (kind, id, revision) VALUES (?1, ?2, ?3)
    ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision";
const PUT: &str = "INSERT INTO objects (kind, id, revision, workspace, version, created_at,
    updated_at, unique_key, name, parent, status, labels, due_at, document)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
    ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision,
    workspace = excluded.workspace, version = excluded.version, created_at = excluded.created_at,
    updated_at = excluded.updated_at, unique_key = excluded.unique_key, name = excluded.name,
    parent = excluded.parent, status = excluded.status, labels = excluded.labels,
    due_at = excluded.due_at, document = excluded.document";
/// As [`PUT`], if the fields of the other indexes are as before: SQLite rewrites the entries of an
/// index for each field that is set, even to the same value.
const UPDATE: &str = "UPDATE objects SET revision = ?3, version = ?5, updated_at = ?7,
    labels = ?12, due_at = ?13, document = ?14
    WHERE kind = ?1 AND id = ?2 AND workspace = ?4 AND created_at = ?6 AND unique_key IS ?8
    AND name IS ?9 AND parent IS ?10 AND status IS ?11";

/// The queries of the query plan test.
#[cfg(test)]
pub(crate) fn queries() -> Vec<String> {
    let fixed = [
        VERSION,
        HOLDER,
        FIND,
        FIND_KEY,
        DUE,
        CHANGED,
        DELETED,
        REVISION,
        NEXT_REVISION,
        DELETE,
        FORGET,
        FORGET_OLD,
        UPDATE,
        REMEMBER_CHILDREN,
        DELETE_CHILDREN,
    ];
    fixed.into_iter().map(str::to_owned).chain(list::queries()).collect()
}

/// A batch with everything that can be encoded on the thread of the caller.
pub(crate) struct Prepared {
    batch: ObjectBatch,
    /// Of each object to write.
    texts: Vec<Texts>,
}

struct Texts {
    labels: Option<String>,
    document: String,
}

impl Prepared {
    pub(crate) fn new(batch: ObjectBatch) -> StoreResult<Self> {
        let texts = batch.puts.iter().map(|object| {
            let labels = row::labels_text(&object.index.labels)?;
            Ok(Texts { labels, document: codec::write_json(&object.document)? })
        });
        let texts = texts.collect::<Result<_>>()?;
        Ok(Self { batch, texts })
    }

    /// An estimate of the bytes that are written.
    pub(crate) fn bytes(&self) -> usize {
        let documents: usize = self.texts.iter().map(|texts| texts.document.len()).sum();
        documents + self.batch.effects.bytes()
    }

    /// Checks the batch before anything is written.
    pub(crate) fn check(&self, connection: &Connection) -> Result<()> {
        idempotency::require_free(connection, self.batch.idempotency.as_ref())?;
        if let Some(workflow) = self.batch.live_workflow {
            workflows::live_release(connection, workflow, None)?;
        }
        let id = |found: &Row<'_>| row::get_id(found, 0);
        self.batch.check::<QueryError>(
            |kind, id| row::query_first(connection, VERSION, params![kind, id.blob()], number),
            |kind, key| row::query_first(connection, HOLDER, params![kind, key], id),
        )
    }

    /// Writes a batch that was checked.
    pub(crate) fn write(&self, connection: &Connection) -> Result<()> {
        let Self { batch, texts } = self;
        if !batch.has_no_changes() {
            let revision = next_revision(connection)?;
            for (object, texts) in batch.puts.iter().zip(texts) {
                put(connection, revision, object, texts)?;
            }
            for DeleteObject { kind, id, .. } in &batch.deletes {
                row::execute_sql(connection, DELETE, params![kind, id.blob()])?;
                row::execute_sql(connection, REMEMBER, params![kind, id.blob(), revision])?;
            }
            if !batch.deletes.is_empty() {
                forget_old_deletions(connection, revision)?;
            }
        }
        idempotency::take_claim(connection, batch.idempotency.as_ref())?;
        effects::write_effects(connection, &batch.effects)
    }
}

#[async_trait]
impl ObjectStore for SqliteStore {
    async fn write_objects(&self, batch: ObjectBatch) -> StoreResult<()> {
        let prepared = Prepared::new(batch)?;
        self.writer
            .write(prepared.bytes(), move |writing| {
                prepared.check(writing.connection)?;
                prepared.write(writing.connection)
            })
            .await
    }

    async fn find_object(&self, kind: Kind, by: ObjectRef) -> StoreResult<Option<StoredObject>> {
        let read = move |found: &Row<'_>| object(kind, found);
        self.readers
            .read(move |connection| match by {
                ObjectRef::Id(id) => {
                    row::query_first(connection, FIND, params![kind, id.blob()], read)
                }
                ObjectRef::UniqueKey(key) => {
                    row::query_first(connection, FIND_KEY, params![kind, key], read)
                }
            })
            .await
    }

    async fn list_objects(
        &self,
        kind: Kind,
        workspace: WorkspaceId,
        list: List<ObjectFilter>,
    ) -> StoreResult<Page<StoredObject, ObjectCursor>> {
        self.readers.read(move |connection| list::page(connection, kind, workspace, &list)).await
    }

    async fn due_objects(&self, due: DueObjects) -> StoreResult<Vec<StoredObject>> {
        let DueObjects { kind, now, after, limit } = due;
        self.readers
            .read(move |connection| {
                let after_at = after.map_or(i64::MIN, |(at, _)| at.as_micros());
                let after_id = row::id_after(after.map(|(_, id)| id));
                let params =
                    params![kind, now.as_micros(), after_at, after_id, row::sql_limit(limit)];
                row::query_all(connection, DUE, params, |found| object(kind, found))
            })
            .await
    }

    async fn object_changes(&self, kind: Kind, since: u64) -> StoreResult<ObjectChanges> {
        self.readers.read(move |connection| changes(connection, kind, since)).await
    }
}

fn number(found: &Row<'_>) -> Result<u64> {
    row::get_column(found, 0)
}

fn next_revision(connection: &Connection) -> Result<u64> {
    let revision = row::query_first(connection, NEXT_REVISION, [], number)?;
    revision.ok_or_else(|| corrupt_row("the revision of objects is lost"))
}

fn forget_old_deletions(connection: &Connection, revision: u64) -> Result<()> {
    row::execute_sql(connection, FORGET_OLD, [revision.saturating_sub(DELETIONS_KEPT)]).map(drop)
}

/// Deletes the objects of these kinds that have the parent.
pub(crate) fn delete_children(
    connection: &Connection,
    parent: SubjectId,
    kinds: &[Kind],
) -> Result<()> {
    if kinds.is_empty() {
        return Ok(());
    }
    let revision = next_revision(connection)?;
    for kind in kinds {
        let params = params![kind, parent.blob(), revision];
        row::execute_sql(connection, REMEMBER_CHILDREN, params)?;
        row::execute_sql(connection, DELETE_CHILDREN, params![kind, parent.blob()])?;
    }
    forget_old_deletions(connection, revision)
}

fn put(connection: &Connection, revision: u64, object: &StoredObject, texts: &Texts) -> Result<()> {
    let StoredObject { kind, id, workspace, version, created_at, updated_at, index, .. } = object;
    let IndexFields { unique_key, name, parent, status, labels: _, due_at } = index;
    let params = params![
        kind,
        id.blob(),
        revision,
        workspace.blob(),
        version,
        created_at.as_micros(),
        updated_at.as_micros(),
        unique_key,
        name,
        parent.map(Id::blob),
        status,
        texts.labels,
        row::as_micros(*due_at),
        texts.document,
    ];
    // Most writes, such as the progress of a schedule, change none of the fields of most indexes.
    if *version > 1 && row::execute_sql(connection, UPDATE, params)? == 1 {
        return Ok(());
    }
    row::execute_sql(connection, PUT, params)?;
    row::execute_sql(connection, FORGET, params![kind, id.blob()]).map(drop)
}

fn changes(connection: &Connection, kind: Kind, since: u64) -> Result<ObjectChanges> {
    // All of the same moment.
    let transaction = connection.unchecked_transaction()?;
    let revision = row::query_first(&transaction, REVISION, [], number)?.unwrap_or(0);
    let all = !remembers_revision(since, revision);
    let after = if all { 0 } else { since };
    let read = |found: &Row<'_>| object(kind, found);
    let puts = row::query_all(&transaction, CHANGED, params![kind, after], read)?;
    let deleted = match all {
        true => Vec::new(),
        false => row::query_all(&transaction, DELETED, params![kind, after], |found| {
            row::get_id(found, 0)
        })?,
    };
    Ok(ObjectChanges { revision, all, puts, deleted })
}

fn find(connection: &Connection, kind: Kind, id: SubjectId) -> Result<Option<StoredObject>> {
    row::query_first(connection, FIND, params![kind, id.blob()], |found| object(kind, found))
}

/// Reads the columns of [`columns`].
fn object(kind: Kind, found: &Row<'_>) -> Result<StoredObject> {
    Ok(StoredObject {
        kind,
        id: row::get_id(found, 0)?,
        workspace: row::get_id(found, 1)?,
        version: row::get_column(found, 2)?,
        created_at: row::get_time(found, 3)?,
        updated_at: row::get_time(found, 4)?,
        index: IndexFields {
            unique_key: row::get_column(found, 5)?,
            name: row::get_column(found, 6)?,
            parent: row::maybe_id(found, 7)?,
            status: row::get_column(found, 8)?,
            labels: row::get_labels(found, 9)?,
            due_at: row::maybe_time(found, 10)?,
        },
        document: codec::read_json(&row::get_column::<String>(found, 11)?)?,
    })
}
