//! Requests for pages of lists, and the pages. Types only, no rules.
//!
//! Every list that is read page by page, from the SQL to the dialects, is requested by a [`List`]
//! and returned as a [`Page`]. What is read from a position on until it ends is no page: the
//! journal of an execution, the stream of its events, changes of objects, and queues.

use std::fmt::Debug;

use stepwell_core::Timestamp;
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId};

use crate::record::{ExecutionRecord, WorkflowRecord};

/// The filter of a kind of list: its fields select items; its types say how they are sorted.
pub trait ListFilter {
    /// An item of the list.
    type Item;
    /// What the list can be sorted by; `()` if it has one order.
    type SortKey: Copy + Debug + Default + PartialEq + Send + Sync;
    /// The position of an item in the sorted list; positions compare as the items are sorted.
    type Cursor: Clone + Debug + Ord + Send + Sync;

    /// The position of an item in a list sorted by that key.
    fn cursor_of(item: &Self::Item, key: Self::SortKey) -> Self::Cursor;
}

/// A request for a page of a list.
///
/// `C` is the type of its cursors: those of the filter for a store, encoded text for its users.
#[derive(Debug, Clone)]
pub struct List<F: ListFilter, C = <F as ListFilter>::Cursor> {
    /// Which items are on the list.
    pub filter: F,
    /// How they are sorted.
    pub sort: Sort<F::SortKey>,
    /// Which of them are on the page.
    pub window: Window<C>,
}

/// How a list is sorted. Where the keys are equal, items are sorted by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sort<K> {
    /// The key that items are compared by.
    pub key: K,
    /// Which come first.
    pub order: Order,
}

/// The part of a list that is on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window<C> {
    /// Where the page begins.
    pub start: PageStart<C>,
    /// The maximum number of items.
    pub size: usize,
    /// Whether to count the items on all pages.
    pub count: bool,
}

