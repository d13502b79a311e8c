//! Pages of lists: limits and cursors.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stepwell_core::Timestamp;
use stepwell_store::lists::{
    ExecutionCursor, ListPage, PageStart, SortKey, WorkflowCursor, WorkflowSort,
};
use stepwell_store::record::WorkflowRecord;

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

fn unknown() -> AppError {
    AppError::invalid("cursor", "cursor is not one that a page gave as next_cursor")
}

/// Where a page begins; `read` reads a cursor.
pub(super) fn begin<T>(
    at: PageAt,
    limit: usize,
    read: impl Fn(&str) -> Option<T>,
) -> Result<PageStart<T>, AppError> {
    match at {
        PageAt::Cursor(None) => Ok(PageStart::Skip(0)),
        PageAt::Cursor(Some(cursor)) => read(&cursor).map(PageStart::After).ok_or_else(unknown),
        PageAt::Skip(skip) => Ok(PageStart::Skip(skip)),
        PageAt::Number(number) => {
            Ok(PageStart::Skip(number.saturating_sub(1).saturating_mul(limit as u64)))
        }
    }
}

/// An execution's place in a list, as a cursor has it.
pub(super) fn write_place(place: ExecutionCursor) -> String {
    format!("{}.{}", place.created_at.as_micros(), place.id)
}

/// What [`write_place`] wrote.
pub(super) fn read_place(cursor: &str) -> Option<ExecutionCursor> {
    let (micros, id) = cursor.split_once('.')?;
    let created_at = Timestamp::from_micros(micros.parse().ok()?);
    Some(ExecutionCursor { created_at, id: id.parse().ok()? })
}

/// A workflow's place in a list sorted by that, as a cursor has it: the sort, since a place in one
/// order is none in another; the id; what it was sorted by.
pub(super) fn write_sorted(last: &WorkflowRecord, sort: WorkflowSort) -> String {
    let WorkflowCursor { key, id } = WorkflowCursor::of(last, sort);
    let key = match key {
        SortKey::Time(at) => at.as_micros().to_string(),
        // Any text: a cursor is put into addresses as it is.
        SortKey::Text(text) => URL_SAFE_NO_PAD.encode(text),
        SortKey::Active(active) => u8::from(active).to_string(),
    };
    format!("{}.{id}.{key}", letter(sort))
}

/// What [`write_sorted`] wrote for a list sorted by the same.
pub(super) fn read_sorted(cursor: &str, sort: WorkflowSort) -> Option<WorkflowCursor> {
    let (id, key) = cursor.strip_prefix(letter(sort))?.strip_prefix('.')?.split_once('.')?;
    let key = match sort {
        WorkflowSort::CreatedAt | WorkflowSort::UpdatedAt => {
            SortKey::Time(Timestamp::from_micros(key.parse().ok()?))
        }
        WorkflowSort::Name | WorkflowSort::Kind => {
            SortKey::Text(String::from_utf8(URL_SAFE_NO_PAD.decode(key).ok()?).ok()?)
        }
        WorkflowSort::Active => match key {
            "0" => SortKey::Active(false),
            "1" => SortKey::Active(true),
            _ => return None,
        },
    };
    Some(WorkflowCursor { key, id: id.parse().ok()? })
}

const fn letter(sort: WorkflowSort) -> char {
    match sort {
        WorkflowSort::CreatedAt => 'c',
        WorkflowSort::UpdatedAt => 'u',
        WorkflowSort::Name => 'n',
        WorkflowSort::Kind => 't',
        WorkflowSort::Active => 's',
    }
}

/// Cuts a page out of one item more than was asked for.
pub(super) fn page<T>(mut items: Vec<T>, limit: usize, id: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = if more { items.last().map(id) } else { None };
    Page { items, next_cursor, total: None }
}

/// As [`page`], with the total.
pub(super) fn listed<T>(found: ListPage<T>, limit: usize, id: impl Fn(&T) -> String) -> Page<T> {
    Page { total: found.total, ..page(found.items, limit, id) }
}
