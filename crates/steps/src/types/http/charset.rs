//! Reading bytes as text, in the encoding that a byte order mark, the header or the text itself
//! declares.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How far the declaration of an XML text is looked for, in bytes.
const XML_DECLARATION: usize = 1024;

/// The `charset` parameter of a content type.
fn charset_label(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1);
    let label = parameters.filter_map(|parameter| parameter.split_once('=')).find_map(|pair| {
        let (name, value) = (pair.0.trim(), pair.1.trim());
        name.eq_ignore_ascii_case("charset").then(|| value.trim_matches(['"', '\'']))
    });
    label.filter(|label| !label.is_empty())
}

/// The encoding that the `charset` parameter of a content type names by one of the labels of the
/// WHATWG Encoding Standard. `None` where there is none, or no such label.
pub(super) fn declared_encoding(content_type: &str) -> Option<&'static Encoding> {
    Encoding::for_label(charset_label(content_type)?.as_bytes())
}

/// The encoding of a body, from its header, or for XML from its declaration. `None` where none is
/// declared. A byte order mark is left to [`decode_text`].
///
/// # Errors
/// The label that is declared, where it is none of the standard and there is no mark.
pub(super) fn find_encoding(
    content_type: &str,
    is_xml: bool,
    body: &[u8],
) -> Result<Option<&'static Encoding>, String> {
    let label = match charset_label(content_type) {
        Some(label) => Some(label.to_owned()),
        None if is_xml => xml_encoding(body),
        None => None,
    };
    let Some(label) = label.filter(|_| !has_mark(body)) else { return Ok(None) };
    Encoding::for_label(label.as_bytes()).map(Some).ok_or(label)
}

/// The `encoding` in the declaration of an XML text, `<?xml version="1.0" encoding="…"?>`.
fn xml_encoding(body: &[u8]) -> Option<String> {
    let start = &body[..body.len().min(XML_DECLARATION)];
    // In UTF-16, the declaration cannot be read in any other encoding.
    match start {
        [b'<', 0, b'?', 0, ..] => return Some(UTF_16LE.name().to_owned()),
        [0, b'<', 0, b'?', ..] => return Some(UTF_16BE.name().to_owned()),
        _ => {}
    }
    let start = String::from_utf8_lossy(start);
    let (declaration, _) = start.strip_prefix("<?xml")?.split_once("?>")?;
    let (_, rest) = declaration.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (label, _) = rest[1..].split_once(quote)?;
    // A text whose declaration reads as ASCII is not in UTF-16.
    let is_wide = label.to_ascii_lowercase().starts_with("utf-16");
    Some(if is_wide { UTF_8.name().to_owned() } else { label.to_owned() })
}

/// The text: by its byte order mark, which is taken off, else in the encoding given, else as
/// UTF-8. What cannot be decoded becomes U+FFFD.
pub(super) fn decode_text(bytes: &[u8], declared: Option<&'static Encoding>) -> String {
    declared.unwrap_or(UTF_8).decode(bytes).0.into_owned()
}

/// Whether a byte order mark marks it as text.
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
                    assert_eq!(decode_text(bytes, declared_encoding(&header)), *text, "{header}");
                }
                count += 1;
            }
        }
        // The standard has 228 labels of 40 encodings.
        assert_eq!((count, LABELS.len()), (228, 40));
    }

    #[test]
    fn a_mark_wins_over_the_header() {
        let latin = declared_encoding("text/plain; charset=iso-8859-1");
        for (bytes, text) in [
            (&b"\xef\xbb\xbf\xc3\xa9"[..], "é"),
            (b"\xff\xfe\xe9\0", "é"),
            (b"\xfe\xff\0\xe9", "é"),
            (b"\xe9", "é"),
        ] {
            assert_eq!(decode_text(bytes, latin), text, "{bytes:?}");
        }
        assert_eq!(decode_text(b"\xef\xbb\xbfa\xff\xef\xbb\xbf", None), "a\u{fffd}\u{feff}");
    }

    #[test]
    fn an_unknown_label_is_an_error_unless_a_mark_decides() {
        for (header, body, expect) in [
            ("text/plain; charset=klingon", &b"a"[..], Err("klingon")),
            ("text/plain; charset=utf-7", b"a", Err("utf-7")),
            ("text/plain; charset=\"UTF-32\"", b"a", Err("UTF-32")),
            ("text/plain; charset=klingon", b"\xef\xbb\xbfa", Ok(None)),
            ("text/plain; charset=", b"a", Ok(None)),
            ("text/plain; charset", b"a", Ok(None)),
            ("text/plain", b"a", Ok(None)),
        ] {
            let expect = expect.map_err(str::to_owned);
            assert_eq!(find_encoding(header, false, body), expect, "{header}");
        }
    }

    #[test]
    fn xml_declares_its_own_encoding() {
        let utf_16: Vec<u8> =
            "<?xml version='1.0'?>é".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (header, body, expect) in [
            ("text/xml", &b"<?xml version=\"1.0\" encoding=\"iso-8859-2\"?>\xb1"[..], Ok("ą")),
            ("text/xml", b"<?xml version='1.0' encoding = 'windows-1252' ?>\x80", Ok("€")),
            // The header wins.
            ("text/xml; charset=iso-8859-1", b"<?xml encoding='iso-8859-2'?>\xb1", Ok("±")),
            ("text/xml", b"<?xml version='1.0' encoding='utf-16'?>\xc3\xa9", Ok("é")),
            ("text/xml", b"<a>encoding='iso-8859-2'\xc3\xa9", Ok("é")),
            ("text/xml", b"<?xml version='1.0'?>\xc3\xa9", Ok("é")),
            ("text/xml", b"<?xml version='1.0' encoding='klingon'?>", Err("klingon")),
            ("text/xml", utf_16.as_slice(), Ok("é")),
        ] {
            let text =
                find_encoding(header, true, body).map(|encoding| decode_text(body, encoding));
            match (text, expect) {
                (Ok(text), Ok(end)) => assert!(text.ends_with(end), "{text}"),
                (found, expect) => {
                    assert_eq!(found, expect.map(str::to_owned).map_err(str::to_owned))
                }
            }
        }
        let other = b"<?xml version='1.0' encoding='klingon'?>";
        assert_eq!(find_encoding("text/plain", false, other), Ok(None));
    }
}
