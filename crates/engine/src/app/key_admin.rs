//! API keys as objects: made, listed, changed, revoked. Who a token is, `keys` knows.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::RngExt;
use sha2::{Digest, Sha256};
use stepwell_core::audit::Action;
use stepwell_core::ids::{KeyId, WorkspaceId};
use stepwell_core::rate::RateLimits;
use stepwell_core::{Problem, Timestamp};
use stepwell_store::audit::AuditRecord;
use stepwell_store::record::KeyRecord;
use stepwell_store::traits::{RevokeKey, UpdateKey};
use stepwell_store::{Effects, StoreError};

use super::{App, CreateKey, NewKey, workspaces};
use crate::objects;
use crate::runtime::engine::new_uuid;
use crate::workspace::Workspace;
use crate::{AppError, Caller, Scope};

/// What every secret begins with.
const PREFIX: &str = "sk_live_";
/// The most scopes of one key.
const MAX_SCOPES: usize = 100;
/// The longest scope, in bytes: a workflow's longest name fits.
const MAX_SCOPE: usize = 1000;

/// Changes a key; what is `None` stays. What it may do never changes: that takes another key.
#[derive(Debug, Clone, Default)]
pub struct ChangeKey {
    /// What people call it, 1 to 100 characters.
    pub name: Option<String>,
    /// What it may use.
    pub limits: Option<RateLimits>,
}

/// A secret that no key has yet. It is not shown by `Debug`.
pub struct KeySecret(String);

