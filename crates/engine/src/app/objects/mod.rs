//! Configured objects: one service for every kind.
//!
//! A kind is a type that implements [`Noun`]: its document, its names, what it is found by, what
//! makes it valid. Everything else is here, once: scopes, isolation of workspaces, versions and
//! `If-Match`, uniqueness, the most objects of a workspace, lists, audit entries.

mod cursor;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stepwell_core::audit::{self, Action, ObjectKind};
use stepwell_core::ids::{ObjectId, WorkspaceId};
use stepwell_core::{Map, Problems, Timestamp};
use stepwell_store::audit::AuditRecord;
use stepwell_store::lists::{Listed, Order};
use stepwell_store::objects::{
    DeleteObject, IndexFields, ListObjects, ObjectBatch, ObjectRef, ObjectSort, StoredObject,
};
use stepwell_store::{Effects, StoreError};

use super::{App, Expected, Page, PageAt};
use crate::caller::Verb;
use crate::runtime::engine::new_uuid;
use crate::{AppError, Caller};

/// How often a change is repeated because another writer was faster.
const ATTEMPTS: usize = 16;

/// A kind of configured object. The type is its document.
pub trait Noun: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its ids.
    type Id: ObjectId;
    /// The kind; its name is stored and never changes.
    const KIND: ObjectKind;
    /// The kind as scopes name it: `templates`.
    const SCOPE: &'static str;
    /// The most objects of a workspace.
    const MAX_PER_WORKSPACE: u64;
    /// What the audit log calls creating, changing and deleting one.
    const ACTIONS: [Action; 3];

    /// The name that people call it, 1 to 100 visible characters. Scopes for one object can name
    /// it.
    fn name(&self) -> &str;

    /// What it is found by. A unique key that holds for one workspace comes from
    /// [`workspace_key`].
    fn index(&self, workspace: WorkspaceId) -> IndexFields;

    /// Checks the document.
    ///
    /// # Errors
    /// Every problem, with the field that has it.
    fn check(&self) -> Result<(), Problems>;
}

/// A unique key that is unique in its workspace only.
pub fn workspace_key(workspace: WorkspaceId, key: &str) -> String {
    format!("{workspace}/{key}")
}

/// An object of a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<N: Noun> {
    /// Its id.
    pub id: N::Id,
    /// The workspace that it belongs to.
    pub workspace: WorkspaceId,
    /// 1 when it was created, one more at each change.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The rest.
    pub document: N,
}

/// Parameters of [`App::objects`].
#[derive(Debug, Clone, Default)]
pub struct ObjectsQuery {
    /// Only those with this name.
    pub name: Option<String>,
    /// Only those with this status.
    pub status: Option<String>,
    /// Only those that have all of these labels.
    pub labels: Vec<(String, String)>,
    /// What they are sorted by.
    pub sort: ObjectSort,
    /// Which come first.
    pub order: Order,
    /// Which page.
    pub at: PageAt,
    /// At most so many, 1 to 100.
    pub limit: usize,
}

impl App {
    /// Creates an object in the caller's workspace. Scope `write:` of the kind.
    ///
    /// # Errors
    /// `InvalidObject` with every problem; `Conflict` where the name is taken or the workspace has
    /// too many.
    pub async fn create_object<N: Noun>(
        &self,
        caller: &Caller,
        document: N,
    ) -> Result<Object<N>, AppError> {
        caller.require(Verb::Write, N::SCOPE)?;
        check(&document)?;
        self.require_room_for::<N>(caller).await?;
        let now = self.engine.now();
        let id = N::Id::from_uuid(new_uuid());
        let object = Object {
            id,
            workspace: caller.workspace,
            version: 1,
            created_at: now,
            updated_at: now,
            document,
        };
        let [created, ..] = N::ACTIONS;
        let effects = Effects::noting(self.object_audit(caller, created, &object));
        self.engine.store.write_objects(ObjectBatch::put(stored(&object)?, effects)).await?;
        Ok(object)
    }

