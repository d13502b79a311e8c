//! Proving that this node lives, and taking over what dead ones left.

use std::sync::Arc;
use std::time::Duration;

use stepwell_store::StoreError;
use stepwell_store::traits::Heartbeat;

use super::background::Stop;
use super::engine::Engine;
use super::queue::resume_unfinished;

/// How often this node proves that it lives.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(5);
/// A node that has not proved it for so long is dead.
pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(20);

/// The loop of heartbeats until it is told to stop.
pub(crate) async fn prove_alive(engine: Arc<Engine>, mut stop: Stop) {
    let (mut last, mut judges_from) = (engine.clocks(), Duration::ZERO);
    while stop.sleep(HEARTBEAT).await {
        let (now, elapsed) = engine.clocks();
        let passed = elapsed.saturating_sub(last.1);
        if now.since(last.0) > passed + HEARTBEAT {
            // The clock was set forward: the others prove that they live by the new time first.
            judges_from = elapsed + DEAD_AFTER;
        }
        last = (now, elapsed);
        match engine.store.heartbeat(Heartbeat { node: engine.node, now, joins: false }).await {
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
