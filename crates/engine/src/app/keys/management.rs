//! Creating, listing, changing and revoking keys.

use sha2::{Digest, Sha256};
use stepwell_core::audit::AuditAction;
use stepwell_core::ids::{KeyId, WorkspaceId};
use stepwell_core::{Problem, Timestamp};
use stepwell_store::Effects;
use stepwell_store::audit::AuditRecord;
use stepwell_store::objects::ObjectBatch;

use super::requests::{ChangeKey, CreateKey, KeySecret, NewKey, PREFIX};
use crate::api_key::ApiKey;
use crate::app::{App, workspaces};
use crate::objects::{self, Object};
use crate::runtime::engine::new_uuid;
use crate::workspace::Workspace;
use crate::{AppError, Caller, Scope};

/// The most scopes of one key.
const MAX_SCOPES: usize = 100;
/// The longest scope, in bytes: enough for the longest name of a workflow.
const MAX_SCOPE: usize = 1000;

impl App {
    /// Creates a key in the caller's workspace or in the given one. Scope `admin`; for another
    /// workspace, `admin` in the default one.
    ///
    /// # Errors
    /// `InvalidRequest` naming the field; `NotPermitted` for another workspace.
    pub async fn create_key(&self, caller: &Caller, create: CreateKey) -> Result<NewKey, AppError> {
        self.create_key_of(caller, create, KeySecret::new()).await
    }

    /// As [`App::create_key`], with a secret that was generated before.
    ///
    /// # Errors
    /// As `create_key`.
    pub async fn create_key_of(
        &self,
        caller: &Caller,
        create: CreateKey,
        secret: KeySecret,
    ) -> Result<NewKey, AppError> {
        caller.require_admin()?;
        let workspace = self.resolve_workspace(caller, create.workspace).await?;
        let now = self.engine.now();
        check_request(&create, now)?;
        let secret = secret.into_text();
        let document = ApiKey {
            name: create.name,
            hash: ApiKey::hash_text(&Sha256::digest(secret.as_bytes()).into()),
            hint: secret.chars().take(PREFIX.len() + 4).collect(),
            scopes: without_duplicates(create.scopes),
            limits: create.limits,
            expires_at: create.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let record = Object::new(KeyId::from_uuid(new_uuid()), workspace, now, document);
        let entry = self.engine.audit_entry(caller, AuditAction::KeyCreated, record.id);
        let entry = AuditRecord { workspace, ..entry.named(&record.document.name) };
        let entry = entry.with("scopes", record.document.scopes.clone());
        let batch = ObjectBatch::put(record.to_stored()?, Effects::with_audit(entry));
        self.engine.store.write_objects(batch).await?;
        Ok(NewKey { record, secret })
    }

    /// The workspace that a request for keys or the audit log concerns. Only operators may name
    /// another workspace than their own; others do not learn whether it exists.
    pub(in crate::app) async fn resolve_workspace(
        &self,
        caller: &Caller,
        named: Option<WorkspaceId>,
    ) -> Result<WorkspaceId, AppError> {
        let Some(id) = named.filter(|id| *id != caller.workspace) else {
            return Ok(caller.workspace);
        };
        caller.require_operator()?;
        match objects::find_object::<Workspace>(&*self.engine.store, id).await? {
            Some(_) => Ok(id),
            None => {
                let message = format!("there is no workspace `{}`", id.abi());
                Err(AppError::invalid("workspace_id", message))
            }
        }
    }

    /// The keys of the caller's workspace or of the given one, newest first. Scope
    /// `admin`; for another workspace, `admin` in the default one.
    ///
    /// # Errors
    /// `Forbidden`, `NotPermitted`; `InvalidRequest` if there is no such workspace.
    pub async fn keys(
        &self,
        caller: &Caller,
        workspace: Option<WorkspaceId>,
    ) -> Result<Vec<Object<ApiKey>>, AppError> {
        caller.require_admin()?;
        let workspace = self.resolve_workspace(caller, workspace).await?;
        let keys = objects::list_all(&*self.engine.store, workspace).await?;
        Ok(self.keys.with_last_use(keys))
    }

    /// A key. Scope `admin`; operators see the keys of all workspaces.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`.
    pub async fn key(&self, caller: &Caller, id: KeyId) -> Result<Object<ApiKey>, AppError> {
        caller.require_admin()?;
        let found = objects::find_object::<ApiKey>(&*self.engine.store, id).await?;
        let may_see =
            |key: &Object<ApiKey>| caller.is_operator() || key.workspace == caller.workspace;
        let found = found.filter(may_see).into_iter().collect();
        let found = self.keys.with_last_use(found).pop();
        found.ok_or_else(|| AppError::not_found("key", id))
    }

    /// Changes a key and returns it. New limits have immediate effect. Scope `admin`; operators may
    /// change the keys of all workspaces.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`; `InvalidRequest` for the name.
    pub async fn change_key(
        &self,
        caller: &Caller,
        id: KeyId,
        change: ChangeKey,
    ) -> Result<Object<ApiKey>, AppError> {
        let before = self.key(caller, id).await?;
        let ChangeKey { name, limits } = change;
        name.as_deref().map_or(Ok(()), workspaces::check_name)?;
        let edit = |before: &Object<ApiKey>| {
            let document = ApiKey {
                name: name.clone().unwrap_or_else(|| before.document.name.clone()),
                limits: limits.unwrap_or(before.document.limits),
                ..before.document.clone()
            };
            let renames = document.name != before.document.name;
            let limits_differ = document.limits != before.document.limits;
            let changed = workspaces::changed_fields(renames, limits_differ);
            if changed.is_empty() {
                return None;
            }
            let entry =
                self.engine.audit_entry(caller, AuditAction::KeyUpdated, id).changing(changed);
            let workspace = before.workspace;
            let entry = AuditRecord { workspace, ..entry.named(&document.name) };
            Some((before.next(self.engine.now(), document), Effects::with_audit(entry)))
        };
        self.edit_key(caller, before.id, edit).await
    }

    /// Revokes a key with immediate effect and returns it; a revoked key is unchanged. Scope
    /// `admin`; operators may revoke the keys of all workspaces.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn revoke_key(&self, caller: &Caller, id: KeyId) -> Result<Object<ApiKey>, AppError> {
        self.key(caller, id).await?;
        let edit = |before: &Object<ApiKey>| {
            if before.document.revoked_at.is_some() {
                return None;
            }
            let now = self.engine.now();
            let document = ApiKey { revoked_at: Some(now), ..before.document.clone() };
            let entry =
                self.engine.audit_entry(caller, AuditAction::KeyRevoked, id).named(&document.name);
            let entry = AuditRecord { workspace: before.workspace, ..entry };
            Some((before.next(now, document), Effects::with_audit(entry)))
        };
        self.edit_key(caller, id, edit).await
    }

