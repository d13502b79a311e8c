//! `Idempotency-Key`: the first answer is the answer.

use stepwell_core::Timestamp;
use stepwell_core::ids::WorkspaceId;
use stepwell_store::record::IdempotencyRecord;

use super::{App, Idempotency};
use crate::{AppError, Caller};

impl Idempotency {
    /// What is stored under the key.
    pub(super) fn record(
        self,
        workspace: WorkspaceId,
        outcome: String,
        now: Timestamp,
    ) -> IdempotencyRecord {
        let Self { key, fingerprint } = self;
        IdempotencyRecord { workspace, key, fingerprint, outcome, created_at: now }
    }

    /// What the first request made, where this is the same one again.
    ///
    /// # Errors
    /// `IdempotencyKeyReused` where it is not.
    pub(super) fn outcome_of(
        fingerprint: &[u8],
        found: &IdempotencyRecord,
    ) -> Result<String, AppError> {
        if found.fingerprint == fingerprint {
            return Ok(found.outcome.clone());
        }
        Err(AppError::IdempotencyKeyReused)
    }
}

impl App {
    /// The answer stored under an idempotency key for a POST that creates neither a workflow nor
    /// an execution; `None`: the key is new.
    ///
    /// # Errors
    /// `IdempotencyKeyReused` where it came with another request.
    pub async fn replay(
        &self,
        caller: &Caller,
        key: &Idempotency,
    ) -> Result<Option<String>, AppError> {
        let found = self.engine.store.find_idempotent(caller.workspace, &key.key).await?;
        found.map(|found| Idempotency::outcome_of(&key.fingerprint, &found)).transpose()
    }

    /// Stores the answer for [`App::replay`]. Where the same request was answered in the
    /// meantime, that answer stays.
    ///
    /// # Errors
    /// `Unavailable`, `IdempotencyKeyReused`.
    pub async fn remember(
        &self,
        caller: &Caller,
        key: Idempotency,
        answer: String,
    ) -> Result<(), AppError> {
        let fingerprint = key.fingerprint.clone();
        let record = key.record(caller.workspace, answer, self.engine.now());
        match self.engine.store.save_idempotent(record).await {
            Err(stepwell_store::StoreError::Replayed(found)) => {
                Idempotency::outcome_of(&fingerprint, &found).map(|_| ())
            }
            other => Ok(other?),
        }
    }

    /// What a key stands for already: asked first, so that a repeated request does no work twice.
    pub(super) async fn seen(
        &self,
        caller: &Caller,
        key: Option<&Idempotency>,
    ) -> Result<Option<String>, AppError> {
        match key {
            Some(key) => self.replay(caller, key).await,
            None => Ok(None),
        }
    }
}
