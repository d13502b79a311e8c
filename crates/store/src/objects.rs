//! Configured objects: documents with an identity, a version and a few index fields.
//!
//! Every kind of object that users configure (templates, …) is stored in the same way. Only the
//! index fields are searched by; everything else is in the document, which no store looks into.
//! Writes are optimistic: an object is only ever written whole, over the version before.

use std::collections::BTreeSet;

use async_trait::async_trait;
use stepwell_core::ids::{SubjectId, WorkflowId, WorkspaceId};
use stepwell_core::{Map, Timestamp};

use crate::effects::Effects;
use crate::error::{Result, StoreError};
use crate::lists::{List, ListFilter, Page};
use crate::record::IdempotencyRecord;

/// A kind of object, as it is stored and as errors name it: `template`. It never changes.
pub type Kind = &'static str;

/// For how many revisions a store remembers deletions: a reader of
/// [`ObjectStore::object_changes`] that is further behind gets all objects instead.
pub const DELETIONS_KEPT: u64 = 1_000;

/// An object as it is stored.
#[derive(Clone, PartialEq)]
pub struct StoredObject {
    /// Its kind.
    pub kind: Kind,
    /// Its id, unique in its kind; sorts by creation.
    pub id: SubjectId,
    /// The workspace that it belongs to.
    pub workspace: WorkspaceId,
    /// 1 when it was created, one more at each write.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// What it is found by.
    pub index: IndexFields,
    /// All the rest.
    pub document: Map,
}

/// Without the document: it may hold secrets.
impl std::fmt::Debug for StoredObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, id, workspace, version, created_at, updated_at, index, document: _ } =
            self;
        f.debug_struct("StoredObject")
            .field("kind", kind)
            .field("id", id)
            .field("workspace", workspace)
            .field("version", version)
            .field("created_at", created_at)
            .field("updated_at", updated_at)
            .field("index", index)
            .finish_non_exhaustive()
    }
}

/// The fields that objects of every kind can be searched by. A kind uses those that it needs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IndexFields {
    /// Unique among all objects of the kind, in all workspaces. One that is to be unique in its
    /// workspace starts with the id of the workspace.
    pub unique_key: Option<String>,
    /// The name that it is sorted and filtered by.
    pub name: Option<String>,
    /// The object that it belongs to, of whatever kind.
    pub parent: Option<SubjectId>,
    /// Its status.
    pub status: Option<String>,
    /// Labels that lists are filtered by: see [`has_label`](crate::record::has_label).
    pub labels: Map,
    /// When something has to be done with it; `None`: nothing.
    pub due_at: Option<Timestamp>,
}

/// Changes of objects that belong together: one transaction.
#[derive(Debug, Clone, Default)]
pub struct ObjectBatch {
    /// Objects to write. Version 1 creates the object; version `n` is written over version
    /// `n - 1`.
    pub puts: Vec<StoredObject>,
    /// Objects to delete.
    pub deletes: Vec<DeleteObject>,
    /// Deliveries and audit entries of the changes.
    pub effects: Effects,
    /// The idempotency key that the changes take, if any; `Replayed` where it is taken.
    pub idempotency: Option<IdempotencyRecord>,
    /// A workflow that must exist and not be deleted, such as the parent of a new object; else
    /// `Missing`.
    pub live_workflow: Option<WorkflowId>,
}

/// Names an object to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteObject {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: SubjectId,
    /// The version that it must have; `None`: any.
    pub expected: Option<u64>,
}

impl ObjectBatch {
    /// One write.
    pub fn put(object: StoredObject, effects: Effects) -> Self {
        Self { puts: vec![object], effects, ..Self::default() }
    }

    /// Deliveries and audit entries alone.
    pub fn effects(effects: Effects) -> Self {
        Self { effects, ..Self::default() }
    }

    /// Whether it changes no object.
    pub fn has_no_changes(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty()
    }

    /// One deletion.
    pub fn delete(object: DeleteObject, effects: Effects) -> Self {
        Self { deletes: vec![object], effects, ..Self::default() }
    }

    /// Checks the batch against what is stored: `version` reads the version of an object,
    /// `holder` the object that has a unique key. Nothing may be written where this fails. A
    /// unique key that the batch frees is free for the next batch only.
    ///
    /// # Errors
    /// `Corrupt` where the batch names an object twice; `Missing`; `Outdated` where another
    /// version exists, for version 1 any; `UniqueKeyTaken`; whatever reading fails with.
    pub fn check<E: From<StoreError>>(
        &self,
        mut version: impl FnMut(Kind, SubjectId) -> std::result::Result<Option<u64>, E>,
        mut holder: impl FnMut(Kind, &str) -> std::result::Result<Option<SubjectId>, E>,
    ) -> std::result::Result<(), E> {
        let (mut named, mut keys) = (BTreeSet::new(), BTreeSet::new());
        let mut once = |kind: Kind, id: SubjectId| match named.insert((kind, id)) {
            true => Ok(()),
            false => Err(StoreError::Corrupt(format!("a batch names {kind} {id} twice"))),
        };
        for StoredObject { kind, id, version: next, index, .. } in &self.puts {
            once(kind, *id)?;
            match version(kind, *id)? {
                None if *next == 1 => {}
                None => return Err(StoreError::Missing(kind).into()),
                Some(found) if found.checked_add(1) == Some(*next) => {}
                Some(_) => return Err(StoreError::Outdated(kind).into()),
            }
            if let Some(key) = &index.unique_key {
                let stored = holder(kind, key)?.is_some_and(|holder| holder != *id);
                if stored || !keys.insert((*kind, key)) {
                    return Err(StoreError::UniqueKeyTaken(kind).into());
                }
            }
        }
        for DeleteObject { kind, id, expected } in &self.deletes {
            once(kind, *id)?;
            let found = version(kind, *id)?.ok_or(StoreError::Missing(kind))?;
            if expected.is_some_and(|expected| expected != found) {
                return Err(StoreError::Outdated(kind).into());
            }
        }
        Ok(())
    }
}

