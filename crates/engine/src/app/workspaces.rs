//! Workspaces. Operators, the admins of the default workspace, manage all of them; others see only
//! their own.

use stepwell_core::audit::AuditAction;
use stepwell_core::ids::WorkspaceId;
use stepwell_core::rate::RateLimits;
use stepwell_core::{Timestamp, names};
use stepwell_store::audit::AuditRecord;
use stepwell_store::objects::ObjectBatch;
use stepwell_store::record::IdempotencyOutcome;
use stepwell_store::{Effects, Store, StoreError};

use super::{App, Idempotency};
use crate::objects::{self, Object};
use crate::runtime::engine::new_uuid;
use crate::workspace::Workspace;
use crate::{AppError, Caller};

/// The most characters of a name.
const MAX_NAME: usize = 100;

/// Creates a workspace.
#[derive(Debug, Clone)]
pub struct CreateWorkspace {
    /// A display name, 1 to 100 characters; need not be unique.
    pub name: String,
    /// The rate limits of all its keys together.
    pub limits: RateLimits,
    /// The idempotency key, if any.
    pub idempotency: Option<Idempotency>,
}

/// Changes a workspace; fields that are `None` are unchanged.
#[derive(Debug, Clone, Default)]
pub struct ChangeWorkspace {
    /// A display name.
    pub name: Option<String>,
    /// The rate limits of all its keys together.
    pub limits: Option<RateLimits>,
}

/// Creates the default workspace at the first start.
pub(super) async fn create_default(store: &dyn Store, now: Timestamp) -> Result<(), AppError> {
    if objects::find_object::<Workspace>(store, WorkspaceId::DEFAULT).await?.is_some() {
        return Ok(());
    }
    let document = Workspace { name: "default".to_owned(), limits: RateLimits::NONE };
    let workspace = new_workspace(WorkspaceId::DEFAULT, now, document).to_stored()?;
    match store.write_objects(ObjectBatch::put(workspace, Effects::default())).await {
        // Another node was faster.
        Err(StoreError::Outdated(_)) => Ok(()),
        written => Ok(written?),
    }
}

impl App {
    /// Creates a workspace and returns its id. If its idempotency key was used before, returns the
    /// id of the first one. Scope `admin` in the default workspace. It has no key yet: see
    /// [`App::create_key`].
    ///
    /// # Errors
    /// `InvalidRequest` for the name; `Forbidden`, `NotPermitted`.
    pub async fn create_workspace(
        &self,
        caller: &Caller,
        create: CreateWorkspace,
    ) -> Result<WorkspaceId, AppError> {
        caller.require_operator()?;
        if let Some(outcome) = self.find_replay(caller, create.idempotency.as_ref()).await? {
            return Idempotency::created_id(&outcome);
        }
        let CreateWorkspace { name, limits, idempotency } = create;
        check_name(&name)?;
        let id = WorkspaceId::from_uuid(new_uuid());
        let now = self.engine.now();
        let fingerprint = idempotency.as_ref().map(|key| key.fingerprint.clone());
        let idempotency = idempotency
            .map(|key| key.record(caller.workspace, IdempotencyOutcome::Created(id.into()), now));
        let entry = self.engine.audit_entry(caller, AuditAction::WorkspaceCreated, id).named(&name);
        let effects = Effects::with_audit(AuditRecord { workspace: id, ..entry });
        let workspace = new_workspace(id, now, Workspace { name, limits });
        let batch =
            ObjectBatch { idempotency, ..ObjectBatch::put(workspace.to_stored()?, effects) };
        match self.engine.store.write_objects(batch).await {
            Err(StoreError::Replayed(found)) => Idempotency::created_id(&Idempotency::outcome_of(
                &fingerprint.unwrap_or_default(),
                &found,
            )?),
            written => Ok(written.map(|()| id)?),
        }
    }

