//! Pages of lists: limits and cursors.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stepwell_core::Timestamp;
use stepwell_store::lists::{
    ExecutionCursor, ListPage, PageStart, SortKey, WorkflowCursor, WorkflowSort,
};
use stepwell_store::record::WorkflowRecord;

use super::{Page, PagePosition};
use crate::AppError;

/// The largest page.
pub(super) const MAX_LIMIT: usize = 100;

/// Checks a page's size.
pub(super) fn check_limit(limit: usize) -> Result<usize, AppError> {
    if (1..=MAX_LIMIT).contains(&limit) {
        return Ok(limit);
    }
    Err(AppError::invalid("limit", format!("limit must be from 1 to {MAX_LIMIT}, not {limit}")))
}

fn invalid_cursor() -> AppError {
    AppError::invalid("cursor", "cursor must be the next_cursor of a page")
}

/// The start of a page for the store; `read` decodes a cursor.
pub(super) fn begin<T>(
    at: PagePosition,
    limit: usize,
    read: impl Fn(&str) -> Option<T>,
) -> Result<PageStart<T>, AppError> {
    match at {
        PagePosition::Cursor(None) => Ok(PageStart::Skip(0)),
        PagePosition::Cursor(Some(cursor)) => {
            read(&cursor).map(PageStart::After).ok_or_else(invalid_cursor)
        }
        PagePosition::Skip(skip) => Ok(PageStart::Skip(skip)),
        PagePosition::Number(number) => {
            Ok(PageStart::Skip(number.saturating_sub(1).saturating_mul(limit as u64)))
        }
    }
}

/// Encodes the place of an execution in a list as a cursor.
pub(super) fn write_place(place: ExecutionCursor) -> String {
    format!("{}.{}", place.created_at.as_micros(), place.id)
}

/// Decodes a cursor of [`write_place`].
pub(super) fn read_place(cursor: &str) -> Option<ExecutionCursor> {
    let (micros, id) = cursor.split_once('.')?;
    let created_at = Timestamp::from_micros(micros.parse().ok()?);
    Some(ExecutionCursor { created_at, id: id.parse().ok()? })
}

/// Encodes the place of a workflow in a sorted list as a cursor: the sort, since a cursor is valid
/// for one sort only, the id, and the sort key.
pub(super) fn write_sorted(last: &WorkflowRecord, sort: WorkflowSort) -> String {
    let WorkflowCursor { key, id } = WorkflowCursor::of(last, sort);
    let key = match key {
        SortKey::Time(at) => at.as_micros().to_string(),
        // Encoded, because cursors are used in URLs without escapes.
        SortKey::Text(text) => URL_SAFE_NO_PAD.encode(text),
        SortKey::Active(active) => u8::from(active).to_string(),
    };
    format!("{}.{id}.{key}", letter(sort))
}

/// Decodes a cursor of [`write_sorted`] for the same sort.
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

/// Makes a page from up to `limit + 1` items.
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
