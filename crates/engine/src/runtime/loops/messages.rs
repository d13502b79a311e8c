//! Delivers messages between executions: wakes the executions that have some. A message stays in
//! the store until its receiver has handled it, so one that is not delivered is found again.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use stepwell_core::ids::ExecutionId;
use stepwell_store::StoreError;
use stepwell_store::traits::{FindReceivers, Receivers, Recovery};

use super::recovery::{recover_suspects, wake_recovered};
use crate::runtime::background::Stop;
use crate::runtime::engine::Engine;
use crate::runtime::registry::{Message, WakeReason};

/// The most messages that are read at a time.
const BATCH: usize = 512;
/// How often messages are looked for without a notification: another node may have written one, or
/// there was no room for the receiver.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// The shortest pause: receivers need time to handle what was delivered.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

/// The loop that delivers messages.
pub(crate) async fn deliver_messages(engine: Arc<Engine>, mut stop: Stop) {
    let mut backlog = MessageBacklog { after: Some(0), suspects: Vec::new() };
    loop {
        let delivered = match backlog.after {
            Some(_) => deliver_backlog(&engine, &mut backlog).await,
            None => deliver_all(&engine).await,
        };
        if let Err(error) = delivered {
            tracing::warn!(%error, "messages between executions cannot be read");
        }
        tokio::select! {
            () = stop.stopped() => return,
            () = tokio::time::sleep(POLL_EVERY) => {}
            () = engine.messages_changed.notified() => {
                if !stop.sleep(SHORTEST_PAUSE).await {
                    return;
                }
            }
        }
    }
}

/// The messages that were stored when this node started. Their receivers are recovered rather than
/// woken: one that crashes the process must not do so at every start.
struct MessageBacklog {
    /// The last message that was read; `None`: all were read.
    after: Option<u64>,
    suspects: Vec<Recovery>,
}

/// Recovers the receivers of earlier messages, as long as there is room for them.
async fn deliver_backlog(
    engine: &Arc<Engine>,
    backlog: &mut MessageBacklog,
) -> Result<(), StoreError> {
    while let Some(after) = backlog.after {
        if !engine.has_room() {
            return Ok(());
        }
        let find = FindReceivers { node: engine.node, after, limit: BATCH };
        let Receivers { ids, next } = engine.store.find_receivers(find).await?;
        let is_new = |id: &ExecutionId| {
            !engine.suspects.contains(*id) && engine.registry.active_feed(*id).is_none()
        };
        let new: BTreeSet<ExecutionId> = ids.into_iter().filter(is_new).collect();
        let suspects = wake_recovered(engine, new.into_iter().collect()).await?;
        backlog.suspects.extend(suspects);
        backlog.after = next;
    }
    let suspects = std::mem::take(&mut backlog.suspects);
    engine.background.start(|stop| recover_suspects(engine.clone(), suspects, stop));
    deliver_all(engine).await
}

/// Notifies the receivers of all stored messages, each once.
async fn deliver_all(engine: &Arc<Engine>) -> Result<(), StoreError> {
    let mut notified = HashSet::new();
    let mut after = Some(0);
    while let Some(from) = after {
        let find = FindReceivers { node: engine.node, after: from, limit: BATCH };
        let Receivers { ids, next } = engine.store.find_receivers(find).await?;
        for id in ids {
            if notified.insert(id) {
                notify_receiver(engine, id);
            }
        }
        after = next;
    }
    Ok(())
}

/// Notifies an execution, loaded if there is room for it.
fn notify_receiver(engine: &Arc<Engine>, id: ExecutionId) {
    let is_active = engine.registry.active_feed(id).is_some();
    if is_active || engine.has_room() && !engine.suspects.contains(id) {
        let mailbox = engine.wake(id, WakeReason::Message);
        // If its mailbox is full, the next pass notifies it.
        let _ = mailbox.try_send(Message::Inbox);
    }
}
