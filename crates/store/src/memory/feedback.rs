//! Actuals.

use async_trait::async_trait;
use stepwell_core::ids::{ExecutionId, WorkflowId};

use super::{MemoryStore, Result};
use crate::StoreError;
use crate::record::{ActualRecord, QualityRow};
use crate::traits::FeedbackStore;

#[async_trait]
impl FeedbackStore for MemoryStore {
    async fn add_actuals(&self, actuals: Vec<ActualRecord>) -> Result<()> {
        let mut state = self.writable()?;
        if let Some(twin) = actuals.iter().find(|actual| state.actuals.contains_key(&actual.id)) {
            return Err(StoreError::Corrupt(format!("actual {} is already there", twin.id)));
        }
        state.actuals.extend(actuals.into_iter().map(|actual| (actual.id, actual)));
        Ok(())
    }

    async fn list_actuals(&self, execution: ExecutionId) -> Result<Vec<ActualRecord>> {
        let state = self.state();
        Ok(state.actuals.values().filter(|a| a.execution == execution).cloned().collect())
    }

    async fn quality(&self, workflow: WorkflowId) -> Result<Vec<QualityRow>> {
        let state = self.state();
        let mut rows = std::collections::BTreeMap::new();
        for actual in state.actuals.values().filter(|actual| actual.workflow == workflow) {
            let key = (actual.release, actual.tag.clone());
            let row = rows.entry(key).or_insert_with(|| QualityRow {
                release: actual.release,
                tag: actual.tag.clone(),
                ..QualityRow::default()
            });
            row.count += 1;
            row.rated += u64::from(actual.quality.is_some());
            row.quality_sum += actual.quality.unwrap_or_default();
            row.compared += u64::from(actual.matched.is_some());
            row.matched += u64::from(actual.matched == Some(true));
        }
        Ok(rows.into_values().collect())
    }
}
