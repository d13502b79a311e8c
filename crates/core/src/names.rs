//! Names must be what they look like: characters that cannot be seen, or that change the order in
//! which others are shown, let one name pass for another. The one check of every name that a user
//! gives to something.

use unicode_general_category::{GeneralCategory, get_general_category};

use crate::{Map, Problem};

/// Characters that are not shown although their category is that of letters, marks or symbols:
/// the combining grapheme joiner, fillers, variation selectors, the empty braille pattern.
const INVISIBLE: [std::ops::RangeInclusive<char>; 10] = [
    '\u{34f}'..='\u{34f}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0e}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0100}'..='\u{e01ef}',
];

/// Chooses the coloured form of the symbol before it, as every keyboard writes emoji.
const EMOJI_STYLE: char = '\u{fe0f}';

/// Joins two emoji to one.
const JOINER: char = '\u{200d}';

/// The first character of a name that disguises it: a control or format character (such as the
/// ones that change the direction of text), one that cannot be seen, one for private use, or one
/// that Unicode has not assigned.
///
/// # Errors
/// The problem with the name, without its place.
pub fn check_visible(name: &str) -> Result<(), String> {
    let mut before = None;
    for (place, c) in name.chars().enumerate() {
        if is_hidden(c) && !(joins_emoji(c) && before.is_some_and(is_symbol)) {
            return Err(format!(
                "has the character U+{:04X} ({}) at place {}; remove it",
                u32::from(c),
                kind_of(c),
                place + 1
            ));
        }
        before = Some(c);
    }
    Ok(())
}

/// The most characters of the name of a variable.
pub const MAX_VARIABLE_NAME: usize = 64;

/// Checks the name of a variable of a workspace, which expressions read as `vars.NAME`.
///
/// # Errors
/// The problem with the name, without its place: "must …".
pub fn check_variable_name(name: &str) -> Result<(), String> {
    let is_start = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match is_start && is_word && name.len() <= MAX_VARIABLE_NAME {
        true => Ok(()),
        false => Err(format!(
            "must have 1 to {MAX_VARIABLE_NAME} letters (A to Z, a to z), digits and `_`, and \
             begin with a letter"
        )),
    }
}

/// The first key of an object whose keys are names that disguises itself.
///
/// # Errors
/// The problem, at its place below `path`.
pub fn check_visible_keys(path: &str, map: &Map) -> Result<(), Problem> {
    map.keys().try_for_each(|key| check_visible_key(path, key))
}

/// One key of such an object.
///
/// # Errors
/// The problem, at its place below `path`.
pub fn check_visible_key(path: &str, key: &str) -> Result<(), Problem> {
    check_visible(key).map_err(|message| {
        let shown: String = key.chars().filter(|c| !is_hidden(*c)).take(64).collect();
        Problem::new(format!("{path}.{shown}"), format!("the name {message}"))
    })
}

