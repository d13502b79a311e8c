//! Parameters and results of lists. Types only, no rules.

use stepwell_core::Timestamp;
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId, WorkspaceId};

use crate::record::WorkflowRecord;

/// Parameters of [`list_executions`](crate::ExecutionStore::list_executions).
#[derive(Debug, Clone)]
pub struct ListExecutions {
    /// Only this workspace's.
    pub workspace: WorkspaceId,
    /// Only this workflow's, which must be one of the workspace.
    pub workflow: Option<WorkflowId>,
    /// Only those in one of these statuses; empty: all.
    pub statuses: Vec<Status>,
    /// Only those created at this moment or later.
    pub from: Option<Timestamp>,
    /// Only those created at this moment or before.
    pub until: Option<Timestamp>,
    /// Only those that have all of these labels: see [`has_label`](crate::record::has_label).
    pub labels: Vec<(String, String)>,
    /// Which come first.
    pub order: Order,
    /// Where the page begins.
    pub begin: PageStart<ExecutionCursor>,
    /// The maximum number of items.
    pub limit: usize,
    /// Whether to count all items.
    pub count: bool,
}

impl ListExecutions {
    /// The newest of a workspace.
    pub fn newest(workspace: WorkspaceId, limit: usize) -> Self {
        Self {
            workspace,
            workflow: None,
            statuses: Vec::new(),
            from: None,
            until: None,
            labels: Vec::new(),
            order: Order::Descending,
            begin: PageStart::Skip(0),
            limit,
            count: false,
        }
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListPage<T> {
    /// The items.
    pub items: Vec<T>,
    /// How many there are on all pages, if they are counted.
    pub total: Option<u64>,
}

/// Which items of a list come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The smallest, oldest.
    Ascending,
    /// The greatest, newest.
    #[default]
    Descending,
}

/// Where a page of a list begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStart<T> {
    /// After so many items.
    Skip(u64),
    /// After this place, whether or not there still is an item.
    After(T),
}

/// The place of an execution in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExecutionCursor {
    /// When it was created.
    pub created_at: Timestamp,
    /// Its id.
    pub id: ExecutionId,
}

/// Parameters of [`list_workflows`](crate::WorkflowStore::list_workflows).
#[derive(Debug, Clone)]
pub struct ListWorkflows {
    /// Only this workspace's.
    pub workspace: WorkspaceId,
    /// Only active or only inactive ones.
    pub active: Option<bool>,
    /// Only those of this type.
    pub kind: Option<String>,
    /// Only those that have all of these labels: see [`has_label`](crate::record::has_label).
    pub labels: Vec<(String, String)>,
    /// The field that they are sorted by, then by id.
    pub sort: WorkflowSort,
    /// Which come first.
    pub order: Order,
    /// Where the page begins; a place stays where it was, whatever becomes of its workflow.
    pub begin: PageStart<WorkflowCursor>,
    /// The maximum number of items.
    pub limit: usize,
    /// Whether to count all items.
    pub count: bool,
}

impl ListWorkflows {
    /// The newest of a workspace.
    pub fn newest(workspace: WorkspaceId, limit: usize) -> Self {
        Self {
            workspace,
            active: None,
            kind: None,
            labels: Vec::new(),
            sort: WorkflowSort::default(),
            order: Order::Descending,
            begin: PageStart::Skip(0),
            limit,
            count: false,
        }
    }
}

/// What workflows can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WorkflowSort {
    /// When they were created.
    #[default]
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
    /// Their names, by code point.
    Name,
    /// Their types, by code point.
    Kind,
    /// Inactive before active.
    Active,
}

/// The place of a workflow in a list, as the workflow was when it was listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkflowCursor {
    /// What it was sorted by.
    pub key: SortKey,
    /// Its id.
    pub id: WorkflowId,
}

impl WorkflowCursor {
    /// The place of a workflow in a list sorted by that.
    pub fn of(workflow: &WorkflowRecord, sort: WorkflowSort) -> Self {
        let key = match sort {
            WorkflowSort::CreatedAt => SortKey::Time(workflow.created_at),
            WorkflowSort::UpdatedAt => SortKey::Time(workflow.updated_at),
            WorkflowSort::Name => SortKey::Text(workflow.name.clone()),
            WorkflowSort::Kind => SortKey::Text(workflow.kind.clone()),
            WorkflowSort::Active => SortKey::Active(workflow.active),
        };
        Self { key, id: workflow.id }
    }
}

/// What a workflow is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    /// With [`WorkflowSort::CreatedAt`] and [`WorkflowSort::UpdatedAt`].
    Time(Timestamp),
    /// With [`WorkflowSort::Name`] and [`WorkflowSort::Kind`].
    Text(String),
    /// With [`WorkflowSort::Active`].
    Active(bool),
}
