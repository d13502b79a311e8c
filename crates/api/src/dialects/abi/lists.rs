//! The parameters of all lists of this dialect: pages by number or by cursor, and labels, which
//! are whatever parameters a list does not know.

use stepwell_core::Timestamp;
use stepwell_engine::app::{Page, PagePosition};
use stepwell_store::lists::Order;

use super::envelope::Pagination;
use crate::error::ApiError;
use crate::query::{MAX_LIMIT, METADATA, Params, wrong};

/// How many items a page holds where the request does not say.
const PAGE_SIZE: usize = 10;

/// The most labels that a list is filtered by.
const MAX_LABELS: usize = 16;

/// The parameters of every list whose pages are numbered.
const PAGED: [&str; 4] = ["page", "page_size", "sort_by", "sort_order"];

/// That of lists whose pages can also be requested by the end of the previous one.
const BY_CURSOR: [&str; 1] = ["cursor"];

/// Which page of a list is wanted.
#[derive(Debug, PartialEq, Eq)]
pub struct ListQuery {
    page: Option<usize>,
    /// For the application.
    pub at: PagePosition,
    /// For the application.
    pub page_size: usize,
    /// For the application.
    pub order: Order,
}

impl ListQuery {
    /// Reads them.
    ///
    /// # Errors
    /// `InvalidRequest` naming the parameter.
    pub fn read(params: &Params) -> Result<Self, ApiError> {
        let page_size = params.number("page_size", 1..=MAX_LIMIT, PAGE_SIZE)?;
        let order = match params.one("sort_order")? {
            None | Some("desc") => Order::Descending,
            Some("asc") => Order::Ascending,
            Some(other) => return Err(wrong("sort_order", "asc or desc", other)),
        };
        let (page, at) = match (params.cursor()?, params.one("page")?) {
            (Some(_), Some(_)) => {
                return Err(ApiError::invalid("cursor", "give either page or cursor, not both"));
            }
            (Some(cursor), None) => (None, PagePosition::Cursor(Some(cursor))),
            (None, _) => {
                let page = params.page()?;
                (Some(page), PagePosition::Number(page as u64))
            }
        };
        Ok(Self { page, at, page_size, order })
    }

    /// Where in the list a page is.
    pub fn pagination<T>(&self, page: &Page<T>) -> Pagination {
        let total_items = page.total.unwrap_or_default();
        Pagination {
            page: self.page,
            page_size: self.page_size,
            total_items,
            total_pages: total_items.div_ceil(self.page_size as u64),
            next_cursor: Some(page.next_cursor.clone()),
        }
    }
}

/// Checks `sort_by` of a list that has one order only.
///
/// # Errors
/// `InvalidRequest` where it is another one.
pub fn by_creation(params: &Params) -> Result<(), ApiError> {
    match params.one("sort_by")? {
        None | Some("created_at") => Ok(()),
        Some(other) => Err(wrong("sort_by", "created_at", other)),
    }
}

/// From when to when, both included: `start_date` and `end_date`, each a time or a day.
///
/// # Errors
/// `InvalidRequest` naming the parameter.
pub fn period(params: &Params) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiError> {
    let from = date(params, "start_date")?.map(|(first, _)| first);
    let until = date(params, "end_date")?.map(|(_, last)| last);
    if let (Some(from), Some(until)) = (from, until)
        && from > until
    {
        return Err(ApiError::invalid("end_date", "must not be before start_date"));
    }
    Ok((from, until))
}

/// The first and the last moment that a time or a date means.
fn date(params: &Params, name: &str) -> Result<Option<(Timestamp, Timestamp)>, ApiError> {
    let Some(text) = params.one(name)? else { return Ok(None) };
    let whole = || {
        let first = Timestamp::parse(&format!("{text}T00:00:00Z"))?;
        Some((first, Timestamp::parse(&format!("{text}T23:59:59.999999Z"))?))
    };
    // In a URL that was not encoded, the `+` of a zone arrives as a space.
    let spaced = || Timestamp::parse(&text.replace(' ', "+"));
    let meant = Timestamp::parse(text).or_else(spaced).map(|at| (at, at)).or_else(whole);
    meant.map(Some).ok_or_else(|| {
        wrong(name, "an RFC 3339 time such as 2026-01-31T09:00:00Z, or a date", text)
    })
}

/// The parameters that a list does not know: labels that its items must have. Behind `metadata.` a
/// name is always that of a label.
///
/// # Errors
/// `InvalidRequest` where one is given twice, or there are too many.
pub fn labels(params: &Params, known: &[&str]) -> Result<Vec<(String, String)>, ApiError> {
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
    fn a_date_is_meant_as_a_whole() {
        let read = |text: &str| {
            let params = Params::of(&[("end_date", text)]);
            date(&params, "end_date")
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
