//! Cutting a page out of a list that is in memory as a whole.

use crate::lists::{List, ListFilter, Order, Page};

/// Sorts the items that the filter selects, and returns the page.
pub(super) fn cut_page<F: ListFilter<Item: Clone>>(
    list: &List<F>,
    mut found: Vec<&F::Item>,
) -> Page<F::Item, F::Cursor> {
    let (key, window) = (list.sort.key, &list.window);
    let total = window.count.then_some(found.len() as u64);
    found.sort_by_cached_key(|item| F::cursor_of(item, key));
    if list.sort.order == Order::Descending {
        found.reverse();
    }
    let skipped = usize::try_from(window.skipped()).unwrap_or(usize::MAX);
    let rest = found.into_iter().filter(|item| list.is_after_start(&F::cursor_of(item, key)));
    let items = rest.skip(skipped).take(window.read_limit()).cloned().collect();
    list.page_of(items, total)
}
