//! Recovery of the executions that an earlier run left unfinished.
//!
//! Each recovery is counted durably before it begins; the count restarts when the journal grows.
//! Most executions are recovered together. One that made no progress after its last recovery is a
//! suspect: suspects are recovered one after the other, after all others, and each of these trials
//! is counted too. After two trials without progress an execution fails as `POISONED`, and can be
//! rerun. So an execution that crashes the process does not do so at every start, and a server that
//! is killed while it recovers thousands fails none of them.

use std::sync::Arc;
use std::time::Duration;

use stepwell_core::ids::ExecutionId;
use stepwell_store::StoreError;
use stepwell_store::traits::{CountRecoveries, Recovery, RecoveryCount, Unfinished, UnfinishedOf};

use crate::runtime::background::Stop;
use crate::runtime::engine::Engine;
use crate::runtime::registry::WakeReason;

/// The most executions that are read at a time.
const BATCH: usize = 256;
/// How often a free place is looked for without a notification, and the pause after an error.
const POLL_EVERY: Duration = Duration::from_secs(5);
/// An execution with this many recoveries without progress is recovered alone.
const SUSPECT_AFTER: u32 = 2;
/// An execution with this many trials without progress fails.
const MAX_TRIALS: u32 = 2;
/// A trial that takes longer counts twice: it hangs.
const HANGS_AFTER: Duration = Duration::from_secs(1);
/// How long a trial delays the next one.
const LONGEST_TRIAL: Duration = Duration::from_secs(20);
/// How often the progress of a trial is checked.
const CHECK_EVERY: Duration = Duration::from_millis(10);

/// Resumes the unfinished executions that this node owns and that are not waiting for a time. Pauses
/// while there is no room, so that a large backlog does not fill the memory.
pub(crate) async fn resume_unfinished(engine: Arc<Engine>, mut stop: Stop) {
    let mut suspects = Vec::new();
    let mut after = None;
    loop {
        if !engine.has_room() {
            tokio::select! {
                () = stop.stopped() => return,
                () = engine.runner_gone.notified() => {}
                () = tokio::time::sleep(POLL_EVERY) => {}
            }
            continue;
        }
        let of = UnfinishedOf::Owner(engine.node);
        match engine.store.unfinished_executions(Unfinished { of, after, limit: BATCH }).await {
            Ok(found) if found.is_empty() => break,
            Ok(found) => {
                let last = found.last().copied();
                match wake_recovered(&engine, found).await {
                    Ok(more) => suspects.extend(more),
                    Err(error) => {
                        tracing::warn!(%error, "recoveries cannot be counted");
                        if !stop.sleep(POLL_EVERY).await {
                            return;
                        }
                        continue;
                    }
                }
                after = last;
            }
            Err(error) => {
                tracing::warn!(%error, "unfinished executions cannot be read");
                if !stop.sleep(POLL_EVERY).await {
                    return;
                }
            }
        }
    }
    recover_suspects(engine, suspects, stop).await;
}

/// Wakes the executions that an earlier run left, except suspects, which are returned.
///
/// # Errors
/// The store cannot be written; then none was woken.
pub(super) async fn wake_recovered(
    engine: &Arc<Engine>,
    ids: Vec<ExecutionId>,
) -> Result<Vec<Recovery>, StoreError> {
    let counted = RecoveryCount::Recovery;
    let recoveries = engine.store.count_recoveries(CountRecoveries { ids, counted }).await?;
    let (suspects, others): (Vec<_>, Vec<_>) =
        recoveries.into_iter().partition(|one| one.recoveries >= SUSPECT_AFTER);
    engine.suspects.add(suspects.iter().map(|suspect| suspect.id));
    for one in others {
        engine.wake(one.id, WakeReason::Due);
    }
    Ok(suspects)
}

/// Recovers suspects one after the other, those with the fewest trials first.
pub(super) async fn recover_suspects(
    engine: Arc<Engine>,
    mut suspects: Vec<Recovery>,
    mut stop: Stop,
) {
    suspects.sort_by_key(|suspect| suspect.trials);
    for suspect in suspects {
        tokio::select! {
            () = stop.stopped() => return,
            recovered = recover_suspect(&engine, suspect) => {
                if let Err(error) = recovered {
                    tracing::warn!(id = %suspect.id, %error, "a recovery cannot be counted");
                }
            }
        }
    }
}

async fn recover_suspect(engine: &Arc<Engine>, suspect: Recovery) -> Result<(), StoreError> {
    let Recovery { id, recoveries, trials } = suspect;
    engine.suspects.remove(id);
    if trials >= MAX_TRIALS {
        tracing::error!(%id, recoveries, "set aside: it made no progress at its last recoveries");
        engine.wake(id, WakeReason::Poisoned);
        return Ok(());
    }
    count_trial(engine, id).await?;
    tracing::warn!(%id, recoveries, "an execution made no progress when it was last recovered; trying it alone");
    engine.wake(id, WakeReason::Due);
    if tokio::time::timeout(HANGS_AFTER, wait_for_progress(engine, id)).await.is_err() {
        count_trial(engine, id).await?;
        let _ = tokio::time::timeout(LONGEST_TRIAL, wait_for_progress(engine, id)).await;
    }
    Ok(())
}

async fn count_trial(engine: &Engine, id: ExecutionId) -> Result<(), StoreError> {
    let count = CountRecoveries { ids: vec![id], counted: RecoveryCount::Trial };
    engine.store.count_recoveries(count).await.map(drop)
}

/// Waits until the execution has committed something or left memory.
async fn wait_for_progress(engine: &Engine, id: ExecutionId) {
    while engine.registry.active_feed(id).is_some_and(|feed| !feed.has_committed()) {
        tokio::time::sleep(CHECK_EVERY).await;
    }
}
