//! The numbers of a YAML text by the rule of [`crate::json`].
//!
//! The YAML reader turns an integer of more than 64 bits into a double or into text without a sign
//! of it, so the text is examined by its events: aliases are not followed, and keys are text.

use std::borrow::Cow;

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use crate::json::{check_number, too_many_bits};
use crate::{Problem, Problems};

/// A collection around the current node.
enum OpenCollection {
    Sequence,
    Mapping { at_key: bool },
}

/// Checks every number of a text that is known to be YAML.
///
/// # Errors
/// The first number that would become another one, with its place.
pub(super) fn check_numbers(text: &str) -> Result<(), Problems> {
    let mut open: Vec<OpenCollection> = Vec::new();
    for event in Parser::new_from_str(text) {
        // The text was read before: it has no syntax errors.
        let Ok((event, span)) = event else { return Ok(()) };
        let is_key = matches!(open.last(), Some(OpenCollection::Mapping { at_key: true }));
        match &event {
            Event::Scalar(scalar, style, _, tag) if !is_key => {
                check_scalar(scalar, *style, tag.as_ref()).map_err(|message| {
                    let (line, column) = (span.start.line(), span.start.col() + 1);
                    let place = format!("at line {line}, column {column}");
                    Problem::new("", format!("not valid YAML {place}: {message}"))
                })?;
            }
            Event::SequenceEnd | Event::MappingEnd => drop(open.pop()),
            _ => {}
        }
        if event.is_node()
            && let Some(OpenCollection::Mapping { at_key }) = open.last_mut()
        {
            *at_key = !*at_key;
        }
        match event {
            Event::SequenceStart(..) => open.push(OpenCollection::Sequence),
            Event::MappingStart(..) => open.push(OpenCollection::Mapping { at_key: true }),
            _ => {}
        }
    }
    Ok(())
}

fn check_scalar(text: &str, style: ScalarStyle, tag: Option<&Cow<'_, Tag>>) -> Result<(), String> {
    let tagged = tag.and_then(|tag| tag.core_suffix());
    let is_float = tagged == Some("float");
    if tagged.is_some_and(|name| !matches!(name, "int" | "float"))
        || (style != ScalarStyle::Plain && tagged.is_none())
    {
        return Ok(());
    }
    let number = text.trim();
    check_integer(number)?;
    let number = number.strip_prefix('+').unwrap_or(number);
    let is_number = number.trim_start_matches(['-', '.']).starts_with(|c: char| c.is_ascii_digit())
        && number.parse::<f64>().is_ok();
    match is_number {
        true if is_float && !number.contains(['.', 'e', 'E']) => {
            check_number(&format!("{number}.0"))
        }
        true => check_number(number),
        false => Ok(()),
    }
}

/// Checks what is written as an integer in any of the ways of YAML: decimal, `0x1F`, `0o17`, `0b1`,
/// with `_` between digits.
fn check_integer(number: &str) -> Result<(), String> {
    let unsigned = number.strip_prefix(['-', '+']).unwrap_or(number);
    let radixes = [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)];
    let prefixed = radixes
        .into_iter()
        .find_map(|(prefix, radix)| Some((unsigned.strip_prefix(prefix)?, radix)));
    let (digits, radix) = prefixed.unwrap_or((unsigned, 10));
    let is_integer = digits.starts_with(|c: char| c.is_digit(radix))
        && digits.chars().all(|c| c == '_' || c.is_digit(radix));
    if !is_integer {
        return Ok(());
    }
    let digits = digits.replace('_', "");
    if radix == 10 && digits.len() > 1 && digits.starts_with('0') {
        let decimal = digits.trim_start_matches('0');
        let decimal = if decimal.is_empty() { "0" } else { decimal };
        let octal = match decimal.contains(['8', '9']) {
            true => String::new(),
            false => format!("or 0o{decimal} for the octal number, "),
        };
        return Err(format!(
            "the number {number} begins with 0: write {decimal}, {octal}or \"{number}\" for text"
        ));
    }
    let most = match number.starts_with('-') {
        true => 1_u128 << 63,
        false => u128::from(u64::MAX),
    };
    match u128::from_str_radix(&digits, radix) {
        Ok(value) if value <= most => Ok(()),
        _ => Err(too_many_bits(number)),
    }
}