    /// An object of the caller's workspace. Scope `read:` of the kind.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn object<N: Noun>(&self, caller: &Caller, id: N::Id) -> Result<Object<N>, AppError> {
        self.find_object(caller, Verb::Read, id).await
    }

    /// A page of the objects of the caller's workspace, with their number. Scope `read:` of the
    /// kind.
    ///
    /// # Errors
    /// `InvalidRequest` for a limit or cursor that is wrong.
    pub async fn objects<N: Noun>(
        &self,
        caller: &Caller,
        query: ObjectsQuery,
    ) -> Result<Page<Object<N>>, AppError> {
        caller.require(Verb::Read, N::SCOPE)?;
        let ObjectsQuery { name, status, labels, sort, order, at, limit } = query;
        let limit = super::cursor::check_limit(limit)?;
        let list = ListObjects {
            name,
            status,
            labels,
            sort,
            order,
            begin: super::cursor::begin(at, limit, |text| cursor::read(text, sort))?,
            ..ListObjects::newest(N::KIND.name(), caller.workspace, limit + 1)
        };
        let Listed { items, total } = self.engine.store.list_objects(list).await?;
        let page =
            super::cursor::listed(Listed { items, total }, limit, |last| cursor::write(last, sort));
        let items = page.items.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page { items, next_cursor: page.next_cursor, total: page.total })
    }

    /// Changes an object that is at one of the versions expected. A change that changes nothing is
    /// none. Scope `write:` of the kind.
    ///
    /// # Errors
    /// `NotFound`; `Changed` where it is at another version; as [`App::create_object`].
    pub async fn change_object<N: Noun>(
        &self,
        caller: &Caller,
        id: N::Id,
        expected: &Expected,
        edit: impl Fn(N) -> N + Send,
    ) -> Result<Object<N>, AppError> {
        for _ in 0..ATTEMPTS {
            let before: Object<N> = self.find_object(caller, Verb::Write, id).await?;
            expected.check(before.version)?;
            let document = edit(before.document.clone());
            if document == before.document {
                return Ok(before);
            }
            check(&document)?;
            let after = Object {
                version: before.version + 1,
                updated_at: self.engine.now().max(before.updated_at),
                document,
                ..before.clone()
            };
            let [_, updated, _] = N::ACTIONS;
            let entry = self.object_audit(caller, updated, &after);
            let fields = changed_fields(&before.document, &after.document)?;
            let entry = entry.changing(fields.iter().map(String::as_str));
            let batch = ObjectBatch::put(stored(&after)?, Effects::noting(entry));
            match self.engine.store.write_objects(batch).await {
                Ok(()) => return Ok(after),
                Err(StoreError::Outdated(_)) => {}
                Err(error) => return Err(missing::<N>(error, id)),
            }
        }
        Err(StoreError::Outdated(N::KIND.name()).into())
    }

    /// Deletes an object that is at one of the versions expected. Scope `write:` of the kind.
    ///
    /// # Errors
    /// `NotFound`; `Changed` where it is at another version.
    pub async fn delete_object<N: Noun>(
        &self,
        caller: &Caller,
        id: N::Id,
        expected: &Expected,
    ) -> Result<(), AppError> {
        for _ in 0..ATTEMPTS {
            let object: Object<N> = self.find_object(caller, Verb::Write, id).await?;
            let expected = expected.check(object.version)?;
            let [.., deleted] = N::ACTIONS;
            let effects = Effects::noting(self.object_audit(caller, deleted, &object));
            let delete = DeleteObject { kind: N::KIND.name(), id: id.into(), expected };
            match self.engine.store.write_objects(ObjectBatch::delete(delete, effects)).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Outdated(_)) => {}
                Err(error) => return Err(missing::<N>(error, id)),
            }
        }
        Err(StoreError::Outdated(N::KIND.name()).into())
    }

    /// An object that the caller may do that to. One of another workspace does not exist.
    async fn find_object<N: Noun>(
        &self,
        caller: &Caller,
        verb: Verb,
        id: N::Id,
    ) -> Result<Object<N>, AppError> {
        caller.require_any(verb, N::SCOPE)?;
        let by = ObjectRef::Id(id.into());
        let found = self.engine.store.find_object(N::KIND.name(), by).await?;
        let found = found.filter(|object| object.workspace == caller.workspace);
        let object: Object<N> = read(found.ok_or_else(|| not_found::<N>(id))?)?;
        let names = [object.document.name(), &id.abi(), &id.dataflow(), &id.to_string()];
        caller.require_on(verb, N::SCOPE, &names)?;
        Ok(object)
    }

    async fn require_room_for<N: Noun>(&self, caller: &Caller) -> Result<(), AppError> {
        let list = ListObjects::newest(N::KIND.name(), caller.workspace, 0);
        let (total, max) =
            (self.engine.store.list_objects(list).await?.total, N::MAX_PER_WORKSPACE);
        if total.is_some_and(|total| total >= max) {
            let scope = N::SCOPE;
            let message = format!("a workspace has at most {max} {scope}; delete one first");
            return Err(AppError::Conflict(message));
        }
        Ok(())
    }

    fn object_audit<N: Noun>(
        &self,
        caller: &Caller,
        action: Action,
        object: &Object<N>,
    ) -> AuditRecord {
        let subject = audit::Object { kind: N::KIND, id: object.id.into() };
        self.engine.noted(caller, action, subject).named(object.document.name())
    }
}

fn check<N: Noun>(document: &N) -> Result<(), AppError> {
    let kind = N::KIND.name();
    document.check().map_err(|problems| AppError::InvalidObject { kind, problems })
}

fn not_found<N: Noun>(id: N::Id) -> AppError {
    AppError::not_found(N::KIND.name(), id.abi())
}

fn missing<N: Noun>(error: StoreError, id: N::Id) -> AppError {
    match error {
        StoreError::Missing(_) => not_found::<N>(id),
        other => other.into(),
    }
}

/// The document as JSON.
fn written<N: Noun>(document: &N) -> Result<Map, AppError> {
    match serde_json::to_value(document) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(AppError::Internal(format!("a {} is no JSON object", N::KIND.name()))),
        Err(error) => Err(AppError::Internal(error.to_string())),
    }
}

fn stored<N: Noun>(object: &Object<N>) -> Result<StoredObject, AppError> {
    let Object { id, workspace, version, created_at, updated_at, document } = object;
    Ok(StoredObject {
        kind: N::KIND.name(),
        id: (*id).into(),
        workspace: *workspace,
        version: *version,
        created_at: *created_at,
        updated_at: *updated_at,
        index: document.index(*workspace),
        document: written(document)?,
    })
}

fn read<N: Noun>(object: StoredObject) -> Result<Object<N>, AppError> {
    let StoredObject { kind, id, workspace, version, created_at, updated_at, index: _, document } =
        object;
    let document = serde_json::from_value(Value::Object(document));
    let document = document
        .map_err(|error| AppError::Internal(format!("a stored {kind} cannot be read: {error}")))?;
    let id = N::Id::from_uuid(id.uuid());
    Ok(Object { id, workspace, version, created_at, updated_at, document })
}

/// The names of the fields in which two documents differ.
fn changed_fields<N: Noun>(before: &N, after: &N) -> Result<Vec<String>, AppError> {
    let (before, after) = (written(before)?, written(after)?);
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    Ok(names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect())
}
