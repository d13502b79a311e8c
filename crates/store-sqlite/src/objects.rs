//! Configured objects.

mod list;

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stepwell_core::ids::SubjectId;
use stepwell_store::lists::Listed;
use stepwell_store::objects::{
    DELETIONS_KEPT, DueObjects, IndexFields, Kind, ListObjects, ObjectBatch, ObjectChanges,
    ObjectRef, StoredObject, remembers,
};
use stepwell_store::{ObjectStore, StoreError};

use crate::executions::idempotency;
use crate::fault::{Answer, Fault, Result};
use crate::row::{self, Id};
use crate::{SqliteStore, codec, effects};

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
    ORDER BY due_at, id LIMIT ?3"
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
const FORGET_OLD: &str = "DELETE FROM object_deletions WHERE revision < ?1";
const REMEMBER: &str = "INSERT INTO object_deletions (kind, id, revision) VALUES (?1, ?2, ?3)
    ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision";
const PUT: &str = concat!(
    "INSERT INTO objects (kind, revision, ",
    columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
    ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision,
    workspace = excluded.workspace, version = excluded.version, created_at = excluded.created_at,
    updated_at = excluded.updated_at, unique_key = excluded.unique_key, name = excluded.name,
    parent = excluded.parent, status = excluded.status, labels = excluded.labels,
    due_at = excluded.due_at, document = excluded.document"
);

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
    ];
    fixed.into_iter().map(str::to_owned).chain(list::queries()).collect()
}

/// The texts of an object, encoded on the thread of the caller.
struct Texts {
    labels: Option<String>,
    document: String,
}

#[async_trait]
impl ObjectStore for SqliteStore {
    async fn write_objects(&self, batch: ObjectBatch) -> Answer<()> {
        let texts = batch.puts.iter().map(|object| {
            let labels = row::labels_text(&object.index.labels)?;
            Ok(Texts { labels, document: codec::write_json(&object.document)? })
        });
        let texts: Vec<Texts> = texts.collect::<Result<_>>()?;
        let documents: usize = texts.iter().map(|texts| texts.document.len()).sum();
        self.writer
            .write(documents + batch.effects.bytes(), move |writing| {
                let connection = writing.connection;
                idempotency::require_free(connection, batch.idempotency.as_ref())?;
                batch.check::<Fault>(
                    |kind, id| row::first(connection, VERSION, params![kind, id.blob()], version),
                    |kind, key| {
                        row::first(connection, HOLDER, params![kind, key], |found| {
                            row::id(found, 0)
                        })
                    },
                )?;
                write(connection, &batch, &texts)
            })
            .await
    }

    async fn find_object(&self, kind: Kind, by: ObjectRef) -> Answer<Option<StoredObject>> {
        let read = move |found: &Row<'_>| object(kind, found);
        self.readers
            .read(move |connection| match by {
                ObjectRef::Id(id) => row::first(connection, FIND, params![kind, id.blob()], read),
                ObjectRef::UniqueKey(key) => {
                    row::first(connection, FIND_KEY, params![kind, key], read)
                }
            })
            .await
    }

    async fn list_objects(&self, wanted: ListObjects) -> Answer<Listed<StoredObject>> {
        self.readers.read(move |connection| list::page(connection, &wanted)).await
    }

    async fn due_objects(&self, due: DueObjects) -> Answer<Vec<StoredObject>> {
        let DueObjects { kind, now, limit } = due;
        self.readers
            .read(move |connection| {
                let params = params![kind, now.as_micros(), row::limit(limit)];
                row::all(connection, DUE, params, |found| object(kind, found))
            })
            .await
    }

    async fn object_changes(&self, kind: Kind, since: u64) -> Answer<ObjectChanges> {
        self.readers.read(move |connection| changes(connection, kind, since)).await
    }
}

fn version(found: &Row<'_>) -> Result<u64> {
    row::get(found, 0)
}

fn write(connection: &Connection, batch: &ObjectBatch, texts: &[Texts]) -> Result<()> {
    let revision = row::first(connection, NEXT_REVISION, [], version)?;
    let revision = revision.ok_or(StoreError::Corrupt("the revision of objects is lost".into()))?;
    for (object, texts) in batch.puts.iter().zip(texts) {
        put(connection, revision, object, texts)?;
        row::run(connection, FORGET, params![object.kind, object.id.blob()])?;
    }
    for delete in &batch.deletes {
        row::run(connection, DELETE, params![delete.kind, delete.id.blob()])?;
        row::run(connection, REMEMBER, params![delete.kind, delete.id.blob(), revision])?;
    }
    if !batch.deletes.is_empty() {
        row::run(connection, FORGET_OLD, [revision.saturating_sub(DELETIONS_KEPT)])?;
    }
    idempotency::take(connection, batch.idempotency.as_ref())?;
    effects::write(connection, &batch.effects)
}

fn put(connection: &Connection, revision: u64, object: &StoredObject, texts: &Texts) -> Result<()> {
    let StoredObject { kind, id, workspace, version, created_at, updated_at, index, .. } = object;
    let IndexFields { unique_key, name, parent, status, labels: _, due_at } = index;
    let params = params![
        kind,
        revision,
        id.blob(),
        workspace.blob(),
        version,
        created_at.as_micros(),
        updated_at.as_micros(),
        unique_key,
        name,
        parent.map(Id::blob),
        status,
        texts.labels,
        row::micros(*due_at),
        texts.document,
    ];
    row::run(connection, PUT, params).map(drop)
}

fn changes(connection: &Connection, kind: Kind, since: u64) -> Result<ObjectChanges> {
    // All of the same moment.
    let transaction = connection.unchecked_transaction()?;
    let revision = row::first(&transaction, REVISION, [], version)?.unwrap_or(0);
    let all = !remembers(since, revision);
    let after = if all { 0 } else { since };
    let read = |found: &Row<'_>| object(kind, found);
    let puts = row::all(&transaction, CHANGED, params![kind, after], read)?;
    let deleted = match all {
        true => Vec::new(),
        false => row::all(&transaction, DELETED, params![kind, after], |found| row::id(found, 0))?,
    };
    Ok(ObjectChanges { revision, all, puts, deleted })
}

fn find(connection: &Connection, kind: Kind, id: SubjectId) -> Result<Option<StoredObject>> {
    row::first(connection, FIND, params![kind, id.blob()], |found| object(kind, found))
}

/// Reads the columns of [`columns`].
fn object(kind: Kind, found: &Row<'_>) -> Result<StoredObject> {
    Ok(StoredObject {
        kind,
        id: row::id(found, 0)?,
        workspace: row::id(found, 1)?,
        version: row::get(found, 2)?,
        created_at: row::time(found, 3)?,
        updated_at: row::time(found, 4)?,
        index: IndexFields {
            unique_key: row::get(found, 5)?,
            name: row::get(found, 6)?,
            parent: row::maybe_id(found, 7)?,
            status: row::get(found, 8)?,
            labels: row::labels(found, 9)?,
            due_at: row::maybe_time(found, 10)?,
        },
        document: codec::read_json(&row::get::<String>(found, 11)?)?,
    })
}
