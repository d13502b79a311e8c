//! Removes API keys from text that is printed.

use std::borrow::Cow;

/// What every API key begins with.
const PREFIX: &str = "sk_live_";

/// The text with `sk_live_…` in place of each API key, wherever a user may have typed it.
pub fn mask_keys(text: &str) -> Cow<'_, str> {
    if !text.contains(PREFIX) {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(PREFIX) {
        let (before, key) = rest.split_at(at + PREFIX.len());
        masked.push_str(before);
        let after = key.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if after.len() < key.len() {
            masked.push('…');
        }
        rest = after;
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_removed_from_any_text() {
        for (text, expected) in [
            ("no key", "no key"),
            ("sk_live_abc123", "sk_live_…"),
            ("`http://h/sk_live_a/sk_live_b` is wrong", "`http://h/sk_live_…/sk_live_…` is wrong"),
            ("a key begins with sk_live_.", "a key begins with sk_live_."),
            ("sk_live_sk_live_x", "sk_live_…"),
        ] {
            assert_eq!(mask_keys(text), expected);
        }
    }
}
