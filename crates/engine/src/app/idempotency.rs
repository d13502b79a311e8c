//! `Idempotency-Key`: the first answer is the answer.

use std::sync::Arc;
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::ids::NodeId;
use stepwell_core::ids::WorkspaceId;
use stepwell_store::StoreError;
use stepwell_store::record::IdempotencyRecord;
use stepwell_store::traits::WriteIdempotent;

use super::{App, Idempotency};
use crate::runtime::engine::Engine;
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

/// How an outcome begins while the work that belongs to it is under way.
const UNDER_WAY: &str = "working ";
/// Work that has taken so long was abandoned: longer than any request may take.
const ABANDONED_AFTER: Duration = Duration::from_secs(15 * 60);

/// How soon it is tried again to free a key, and how often: then it is taken for abandoned.
const FREE_AGAIN: Duration = Duration::from_secs(1);
const FREE_ATTEMPTS: u32 = 15 * 60;

/// What an idempotency key means for a request that came with it.
pub enum Turn {
    /// It is the first one: it may do its work.
    First(Ticket),
    /// It was answered before, so.
    Again(String),
    /// The first one is still at work, here or on another node.
    Busy,
}

/// The right to do the work that belongs to an idempotency key. Nobody else does it until it is
/// settled or released; dropping it releases it.
pub struct Ticket {
    engine: Arc<Engine>,
    /// What is stored now; `None`: settled or released.
    record: Option<IdempotencyRecord>,
}

impl Ticket {
    /// Stores the answer: whoever comes with the key from now on gets it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn settle(mut self, answer: String) -> Result<(), AppError> {
        let Some(from) = self.record.take() else { return Ok(()) };
        let write = WriteIdempotent::Replace { from, outcome: answer };
        self.engine.store.write_idempotent(write).await?;
        Ok(())
    }

    /// The work failed: the key is free again.
    pub async fn release(mut self) {
        if let Some(from) = self.record.take() {
            free(&self.engine, from).await;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // The request was given up in the middle of its work.
        if let Some(from) = self.record.take() {
            let engine = self.engine.clone();
            tokio::spawn(async move { free(&engine, from).await });
        }
    }
}

/// Frees a key; where the store cannot be written now, later, so that the request can be repeated
/// as soon as it can. A repeat finds the key busy until then.
async fn free(engine: &Arc<Engine>, from: IdempotencyRecord) {
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

/// What is stored under a key whose work is under way: who does it, and since when.
fn mark(node: NodeId, now: Timestamp) -> String {
    format!("{UNDER_WAY}{node} {}", now.as_micros())
}

/// Whether the work was given up: by a node that is gone, as all others are where this one is
/// alone, or so long ago.
fn is_abandoned(outcome: &str, (here, is_sole): (NodeId, bool), now: Timestamp) -> bool {
    let Some(mark) = outcome.strip_prefix(UNDER_WAY) else { return false };
    let Some((node, since)) = mark.split_once(' ') else { return true };
    let is_ours = node == here.to_string();
    let since = since.parse().map_or(Timestamp::default(), Timestamp::from_micros);
    (is_sole && !is_ours) || now.since(since) > ABANDONED_AFTER
}

impl App {
    /// Asks whose turn it is to do the work of a POST that creates neither a workflow nor an
    /// execution. Of all requests with a key, on all nodes, one is the first.
    ///
    /// # Errors
    /// `IdempotencyKeyReused` where the key came with another request.
    pub async fn turn(&self, caller: &Caller, key: &Idempotency) -> Result<Turn, AppError> {
        let (engine, now) = (&self.engine, self.engine.now());
        let record = key.clone().record(caller.workspace, mark(engine.node, now), now);
        let first = |record| Turn::First(Ticket { engine: engine.clone(), record: Some(record) });
        let mut found = engine.store.find_idempotent(caller.workspace, &key.key).await?;
        if found.is_none() {
            let claim = WriteIdempotent::Claim(record.clone());
            match engine.store.write_idempotent(claim).await {
                Ok(_) => return Ok(first(record)),
                Err(StoreError::Replayed(other)) => found = Some(*other),
                Err(error) => return Err(error.into()),
            }
        }
        let Some(found) = found else { return Ok(Turn::Busy) };
        let outcome = Idempotency::outcome_of(&key.fingerprint, &found)?;
        if !outcome.starts_with(UNDER_WAY) {
            return Ok(Turn::Again(outcome));
        }
        if is_abandoned(&outcome, (engine.node, engine.config.sole_node), now) {
            let outcome = record.outcome.clone();
            let write = WriteIdempotent::Replace { from: found, outcome };
            if engine.store.write_idempotent(write).await? {
                return Ok(first(record));
            }
        }
        Ok(Turn::Busy)
    }

    /// What a key stands for already: asked first, so that a repeated request does no work twice.
    pub(super) async fn seen(
        &self,
        caller: &Caller,
        key: Option<&Idempotency>,
    ) -> Result<Option<String>, AppError> {
        let Some(key) = key else { return Ok(None) };
        let found = self.engine.store.find_idempotent(caller.workspace, &key.key).await?;
        found.map(|found| Idempotency::outcome_of(&key.fingerprint, &found)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use stepwell_core::ids::NodeId;

    use super::*;
    use crate::runtime::engine::new_uuid;

    #[test]
    fn work_is_given_up_by_a_node_that_is_gone_and_at_last_by_any() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let later = |secs| now.after(Duration::from_secs(secs));
        let (node, other) = (NodeId::from_uuid(new_uuid()), NodeId::from_uuid(new_uuid()));
        let outcome = mark(node, now);
        for (outcome, here, sole, at, expect) in [
            (outcome.as_str(), node, false, later(899), false),
            (&outcome, node, false, later(901), true),
            (&outcome, other, false, now, false),
            (&outcome, other, true, now, true),
            (&outcome, node, true, now, false),
            ("working x", node, false, now, true),
            ("201\n{}", node, false, later(901), false),
        ] {
            assert_eq!(is_abandoned(outcome, (here, sole), at), expect, "{outcome} {at}");
        }
    }
}
