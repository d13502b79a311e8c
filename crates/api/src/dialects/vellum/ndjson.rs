//! Lines of JSON in ASCII: clients that decode chunk by chunk never meet half a character.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Escapes everything that is not ASCII.
struct AsciiFormatter;

impl Formatter for AsciiFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.is_ascii() {
            return writer.write_all(fragment.as_bytes());
        }
        let mut plain = 0;
        for (at, character) in fragment.char_indices() {
            if character.is_ascii() {
                continue;
            }
            writer.write_all(&fragment.as_bytes()[plain..at])?;
            plain = at + character.len_utf8();
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        writer.write_all(&fragment.as_bytes()[plain..])
    }
}

/// Appends one line.
///
/// # Errors
/// The value cannot be written as JSON.
pub fn write_line(to: &mut Vec<u8>, value: &impl Serialize) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *to, AsciiFormatter))?;
    to.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_are_ascii_and_read_back() {
        let value = json!({"✓": ["é\n\"", "a👩‍👩‍👧z", "\u{10ffff}", "plain", "\u{7f}\u{0}"]});
        let mut text = Vec::new();
        write_line(&mut text, &value).unwrap();
        write_line(&mut text, &json!(1)).unwrap();
        assert!(text.is_ascii());
        let lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
        assert_eq!(lines.len(), 3, "two lines and the end of the second");
        assert_eq!(serde_json::from_slice::<serde_json::Value>(lines[0]).unwrap(), value);
    }
}
