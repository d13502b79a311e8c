//! The ids of steps as users write them.

/// Whether `text` can be a step's id: a letter or `_`, then up to 63 letters, digits, `_` or `-`.
pub(crate) fn is_id(text: &str) -> bool {
    let mut chars = text.chars();
    text.len() <= 64
        && chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}
