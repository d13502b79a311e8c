//! How often executions were recovered without getting any further.

use async_trait::async_trait;
use stepwell_core::ids::ExecutionId;

use super::{MemoryStore, Result};
use crate::traits::{Recovery, RecoveryStore};

#[async_trait]
impl RecoveryStore for MemoryStore {
    async fn begin_recoveries(&self, ids: Vec<ExecutionId>) -> Result<Vec<Recovery>> {
        let mut state = self.writable()?;
        let mut found = Vec::new();
        for id in ids {
            let Some(seq) = state.executions.get(&id).map(|stored| stored.record.seq) else {
                continue;
            };
            let before = state.recoveries.get(&id).filter(|(at, _)| *at == seq);
            let (recoveries, trials) = before.map_or((0, 0), |(_, r)| (r.recoveries, r.trials));
            let recovery = Recovery { id, recoveries: recoveries + 1, trials };
            state.recoveries.insert(id, (seq, recovery));
            found.push(recovery);
        }
        Ok(found)
    }

    async fn count_trial(&self, id: ExecutionId) -> Result<()> {
        if let Some((_, recovery)) = self.writable()?.recoveries.get_mut(&id) {
            recovery.trials += 1;
        }
        Ok(())
    }
}