/// A page of a list. `C` is the type of its cursor, as in [`List`].
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T, C = String> {
    /// The items.
    pub items: Vec<T>,
    /// The number of items on all pages, if it was requested.
    pub total: Option<u64>,
    /// The position after which the next page begins; `None`: this is the last page.
    pub next: Option<C>,
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
pub enum PageStart<C> {
    /// After so many items.
    Skip(u64),
    /// After this position, whether or not there still is an item.
    After(C),
}

impl<F: ListFilter, C> List<F, C> {
    /// The first page, sorted by the default key in descending order, not counted.
    pub fn first_page(filter: F, size: usize) -> Self {
        let window = Window { start: PageStart::Skip(0), size, count: false };
        Self { filter, sort: Sort::default(), window }
    }

    /// The same list in another order.
    #[must_use]
    pub fn sorted_by(mut self, key: F::SortKey, order: Order) -> Self {
        self.sort = Sort { key, order };
        self
    }

    /// The page of the same list that begins there.
    #[must_use]
    pub fn starting_at(mut self, start: PageStart<C>) -> Self {
        self.window.start = start;
        self
    }

    /// The same page with the number of items on all pages.
    #[must_use]
    pub const fn with_total(mut self) -> Self {
        self.window.count = true;
        self
    }
}

impl<F: ListFilter> List<F> {
    /// Whether an item at this position comes after the position that the page begins at.
    pub fn is_after_start(&self, position: &F::Cursor) -> bool {
        match (&self.window.start, self.sort.order) {
            (PageStart::Skip(_), _) => true,
            (PageStart::After(start), Order::Ascending) => position > start,
            (PageStart::After(start), Order::Descending) => position < start,
        }
    }

    /// The page of items that were read up to [`Window::read_limit`].
    pub fn page_of(&self, mut items: Vec<F::Item>, total: Option<u64>) -> Page<F::Item, F::Cursor> {
        let has_next = items.len() > self.window.size;
        items.truncate(self.window.size);
        let last = items.last().filter(|_| has_next);
        let next = last.map(|item| F::cursor_of(item, self.sort.key));
        Page { items, total, next }
    }
}

impl<C> Window<C> {
    /// How many items to skip.
    pub const fn skipped(&self) -> u64 {
        match self.start {
            PageStart::Skip(skipped) => skipped,
            PageStart::After(_) => 0,
        }
    }

    /// How many items to read: one more than the page has, which shows whether there is a next
    /// page. An empty page has no next one.
    pub const fn read_limit(&self) -> usize {
        match self.size {
            0 => 0,
            size => size.saturating_add(1),
        }
    }
}

impl<T, C: Clone> Page<T, C> {
    /// The same page of borrowed items.
    pub fn by_ref(&self) -> Page<&T, C> {
        let Self { items, total, next } = self;
        Page { items: items.iter().collect(), total: *total, next: next.clone() }
    }
}

impl<T, C> Page<T, C> {
    /// The same page of converted items.
    pub fn map_items<U>(self, convert: impl FnMut(T) -> U) -> Page<U, C> {
        let Self { items, total, next } = self;
        Page { items: items.into_iter().map(convert).collect(), total, next }
    }

    /// The same page of items whose conversion can fail.
    ///
    /// # Errors
    /// The first error of a conversion.
    pub fn try_map_items<U, E>(
        self,
        convert: impl FnMut(T) -> Result<U, E>,
    ) -> Result<Page<U, C>, E> {
        let Self { items, total, next } = self;
        let items = items.into_iter().map(convert).collect::<Result<_, _>>()?;
        Ok(Page { items, total, next })
    }
}

/// Which executions are listed. They have one order, that of their creation.
#[derive(Debug, Clone, Default)]
pub struct ExecutionFilter {
    /// Only this workflow's, which must be one of the workspace.
    pub workflow: Option<WorkflowId>,
    /// Only those that steps of this execution started.
    pub parent: Option<ExecutionId>,
    /// Only those in one of these statuses; empty: all.
    pub statuses: Vec<Status>,
    /// Only those created at this moment or later.
    pub from: Option<Timestamp>,
    /// Only those created at this moment or before.
    pub until: Option<Timestamp>,
    /// Only those that have all of these labels: see [`has_label`](crate::record::has_label).
    pub labels: Vec<(String, String)>,
}

impl ListFilter for ExecutionFilter {
    type Item = ExecutionRecord;
    type SortKey = ();
    type Cursor = ExecutionCursor;

    fn cursor_of(record: &ExecutionRecord, (): ()) -> ExecutionCursor {
        ExecutionCursor { created_at: record.created_at, id: record.id }
    }
}

/// The position of an execution in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExecutionCursor {
    /// When it was created.
    pub created_at: Timestamp,
    /// Its id.
    pub id: ExecutionId,
}

/// Which workflows are listed.
#[derive(Debug, Clone, Default)]
pub struct WorkflowFilter {
    /// Only active or only inactive ones.
    pub active: Option<bool>,
    /// Only those of this type.
    pub kind: Option<String>,
    /// Only those that have all of these labels: see [`has_label`](crate::record::has_label).
    pub labels: Vec<(String, String)>,
}

impl ListFilter for WorkflowFilter {
    type Item = WorkflowRecord;
    type SortKey = WorkflowSort;
    type Cursor = WorkflowCursor;

    fn cursor_of(workflow: &WorkflowRecord, sort: WorkflowSort) -> WorkflowCursor {
        let key = match sort {
            WorkflowSort::CreatedAt => SortKey::Time(workflow.created_at),
            WorkflowSort::UpdatedAt => SortKey::Time(workflow.updated_at),
            WorkflowSort::Name => SortKey::Text(workflow.name.clone()),
            WorkflowSort::Kind => SortKey::Text(workflow.kind.clone()),
            WorkflowSort::Active => SortKey::Active(workflow.active),
        };
        WorkflowCursor { key, id: workflow.id }
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

/// The position of a workflow in a list, as the workflow was when it was listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkflowCursor {
    /// What it was sorted by.
    pub key: SortKey,
    /// Its id.
    pub id: WorkflowId,
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
