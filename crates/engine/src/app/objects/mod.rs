//! Configured objects: one service for every kind.
//!
//! A kind is a type that implements [`Noun`]: its document, its names, what it is found by, what
//! makes it valid. Everything else is here, once: scopes, isolation of workspaces, versions and
//! `If-Match`, uniqueness, the most objects of a workspace, lists, audit entries.

mod cursor;

use serde::Serialize;
use stepwell_core::Problems;
use stepwell_core::audit::{self, AuditAction, ObjectKind};
use stepwell_core::ids::{ObjectId, SubjectId};
use stepwell_store::audit::AuditRecord;
use stepwell_store::lists::{List, Page};
use stepwell_store::objects::{DeleteObject, ObjectBatch, ObjectFilter};
use stepwell_store::{Effects, StoreError};

use super::cursor::{decode_list, encode_page};
use super::{App, Expected};
use crate::caller::Verb;
use crate::objects::{self, Document, Object};
use crate::runtime::engine::new_uuid;
use crate::{AppError, Caller};

/// How often a change is repeated because another writer was faster.
const ATTEMPTS: usize = 16;

/// A kind of configured object that users manage through this service.
pub trait Noun: Document {
    /// The kind as the audit log names it.
    const OBJECT_KIND: ObjectKind;
    /// The kind as scopes name it: `templates`.
    const SCOPE: &'static str;
    /// The most objects of a workspace.
    const MAX_PER_WORKSPACE: u64;
    /// The most bytes of the values of all objects of a workspace; `None`: no such limit.
    const MAX_BYTES_PER_WORKSPACE: Option<usize> = None;
    /// What the audit log calls creating, changing and deleting one.
    const ACTIONS: [AuditAction; 3];

    /// The name that people call it, 1 to 100 visible characters. Scopes for one object can name
    /// it.
    fn name(&self) -> &str;

    /// How many bytes of values it has, where a workspace has a limit of these.
    fn value_bytes(&self) -> usize {
        0
    }