    /// Changes a key that the caller may see, and clears the cache.
    async fn edit_key(
        &self,
        caller: &Caller,
        id: KeyId,
        edit: impl Fn(&Object<ApiKey>) -> Option<(Object<ApiKey>, Effects)> + Send,
    ) -> Result<Object<ApiKey>, AppError> {
        let edited = objects::edit(&*self.engine.store, id, edit).await;
        self.keys.clear();
        edited?.ok_or_else(|| AppError::not_found("key", id))?;
        self.key(caller, id).await
    }

    /// The secret (`whsec_…`) that signs this workspace's execution webhooks. An audit entry is
    /// written first. Scope `admin`.
    ///
    /// # Errors
    /// `Forbidden`, `Unavailable`.
    pub async fn webhook_secret(&self, caller: &Caller) -> Result<String, AppError> {
        caller.require_admin()?;
        let own = self.own_workspace(caller).await?;
        let entry = self.engine.audit_entry(caller, AuditAction::SigningSecretRead, own.id);
        let entry = entry.named(own.document.name);
        let batch = ObjectBatch::effects(Effects::with_audit(entry));
        self.engine.store.write_objects(batch).await?;
        self.engine.signing_secret(caller.workspace).await
    }
}

fn check_request(create: &CreateKey, now: Timestamp) -> Result<(), AppError> {
    workspaces::check_name(&create.name)?;
    if create.scopes.is_empty() {
        return Err(AppError::invalid(
            "scopes",
            "scopes must name at least one scope, such as `admin`",
        ));
    }
    if create.scopes.len() > MAX_SCOPES {
        let found = create.scopes.len().to_string();
        let problem = Problem::new("scopes", format!("a key has at most {MAX_SCOPES} scopes"));
        return Err(AppError::InvalidRequest(problem.with_expectation("fewer", found)));
    }
    for scope in &create.scopes {
        if scope.len() > MAX_SCOPE {
            let message = format!("a scope is at most {MAX_SCOPE} bytes long");
            return Err(AppError::invalid("scopes", message));
        }
        scope.parse::<Scope>()?;
    }
    if create.expires_at.is_some_and(|at| at <= now) {
        return Err(AppError::invalid("expires_at", "expires_at must lie in the future"));
    }
    Ok(())
}

/// Keeps the first of equal scopes.
fn without_duplicates(scopes: Vec<String>) -> Vec<String> {
    let mut kept = Vec::with_capacity(scopes.len());
    for scope in scopes {
        if !kept.contains(&scope) {
            kept.push(scope);
        }
    }
    kept
}
