//! API keys, and who a token is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::RngExt;
use sha2::{Digest, Sha256};
use stepwell_core::Timestamp;
use stepwell_core::audit::Action;
use stepwell_core::ids::{KeyId, WorkspaceId};
use stepwell_store::Effects;
use stepwell_store::audit::{Actor, AuditRecord, Origin};
use stepwell_store::record::{KeyRecord, WorkspaceRecord};
use stepwell_store::traits::RevokeKey;

use super::{App, CreateKey, NewKey};
use crate::limits::{Limits, Standing};
use crate::runtime::background::Stop;
use crate::runtime::engine::{Engine, new_uuid};
use crate::runtime::plans::Memory;
use crate::{AppError, AuthError, Caller, Scope};

/// What every secret begins with.
const PREFIX: &str = "sk_live_";
/// How often the last use of keys is stored.
const NOTE_EVERY: Duration = Duration::from_secs(60);
/// A key looked up longer ago is looked up again: another node may have revoked it.
const TRUST_FOR: Duration = Duration::from_secs(10);

/// Keys seen recently, and their last use.
pub(super) struct KnownKeys {
    known: Memory<[u8; 32], Arc<Known>>,
    // A short critical section, nothing awaits under it.
    used: Mutex<HashMap<KeyId, Timestamp>>,
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

/// Who a caller is.
#[derive(Debug, Clone)]
pub struct Myself {
    /// The key that it came with; `None`: the process itself.
    pub key: Option<KeyRecord>,
    /// Whose objects it sees.
    pub workspace: WorkspaceRecord,
    /// What it may do.
    pub scopes: Arc<[Scope]>,
}

struct Known {
    caller: Caller,
    expires_at: Option<Timestamp>,
    looked_up_at: Timestamp,
}

impl KnownKeys {
    pub(super) fn new() -> Self {
        Self { known: Memory::new(), used: Mutex::default() }
    }

    fn use_of(&self, id: KeyId, now: Timestamp) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(id, now);
    }

    fn take_used(&self) -> Vec<(KeyId, Timestamp)> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }
}

/// The loop that stores when keys were last used.
pub(super) async fn note_use(engine: Arc<Engine>, keys: Arc<KnownKeys>, mut stop: Stop) {
    loop {
        let go_on = stop.sleep(NOTE_EVERY).await;
        let used = keys.take_used();
        if !used.is_empty()
            && let Err(error) = engine.store.touch_keys(used).await
        {
            tracing::warn!(%error, "the last use of keys cannot be stored");
        }
        if !go_on {
            return;
        }
    }
}

impl App {
    /// Who a token is. Does not touch the store for a key seen recently.
    ///
    /// # Errors
    /// `Auth`, `Unavailable`.
    pub async fn authenticate(&self, token: Option<&str>) -> Result<Caller, AppError> {
        let token = token.ok_or(AuthError::Missing)?;
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let now = self.engine.now();
        let known = match self.keys.known.get(&hash) {
            Some(known) if now.since(known.looked_up_at) < TRUST_FOR => known,
            _ => self.look_up(hash, now).await?,
        };
        if known.expires_at.is_some_and(|at| at <= now) {
            return Err(AuthError::Expired.into());
        }
        if let Some(id) = known.caller.key() {
            self.keys.use_of(id, now);
        }
        Ok(known.caller.clone())
    }

    async fn look_up(&self, hash: [u8; 32], now: Timestamp) -> Result<Arc<Known>, AppError> {
        let key = self.engine.store.find_key(hash).await?.ok_or(AuthError::Invalid)?;
        if key.revoked_at.is_some() {
            return Err(AuthError::Revoked.into());
        }
        let scopes: Result<Vec<Scope>, _> = key.scopes.iter().map(|scope| scope.parse()).collect();
        let limits = self.engine.limits((key.id, key.limits), key.workspace).await?;
        let caller = Caller {
            workspace: key.workspace,
            actor: Actor::Key { id: key.id, name: key.name.into() },
            origin: Origin::default(),
            scopes: scopes?.into(),
            limits,
        };
        let known = Arc::new(Known { caller, expires_at: key.expires_at, looked_up_at: now });
        self.keys.known.put(hash, known.clone());
        Ok(known)
    }