    /// Checks the document.
    ///
    /// # Errors
    /// Every problem, with the field that has it.
    fn check(&self) -> Result<(), Problems>;
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
        check_document(&document)?;
        self.require_room_for::<N>(caller).await?;
        self.require_bytes_for(caller, &document, None).await?;
        let id = N::Id::from_uuid(new_uuid());
        let object = Object::new(id, caller.workspace, self.engine.now(), document);
        let [created, ..] = N::ACTIONS;
        let effects = Effects::with_audit(self.object_audit(caller, created, &object));
        self.engine.store.write_objects(ObjectBatch::put(object.to_stored()?, effects)).await?;
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
        list: List<ObjectFilter, String>,
    ) -> Result<Page<Object<N>>, AppError> {
        caller.require(Verb::Read, N::SCOPE)?;
        let list = decode_list(list)?;
        let sort = list.sort.key;
        let found = self.engine.store.list_objects(N::KIND, caller.workspace, list).await?;
        Ok(encode_page(found.try_map_items(Object::from_stored)?, sort))
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
            check_document(&document)?;
            if document.value_bytes() > before.document.value_bytes() {
                self.require_bytes_for(caller, &document, Some(id.into())).await?;
            }
            let after = before.next(self.engine.now(), document);
            let [_, updated, _] = N::ACTIONS;
            let entry = self.object_audit(caller, updated, &after);
            let fields = changed_fields(&before.document, &after.document)?;
            let entry = entry.changing(fields.iter().map(String::as_str));
            let batch = ObjectBatch::put(after.to_stored()?, Effects::with_audit(entry));
            match self.engine.store.write_objects(batch).await {
                Ok(()) => return Ok(after),
                Err(StoreError::Outdated(_)) => {}
                Err(error) => return Err(missing_object::<N>(error, id)),
            }
        }
        Err(StoreError::Outdated(N::KIND).into())
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
            let effects = Effects::with_audit(self.object_audit(caller, deleted, &object));
            let delete = DeleteObject { kind: N::KIND, id: id.into(), expected };
            match self.engine.store.write_objects(ObjectBatch::delete(delete, effects)).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Outdated(_)) => {}
                Err(error) => return Err(missing_object::<N>(error, id)),
            }
        }
        Err(StoreError::Outdated(N::KIND).into())
    }

    /// An object that the caller may do that to. One of another workspace does not exist.
    async fn find_object<N: Noun>(
        &self,
        caller: &Caller,
        verb: Verb,
        id: N::Id,
    ) -> Result<Object<N>, AppError> {
        caller.require_any(verb, N::SCOPE)?;
        let found = objects::find_object(&*self.engine.store, id).await?;
        let found = found.filter(|object: &Object<N>| object.workspace == caller.workspace);
        let object = found.ok_or_else(|| not_found::<N>(id))?;
        let names = [object.document.name(), &id.abi(), &id.dataflow(), &id.to_string()];
        caller.require_on(verb, N::SCOPE, &names)?;
        Ok(object)
    }

    async fn require_room_for<N: Noun>(&self, caller: &Caller) -> Result<(), AppError> {
        let count = List::first_page(ObjectFilter::default(), 0).with_total();
        let found = self.engine.store.list_objects(N::KIND, caller.workspace, count).await?;
        let (total, max) = (found.total, N::MAX_PER_WORKSPACE);
        if total.is_some_and(|total| total >= max) {
            let scope = N::SCOPE;
            let message = format!("a workspace has at most {max} {scope}; delete one first");
            return Err(AppError::Conflict(message));
        }
        Ok(())
    }

    /// Checks the bytes of the values of the workspace with a new object, or with another version
    /// of the object `replaced`.
    async fn require_bytes_for<N: Noun>(
        &self,
        caller: &Caller,
        document: &N,
        replaced: Option<SubjectId>,
    ) -> Result<(), AppError> {
        let Some(max) = N::MAX_BYTES_PER_WORKSPACE else { return Ok(()) };
        let all = objects::list_all::<N>(&*self.engine.store, caller.workspace).await?;
        let others = all.iter().filter(|object| Some(object.id.into()) != replaced);
        let bytes: usize = others.map(|object| object.document.value_bytes()).sum();
        if bytes + document.value_bytes() > max {
            let scope = N::SCOPE;
            let message = format!(
                "the {scope} of a workspace have at most {max} bytes of values together, and the \
                 others have {bytes}; shorten this value or delete others first"
            );
            return Err(AppError::Conflict(message));
        }
        Ok(())
    }

    fn object_audit<N: Noun>(
        &self,
        caller: &Caller,
        action: AuditAction,
        object: &Object<N>,
    ) -> AuditRecord {
        let subject = audit::AuditedObject { kind: N::OBJECT_KIND, id: object.id.into() };
        self.engine.audit_entry(caller, action, subject).named(object.document.name())
    }
}

/// How many bytes a value has as JSON.
pub(in crate::app) fn json_bytes(value: &impl Serialize) -> usize {
    // Writing JSON to memory does not fail.
    serde_json::to_vec(value).map_or(0, |text| text.len())
}

fn check_document<N: Noun>(document: &N) -> Result<(), AppError> {
    let kind = N::KIND;
    document.check().map_err(|problems| AppError::InvalidObject { kind, problems })
}

fn not_found<N: Noun>(id: N::Id) -> AppError {
    AppError::not_found(N::KIND, id.abi())
}

fn missing_object<N: Noun>(error: StoreError, id: N::Id) -> AppError {
    match error {
        StoreError::Missing(_) => not_found::<N>(id),
        other => other.into(),
    }
}

/// The names of the fields in which two documents differ.
fn changed_fields<N: Noun>(before: &N, after: &N) -> Result<Vec<String>, AppError> {
    let (before, after) = (objects::fields_of(before)?, objects::fields_of(after)?);
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    Ok(names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect())
}
