//! Who a token is. Making and changing keys is next door, in `key_admin`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};
use stepwell_core::Timestamp;
use stepwell_core::cache::{ByteCache, PoolUsage};
use stepwell_core::ids::KeyId;
use stepwell_store::audit::{Actor, Origin};
use stepwell_store::{Effects, StoreError};

use super::{App, Refusal};
use crate::api_key::ApiKey;
use crate::limits::{BucketStatus, Limits};
use crate::objects::{self, Object};
use crate::runtime::background::Stop;
use crate::runtime::engine::Engine;
use crate::workspace::Workspace;
use crate::{AppError, AuthError, Caller, Scope};

/// How often the last use of keys is stored.
const NOTE_EVERY: Duration = Duration::from_secs(60);
/// The most keys whose last use is written at the same time.
const NOTED_AT_ONCE: usize = 64;
/// A key looked up longer ago is looked up again: another node may have revoked it.
const TRUST_FOR: Duration = Duration::from_secs(10);

/// The most memory for keys that were seen recently, in bytes.
const KNOWN_BYTES: u64 = 8 << 20;
/// A scope of a key, with the name of the object that it is limited to.
const SCOPE_BYTES: usize = size_of::<Scope>() + 256;
/// The most keys whose last use is kept until it is stored; that of others is not stored.
const MAX_USES: usize = 1 << 16;
/// The last use of a key, in a table that is half full.
const USE_BYTES: usize = 2 * size_of::<(KeyId, Timestamp)>();

/// Keys seen recently, and their last use.
pub(super) struct KnownKeys {
    known: ByteCache<[u8; 32], Arc<Known>>,
    /// How often they were forgotten.
    forgotten: AtomicU64,
    // A short critical section, nothing awaits under it.
    used: Mutex<HashMap<KeyId, Timestamp>>,
}

/// Who a caller is.
#[derive(Debug, Clone)]
pub struct Myself {
    /// The key that it came with; `None`: the process itself.
    pub key: Option<Object<ApiKey>>,
    /// Whose objects it sees.
    pub workspace: Object<Workspace>,
    /// What it may do.
    pub scopes: Arc<[Scope]>,
}

struct Known {
    caller: Caller,
    expires_at: Option<Timestamp>,
    looked_up_at: Timestamp,
}

impl Known {
    /// About how many bytes it takes.
    fn memory_bytes(&self) -> usize {
        let name = match &self.caller.actor {
            Actor::Key { name, .. } => name.len(),
            _ => 0,
        };
        size_of::<Self>() + name + self.caller.scopes.len() * SCOPE_BYTES
    }
}

impl KnownKeys {
    pub(super) fn new() -> Self {
        Self {
            known: ByteCache::new("keys", KNOWN_BYTES, 512),
            forgotten: AtomicU64::new(0),
            used: Mutex::default(),
        }
    }

    /// What known keys and their last uses take and may take.
    pub(super) fn usage(&self) -> [PoolUsage; 2] {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner).len() * USE_BYTES;
        let limit = (MAX_USES * USE_BYTES) as u64;
        [self.known.pool_usage(), PoolUsage { name: "key_uses", used: used as u64, limit }]
    }

    fn use_of(&self, id: KeyId, now: Timestamp) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() < MAX_USES || used.contains_key(&id) {
            used.insert(id, now);
        }
    }

    /// Forgets who is who, so that a change holds at once. What was used stays known.
    pub(super) fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.known.clear();
    }

    /// Remembers who a token is, as it was read when they had been forgotten so often. What was
    /// read before a change does not outlive it.
    fn remember(&self, hash: [u8; 32], known: Arc<Known>, forgotten: u64) {
        let bytes = known.memory_bytes();
        self.known.insert(hash, known, bytes as u64);
        if self.forgotten.load(Ordering::SeqCst) != forgotten {
            self.known.clear();
        }
    }

    /// Fills in the last use of keys as far as it is not stored yet.
    pub(super) fn with_last_use(&self, mut keys: Vec<Object<ApiKey>>) -> Vec<Object<ApiKey>> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &mut keys {
            let stored = &mut key.document.last_used_at;
            *stored = (*stored).max(used.get(&key.id).copied());
        }
        keys
    }

    fn take_used(&self) -> Vec<(KeyId, Timestamp)> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }
}

/// The loop that stores when keys were last used.
pub(super) async fn note_use(engine: Arc<Engine>, keys: Arc<KnownKeys>, mut stop: Stop) {
    loop {
        let go_on = stop.sleep(NOTE_EVERY).await;
        let used = stream::iter(keys.take_used());
        let stored = used.map(|(id, at)| store_last_use(&engine, id, at));
        // At once, so that they share their transactions.
        let mut stored = stored.buffer_unordered(NOTED_AT_ONCE);
        while let Some(one) = stored.next().await {
            if let Err(error) = one {
                tracing::warn!(%error, "the last use of a key cannot be stored");
            }
        }
        if !go_on {
            return;
        }
    }
}

