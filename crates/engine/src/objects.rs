//! Configured objects of every kind: between their documents and the store.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stepwell_core::ids::{ObjectId, WorkspaceId};
use stepwell_core::{Map, Timestamp};
use stepwell_store::lists::List;
use stepwell_store::objects::{
    IndexFields, Kind, ObjectBatch, ObjectFilter, ObjectRef, StoredObject,
};
use stepwell_store::{Effects, Store, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// How often a change is repeated because another writer was faster.
const EDIT_ATTEMPTS: usize = 16;

/// A kind of configured object. The type is its document.
pub trait Document:
    Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Its ids.
    type Id: ObjectId;
    /// The kind; it is stored and never changes.
    const KIND: Kind;

    /// What it is found by. A unique key that holds for one workspace comes from
    /// [`workspace_key`].
    fn index(&self, workspace: WorkspaceId) -> IndexFields;
}

/// A unique key that is unique in its workspace only.
pub fn workspace_key(workspace: WorkspaceId, key: &str) -> String {
    format!("{workspace}/{key}")
}

/// An object of a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<D: Document> {
    /// Its id.
    pub id: D::Id,
    /// The workspace that it belongs to.
    pub workspace: WorkspaceId,
    /// 1 when it was created, one more at each change.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The rest.
    pub document: D,
}

impl<D: Document> Object<D> {
    /// A new object.
    pub fn new(id: D::Id, workspace: WorkspaceId, now: Timestamp, document: D) -> Self {
        Self { id, workspace, version: 1, created_at: now, updated_at: now, document }
    }

    /// The next version, changed now.
    #[must_use]
    pub fn next(&self, now: Timestamp, document: D) -> Self {
        let updated_at = now.max(self.updated_at);
        Self { version: self.version + 1, updated_at, document, ..self.clone() }
    }

    /// As it is stored.
    ///
    /// # Errors
    /// `Corrupt` where the document is no JSON object.
    pub fn to_stored(&self) -> Result<StoredObject> {
        let Self { id, workspace, version, created_at, updated_at, document } = self;
        Ok(StoredObject {
            kind: D::KIND,
            id: (*id).into(),
            workspace: *workspace,
            version: *version,
            created_at: *created_at,
            updated_at: *updated_at,
            index: document.index(*workspace),
            document: fields_of(document)?,
        })
    }

    /// What [`Object::to_stored`] wrote.
    ///
    /// # Errors
    /// `Corrupt` where the document cannot be read.
    pub fn from_stored(object: StoredObject) -> Result<Self> {
        let StoredObject { id, workspace, version, created_at, updated_at, document, .. } = object;
        let id = D::Id::from_uuid(id.uuid());
        let document = serde_json::from_value(Value::Object(document));
        let document = document.map_err(|error| {
            StoreError::Corrupt(format!("{} {id} cannot be read: {error}", D::KIND))
        })?;
        Ok(Self { id, workspace, version, created_at, updated_at, document })
    }
}

/// The fields of a document as JSON.
///
/// # Errors
/// `Corrupt` where it is no JSON object.
pub fn fields_of<D: Document>(document: &D) -> Result<Map> {
    let kind = D::KIND;
    match serde_json::to_value(document) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(StoreError::Corrupt(format!("a {kind} is no JSON object"))),
        Err(error) => Err(StoreError::Corrupt(format!("a {kind} cannot be written: {error}"))),
    }
}

/// An object of any workspace, by its unique key.
///
/// # Errors
/// The store cannot be read.
pub async fn find_by_key<D: Document>(store: &dyn Store, key: String) -> Result<Option<Object<D>>> {
    let found = store.find_object(D::KIND, ObjectRef::UniqueKey(key)).await?;
    found.map(Object::from_stored).transpose()
}

/// All objects of a workspace, newest first.
///
/// # Errors
/// The store cannot be read.
pub async fn list_all<D: Document>(
    store: &dyn Store,
    workspace: WorkspaceId,
) -> Result<Vec<Object<D>>> {
    let list = List::first_page(ObjectFilter::default(), usize::MAX);
    let found = store.list_objects(D::KIND, workspace, list).await?.items;
    found.into_iter().map(Object::from_stored).collect()
}

/// Writes a change of an object, decided by `edit` over what is stored; again where another writer
/// was faster. `None` from `edit`: there is nothing to change. Returns the object as it is then;
/// `None` where it does not exist.
///
/// # Errors
/// The store cannot be read or written.
pub async fn edit<D: Document>(
    store: &dyn Store,
    id: D::Id,
    edit: impl Fn(&Object<D>) -> Option<(Object<D>, Effects)> + Send,
) -> Result<Option<Object<D>>> {
    for _ in 0..EDIT_ATTEMPTS {
        let Some(before) = find_object::<D>(store, id).await? else { return Ok(None) };
        let Some((after, effects)) = edit(&before) else { return Ok(Some(before)) };
        match store.write_objects(ObjectBatch::put(after.to_stored()?, effects)).await {
            Ok(()) => return Ok(Some(after)),
            Err(StoreError::Outdated(_) | StoreError::Missing(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Outdated(D::KIND))
}

/// An object of any workspace.
///
/// # Errors
/// The store cannot be read.
pub async fn find_object<D: Document>(store: &dyn Store, id: D::Id) -> Result<Option<Object<D>>> {
    let found = store.find_object(D::KIND, ObjectRef::Id(id.into())).await?;
    found.map(Object::from_stored).transpose()
}
