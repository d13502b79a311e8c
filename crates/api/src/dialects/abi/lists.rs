//! The parameters of all lists of this dialect: pages by number or by cursor, and labels, which
//! are whatever parameters a list does not know.

use std::cmp::Ordering;

use stepwell_core::Timestamp;
use stepwell_store::lists::{List, ListFilter, Order, Page, PageStart, Sort, Window};

use super::envelope::{Items, Pagination};
use crate::error::ApiError;
use crate::query::{MAX_LIMIT, METADATA, Params, invalid_parameter};

/// How many items a page holds where the request does not say.
const PAGE_SIZE: usize = 10;

/// What [`parse_date`] reads, for messages.
pub const DATE_FORMS: &str = "an RFC 3339 time such as 2026-01-31T09:00:00Z, or a date";

/// The most labels that a list is filtered by.
pub const MAX_LABELS: usize = 16;

/// The parameters of every list whose pages are numbered.
const PAGED: [&str; 4] = ["page", "page_size", "sort_by", "sort_order"];

/// That of lists whose pages can also be requested by the end of the previous one.
const BY_CURSOR: [&str; 1] = ["cursor"];

/// The keys of lists that have one order.
pub const BY_CREATION: [(&str, ()); 1] = [("created_at", ())];

/// The part of a list that a request wants, and how the list is sorted.
#[derive(Debug, PartialEq, Eq)]
pub struct ListQuery<K> {
    /// The number of the page; `None`: it begins after a cursor.
    page: Option<usize>,
    /// Whether the pages of the list have cursors.
    has_cursors: bool,
    sort: Sort<K>,
    window: Window<String>,
}

impl<K: Copy> ListQuery<K> {
    /// Reads the parameters of a list that the store reads page by page. The first of `keys` is the
    /// default.
    ///
    /// # Errors
    /// `InvalidRequest` naming the parameter.
    pub fn read(params: &Params, keys: &[(&str, K)]) -> Result<Self, ApiError> {
        let query = Self::read_numbered(params, keys, Order::Descending)?;
        let Some(cursor) = params.cursor()? else { return Ok(Self { has_cursors: true, ..query }) };
        if params.one("page")?.is_some() {
            return Err(ApiError::invalid("cursor", "give either page or cursor, not both"));
        }
        let window = Window { start: PageStart::After(cursor), ..query.window };
        Ok(Self { page: None, has_cursors: true, window, ..query })
    }

    /// Reads the parameters of a list whose pages have numbers only. The first of `keys` and `order`
    /// are the defaults.
    ///
    /// # Errors
    /// `InvalidRequest` naming the parameter.
    pub fn read_numbered(
        params: &Params,
        keys: &[(&str, K)],
        order: Order,
    ) -> Result<Self, ApiError> {
        let (page, size) = (params.page()?, params.number("page_size", 1..=MAX_LIMIT, PAGE_SIZE)?);
        let sort = read_sort(params, keys, order)?;
        let start = PageStart::Skip((page - 1).saturating_mul(size) as u64);
        let window = Window { start, size, count: true };
        Ok(Self { page: Some(page), has_cursors: false, sort, window })
    }

    /// The request for the page, for the application.
    pub fn list<F: ListFilter<SortKey = K>>(&self, filter: F) -> List<F, String> {
        List { filter, sort: self.sort, window: self.window.clone() }
    }

    /// Sorts a list that is in memory as a whole, and cuts the page out of it. `compare` leaves no
    /// two items equal.
    pub fn cut_page<T>(
        &self,
        mut items: Vec<T>,
        compare: impl Fn(K, &T, &T) -> Ordering,
    ) -> Page<T> {
        let Sort { key, order } = self.sort;
        items.sort_by(|a, b| match order {
            Order::Ascending => compare(key, a, b),
            Order::Descending => compare(key, b, a),
        });
        let total = Some(items.len() as u64);
        let skipped = usize::try_from(self.window.skipped()).unwrap_or(usize::MAX);
        let items = items.into_iter().skip(skipped).take(self.window.size).collect();
        Page { items, total, next: None }
    }

    /// The body of a page.
    pub fn render_page<T>(&self, page: Page<T>) -> Items<T> {
        let Page { items, total, next } = page;
        let (page_size, total_items) = (self.window.size, total.unwrap_or_default());
        let pagination = Pagination {
            page: self.page,
            page_size,
            total_items,
            total_pages: total_items.div_ceil(page_size as u64),
            next_cursor: self.has_cursors.then_some(next),
        };
        Items { items, pagination }
    }
}

/// Reads `sort_by` and `sort_order`.
fn read_sort<K: Copy>(
    params: &Params,
    keys: &[(&str, K)],
    default: Order,
) -> Result<Sort<K>, ApiError> {
    let named = params.one("sort_by")?;
    let is_meant = |(name, _): &&(&str, K)| named.is_none_or(|named| named == *name);
    let Some((_, key)) = keys.iter().find(is_meant) else {
        let names = keys.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let expected = if keys.len() > 1 { format!("one of {names}") } else { names };
        return Err(invalid_parameter("sort_by", &expected, named.unwrap_or_default()));
    };
    let order = match params.one("sort_order")? {
        None => default,
        Some("desc") => Order::Descending,
        Some("asc") => Order::Ascending,
        Some(other) => return Err(invalid_parameter("sort_order", "asc or desc", other)),
    };
    Ok(Sort { key: *key, order })
}

