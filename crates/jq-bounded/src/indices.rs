//! Where parts and items are in texts and arrays.

use jaq_core::{Error, ValR};

use super::budget::{pay_reading, pay_text, pay_units};
use super::value::JqValue;

/// How much of a part is compared at each place of a text, in bytes, before it is paid for.
const BYTES_COMPARED_FREE: usize = 16;

/// Where a part begins in a text or array, or where an item is in an array.
pub(super) fn find_indices(value: &JqValue, part: &JqValue) -> ValR<JqValue> {
    Ok(match (value, part) {
        (JqValue::Null, _) => JqValue::Null,
        (JqValue::Str(_), JqValue::Str(part)) if part.is_empty() => JqValue::Null,
        (JqValue::Str(text), JqValue::Str(part)) => {
            pay_text(text.len() + part.len());
            let mut found = Vec::new();
            let (text, part) = (text.as_ref(), part.as_bytes());
            let (start, rest) = part.split_at(part.len().min(BYTES_COMPARED_FREE));
            for (character, (at, _)) in text.char_indices().enumerate() {
                let Some(behind) = text.as_bytes()[at..].strip_prefix(start) else { continue };
                pay_reading(rest.len());
                if behind.starts_with(rest) {
                    pay_units(1);
                    found.push(JqValue::from_count(character));
                }
            }
            JqValue::from_items(found)
        }
        (JqValue::Arr(_), JqValue::Arr(part)) if part.items.is_empty() => JqValue::Null,
        (JqValue::Arr(array), JqValue::Arr(part)) => {
            let windows = array.items.windows(part.items.len()).enumerate();
            windows
                .filter(|(_, window)| *window == part.items)
                .map(|(i, _)| JqValue::from_count(i))
                .collect()
        }
        (JqValue::Arr(array), item) => {
            let items = array.items.iter().enumerate();
            items.filter(|(_, other)| *other == item).map(|(i, _)| JqValue::from_count(i)).collect()
        }
        _ => return Err(not_indexable(value, part)),
    })
}

/// The longest key that an error names.
const NAMED_KEY: usize = 30;

/// The error of a value that has no such index.
pub(super) fn not_indexable(value: &JqValue, index: &JqValue) -> Error<JqValue> {
    match index {
        JqValue::Str(key) if key.len() < NAMED_KEY => {
            Error::str(format_args!("Cannot index {} with string \"{key}\"", value.type_name()))
        }
        _ => Error::str(format_args!(
            "Cannot index {} with {}",
            value.type_name(),
            index.type_name()
        )),
    }
}
