//! Heartbeats of this node, and taking over the executions of dead ones.

use std::sync::Arc;
use std::time::Duration;

use stepwell_store::StoreError;
use stepwell_store::traits::{Heartbeat, HeartbeatKind};

use super::recovery::resume_unfinished;
use crate::runtime::background::Stop;
use crate::runtime::engine::Engine;

/// How often this node sends a heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A node without a heartbeat for this long is dead.
pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(20);

/// The loop that sends heartbeats and looks for dead nodes.
pub(crate) async fn send_heartbeats(engine: Arc<Engine>, mut stop: Stop) {
    let (mut last, mut judges_from) = (engine.clocks(), Duration::ZERO);
    while stop.sleep(HEARTBEAT).await {
        let (now, elapsed) = engine.clocks();
        let passed = elapsed.saturating_sub(last.1);
        if now.since(last.0) > passed + HEARTBEAT {
            // The clock was set forward: the other nodes need time to send heartbeats with the new
            // time.
            judges_from = elapsed + DEAD_AFTER;
        }
        last = (now, elapsed);
        match engine
            .store
            .heartbeat(Heartbeat { node: engine.node, now, kind: HeartbeatKind::Renew })
            .await
        {
            Ok(()) => {}
            Err(StoreError::Fenced) => {
                tracing::error!("this node was declared dead; it commits nothing any more");
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "the heartbeat cannot be stored");
                continue;
            }
        }
        if elapsed < judges_from {
            continue;
        }
        match engine.store.take_over(engine.node, now.before(DEAD_AFTER)).await {
            Ok(0) => {}
            Ok(taken) => {
                tracing::info!(taken, "took over executions of a dead node");
                engine.background.start(|stop| resume_unfinished(engine.clone(), stop));
            }
            Err(error) => tracing::warn!(%error, "dead nodes cannot be looked for"),
        }
    }
}