/// Stores when a key was last used, unless a later use is stored or the key is gone.
async fn store_last_use(engine: &Engine, id: KeyId, at: Timestamp) -> Result<(), StoreError> {
    let edit = |before: &Object<ApiKey>| {
        if before.document.last_used_at >= Some(at) {
            return None;
        }
        let document = ApiKey { last_used_at: Some(at), ..before.document.clone() };
        Some((before.next(engine.now(), document), Effects::default()))
    };
    objects::edit(&*engine.store, id, edit).await.map(drop)
}

impl App {
    /// Who a token is. Does not touch the store for a key seen recently.
    ///
    /// # Errors
    /// `Auth`, `Unavailable`.
    pub async fn authenticate(&self, token: Option<&str>) -> Result<Caller, AppError> {
        let token = token.ok_or(AuthError::Missing)?;
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let (now, steady) = (self.engine.now(), self.engine.steady_now());
        let known = match self.keys.known.get(&hash) {
            Some(known) if steady.since(known.looked_up_at) < TRUST_FOR => known,
            _ => self.look_up(hash, steady).await?,
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
        let forgotten = self.keys.forgotten.load(Ordering::SeqCst);
        let key = find(&self.engine, &hash).await?.ok_or(AuthError::Invalid)?;
        let Object { id, workspace, document: key, .. } = key;
        if key.revoked_at.is_some() {
            return Err(AuthError::Revoked.into());
        }
        let scopes: Result<Vec<Scope>, _> = key.scopes.iter().map(|scope| scope.parse()).collect();
        let limits = self.engine.limits((id, key.limits), workspace).await?;
        let caller = Caller {
            workspace,
            actor: Actor::Key { id, name: key.name.into() },
            origin: Origin::default(),
            scopes: scopes?.into(),
            limits,
        };
        let known = Arc::new(Known { caller, expires_at: key.expires_at, looked_up_at: now });
        self.keys.remember(hash, known.clone(), forgotten);
        Ok(known)
    }

    /// Writes down that a key was used that is not accepted any more: it may have been stolen. The
    /// same again only once a minute. A token that never was a key is nobody's.
    pub async fn note_dead_key(&self, token: &str, origin: Origin, refusal: Refusal<'_>) {
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        match find(&self.engine, &hash).await {
            Ok(Some(key)) => {
                let actor = Actor::Key { id: key.id, name: key.document.name.into() };
                let whose = Caller { actor, origin, ..Caller::internal_to(key.workspace) };
                self.note_refusal(&whose, refusal).await;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the use of a dead key could not be written down"),
        }
    }

    /// Counts a request against the limits of the caller's key and workspace. Does not touch the
    /// store.
    ///
    /// # Errors
    /// `RateLimited`.
    pub fn admit_request(&self, caller: &Caller) -> Result<(), AppError> {
        let taken = caller.limits.take_request(self.engine.steady_now());
        Ok(taken.map_err(|limited| self.engine.limited(limited))?)
    }

    /// How the limit that matters most to these requests stands; `None` where there is none.
    pub fn standing(&self, limits: &Limits) -> Option<BucketStatus> {
        let standing = limits.standing(self.engine.steady_now())?;
        let full_at = self.engine.to_wall_clock(standing.full_at);
        Some(BucketStatus { full_at, ..standing })
    }

    /// Who the caller is, as it is stored.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn myself(&self, caller: &Caller) -> Result<Myself, AppError> {
        let key = match caller.key() {
            Some(id) => objects::find(&*self.engine.store, id).await?,
            None => None,
        };
        let workspace = self.own_workspace(caller).await?;
        Ok(Myself { key, workspace, scopes: caller.scopes.clone() })
    }
}

/// The key whose secret has that hash, also an expired or revoked one.
async fn find(engine: &Engine, hash: &[u8; 32]) -> Result<Option<Object<ApiKey>>, StoreError> {
    objects::find_by_key(&*engine.store, ApiKey::hash_text(hash)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_does_not_outlive_it() {
        let keys = KnownKeys::new();
        let known = || {
            let looked_up_at = Timestamp::from_millis(0);
            Arc::new(Known { caller: Caller::internal(), expires_at: None, looked_up_at })
        };
        let now = || keys.forgotten.load(Ordering::SeqCst);
        keys.remember([1; 32], known(), now());
        assert!(keys.known.get(&[1; 32]).is_some());
        let before = now();
        // Somebody revokes it between the reading and the remembering.
        keys.forget();
        keys.remember([1; 32], known(), before);
        assert!(keys.known.get(&[1; 32]).is_none());
    }
}
