//! Authentication: which caller a token belongs to.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use stepwell_core::Timestamp;
use stepwell_store::StoreError;
use stepwell_store::audit::{Actor, Origin};

use super::cache::CachedKey;
use crate::api_key::ApiKey;
use crate::app::{App, Refusal};
use crate::objects::{self, Object};
use crate::runtime::engine::Engine;
use crate::workspace::Workspace;
use crate::{AppError, AuthError, Caller, Scope};

/// Cached keys are read again after this time: another node may have revoked them.
const CACHED_FOR: Duration = Duration::from_secs(10);

/// The caller's key, workspace and scopes.
#[derive(Debug, Clone)]
pub struct CallerInfo {
    /// The key; `None`: the process itself.
    pub key: Option<Object<ApiKey>>,
    /// The workspace.
    pub workspace: Object<Workspace>,
    /// The scopes.
    pub scopes: Arc<[Scope]>,
}

impl App {
    /// The caller that a token belongs to. Does not access the store if the key is cached.
    ///
    /// # Errors
    /// `Auth`, `Unavailable`.
    pub async fn authenticate(&self, token: Option<&str>) -> Result<Caller, AppError> {
        let token = token.ok_or(AuthError::Missing)?;
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let (now, steady) = (self.engine.now(), self.engine.steady_now());
        let key = match self.keys.get(&hash) {
            Some(key) if steady.since(key.read_at) < CACHED_FOR => key,
            _ => self.read_key(hash, steady).await?,
        };
        if key.expires_at.is_some_and(|at| at <= now) {
            return Err(AuthError::Expired.into());
        }
        if let Some(id) = key.caller.key() {
            self.keys.record_use(id, now);
        }
        Ok(key.caller.clone())
    }

    async fn read_key(&self, hash: [u8; 32], now: Timestamp) -> Result<Arc<CachedKey>, AppError> {
        let generation = self.keys.generation();
        let key = find_key(&self.engine, &hash).await?.ok_or(AuthError::Invalid)?;
        let Object { id, workspace, document: key, .. } = key;
        if key.revoked_at.is_some() {
            return Err(AuthError::Revoked.into());
        }
        let scopes: Result<Vec<Scope>, _> = key.scopes.iter().map(|scope| scope.parse()).collect();
        let limits = self.load_limits(id, key.limits, workspace).await?;
        let caller = Caller {
            workspace,
            actor: Actor::Key { id, name: key.name.into() },
            origin: Origin::default(),
            scopes: scopes?.into(),
            limits,
        };
        let cached = Arc::new(CachedKey { caller, expires_at: key.expires_at, read_at: now });
        self.keys.insert(hash, cached.clone(), generation);
        Ok(cached)
    }

    /// Adds an audit entry for the use of an expired or revoked key, which may have been stolen; at
    /// most once a minute. There is none for a token that never was a key.
    pub async fn audit_invalid_key(&self, token: &str, origin: Origin, refusal: Refusal<'_>) {
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        match find_key(&self.engine, &hash).await {
            Ok(Some(key)) => {
                let actor = Actor::Key { id: key.id, name: key.document.name.into() };
                let caller = Caller { actor, origin, ..Caller::internal_to(key.workspace) };
                self.audit_refusal(&caller, refusal).await;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "the use of an invalid key could not be audited");
            }
        }
    }

    /// The caller's key, workspace and scopes, as stored.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn caller_info(&self, caller: &Caller) -> Result<CallerInfo, AppError> {
        let key = match caller.key() {
            Some(id) => objects::find_object(&*self.engine.store, id).await?,
            None => None,
        };
        let workspace = self.own_workspace(caller).await?;
        Ok(CallerInfo { key, workspace, scopes: caller.scopes.clone() })
    }
}

/// The key whose secret has that hash, also an expired or revoked one.
async fn find_key(engine: &Engine, hash: &[u8; 32]) -> Result<Option<Object<ApiKey>>, StoreError> {
    objects::find_by_key(&*engine.store, ApiKey::hash_text(hash)).await
}
