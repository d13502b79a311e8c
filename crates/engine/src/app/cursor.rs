//! Pages of lists: limits and cursors.

use std::str::FromStr;

use super::Page;
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

/// A cursor cannot be read.
pub(super) fn unknown() -> AppError {
    AppError::invalid("cursor", "cursor is not one that a page gave as next_cursor")
}

/// Cuts a page out of one item more than was asked for.
pub(super) fn page<T>(mut items: Vec<T>, limit: usize, id: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = if more { items.last().map(id) } else { None };
    Page { items, next_cursor }
}
