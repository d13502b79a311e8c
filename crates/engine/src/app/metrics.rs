//! Gauges that are updated when the metrics are read.

use std::time::Duration;

use stepwell_core::cache::PoolUsage;
use tokio::time::Instant;

use super::App;
use crate::telemetry::LoadGauges;

/// How long gauges of the store are valid: there may be several scrapers.
const VALID_FOR: Duration = Duration::from_secs(1);

/// How long a scrape waits for the store; after that it shows the previous values.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

impl App {
    /// Adds memory pools to the metrics; `usage` returns their sizes and limits.
    pub fn add_memory_pools(&self, usage: impl Fn() -> Vec<PoolUsage> + Send + Sync + 'static) {
        self.engine.pools.add(usage);
        self.engine.pools.publish();
    }

    /// Updates the gauges. Those of the store are read at most once a second, and unchanged if the
    /// store does not respond.
    pub async fn refresh_metrics(&self) {
        let engine = &self.engine;
        let config = engine.config();
        engine.metrics.set_load(&LoadGauges {
            active: engine.registry.active(),
            max_active: config.max_active,
            max_queued: config.max_queued,
            disabled_webhooks: engine.subscriptions.disabled(),
        });
        engine.metrics.set_plans_compiled(engine.plans.compiled());
        engine.metrics.step_places.set(&engine.step_concurrency.count_places());
        engine.pools.publish();
        // Held by the scrape that reads the store; the others show the present values.
        let Ok(mut read_at) = self.gauges_read_at.clone().try_lock_owned() else { return };
        if read_at.is_some_and(|at| at.elapsed() < VALID_FOR) {
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
            *read_at = Some(Instant::now());
        });
        // It continues when the scrape stops waiting.
        let _ = tokio::time::timeout(STORE_TIMEOUT, reading).await;
    }
}
