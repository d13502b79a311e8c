//! The places of objects in lists, as cursors have them: the sort, since a place in one order is
//! none in another; the id; what the object is sorted by.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stepwell_core::Timestamp;
use stepwell_store::objects::{ObjectCursor, ObjectSort, ObjectSortKey};

use crate::app::cursor::EncodedCursor;

/// Replaces the name or due time of an object without one; no other value has this character.
const NO_VALUE: &str = "~";

impl EncodedCursor<ObjectSort> for ObjectCursor {
    fn encode_cursor(&self, sort: ObjectSort) -> String {
        let key = match &self.key {
            ObjectSortKey::Time(at) => at.as_micros().to_string(),
            // Any text: a cursor is put into addresses as it is.
            ObjectSortKey::Name(Some(name)) => URL_SAFE_NO_PAD.encode(name),
            ObjectSortKey::Name(None) | ObjectSortKey::Due(None) => NO_VALUE.to_owned(),
            ObjectSortKey::Due(Some(at)) => at.as_micros().to_string(),
        };
        format!("{}.{}.{key}", sort_letter(sort), self.id)
    }

    fn decode_cursor(text: &str, sort: ObjectSort) -> Option<Self> {
        let (id, key) = text.strip_prefix(sort_letter(sort))?.strip_prefix('.')?.split_once('.')?;
        let time = |key: &str| Some(Timestamp::from_micros(key.parse().ok()?));
        let key = match sort {
            ObjectSort::CreatedAt | ObjectSort::UpdatedAt => ObjectSortKey::Time(time(key)?),
            ObjectSort::Name if key == NO_VALUE => ObjectSortKey::Name(None),
            ObjectSort::DueAt if key == NO_VALUE => ObjectSortKey::Due(None),
            ObjectSort::DueAt => ObjectSortKey::Due(Some(time(key)?)),
            ObjectSort::Name => {
                let name = String::from_utf8(URL_SAFE_NO_PAD.decode(key).ok()?).ok()?;
                ObjectSortKey::Name(Some(name))
            }
        };
        Some(Self { key, id: id.parse().ok()? })
    }
}

const fn sort_letter(sort: ObjectSort) -> char {
    match sort {
        ObjectSort::CreatedAt => 'c',
        ObjectSort::UpdatedAt => 'u',
        ObjectSort::Name => 'n',
        ObjectSort::DueAt => 'd',
    }
}

#[cfg(test)]
mod tests {
    use stepwell_core::Map;
    use stepwell_core::ids::{SubjectId, WorkspaceId};
    use stepwell_store::lists::ListFilter;
    use stepwell_store::objects::{IndexFields, ObjectFilter, StoredObject};

    use super::*;

    fn read(text: &str, sort: ObjectSort) -> Option<ObjectCursor> {
        ObjectCursor::decode_cursor(text, sort)
    }

    #[test]
    fn places_read_back_in_their_own_order_only() {
        for name in [None, Some(""), Some("a.b~c \u{1f680}")] {
            let index = IndexFields {
                name: name.map(str::to_owned),
                due_at: name.map(|_| Timestamp::from_micros(-7)),
                ..IndexFields::default()
            };
            let object = StoredObject {
                kind: "any",
                id: SubjectId::from_uuid(uuid::Uuid::from_u128(7)),
                workspace: WorkspaceId::DEFAULT,
                version: 1,
                created_at: Timestamp::from_micros(-5),
                updated_at: Timestamp::from_micros(6),
                index,
                document: Map::new(),
            };
            for sort in ObjectSort::ALL {
                let place = ObjectFilter::cursor_of(&object, sort);
                let cursor = place.encode_cursor(sort);
                assert_eq!(read(&cursor, sort), Some(place), "{cursor}");
                for other in ObjectSort::ALL.into_iter().filter(|other| *other != sort) {
                    assert_eq!(read(&cursor, other), None, "{cursor}");
                }
            }
        }
        for wrong in ["", "c", "c.", "c.x.1", "n.00000000-0000-0000-0000-000000000007.!"] {
            let read = ObjectSort::ALL.map(|sort| read(wrong, sort));
            assert_eq!(read, [None, None, None, None], "{wrong}");
        }
    }
}