/// The first character of a text for people that is there to mislead: a control character that is
/// no white space, or one that overrides the direction of the text after it. Line breaks and
/// joiners are part of many languages' texts.
///
/// # Errors
/// The problem with the text, without its place.
pub fn check_text(text: &str) -> Result<(), String> {
    let misleads = |c: &char| {
        (c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    match text.chars().enumerate().find(|(_, c)| misleads(c)) {
        None => Ok(()),
        Some((place, c)) => Err(format!(
            "has the character U+{:04X} ({}) at place {}; remove it",
            u32::from(c),
            kind_of(c),
            place + 1
        )),
    }
}

/// The first text in a value that has such a character.
///
/// # Errors
/// The problem, at its place below `path`. Recurses as deep as the value nests.
pub fn check_texts(path: &str, value: &serde_json::Value) -> Result<(), Problem> {
    use serde_json::Value;
    match value {
        Value::String(text) => {
            check_text(text).map_err(|message| Problem::new(path, format!("the text {message}")))
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(i, item)| check_texts(&format!("{path}[{i}]"), item)),
        Value::Object(map) => map.iter().try_for_each(|(key, inner)| {
            check_visible_key(path, key)?;
            check_texts(&format!("{path}.{key}"), inner)
        }),
        _ => Ok(()),
    }
}

const fn joins_emoji(c: char) -> bool {
    matches!(c, EMOJI_STYLE | JOINER)
}

/// A pictograph, or what modifies one.
fn is_symbol(c: char) -> bool {
    let category = get_general_category(c);
    c == EMOJI_STYLE
        || matches!(category, GeneralCategory::OtherSymbol | GeneralCategory::ModifierSymbol)
}

fn is_hidden(c: char) -> bool {
    use GeneralCategory::{
        Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, Surrogate, Unassigned,
    };
    let hidden = matches!(
        get_general_category(c),
        Control | Format | LineSeparator | ParagraphSeparator | PrivateUse | Surrogate | Unassigned
    );
    hidden || c == EMOJI_STYLE || INVISIBLE.iter().any(|range| range.contains(&c))
}

fn kind_of(c: char) -> &'static str {
    match (c, get_general_category(c)) {
        ('\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}', _)
        | ('\u{2066}'..='\u{2069}', _) => "changes the direction of text",
        (_, GeneralCategory::Control) => "a control character",
        (_, GeneralCategory::PrivateUse) => "for private use",
        (_, GeneralCategory::Unassigned) => "not assigned",
        _ => "not visible",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_seen_are_taken() {
        for name in [
            "Send the report",
            "données-2026",
            "レポート　集計",
            "تقرير",
            "हिन्दी",
            "❤️ mail",
            "👩‍💻 dev",
            "👍🏽",
            "🇩🇪",
            "a/b:c#d",
            "е́",
            "",
        ] {
            assert_eq!(check_visible(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_disguises_a_name_is_refused_by_its_code_point() {
        for (name, code, kind, place) in [
            ("pay\u{202e}gpj", "U+202E", "changes the direction of text", 4),
            ("\u{2066}a", "U+2066", "changes the direction of text", 1),
            ("a\u{200b}", "U+200B", "not visible", 2),
            ("a\u{200d}b", "U+200D", "not visible", 2),
            ("a\u{200c}b", "U+200C", "not visible", 2),
            ("\u{feff}a", "U+FEFF", "not visible", 1),
            ("a\u{ad}b", "U+00AD", "not visible", 2),
            ("a\u{2060}", "U+2060", "not visible", 2),
            ("a\u{fe0f}", "U+FE0F", "not visible", 2),
            ("a\u{3164}b", "U+3164", "not visible", 2),
            ("a\u{2028}b", "U+2028", "not visible", 2),
            ("a\u{e0041}", "U+E0041", "not visible", 2),
            ("a\nb", "U+000A", "a control character", 2),
            ("a\u{85}", "U+0085", "a control character", 2),
            ("a\u{e000}", "U+E000", "for private use", 2),
            ("a\u{378}", "U+0378", "not assigned", 2),
            ("a\u{10ffff}", "U+10FFFF", "not assigned", 2),
        ] {
            let message = format!("has the character {code} ({kind}) at place {place}; remove it");
            assert_eq!(check_visible(name), Err(message), "{name:?}");
        }
    }

    #[test]
    fn texts_may_have_lines_but_no_overrides() {
        for text in ["two\nlines\r\n\tof text", "می\u{200c}خواهم", "👩‍💻", ""] {
            assert_eq!(check_text(text), Ok(()), "{text:?}");
        }
        for text in ["a\u{202e}b", "a\0", "\u{1b}[31m", "\u{2067}x"] {
            assert!(check_text(text).is_err(), "{text:?}");
        }
        let value = serde_json::json!({"a": [{"b": "x\u{202e}y"}]});
        assert_eq!(check_texts("metadata", &value).unwrap_err().path, "metadata.a[0].b");
    }

    #[test]
    fn keys_are_named_without_what_hides() {
        let map: Map = [("team", 1), ("te\u{200b}am", 2)]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect();
        let problem = check_visible_keys("metadata", &map).unwrap_err();
        assert_eq!(problem.path, "metadata.team");
        assert!(problem.message.contains("U+200B"), "{}", problem.message);
    }
}
