//! Lists by place.

use async_trait::async_trait;

use super::{MemoryStore, Result};
use crate::browse::{BrowseExecutions, BrowseStore, BrowseWorkflows, Counted, WorkflowOrder};
use crate::record::{ExecutionRecord, WorkflowRecord};

#[async_trait]
impl BrowseStore for MemoryStore {
    async fn browse_workflows(&self, browse: BrowseWorkflows) -> Result<Counted<WorkflowRecord>> {
        let BrowseWorkflows { workspace, active, order, skip, limit } = browse;
        let wanted = |workflow: &&WorkflowRecord| {
            workflow.workspace == workspace
                && workflow.deleted_at.is_none()
                && active.is_none_or(|active| workflow.active == active)
        };
        let state = self.state();
        let mut all: Vec<_> = state.workflows.values().filter(wanted).collect();
        if matches!(order, WorkflowOrder::Name | WorkflowOrder::NameBackwards) {
            all.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        }
        if matches!(order, WorkflowOrder::Newest | WorkflowOrder::NameBackwards) {
            all.reverse();
        }
        Ok(page(&all, skip, limit))
    }

    async fn browse_executions(
        &self,
        browse: BrowseExecutions,
    ) -> Result<Counted<ExecutionRecord>> {
        let BrowseExecutions { workflow, statuses, release, oldest_first, skip, limit } = browse;
        let wanted = |record: &&ExecutionRecord| {
            record.workflow == workflow
                && (statuses.is_empty() || statuses.contains(&record.status))
                && release.is_none_or(|release| record.release == release)
        };
        let state = self.state();
        let mut all: Vec<_> =
            state.executions.values().map(|stored| &stored.record).filter(wanted).collect();
        if !oldest_first {
            all.reverse();
        }
        Ok(page(&all, skip, limit))
    }
}

fn page<T: Clone>(all: &[&T], skip: usize, limit: usize) -> Counted<T> {
    let items = all.iter().skip(skip).take(limit).map(|item| (*item).clone()).collect();
    Counted { items, total: all.len() as u64 }
}
