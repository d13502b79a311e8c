//! Pages of lists that are short enough to come whole: sorted and cut here.

use std::cmp::Ordering;

use stepwell_store::lists::Order;

use super::envelope::Pagination;
use crate::error::ApiError;
use crate::query::{MAX_LIMIT, Params, wrong};

/// Which page of a list is wanted, and how the list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryPage<By> {
    page: usize,
    page_size: usize,
    by: By,
    descending: bool,
}

impl<By: Copy> MemoryPage<By> {
    /// Reads `page`, `page_size`, `sort_by` and `sort_order`. The first of `orders` is the default.
    ///
    /// # Errors
    /// `InvalidRequest` naming the parameter.
    pub fn read(params: &Params, orders: &[(&str, By)]) -> Result<Self, ApiError> {
        Self::read_in(Order::Descending, params, orders)
    }

    /// The same for a list that is read from its beginning where `sort_order` is not given.
    ///
    /// # Errors
    /// `InvalidRequest` naming the parameter.
    pub fn read_ascending(params: &Params, orders: &[(&str, By)]) -> Result<Self, ApiError> {
        Self::read_in(Order::Ascending, params, orders)
    }

    fn read_in(usual: Order, params: &Params, orders: &[(&str, By)]) -> Result<Self, ApiError> {
        let named = params.one("sort_by")?;
        let wanted = |(name, _): &&(&str, By)| named.is_none_or(|named| named == *name);
        let Some((_, by)) = orders.iter().find(wanted) else {
            let names: Vec<_> = orders.iter().map(|(name, _)| *name).collect();
            let expected = format!("one of {}", names.join(", "));
            return Err(wrong("sort_by", &expected, named.unwrap_or_default()));
        };
        let descending = match params.one("sort_order")? {
            None => usual == Order::Descending,
            Some("desc") => true,
            Some("asc") => false,
            Some(other) => return Err(wrong("sort_order", "asc or desc", other)),
        };
        Ok(Self {
            page: params.page()?,
            page_size: params.number("page_size", 1..=MAX_LIMIT, 10)?,
            by: *by,
            descending,
        })
    }

    /// Sorts the list and cuts the page out of it. `compare` leaves no two of them equal.
    pub fn cut<T>(
        &self,
        mut items: Vec<T>,
        compare: impl Fn(By, &T, &T) -> Ordering,
    ) -> (Vec<T>, Pagination) {
        items.sort_by(|a, b| {
            let order = compare(self.by, a, b);
            if self.descending { order.reverse() } else { order }
        });
        let Self { page, page_size, .. } = *self;
        let pagination = Pagination::numbered(page, page_size, items.len() as u64);
        let skipped = (page - 1).saturating_mul(page_size);
        (items.into_iter().skip(skipped).take(page_size).collect(), pagination)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum By {
        Id,
        Name,
    }

    #[test]
    fn pages_are_cut_after_sorting() {
        let items = || vec![(1, "b"), (2, "c"), (3, "a")];
        let compare = |by, a: &(i32, &str), b: &(i32, &str)| match by {
            By::Id => a.0.cmp(&b.0),
            By::Name => a.1.cmp(b.1),
        };
        let names = |page, by, descending| {
            let (items, pagination) =
                MemoryPage { page, page_size: 2, by, descending }.cut(items(), compare);
            assert_eq!((pagination.total_items, pagination.total_pages), (3, 2));
            items.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(1, By::Id, true), ["a", "c"]);
        assert_eq!(names(2, By::Id, true), ["b"]);
        assert_eq!(names(1, By::Name, false), ["a", "b"]);
        assert!(names(usize::MAX, By::Name, false).is_empty());
    }
}
