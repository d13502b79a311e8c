//! Pages of lists: limits and cursors.

use std::str::FromStr;

use stepwell_core::Timestamp;
use stepwell_store::lists::{Begin, Listed, Place};

use super::{Page, PageAt};
use crate::AppError;

/// The most items of a page.
pub(super) const MOST: usize = 100;

/// Checks a page's size.
pub(super) fn check_limit(limit: usize) -> Result<usize, AppError> {
    if (1..=MOST).contains(&limit) {
        return Ok(limit);
    }
    Err(AppError::invalid("limit", format!("limit must be from 1 to {MOST}, not {limit}")))
}

/// Reads a cursor: the id of the last item of the page before.
pub(super) fn read<T: FromStr>(cursor: Option<&str>) -> Result<Option<T>, AppError> {
    cursor.map(str::parse).transpose().map_err(|_| unknown())
}

fn unknown() -> AppError {
    AppError::invalid("cursor", "cursor is not one that a page gave as next_cursor")
}

/// Where a page begins; `read` reads a cursor.
pub(super) fn begin<T>(
    at: PageAt,
    limit: usize,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Begin<T>, AppError> {
    match at {
        PageAt::Cursor(None) => Ok(Begin::Skip(0)),
        PageAt::Cursor(Some(cursor)) => read(&cursor).map(Begin::After).ok_or_else(unknown),
        PageAt::Skip(skip) => Ok(Begin::Skip(skip)),
        PageAt::Number(number) => {
            Ok(Begin::Skip(number.saturating_sub(1).saturating_mul(limit as u64)))
        }
    }
}

/// An execution's place in a list, as a cursor has it.
pub(super) fn write_place(place: Place) -> String {
    format!("{}.{}", place.created_at.as_micros(), place.id)
}

/// What [`write_place`] wrote.
pub(super) fn read_place(cursor: &str) -> Option<Place> {
    let (micros, id) = cursor.split_once('.')?;
    let created_at = Timestamp::from_micros(micros.parse().ok()?);
    Some(Place { created_at, id: id.parse().ok()? })
}

/// Cuts a page out of one item more than was asked for.
pub(super) fn page<T>(mut items: Vec<T>, limit: usize, id: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = if more { items.last().map(id) } else { None };
    Page { items, next_cursor, total: None }
}

/// As [`page`], with the total.
pub(super) fn listed<T>(found: Listed<T>, limit: usize, id: impl Fn(&T) -> String) -> Page<T> {
    Page { total: found.total, ..page(found.items, limit, id) }
}
