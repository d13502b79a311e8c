//! Putting scalars together into one text, shared by `Join` and `Concat`.

use std::borrow::Cow;

use serde_json::Value;

use crate::StepFailure;
use crate::values::{check_size, scalar_text, unfit_value};

/// The JSON Schema types that can be put into a text.
pub(super) const SCALARS: [&str; 4] = ["string", "number", "boolean", "null"];

/// The items as one text. Its size is checked before it is built; `key` names the items in errors.
pub(super) fn join_items(
    key: &str,
    items: &[Value],
    separator: &str,
) -> Result<String, StepFailure> {
    let pieces = items
        .iter()
        .enumerate()
        .map(|(i, item)| {
            let scalar = "a text, number, boolean or null";
            scalar_text(item).ok_or_else(|| unfit_value(&format!("{key}[{i}]"), scalar, Some(item)))
        })
        .collect::<Result<Vec<Cow<'_, str>>, _>>()?;
    let bytes = pieces.iter().fold(0_usize, |sum, piece| sum.saturating_add(piece.len()));
    let between = separator.len().saturating_mul(pieces.len().saturating_sub(1));
    check_size(bytes.saturating_add(between))?;
    Ok(pieces.join(separator))
}
