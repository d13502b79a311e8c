//! Reading bytes as text, in the encoding that a byte order mark or the header declares.

use encoding_rs::{Encoding, UTF_8};

/// The encoding that the `charset` parameter of a content type names by one of the labels of the
/// WHATWG Encoding Standard. `None` where there is none, or no such label.
pub(super) fn declared(content_type: &str) -> Option<&'static Encoding> {
    let parameters = content_type.split(';').skip(1);
    let label = parameters.filter_map(|parameter| parameter.split_once('=')).find_map(|pair| {
        let (name, value) = (pair.0.trim(), pair.1.trim());
        name.eq_ignore_ascii_case("charset").then(|| value.trim_matches(['"', '\'']))
    })?;
    Encoding::for_label(label.as_bytes())
}

/// The text: by its byte order mark, which is taken off, else in the encoding given, else as
/// UTF-8. What cannot be decoded becomes U+FFFD.
pub(super) fn decode(bytes: &[u8], declared: Option<&'static Encoding>) -> String {
    declared.unwrap_or(UTF_8).decode(bytes).0.into_owned()
}

/// Whether a byte order mark says that it is text.
pub(super) fn has_mark(bytes: &[u8]) -> bool {
    Encoding::for_bom(bytes).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The labels of each encoding of the Encoding Standard, with a text and its bytes.
    const LABELS: &[(&str, &str, &[u8])] = include!("labels.in");

    #[test]
    fn knows_every_label_of_the_standard() {
        let mut count = 0;
        for (labels, text, bytes) in LABELS {
            for label in labels.split(' ') {
                for spelling in [label.to_string(), label.to_uppercase(), format!("\"{label}\"")] {
                    let header = format!("text/plain; x=\"y\"; Charset = {spelling} ; z=1");
                    assert_eq!(decode(bytes, declared(&header)), *text, "{header}");
                }
                count += 1;
            }
        }
        // The standard has 228 labels of 40 encodings.
        assert_eq!((count, LABELS.len()), (228, 40));
    }

    #[test]
    fn a_mark_wins_over_the_header() {
        let latin = declared("text/plain; charset=iso-8859-1");
        for (bytes, text) in [
            (&b"\xef\xbb\xbf\xc3\xa9"[..], "é"),
            (b"\xff\xfe\xe9\0", "é"),
            (b"\xfe\xff\0\xe9", "é"),
            (b"\xe9", "é"),
        ] {
            assert_eq!(decode(bytes, latin), text, "{bytes:?}");
        }
        assert_eq!(decode(b"\xef\xbb\xbfa\xff\xef\xbb\xbf", None), "a\u{fffd}\u{feff}");
    }

    #[test]
    fn an_unknown_label_means_utf_8() {
        for header in ["text/plain; charset=klingon", "text/plain; charset=", "text/plain; charset"]
        {
            assert_eq!(decode("é".as_bytes(), declared(header)), "é", "{header}");
        }
    }
}