/// What names one object of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectRef {
    /// Its id.
    Id(SubjectId),
    /// Its unique key.
    UniqueKey(String),
}

/// Which objects are listed.
#[derive(Debug, Clone, Default)]
pub struct ObjectFilter {
    /// Only those with this name.
    pub name: Option<String>,
    /// Only those of this parent.
    pub parent: Option<SubjectId>,
    /// Only those with this status.
    pub status: Option<String>,
    /// Only those that have all of these labels.
    pub labels: Vec<(String, String)>,
}

impl ListFilter for ObjectFilter {
    type Item = StoredObject;
    type SortKey = ObjectSort;
    type Cursor = ObjectCursor;

    fn cursor_of(object: &StoredObject, sort: ObjectSort) -> ObjectCursor {
        let key = match sort {
            ObjectSort::CreatedAt => ObjectSortKey::Time(object.created_at),
            ObjectSort::UpdatedAt => ObjectSortKey::Time(object.updated_at),
            ObjectSort::Name => ObjectSortKey::Name(object.index.name.clone()),
            ObjectSort::DueAt => ObjectSortKey::Due(object.index.due_at),
        };
        ObjectCursor { key, id: object.id }
    }
}

/// What objects can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ObjectSort {
    /// When they were created.
    #[default]
    CreatedAt,
    /// When they were last written.
    UpdatedAt,
    /// Their names, by code point; those without a name come before all others.
    Name,
    /// When they are due; those that are never due come before all others.
    DueAt,
}

impl ObjectSort {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::CreatedAt, Self::UpdatedAt, Self::Name, Self::DueAt];
}

/// The position of an object in a list, as the object was when it was listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectCursor {
    /// The value that it was sorted by.
    pub key: ObjectSortKey,
    /// Its id.
    pub id: SubjectId,
}

/// The value that an object is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectSortKey {
    /// With [`ObjectSort::CreatedAt`] and [`ObjectSort::UpdatedAt`].
    Time(Timestamp),
    /// With [`ObjectSort::Name`].
    Name(Option<String>),
    /// With [`ObjectSort::DueAt`].
    Due(Option<Timestamp>),
}

/// Parameters of [`ObjectStore::due_objects`].
#[derive(Debug, Clone, Copy)]
pub struct DueObjects {
    /// The kind.
    pub kind: Kind,
    /// Those due at this moment or before.
    pub now: Timestamp,
    /// Only those that come later in this order: the due moment and id of the last one read.
    pub after: Option<(Timestamp, SubjectId)>,
    /// The maximum number of objects.
    pub limit: usize,
}

impl DueObjects {
    /// The one that is due first, whenever that is.
    pub const fn first(kind: Kind) -> Self {
        Self { kind, now: Timestamp::from_micros(i64::MAX), after: None, limit: 1 }
    }
}

/// What [`ObjectStore::object_changes`] reads.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectChanges {
    /// The revision to pass the next time.
    pub revision: u64,
    /// Whether `puts` holds all objects of the kind, instead of those that changed: the reader
    /// forgets what it had.
    pub all: bool,
    /// Objects that were written, in the order of their last writes, then of their ids.
    pub puts: Vec<StoredObject>,
    /// Objects that were deleted, in the order of their ids.
    pub deleted: Vec<SubjectId>,
}

/// Configured objects of every kind.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// Writes and deletes objects, all or none of them.
    ///
    /// # Errors
    /// `Replayed` where the idempotency key is taken; `Missing` where the required workflow does
    /// not exist; then as [`ObjectBatch::check`].
    async fn write_objects(&self, batch: ObjectBatch) -> Result<()>;

    /// An object of any workspace.
    async fn find_object(&self, kind: Kind, by: ObjectRef) -> Result<Option<StoredObject>>;

    /// A page of objects, and how many there are on all pages, both of the same moment.
    async fn list_objects(
        &self,
        kind: Kind,
        workspace: WorkspaceId,
        list: List<ObjectFilter>,
    ) -> Result<Page<StoredObject, ObjectCursor>>;

    /// Objects of all workspaces that are due, earliest first; those of the same moment in the
    /// order of their ids.
    async fn due_objects(&self, due: DueObjects) -> Result<Vec<StoredObject>>;

    /// What changed in all workspaces after the revision `since`, for caches; 0 reads everything.
    /// Every batch that changes objects creates one revision, whatever their kinds.
    async fn object_changes(&self, kind: Kind, since: u64) -> Result<ObjectChanges>;
}

/// Whether a reader at the revision `since` can be given changes alone.
pub const fn remembers_revision(since: u64, revision: u64) -> bool {
    since > 0 && since <= revision && revision - since <= DELETIONS_KEPT
}
