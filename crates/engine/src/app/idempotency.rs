//! `Idempotency-Key`: the first answer is the answer.

use std::sync::Arc;
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::ids::WorkspaceId;
use stepwell_store::StoreError;
use stepwell_store::record::IdempotencyRecord;
use stepwell_store::traits::SwapIdempotent;

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
        let swap = SwapIdempotent { from, to: Some(answer) };
        self.engine.store.swap_idempotent(swap).await?;
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

async fn free(engine: &Engine, from: IdempotencyRecord) {
    if let Err(error) = engine.store.swap_idempotent(SwapIdempotent { from, to: None }).await {
        tracing::warn!(%error, "an idempotency key could not be freed");
    }
}

/// What is stored under a key whose work is under way: who does it, and since when.
fn mark(engine: &Engine, now: Timestamp) -> String {
    format!("{UNDER_WAY}{} {}", engine.node, now.as_micros())
}

/// Whether the work was given up: by a node that is gone, or so long ago.
fn is_abandoned(engine: &Engine, outcome: &str, now: Timestamp) -> bool {
    let Some(mark) = outcome.strip_prefix(UNDER_WAY) else { return false };
    let Some((node, since)) = mark.split_once(' ') else { return true };
    let here = node == engine.node.to_string();
    let since = since.parse().map_or(Timestamp::default(), Timestamp::from_micros);
    (engine.config.sole_node && !here) || now.since(since) > ABANDONED_AFTER
}

impl App {
    /// Asks whose turn it is to do the work of a POST that creates neither a workflow nor an
    /// execution. Of all requests with a key, on all nodes, one is the first.
    ///
    /// # Errors
    /// `IdempotencyKeyReused` where the key came with another request.
    pub async fn turn(&self, caller: &Caller, key: &Idempotency) -> Result<Turn, AppError> {
        let (engine, now) = (&self.engine, self.engine.now());
        let record = key.clone().record(caller.workspace, mark(engine, now), now);
        let first = |record| Turn::First(Ticket { engine: engine.clone(), record: Some(record) });
        let mut found = engine.store.find_idempotent(caller.workspace, &key.key).await?;
        if found.is_none() {
            match engine.store.save_idempotent(record.clone()).await {
                Ok(()) => return Ok(first(record)),
                Err(StoreError::Replayed(other)) => found = Some(*other),
                Err(error) => return Err(error.into()),
            }
        }
        let Some(found) = found else { return Ok(Turn::Busy) };
        let outcome = Idempotency::outcome_of(&key.fingerprint, &found)?;
        if !outcome.starts_with(UNDER_WAY) {
            return Ok(Turn::Again(outcome));
        }
        if is_abandoned(engine, &outcome, now) {
            let swap = SwapIdempotent { from: found, to: Some(record.outcome.clone()) };
            if engine.store.swap_idempotent(swap).await? {
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
    use stepwell_store::memory::MemoryStore;

    use super::*;
    use crate::{EngineConfig, SystemClock};

    async fn app(store: &Arc<MemoryStore>, sole_node: bool) -> App {
        let config = EngineConfig { sole_node, ..EngineConfig::default() };
        App::start(store.clone(), config, Arc::new(SystemClock)).await.unwrap()
    }

    fn key(fingerprint: u8) -> Idempotency {
        Idempotency { key: "k".into(), fingerprint: vec![fingerprint] }
    }

    async fn turn(app: &App) -> Turn {
        app.turn(&Caller::internal(), &key(1)).await.unwrap()
    }

    async fn first(app: &App) -> Ticket {
        match turn(app).await {
            Turn::First(ticket) => ticket,
            Turn::Again(answer) => panic!("answered: {answer}"),
            Turn::Busy => panic!("busy"),
        }
    }

    #[tokio::test]
    async fn one_works_and_the_others_wait_or_get_its_answer() {
        let store = Arc::new(MemoryStore::default());
        let (app, other_node) = (app(&store, false).await, app(&store, false).await);
        let ticket = first(&app).await;
        for app in [&app, &other_node] {
            assert!(matches!(turn(app).await, Turn::Busy));
            let reused = app.turn(&Caller::internal(), &key(2)).await;
            assert!(matches!(reused, Err(AppError::IdempotencyKeyReused)));
        }
        ticket.release().await;
        first(&other_node).await.settle("201".into()).await.unwrap();
        assert!(matches!(turn(&app).await, Turn::Again(answer) if answer == "201"));
    }

    #[tokio::test]
    async fn work_that_was_given_up_is_done_by_another() {
        let store = Arc::new(MemoryStore::default());
        let crashed = app(&store, true).await;
        std::mem::forget(first(&crashed).await);
        assert!(matches!(turn(&crashed).await, Turn::Busy));
        let next = app(&store, true).await;
        first(&next).await.settle("again".into()).await.unwrap();
        // Whoever comes back late changes nothing.
        assert!(matches!(turn(&crashed).await, Turn::Again(answer) if answer == "again"));
    }

    #[tokio::test]
    async fn long_work_is_given_up_at_last() {
        let app = app(&Arc::new(MemoryStore::default()), false).await;
        let now = Timestamp::from_millis(1_800_000_000_000);
        let outcome = mark(&app.engine, now);
        let later = |secs| now.after(Duration::from_secs(secs));
        for (outcome, at, expect) in [
            (outcome.as_str(), later(899), false),
            (&outcome, later(901), true),
            ("working x", now, true),
            ("201\n{}", later(901), false),
        ] {
            assert_eq!(is_abandoned(&app.engine, outcome, at), expect, "{outcome} {at}");
        }
    }
}
