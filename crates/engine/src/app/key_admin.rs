//! API keys as objects: made, listed, changed, revoked. Who a token is, `keys` knows.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::RngExt;
use sha2::{Digest, Sha256};
use stepwell_core::audit::AuditAction;
use stepwell_core::ids::{KeyId, WorkspaceId};
use stepwell_core::rate::RateLimits;
use stepwell_core::{Problem, Timestamp};
use stepwell_store::Effects;
use stepwell_store::audit::AuditRecord;
use stepwell_store::objects::ObjectBatch;

use super::{App, CreateKey, NewKey, workspaces};
use crate::api_key::ApiKey;
use crate::objects::{self, Object};
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
        let document = ApiKey {
            name: create.name,
            hash: ApiKey::hash_text(&Sha256::digest(secret.as_bytes()).into()),
            hint: secret.chars().take(PREFIX.len() + 4).collect(),
            scopes: each_once(create.scopes),
            limits: create.limits,
            expires_at: create.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let record = Object::new(KeyId::from_uuid(new_uuid()), workspace, now, document);
        let note = AuditRecord {
            workspace,
            ..self
                .engine
                .noted(caller, AuditAction::KeyCreated, record.id)
                .named(&record.document.name)
        };
        let note = note.with("scopes", record.document.scopes.clone());
        let batch = ObjectBatch::put(record.to_stored()?, Effects::with_audit(note));
        self.engine.store.write_objects(batch).await?;
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
    ) -> Result<Vec<Object<ApiKey>>, AppError> {
        caller.require_admin()?;
        let workspace = self.workspace_meant(caller, workspace).await?;
        let keys = objects::list_all(&*self.engine.store, workspace).await?;
        Ok(self.keys.with_last_use(keys))
    }

    /// A key. Scope `admin`; whoever runs the installation sees the keys of all workspaces.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`.
    pub async fn key(&self, caller: &Caller, id: KeyId) -> Result<Object<ApiKey>, AppError> {
        caller.require_admin()?;
        let found = objects::find::<ApiKey>(&*self.engine.store, id).await?;
        let may_see =
            |key: &Object<ApiKey>| caller.is_operator() || key.workspace == caller.workspace;
        let found = found.filter(may_see).into_iter().collect();
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
            let note = self.engine.noted(caller, AuditAction::KeyUpdated, id).changing(changed);
            let workspace = before.workspace;
            let note = AuditRecord { workspace, ..note.named(&document.name) };
            Some((before.next(self.engine.now(), document), Effects::with_audit(note)))
        };
        self.edit_key(caller, before.id, edit).await
    }

    /// Revokes a key at once, and answers it; one that is revoked already stays as it is. Scope
    /// `admin`; whoever runs the installation may revoke the keys of all workspaces.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn revoke_key(&self, caller: &Caller, id: KeyId) -> Result<Object<ApiKey>, AppError> {
        self.key(caller, id).await?;
        let edit = |before: &Object<ApiKey>| {
            // To revoke it twice does nothing.
            if before.document.revoked_at.is_some() {
                return None;
            }
            let now = self.engine.now();
            let document = ApiKey { revoked_at: Some(now), ..before.document.clone() };
            let note = self.engine.noted(caller, AuditAction::KeyRevoked, id).named(&document.name);
            let note = AuditRecord { workspace: before.workspace, ..note };
            Some((before.next(now, document), Effects::with_audit(note)))
        };
        self.edit_key(caller, id, edit).await
    }

    /// Changes a key that the caller may see, and forgets who its token is.
    async fn edit_key(
        &self,
        caller: &Caller,
        id: KeyId,
        edit: impl Fn(&Object<ApiKey>) -> Option<(Object<ApiKey>, Effects)> + Send,
    ) -> Result<Object<ApiKey>, AppError> {
        let edited = objects::edit(&*self.engine.store, id, edit).await;
        self.keys.forget();
        edited?.ok_or_else(|| AppError::not_found("key", id))?;
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
        let note = self.engine.noted(caller, AuditAction::SigningSecretRead, own.id);
        let note = note.named(own.document.name);
        let batch = ObjectBatch::effects(Effects::with_audit(note));
        self.engine.store.write_objects(batch).await?;
        self.engine.signing_secret(caller.workspace).await
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