/// From when to when, both included: `start_date` and `end_date`, each a time or a day.
///
/// # Errors
/// `InvalidRequest` naming the parameter.
pub fn read_period(params: &Params) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiError> {
    let from = read_date(params, "start_date")?.map(|(first, _)| first);
    let until = read_date(params, "end_date")?.map(|(_, last)| last);
    if let (Some(from), Some(until)) = (from, until)
        && from > until
    {
        return Err(ApiError::invalid("end_date", "must not be before start_date"));
    }
    Ok((from, until))
}

/// The first and the last moment that a time or a date means.
fn read_date(params: &Params, name: &str) -> Result<Option<(Timestamp, Timestamp)>, ApiError> {
    let Some(text) = params.one(name)? else { return Ok(None) };
    // In a URL that was not encoded, the `+` of a zone arrives as a space.
    let spaced = || Timestamp::parse(&text.replace(' ', "+")).map(|at| (at, at));
    let meant = parse_date(text).or_else(spaced);
    meant.map(Some).ok_or_else(|| invalid_parameter(name, DATE_FORMS, text))
}

/// The first and the last moment of a time or a date.
pub fn parse_date(text: &str) -> Option<(Timestamp, Timestamp)> {
    let whole = || {
        let first = Timestamp::parse(&format!("{text}T00:00:00Z"))?;
        Some((first, Timestamp::parse(&format!("{text}T23:59:59.999999Z"))?))
    };
    Timestamp::parse(text).map(|at| (at, at)).or_else(whole)
}

/// The parameters that a list does not know: labels that its items must have. Behind `metadata.` a
/// name is always that of a label.
///
/// # Errors
/// `InvalidRequest` where one is given twice, or there are too many.
pub fn read_labels(params: &Params, known: &[&str]) -> Result<Vec<(String, String)>, ApiError> {
    let mut labels: Vec<(String, String)> = Vec::new();
    for name in params.names() {
        let common = PAGED.contains(&name) || BY_CURSOR.contains(&name);
        if common || known.contains(&name) {
            continue;
        }
        let label = name.strip_prefix(METADATA).unwrap_or(name);
        if labels.iter().any(|(named, _)| named == label) {
            return Err(ApiError::invalid(name, "is given more than once; give it once"));
        }
        if let Some(value) = params.one(name)? {
            labels.push((label.to_owned(), value.to_owned()));
        }
    }
    if labels.len() > MAX_LABELS {
        let message = format!("a list can be filtered by {MAX_LABELS} labels at most");
        return Err(ApiError::invalid(&labels[MAX_LABELS].0, message));
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_cut_after_sorting() {
        let items = || vec![(1, "b"), (2, "c"), (3, "a")];
        let compare = |by, a: &(i32, &str), b: &(i32, &str)| match by {
            "id" => a.0.cmp(&b.0),
            _ => a.1.cmp(b.1),
        };
        let keys = [("id", "id"), ("name", "name")];
        let names = |page: &str, by, order| {
            let pairs =
                [("page", page), ("page_size", "2"), ("sort_by", by), ("sort_order", order)];
            let query = ListQuery::read_numbered(&Params::of(&pairs), &keys, Order::Ascending);
            let query = query.unwrap();
            let Items { items, pagination } = query.render_page(query.cut_page(items(), compare));
            assert_eq!((pagination.total_items, pagination.total_pages), (3, 2));
            items.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
        };
        assert_eq!(names("1", "id", "desc"), ["a", "c"]);
        assert_eq!(names("2", "id", "desc"), ["b"]);
        assert_eq!(names("1", "name", "asc"), ["a", "b"]);
        assert!(names("2147483647", "name", "asc").is_empty());
    }

    #[test]
    fn a_date_is_meant_as_a_whole() {
        let read = |text: &str| {
            let params = Params::of(&[("end_date", text)]);
            read_date(&params, "end_date")
                .map(|meant| meant.map(|(a, b)| (a.to_string(), b.to_string())))
        };
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        let at = "2023-05-02T23:59:59.000000Z";
        assert_eq!(read(at).unwrap(), pair(at, at));
        let day = pair("2023-05-02T00:00:00.000000Z", "2023-05-02T23:59:59.999999Z");
        assert_eq!(read("2023-05-02").unwrap(), day);
        let east = pair("2023-05-02T08:00:00.000000Z", "2023-05-02T08:00:00.000000Z");
        for text in ["2023-05-02T10:00:00+02:00", "2023-05-02T10:00:00 02:00"] {
            assert_eq!(read(text).unwrap(), east, "{text}");
        }
        for bad in ["", "yesterday", "2023-13-01", "2023-05-02T10:00:00"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
