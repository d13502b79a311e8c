//! Recovering what an earlier run left, so that an execution that takes the process down, or never
//! gets anywhere, does not do so at each start.
//!
//! Each recovery is counted, durably, before it begins; counting starts again when the journal
//! grows. Most executions are recovered together. One that got nowhere the last time is a suspect:
//! suspects are recovered one after the other, when the others are under way, and each such trial
//! is counted too. After two trials that led nowhere it is set aside: it fails as `POISONED`, and
//! can be rerun. A server that is killed while it recovers thousands therefore sets aside none of
//! them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stepwell_core::ids::ExecutionId;
use stepwell_store::StoreError;
use stepwell_store::traits::{CountRecoveries, Recovery, RecoveryCount};

use super::background::Stop;
use super::engine::Engine;
use super::runner::Because;

/// An execution that was recovered so often without getting further is recovered alone.
const SUSPECT_AFTER: u32 = 2;
/// After so many trials it is set aside.
const MOST_TRIALS: u32 = 2;
/// A trial that takes so long counts twice: it hangs.
const HANGS_AFTER: Duration = Duration::from_secs(1);
/// How long a trial holds up the next one.
const LONGEST_TRIAL: Duration = Duration::from_secs(20);
/// How often a trial is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The executions that wait for their trial. They are not woken otherwise.
#[derive(Default)]
pub(crate) struct Suspects {
    // A short critical section, nothing awaits under it; mostly empty.
    held: Mutex<HashSet<ExecutionId>>,
}

impl Suspects {
    fn held(&self) -> MutexGuard<'_, HashSet<ExecutionId>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the execution waits for its trial.
    pub(crate) fn contains(&self, id: ExecutionId) -> bool {
        self.held().contains(&id)
    }
}

/// Wakes the executions that an earlier run left; those that are suspect are returned instead.
///
/// # Errors
/// The store cannot be written; then none was woken.
pub(crate) async fn wake_recovered(
    engine: &Arc<Engine>,
    ids: Vec<ExecutionId>,
) -> Result<Vec<Recovery>, StoreError> {
    let counted = RecoveryCount::Recovery;
    let recoveries = engine.store.count_recoveries(CountRecoveries { ids, counted }).await?;
    let (suspects, others): (Vec<_>, Vec<_>) =
        recoveries.into_iter().partition(|one| one.recoveries >= SUSPECT_AFTER);
    engine.suspects.held().extend(suspects.iter().map(|suspect| suspect.id));
    for one in others {
        engine.wake(one.id, Because::ItIsTime);
    }
    Ok(suspects)
}

/// Recovers suspects one after the other, those with the fewest trials first.
pub(crate) async fn try_suspects(engine: Arc<Engine>, mut suspects: Vec<Recovery>, mut stop: Stop) {
    suspects.sort_by_key(|suspect| suspect.trials);
    for suspect in suspects {
        tokio::select! {
            () = stop.stopped() => return,
            tried = try_suspect(&engine, suspect) => {
                if let Err(error) = tried {
                    tracing::warn!(id = %suspect.id, %error, "a recovery cannot be counted");
                }
            }
        }
    }
}

async fn try_suspect(engine: &Arc<Engine>, suspect: Recovery) -> Result<(), StoreError> {
    let Recovery { id, recoveries, trials } = suspect;
    engine.suspects.held().remove(&id);
    if trials >= MOST_TRIALS {
        tracing::error!(%id, recoveries, "set aside: it made no progress at its last recoveries");
        engine.wake(id, Because::SetAside);
        return Ok(());
    }
    count_trial(engine, id).await?;
    tracing::warn!(%id, recoveries, "an execution made no progress when it was last recovered; trying it alone");
    engine.wake(id, Because::ItIsTime);
    if tokio::time::timeout(HANGS_AFTER, progress(engine, id)).await.is_err() {
        count_trial(engine, id).await?;
        let _ = tokio::time::timeout(LONGEST_TRIAL, progress(engine, id)).await;
    }
    Ok(())
}

async fn count_trial(engine: &Engine, id: ExecutionId) -> Result<(), StoreError> {
    let count = CountRecoveries { ids: vec![id], counted: RecoveryCount::Trial };
    engine.store.count_recoveries(count).await.map(drop)
}

/// Completes when the execution has committed something or left memory.
async fn progress(engine: &Engine, id: ExecutionId) {
    while engine.registry.active_feed(id).is_some_and(|feed| !feed.has_committed()) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
