//! Lists as callers request them: the size of their pages, and cursors as text.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stepwell_core::Timestamp;
use stepwell_core::ids::DeliveryId;
use stepwell_store::audit::AuditCursor;
use stepwell_store::lists::{
    ExecutionCursor, List, ListFilter, Page, PageStart, SortKey, Window, WorkflowCursor,
    WorkflowSort,
};

use crate::AppError;

/// The largest page.
pub(super) const MAX_LIMIT: usize = 100;

/// A cursor that can be encoded as text, in a list sorted by a key of type `K`.
pub(super) trait EncodedCursor<K>: Sized {
    /// Encodes it as text that needs no escapes in URLs.
    fn encode_cursor(&self, key: K) -> String;

    /// Decodes the text of a cursor in a list sorted by the same key.
    fn decode_cursor(text: &str, key: K) -> Option<Self>;
}

/// Checks a page's size.
pub(super) fn check_limit(limit: usize) -> Result<usize, AppError> {
    if (1..=MAX_LIMIT).contains(&limit) {
        return Ok(limit);
    }
    Err(AppError::invalid("limit", format!("limit must be from 1 to {MAX_LIMIT}, not {limit}")))
}

/// Checks the size of a page and decodes the cursor that it begins after.
pub(super) fn decode_list<F>(list: List<F, String>) -> Result<List<F>, AppError>
where
    F: ListFilter<Cursor: EncodedCursor<F::SortKey>>,
{
    let List { filter, sort, window: Window { start, size, count } } = list;
    let size = check_limit(size)?;
    let start = match start {
        PageStart::Skip(skipped) => PageStart::Skip(skipped),
        PageStart::After(text) => {
            let cursor = F::Cursor::decode_cursor(&text, sort.key);
            let message = "cursor must be the next_cursor of a page";
            PageStart::After(cursor.ok_or_else(|| AppError::invalid("cursor", message))?)
        }
    };
    Ok(List { filter, sort, window: Window { start, size, count } })
}

/// Encodes the cursor of a page in a list sorted by that key.
pub(super) fn encode_page<T, K, C: EncodedCursor<K>>(page: Page<T, C>, key: K) -> Page<T> {
    let Page { items, total, next } = page;
    Page { items, total, next: next.map(|cursor| cursor.encode_cursor(key)) }
}

impl EncodedCursor<()> for ExecutionCursor {
    fn encode_cursor(&self, (): ()) -> String {
        format!("{}.{}", self.created_at.as_micros(), self.id)
    }

    fn decode_cursor(text: &str, (): ()) -> Option<Self> {
        let (micros, id) = text.split_once('.')?;
        let created_at = Timestamp::from_micros(micros.parse().ok()?);
        Some(Self { created_at, id: id.parse().ok()? })
    }
}

impl EncodedCursor<()> for AuditCursor {
    fn encode_cursor(&self, (): ()) -> String {
        format!("{}.{}", self.at.as_micros(), self.id)
    }

    fn decode_cursor(text: &str, (): ()) -> Option<Self> {
        let (micros, id) = text.split_once('.')?;
        Some(Self { at: Timestamp::from_micros(micros.parse().ok()?), id: id.parse().ok()? })
    }
}

impl EncodedCursor<()> for DeliveryId {
    fn encode_cursor(&self, (): ()) -> String {
        self.abi()
    }

    fn decode_cursor(text: &str, (): ()) -> Option<Self> {
        text.parse().ok()
    }
}

/// The number of a release.
impl EncodedCursor<()> for u32 {
    fn encode_cursor(&self, (): ()) -> String {
        self.to_string()
    }

    fn decode_cursor(text: &str, (): ()) -> Option<Self> {
        text.parse().ok()
    }
}

/// The sort, since a cursor is valid for one sort only, the id, and the sort key.
impl EncodedCursor<WorkflowSort> for WorkflowCursor {
    fn encode_cursor(&self, sort: WorkflowSort) -> String {
        let key = match &self.key {
            SortKey::Time(at) => at.as_micros().to_string(),
            // Encoded, because cursors are used in URLs without escapes.
            SortKey::Text(text) => URL_SAFE_NO_PAD.encode(text),
            SortKey::Active(active) => u8::from(*active).to_string(),
        };
        format!("{}.{}.{key}", sort_letter(sort), self.id)
    }

    fn decode_cursor(text: &str, sort: WorkflowSort) -> Option<Self> {
        let (id, key) = text.strip_prefix(sort_letter(sort))?.strip_prefix('.')?.split_once('.')?;
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
        Some(Self { key, id: id.parse().ok()? })
    }
}

const fn sort_letter(sort: WorkflowSort) -> char {
    match sort {
        WorkflowSort::CreatedAt => 'c',
        WorkflowSort::UpdatedAt => 'u',
        WorkflowSort::Name => 'n',
        WorkflowSort::Kind => 't',
        WorkflowSort::Active => 's',
    }
}
