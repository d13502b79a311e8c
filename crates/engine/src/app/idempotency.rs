//! `Idempotency-Key`: a repeated request has no further effect and gets the first response.

use std::sync::Arc;
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::ids::{NodeId, ObjectId, WorkspaceId};
use stepwell_store::StoreError;
use stepwell_store::record::{IdempotencyOutcome, IdempotencyRecord};
use stepwell_store::traits::WriteIdempotent;

use super::{App, Idempotency};
use crate::runtime::engine::Engine;
use crate::{AppError, Caller};

impl Idempotency {
    /// The record to store under the key.
    pub(super) fn record(
        self,
        workspace: WorkspaceId,
        outcome: IdempotencyOutcome,
        now: Timestamp,
    ) -> IdempotencyRecord {
        let Self { key, fingerprint } = self;
        IdempotencyRecord { workspace, key, fingerprint, outcome, created_at: now }
    }

    /// The outcome of the first request with the key.
    ///
    /// # Errors
    /// `IdempotencyKeyReused` if that was a different request.
    pub(super) fn outcome_of(
        fingerprint: &[u8],
        found: &IdempotencyRecord,
    ) -> Result<IdempotencyOutcome, AppError> {
        if found.fingerprint == fingerprint {
            return Ok(found.outcome.clone());
        }
        Err(AppError::IdempotencyKeyReused)
    }

    /// The id of the object that the first request with the key created.
    ///
    /// # Errors
    /// `IdempotencyKeyReused` if it created none.
    pub(super) fn created_id<I: ObjectId>(outcome: &IdempotencyOutcome) -> Result<I, AppError> {
        match outcome {
            IdempotencyOutcome::Created(id) => Ok(I::from_uuid(id.uuid())),
            IdempotencyOutcome::InProgress { .. }
            | IdempotencyOutcome::Response { .. }
            | IdempotencyOutcome::SecretResponse => Err(AppError::IdempotencyKeyReused),
        }
    }
}

/// A claim is abandoned after this time, which is longer than any request may take.
const ABANDONED_AFTER: Duration = Duration::from_secs(15 * 60);

/// How soon freeing a key is retried, and how often: after that the claim is abandoned anyway.
const FREE_AGAIN: Duration = Duration::from_secs(1);
const FREE_ATTEMPTS: u32 = 15 * 60;

/// The result of claiming an idempotency key.
pub enum IdempotencyClaim {
    /// The key is new: the request may proceed.
    First(ClaimGuard),
    /// The first request succeeded with this response.
    Replayed {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
    /// The first request succeeded with a response that is not stored, because it contained a
    /// secret.
    ReplayedSecret,
    /// The first request is in progress, on this or another node.
    InProgress,
}

/// The claim of an idempotency key, until it is completed or released. Dropping it releases it.
pub struct ClaimGuard {
    engine: Arc<Engine>,
    /// The stored record; `None`: completed or released.
    record: Option<IdempotencyRecord>,
}

impl ClaimGuard {
    /// Stores the response, which further requests with the key get.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn complete(self, status: u16, body: String) -> Result<(), AppError> {
        self.store_outcome(IdempotencyOutcome::Response { status, body }).await
    }

    /// Stores that the request succeeded, without its response, which contains a secret.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn complete_secret(self) -> Result<(), AppError> {
        self.store_outcome(IdempotencyOutcome::SecretResponse).await
    }

    async fn store_outcome(mut self, outcome: IdempotencyOutcome) -> Result<(), AppError> {
        let Some(from) = self.record.take() else { return Ok(()) };
        let write = WriteIdempotent::Replace { from, outcome };
        self.engine.store.write_idempotent(write).await?;
        Ok(())
    }

    /// Frees the key, because the request failed.
    pub async fn release(mut self) {
        if let Some(from) = self.record.take() {
            free_key(&self.engine, from).await;
        }
    }
}

impl Drop for ClaimGuard {
    fn drop(&mut self) {
        // The request was cancelled.
        if let Some(from) = self.record.take() {
            let engine = self.engine.clone();
            tokio::spawn(async move { free_key(&engine, from).await });
        }
    }
}