    /// The workspaces that the caller may see, newest first: all for operators, otherwise its own.
    /// Scope `admin`.
    ///
    /// # Errors
    /// `Forbidden`.
    pub async fn workspaces(&self, caller: &Caller) -> Result<Vec<Object<Workspace>>, AppError> {
        caller.require_admin()?;
        if caller.is_operator() {
            let store = &*self.engine.store;
            return Ok(objects::list_all(store, WorkspaceId::DEFAULT).await?);
        }
        Ok(vec![self.own_workspace(caller).await?])
    }

    /// A workspace. Scope `admin`.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`, also if the caller may not see it.
    pub async fn workspace(
        &self,
        caller: &Caller,
        id: WorkspaceId,
    ) -> Result<Object<Workspace>, AppError> {
        caller.require_admin()?;
        if caller.workspace != id && !caller.is_operator() {
            return Err(not_found(id));
        }
        objects::find_object(&*self.engine.store, id).await?.ok_or_else(|| not_found(id))
    }

    /// Changes a workspace and returns it. Scope `admin`; only operators may change limits, which
    /// have immediate effect.
    ///
    /// # Errors
    /// As [`App::workspace`]; `NotPermitted`; `InvalidRequest` for the name.
    pub async fn change_workspace(
        &self,
        caller: &Caller,
        id: WorkspaceId,
        change: ChangeWorkspace,
    ) -> Result<Object<Workspace>, AppError> {
        let before = self.workspace(caller, id).await?;
        let ChangeWorkspace { name, limits } = change;
        if limits.is_some() {
            caller.require_operator()?;
        }
        name.as_deref().map_or(Ok(()), check_name)?;
        let edit = |before: &Object<Workspace>| {
            let document = Workspace {
                name: name.clone().unwrap_or_else(|| before.document.name.clone()),
                limits: limits.unwrap_or(before.document.limits),
            };
            let renames = document.name != before.document.name;
            let changed = changed_fields(renames, document.limits != before.document.limits);
            if changed.is_empty() {
                return None;
            }
            let entry = self.engine.audit_entry(caller, AuditAction::WorkspaceUpdated, id);
            let entry = entry.changing(changed).named(&document.name);
            let entry = AuditRecord { workspace: id, ..entry };
            Some((before.next(self.engine.now(), document), Effects::with_audit(entry)))
        };
        let after = objects::edit(&*self.engine.store, id, edit).await?;
        let after = after.ok_or_else(|| not_found(id))?;
        if limits.is_some_and(|limits| limits != before.document.limits) {
            self.limit_workspace(id, after.document.limits).await?;
            // A key that was read meanwhile may have restored the old limits.
            self.keys.clear();
        }
        Ok(after)
    }

    /// The workspace that the caller belongs to.
    pub(super) async fn own_workspace(
        &self,
        caller: &Caller,
    ) -> Result<Object<Workspace>, AppError> {
        let id = caller.workspace;
        objects::find_object(&*self.engine.store, id).await?.ok_or_else(|| not_found(id))
    }
}

fn new_workspace(id: WorkspaceId, now: Timestamp, document: Workspace) -> Object<Workspace> {
    Object::new(id, WorkspaceId::DEFAULT, now, document)
}

fn not_found(id: WorkspaceId) -> AppError {
    AppError::not_found("workspace", id.abi())
}

/// Checks the name of a workspace or key.
pub(super) fn check_name(name: &str) -> Result<(), AppError> {
    if name.trim().is_empty() || name.chars().count() > MAX_NAME {
        let message = format!("name must have 1 to {MAX_NAME} characters that can be seen");
        return Err(AppError::invalid("name", message));
    }
    names::check_visible(name)
        .map_err(|message| AppError::invalid("name", format!("name {message}")))
}

/// The changed fields of a workspace or key, as the audit log names them.
pub(super) fn changed_fields(name: bool, limits: bool) -> Vec<&'static str> {
    [("name", name), ("limits", limits)]
        .into_iter()
        .filter_map(|(field, changes)| changes.then_some(field))
        .collect()
}