    /// Counts a request against the limits of the caller's key and workspace. Does not touch the
    /// store.
    ///
    /// # Errors
    /// `RateLimited`.
    pub fn admit_request(&self, caller: &Caller) -> Result<(), AppError> {
        Ok(caller.limits.take_request(self.engine.now())?)
    }

    /// How the limit that matters most to these requests stands; `None` where there is none.
    pub fn standing(&self, limits: &Limits) -> Option<Standing> {
        limits.standing(self.engine.now())
    }

    /// Who the caller is, as it is stored.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn myself(&self, caller: &Caller) -> Result<Myself, AppError> {
        let key = match caller.key() {
            Some(id) => {
                let keys = self.engine.store.list_keys(Some(caller.workspace)).await?;
                keys.into_iter().find(|key| key.id == id)
            }
            None => None,
        };
        let workspace = self.own_workspace(caller).await?;
        Ok(Myself { key, workspace, scopes: caller.scopes.clone() })
    }

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
            scopes: create.scopes,
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

    /// Whose keys or log are meant: only whoever runs the installation may name another workspace than
    /// its own, and only it learns whether there is such a one.
    pub(super) async fn workspace_meant(
        &self,
        caller: &Caller,
        named: Option<WorkspaceId>,
    ) -> Result<WorkspaceId, AppError> {
        let Some(id) = named.filter(|id| *id != caller.workspace) else {
            return Ok(caller.workspace);
        };
        caller.require_operator()?;
        match self.engine.store.find_workspace(id).await? {
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
        Ok(self.engine.store.list_keys(Some(workspace)).await?)
    }

    /// Revokes a key at once. Scope `admin`; whoever runs the installation may revoke the keys of
    /// all workspaces.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn revoke_key(&self, caller: &Caller, id: KeyId) -> Result<(), AppError> {
        caller.require_admin()?;
        let store = &self.engine.store;
        let whose = (!caller.is_operator()).then_some(caller.workspace);
        let found = store.list_keys(whose).await?.into_iter().find(|key| key.id == id);
        let KeyRecord { workspace, name, revoked_at, .. } =
            found.ok_or_else(|| AppError::not_found("key", id))?;
        let mut effects = Effects::default();
        // Whoever revokes it twice does nothing.
        if revoked_at.is_none() {
            let note = self.engine.noted(caller, Action::KeyRevoked, id).named(name);
            effects.audit.push(AuditRecord { workspace, ..note });
        }
        let revoke = RevokeKey { workspace, id, now: self.engine.now(), effects };
        let revoked = store.revoke_key(revoke).await;
        self.keys.known.clear();
        match revoked {
            Err(stepwell_store::StoreError::Missing(kind)) => Err(AppError::not_found(kind, id)),
            other => Ok(other?),
        }
    }

    /// The secret (`whsec_…`) with which this workspace's execution webhooks are signed. Scope
    /// `admin`.
    ///
    /// # Errors
    /// `Forbidden`, `Unavailable`.
    pub async fn webhook_secret(&self, caller: &Caller) -> Result<String, AppError> {
        caller.require_admin()?;
        self.engine.signing_secret(caller.workspace).await
    }
}

fn check(create: &CreateKey, now: Timestamp) -> Result<(), AppError> {
    let length = create.name.chars().count();
    if length == 0 || length > 100 {
        return Err(AppError::invalid("name", "name must have 1 to 100 characters"));
    }
    if create.scopes.is_empty() {
        return Err(AppError::invalid(
            "scopes",
            "scopes must name at least one scope, such as `admin`",
        ));
    }
    for scope in &create.scopes {
        scope.parse::<Scope>()?;
    }
    if create.expires_at.is_some_and(|at| at <= now) {
        return Err(AppError::invalid("expires_at", "expires_at must lie in the future"));
    }
    Ok(())
}
