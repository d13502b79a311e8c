//! Gauges that are read when the metrics are.

use std::sync::Arc;
use std::time::Duration;

use stepwell_core::cache::PoolUsage;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::App;
use crate::telemetry::Load;

/// How long what was read counts: several may scrape.
const FRESH: Duration = Duration::from_secs(1);

/// How long a scrape waits for the store. Then it shows what was read before.
const PATIENCE: Duration = Duration::from_secs(2);

/// When the gauges were last read.
pub(super) type LastRefresh = Arc<Mutex<Option<Instant>>>;

impl App {
    /// Shows further pools of memory in the metrics: `usage` reads what they take and may take.
    pub fn add_memory_pools(&self, usage: impl Fn() -> Vec<PoolUsage> + Send + Sync + 'static) {
        self.engine.pools.add(usage);
        self.engine.pools.publish();
    }

    /// Brings the gauges up to date, at most once a second. Where the store does not answer, those
    /// of the store stay as they are.
    pub async fn refresh_metrics(&self) {
        let engine = &self.engine;
        let config = &engine.config;
        engine.metrics.set_load(&Load {
            active: engine.registry.active(),
            max_active: config.max_active,
            max_queued: config.max_queued,
            disabled_webhooks: engine.hooks.disabled(),
        });
        engine.metrics.set_plans_compiled(engine.plans.compiled());
        engine.pools.publish();
        // Held by the one that reads; the others show what is there.
        let Ok(mut last) = self.refreshed.clone().try_lock_owned() else { return };
        if last.is_some_and(|at| at.elapsed() < FRESH) {
            return;
        }
        let engine = engine.clone();
        let reading = tokio::spawn(async move {
            let stored = engine.store.gauges().await;
            let next_schedule = engine.next_schedule().await;
            match (stored, next_schedule) {
                (Ok(stored), Ok(next)) => engine.metrics.set_stored(&stored, next, engine.now()),
                (Err(error), _) | (_, Err(error)) => {
                    tracing::warn!(%error, "the gauges of the store cannot be read");
                }
            }
            *last = Some(Instant::now());
        });
        // It goes on beside a scrape that does not wait longer.
        let _ = tokio::time::timeout(PATIENCE, reading).await;
    }
}
