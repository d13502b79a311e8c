//! Places of secrets. A rendered value never holds a secret: where a template places one, the
//! text has [`PLACEHOLDER`], and a [`SecretInsertion`] beside the value names the secret that goes
//! there. Only the compiled template creates insertions, so no data can spell one, and nothing
//! looks for them in text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What a rendered or stored text has where a secret belongs. Text like any other: only an
/// insertion makes it more than that.
pub const PLACEHOLDER: &str = "[secret]";

/// One place of a rendered value that a secret is inserted into before the step runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretInsertion {
    /// JSON Pointer (RFC 6901) of the text.
    #[serde(rename = "p")]
    pub pointer: String,
    /// Byte offset of the placeholder in that text.
    #[serde(rename = "o")]
    pub offset: usize,
    /// The secret.
    #[serde(rename = "k")]
    pub name: String,
}

impl SecretInsertion {
    /// In a text that is the whole value so far; see [`place_under`].
    pub(super) fn new(offset: usize, name: &str) -> Self {
        Self { pointer: String::new(), offset, name: name.to_owned() }
    }
}

/// Moves insertions one level down: the value they belong to became the member `key` of another.
pub(crate) fn place_under(insertions: &mut [SecretInsertion], key: &str) {
    for insertion in insertions {
        let key = key.replace('~', "~0").replace('/', "~1");
        insertion.pointer = format!("/{key}{}", insertion.pointer);
    }
}

/// A value whose insertions do not fit it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InsertError {
    /// There is no secret of that name.
    #[error("the secret `{0}` is not available")]
    Missing(String),
    /// The value has no placeholder there. A fault of Stepwell itself.
    #[error("there is no place for a secret at `{0}`")]
    Misplaced(String),
}

/// Inserts secrets where a template placed them, and nowhere else.
///
/// # Errors
/// A secret that `find` does not know; an insertion that does not fit the value.
pub fn insert_secrets<'s>(
    value: &mut Json,
    insertions: &[SecretInsertion],
    find: impl Fn(&str) -> Option<&'s str>,
) -> Result<(), InsertError> {
    let mut by_text: BTreeMap<&str, Vec<&SecretInsertion>> = BTreeMap::new();
    for insertion in insertions {
        by_text.entry(&insertion.pointer).or_default().push(insertion);
    }
    for (pointer, mut places) in by_text {
        let misplaced = || InsertError::Misplaced(pointer.to_owned());
        let Some(Json::String(text)) = value.pointer_mut(pointer) else { return Err(misplaced()) };
        places.sort_unstable_by_key(|place| place.offset);
        let mut filled = String::with_capacity(text.len());
        let mut rest = 0;
        for place in places {
            let before = text.get(rest..place.offset).ok_or_else(misplaced)?;
            rest = place.offset + PLACEHOLDER.len();
            if text.get(place.offset..rest) != Some(PLACEHOLDER) {
                return Err(misplaced());
            }
            let secret =
                find(&place.name).ok_or_else(|| InsertError::Missing(place.name.clone()))?;
            filled.push_str(before);
            filled.push_str(secret);
        }
        filled.push_str(text.get(rest..).ok_or_else(misplaced)?);
        *text = filled;
    }
    Ok(())
}