impl KeySecret {
    /// A new one, from 192 random bits.
    pub fn new() -> Self {
        let bytes: [u8; 24] = rand::rng().random();
        Self(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// `sk_live_…`.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl Default for KeySecret {
    fn default() -> Self {
        Self::new()
    }
}

impl App {
    /// Makes a key in the caller's workspace, or in another one that is named. Scope `admin`; for
    /// another workspace, `admin` in the default one.
    ///
    /// # Errors
    /// `InvalidRequest` naming the field; `NotPermitted` for another workspace.
    pub async fn create_key(&self, caller: &Caller, create: CreateKey) -> Result<NewKey, AppError> {
        self.create_key_of(caller, create, KeySecret::new()).await
    }

    /// As [`App::create_key`], with a secret that was written down before.
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
        let workspace = self.workspace_meant(caller, create.workspace).await?;
        let now = self.engine.now();
        check(&create, now)?;
        let KeySecret(secret) = secret;
        let record = KeyRecord {
            id: KeyId::from_uuid(new_uuid()),
            workspace,
            name: create.name,
            hash: Sha256::digest(secret.as_bytes()).into(),
            hint: secret.chars().take(PREFIX.len() + 4).collect(),
            scopes: each_once(create.scopes),
            limits: create.limits,
            created_at: now,
            expires_at: create.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let note = AuditRecord {
            workspace,
            ..self.engine.noted(caller, Action::KeyCreated, record.id).named(&record.name)
        };
        let note = note.with("scopes", record.scopes.clone());
        self.engine.store.create_key(record.clone(), Effects::noting(note)).await?;
        Ok(NewKey { record, secret })
    }

    /// Whose keys or log are meant: only whoever runs the installation may name another workspace
    /// than its own, and only it learns whether there is such a one.
    pub(super) async fn workspace_meant(
        &self,
        caller: &Caller,
        named: Option<WorkspaceId>,
    ) -> Result<WorkspaceId, AppError> {
        let Some(id) = named.filter(|id| *id != caller.workspace) else {
            return Ok(caller.workspace);
        };
        caller.require_operator()?;
        match objects::find::<Workspace>(&*self.engine.store, id).await? {
            Some(_) => Ok(id),
            None => {
                let message = format!("there is no workspace `{}`", id.abi());
                Err(AppError::invalid("workspace_id", message))
            }
        }
    }

    /// The keys of the caller's workspace, or of another one that is named, newest first. Scope
    /// `admin`; for another workspace, `admin` in the default one.
    ///
    /// # Errors
    /// `Forbidden`, `NotPermitted`; `InvalidRequest` where there is no such workspace.
    pub async fn keys(
        &self,
        caller: &Caller,
        workspace: Option<WorkspaceId>,
    ) -> Result<Vec<KeyRecord>, AppError> {
        caller.require_admin()?;
        let workspace = self.workspace_meant(caller, workspace).await?;
        let keys = self.engine.store.list_keys(Some(workspace)).await?;
        Ok(self.keys.with_last_use(keys))
    }

    /// A key. Scope `admin`; whoever runs the installation sees the keys of all workspaces.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`.
    pub async fn key(&self, caller: &Caller, id: KeyId) -> Result<KeyRecord, AppError> {
        caller.require_admin()?;
        let whose = (!caller.is_operator()).then_some(caller.workspace);
        let keys = self.engine.store.list_keys(whose).await?;
        let found: Vec<KeyRecord> = keys.into_iter().filter(|key| key.id == id).collect();
        let found = self.keys.with_last_use(found).pop();
        found.ok_or_else(|| AppError::not_found("key", id))
    }

    /// Changes a key, and answers it. Its limits hold at once. Scope `admin`; whoever runs the
    /// installation may change the keys of all workspaces.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`; `InvalidRequest` for the name.
    pub async fn change_key(
        &self,
        caller: &Caller,
        id: KeyId,
        change: ChangeKey,
    ) -> Result<KeyRecord, AppError> {
        let before = self.key(caller, id).await?;
        let ChangeKey { name, limits } = change;
        name.as_deref().map_or(Ok(()), workspaces::check_name)?;
        let name = name.filter(|name| *name != before.name);
        let limits = limits.filter(|limits| *limits != before.limits);
        let changed = workspaces::changed_fields(name.is_some(), limits.is_some());
        if changed.is_empty() {
            return Ok(before);
        }
        let note = self.engine.noted(caller, Action::KeyUpdated, id).changing(changed);
        let note = note.named(name.as_deref().unwrap_or(&before.name));
        let workspace = before.workspace;
        let effects = Effects::noting(AuditRecord { workspace, ..note });
        let update = UpdateKey { workspace, id, name, limits, effects };
        let updated = self.engine.store.update_key(update).await;
        self.keys.forget();
        updated.map_err(|error| missing(error, id))?;
        self.key(caller, id).await
    }

    /// Revokes a key at once, and answers it; one that is revoked already stays as it is. Scope
    /// `admin`; whoever runs the installation may revoke the keys of all workspaces.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn revoke_key(&self, caller: &Caller, id: KeyId) -> Result<KeyRecord, AppError> {
        let found = self.key(caller, id).await?;
        let workspace = found.workspace;
        let mut effects = Effects::default();
        // Whoever revokes it twice does nothing.
        if found.revoked_at.is_none() {
            let note = self.engine.noted(caller, Action::KeyRevoked, id).named(found.name);
            effects.audit.push(AuditRecord { workspace, ..note });
        }
        let revoke = RevokeKey { workspace, id, now: self.engine.now(), effects };
        let revoked = self.engine.store.revoke_key(revoke).await;
        self.keys.forget();
        revoked.map_err(|error| missing(error, id))?;
        self.key(caller, id).await
    }

    /// The secret (`whsec_…`) with which this workspace's execution webhooks are signed. That it
    /// was read is written down first. Scope `admin`.
    ///
    /// # Errors
    /// `Forbidden`, `Unavailable`.
    pub async fn webhook_secret(&self, caller: &Caller) -> Result<String, AppError> {
        caller.require_admin()?;
        let own = self.own_workspace(caller).await?;
        let note = self.engine.noted(caller, Action::SigningSecretRead, own.id);
        let note = note.named(own.document.name);
        self.engine.store.add_effects(Effects::noting(note)).await?;
        self.engine.signing_secret(caller.workspace).await
    }
}

fn missing(error: StoreError, id: KeyId) -> AppError {
    match error {
        StoreError::Missing(kind) => AppError::not_found(kind, id),
        other => other.into(),
    }
}

fn check(create: &CreateKey, now: Timestamp) -> Result<(), AppError> {
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
        return Err(AppError::InvalidRequest(problem.expecting("fewer", found)));
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

/// Each once, in the order in which they were given.
fn each_once(scopes: Vec<String>) -> Vec<String> {
    let mut kept = Vec::with_capacity(scopes.len());
    for scope in scopes {
        if !kept.contains(&scope) {
            kept.push(scope);
        }
    }
    kept
}
