//! The sizes of all memory pools, for `/metrics`.

use stepwell_core::cache::PoolUsage;
use stepwell_core::expr;

use super::engine::Engine;

impl Engine {
    /// The memory pools of the engine, the step types and the store.
    pub(crate) fn memory_pools(&self) -> Vec<PoolUsage> {
        let of_engine = [
            expr::code_usage(),
            self.subscriptions.usage(),
            self.secrets.pool_usage(),
            self.vault.usage(),
            self.registry.pieces.usage(),
            self.meters.usage(),
            self.refusals.pool_usage(),
            self.memory.usage(),
        ];
        let plans = self.plans.usage();
        let steps = stepwell_steps::memory_pools();
        plans.into_iter().chain(of_engine).chain(steps).collect()
    }
}
