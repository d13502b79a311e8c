//! Lists by place: a page after so many, and how many there are in all.
//!
//! For dialects whose clients page by offset. A page costs what it is far from the beginning; lists
//! that are walked through page by page belong to the cursors of [`crate::traits`].

use async_trait::async_trait;
use stepwell_core::execution::Status;
use stepwell_core::ids::{WorkflowId, WorkspaceId};

use crate::StoreError;
use crate::record::{ExecutionRecord, WorkflowRecord};

type Result<T> = std::result::Result<T, StoreError>;

/// Lists by place.
#[async_trait]
pub trait BrowseStore: Send + Sync {
    /// Workflows that are not deleted.
    async fn browse_workflows(&self, browse: BrowseWorkflows) -> Result<Counted<WorkflowRecord>>;

    /// Executions of a workflow, in order of their ids.
    async fn browse_executions(&self, browse: BrowseExecutions)
    -> Result<Counted<ExecutionRecord>>;
}

/// A page, with the number of all that were asked for. Both are of the same moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted<T> {
    /// The page.
    pub items: Vec<T>,
    /// How many there are on all pages.
    pub total: u64,
}

/// Parameters of [`BrowseStore::browse_workflows`].
#[derive(Debug, Clone, Copy)]
pub struct BrowseWorkflows {
    /// Only this workspace's.
    pub workspace: WorkspaceId,
    /// Only active or only inactive ones.
    pub active: Option<bool>,
    /// In this order.
    pub order: WorkflowOrder,
    /// So many come before the page.
    pub skip: usize,
    /// At most so many.
    pub limit: usize,
}

/// How workflows are sorted; those of the same name by id, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WorkflowOrder {
    /// By id, the greatest first.
    #[default]
    Newest,
    /// By id, the smallest first.
    Oldest,
    /// By the bytes of the name.
    Name,
    /// The same backwards.
    NameBackwards,
}

/// Parameters of [`BrowseStore::browse_executions`].
#[derive(Debug, Clone)]
pub struct BrowseExecutions {
    /// Only this workflow's.
    pub workflow: WorkflowId,
    /// Only those in one of these statuses; empty: all.
    pub statuses: Vec<Status>,
    /// Only those that run this release.
    pub release: Option<u32>,
    /// Whether the smallest id comes first; else the greatest does.
    pub oldest_first: bool,
    /// So many come before the page.
    pub skip: usize,
    /// At most so many.
    pub limit: usize,
}
