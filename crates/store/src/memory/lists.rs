//! Cutting a page out of a list that is there as a whole.

use std::cmp::Ordering;

use crate::lists::{ListPage, Order, PageStart};

/// Which page is wanted.
pub(super) struct PageRequest<T> {
    pub(super) order: Order,
    pub(super) begin: PageStart<T>,
    pub(super) limit: usize,
    pub(super) count: bool,
}

impl<T> PageRequest<T> {
    /// The page of a list in ascending order; `compare` an item with the place to begin after.
    pub(super) fn of<R: Clone>(
        self,
        mut found: Vec<&R>,
        compare: impl Fn(&R, &T) -> Ordering,
    ) -> ListPage<R> {
        let total = self.count.then_some(found.len() as u64);
        if self.order == Order::Descending {
            found.reverse();
        }
        let begun = |item: &&R| match (&self.begin, self.order) {
            (PageStart::Skip(_), _) => true,
            (PageStart::After(place), Order::Ascending) => compare(item, place).is_gt(),
            (PageStart::After(place), Order::Descending) => compare(item, place).is_lt(),
        };
        let skipped = match self.begin {
            PageStart::Skip(skipped) => usize::try_from(skipped).unwrap_or(usize::MAX),
            PageStart::After(_) => 0,
        };
        let items = found.into_iter().filter(begun).skip(skipped).take(self.limit).cloned();
        ListPage { items: items.collect(), total }
    }
}