/// Frees a key. If the store cannot be written, this is retried in the background, so that the
/// request can be repeated as soon as the store is back; until then the key is in progress.
async fn free_key(engine: &Arc<Engine>, from: IdempotencyRecord) {
    let free = WriteIdempotent::Free(from);
    let Err(error) = engine.store.write_idempotent(free.clone()).await else { return };
    tracing::warn!(%error, "an idempotency key could not be freed; trying again");
    let engine = engine.clone();
    tokio::spawn(async move {
        for _ in 0..FREE_ATTEMPTS {
            tokio::time::sleep(FREE_AGAIN).await;
            if engine.background.is_stopping()
                || engine.store.write_idempotent(free.clone()).await.is_ok()
            {
                return;
            }
        }
    });
}

/// The node that checks a claim.
#[derive(Debug, Clone, Copy)]
struct ClaimObserver {
    node: NodeId,
    /// Whether the store has no other nodes.
    is_sole: bool,
    now: Timestamp,
}

impl ClaimObserver {
    /// Whether a request in progress was abandoned: its node is gone (without other nodes, any but
    /// this one), or it is too old.
    fn is_abandoned(self, node: NodeId, since: Timestamp) -> bool {
        (self.is_sole && node != self.node) || self.now.since(since) > ABANDONED_AFTER
    }
}

impl App {
    /// Claims the key of a POST that creates neither a workflow nor an execution. Of all requests
    /// with a key, on all nodes, one is the first.
    ///
    /// # Errors
    /// `IdempotencyKeyReused` if the key came with a different request.
    pub async fn claim_idempotency_key(
        &self,
        caller: &Caller,
        key: &Idempotency,
    ) -> Result<IdempotencyClaim, AppError> {
        let (engine, now) = (&self.engine, self.engine.now());
        let claimed = IdempotencyOutcome::InProgress { node: engine.node, since: now };
        let record = key.clone().record(caller.workspace, claimed.clone(), now);
        let first = |record| {
            let guard = ClaimGuard { engine: engine.clone(), record: Some(record) };
            IdempotencyClaim::First(guard)
        };
        let mut found = engine.store.find_idempotent(caller.workspace, &key.key).await?;
        if found.is_none() {
            let claim = WriteIdempotent::Claim(record.clone());
            match engine.store.write_idempotent(claim).await {
                Ok(_) => return Ok(first(record)),
                Err(StoreError::Replayed(other)) => found = Some(*other),
                Err(error) => return Err(error.into()),
            }
        }
        let Some(found) = found else { return Ok(IdempotencyClaim::InProgress) };
        let (node, since) = match Idempotency::outcome_of(&key.fingerprint, &found)? {
            IdempotencyOutcome::InProgress { node, since } => (node, since),
            IdempotencyOutcome::Response { status, body } => {
                return Ok(IdempotencyClaim::Replayed { status, body });
            }
            IdempotencyOutcome::SecretResponse => return Ok(IdempotencyClaim::ReplayedSecret),
            // The key was used for a request that created an object.
            IdempotencyOutcome::Created(_) => return Err(AppError::IdempotencyKeyReused),
        };
        let is_sole = engine.config().sole_node;
        if (ClaimObserver { node: engine.node, is_sole, now }).is_abandoned(node, since) {
            let write = WriteIdempotent::Replace { from: found, outcome: claimed };
            if engine.store.write_idempotent(write).await? {
                return Ok(first(record));
            }
        }
        Ok(IdempotencyClaim::InProgress)
    }

    /// The outcome that is stored under a key, so that a repeated request does no work.
    pub(super) async fn find_replay(
        &self,
        caller: &Caller,
        key: Option<&Idempotency>,
    ) -> Result<Option<IdempotencyOutcome>, AppError> {
        let Some(key) = key else { return Ok(None) };
        let found = self.engine.store.find_idempotent(caller.workspace, &key.key).await?;
        found.map(|found| Idempotency::outcome_of(&key.fingerprint, &found)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::engine::new_uuid;

    #[test]
    fn claims_of_gone_nodes_and_old_claims_are_abandoned() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let later = |secs| now.after(Duration::from_secs(secs));
        let (node, other) = (NodeId::from_uuid(new_uuid()), NodeId::from_uuid(new_uuid()));
        for (here, is_sole, at, expect) in [
            (node, false, later(899), false),
            (node, false, later(901), true),
            (other, false, now, false),
            (other, true, now, true),
            (node, true, now, false),
        ] {
            let observer = ClaimObserver { node: here, is_sole, now: at };
            assert_eq!(observer.is_abandoned(node, now), expect, "{observer:?}");
        }
    }
}
