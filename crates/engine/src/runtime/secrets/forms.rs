//! The forms in which a secret can be met: as it is, and as this server, or one that repeats what
//! it was sent, writes it into other text.

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use url::Url;
use url::form_urlencoded;

/// Whether the characters before and after a form reveal some of its bits: base64 that does not
/// begin or end with a byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SharedEdges {
    pub(super) before: bool,
    pub(super) after: bool,
}

/// Every form of a secret, each once.
pub(super) fn secret_forms(secret: &str) -> BTreeMap<Vec<u8>, SharedEdges> {
    let mut all = BTreeMap::new();
    let mut add = |form: String| {
        // PHP writes JSON so, whatever is in it.
        if form.contains('/') {
            all.insert(form.replace('/', "\\/").into_bytes(), SharedEdges::default());
        }
        all.insert(form.into_bytes(), SharedEdges::default());
    };
    add(secret.to_owned());
    for form in
        json_forms(secret).into_iter().chain(percent_forms(secret)).chain(html_forms(secret))
    {
        add(form);
    }
    add(hex_form(secret, false));
    add(hex_form(secret, true));
    for (form, edges) in base64_forms(secret) {
        all.entry(form.replace('/', "\\/").into_bytes()).or_insert(edges);
        all.entry(form.into_bytes()).or_insert(edges);
    }
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        all.insert(secret.encode_utf16().flat_map(order).collect(), SharedEdges::default());
    }
    all
}

/// In a JSON string, as the usual writers escape it.
fn json_forms(secret: &str) -> [String; 2] {
    let written = serde_json::Value::from(secret).to_string();
    let plain = written.get(1..written.len() - 1).unwrap_or_default().to_owned();
    // Go, and others that think of HTML.
    let html = ['<', '>', '&', '\'']
        .into_iter()
        .fold(plain.clone(), |text, c| text.replace(c, &format!("\\u{:04x}", u32::from(c))));
    [plain, html]
}

/// In a URL or a form.
fn percent_forms(secret: &str) -> Vec<String> {
    let mut all = vec![form_urlencoded::byte_serialize(secret.as_bytes()).collect()];
    // As the parts of a URL escape it.
    if let Ok(mut url) = Url::parse("http://h/") {
        url.set_query(Some(secret));
        all.extend(url.query().map(str::to_owned));
        url.set_fragment(Some(secret));
        all.extend(url.fragment().map(str::to_owned));
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().push(secret);
        }
        all.push(url.path().trim_start_matches('/').to_owned());
    }
    // RFC 3986, and `encodeURIComponent`.
    for unreserved in ["-_.~", "-_.~!*'()"] {
        let keeps = |c: char| c.is_ascii_alphanumeric() || unreserved.contains(c);
        all.push(escape_bytes(secret, keeps));
    }
    let lower: Vec<String> = all.iter().map(|form| lower_escapes(form)).collect();
    all.extend(lower);
    all
}

fn escape_bytes(secret: &str, keeps: impl Fn(char) -> bool) -> String {
    let mut form = String::new();
    for c in secret.chars() {
        if keeps(c) {
            form.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string does not fail.
                let _ = write!(form, "%{byte:02X}");
            }
        }
    }
    form
}

/// The same with the escapes in lower case: `%2f`.
fn lower_escapes(form: &str) -> String {
    let mut lower = String::with_capacity(form.len());
    let mut digits = 0;
    for c in form.chars() {
        lower.push(if digits > 0 { c.to_ascii_lowercase() } else { c });
        digits = if c == '%' { 2_u8 } else { digits.saturating_sub(1) };
    }
    lower
}

fn html_forms(secret: &str) -> Vec<String> {
    let quotes = [("&quot;", "&#39;"), ("&#34;", "&#x27;"), ("&quot;", "&apos;"), ("\"", "'")];
    let written = |(double, single): (&str, &str)| {
        let text = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        text.replace('"', double).replace('\'', single)
    };
    quotes.into_iter().map(written).collect()
}

fn hex_form(secret: &str, upper: bool) -> String {
    let mut form = String::with_capacity(2 * secret.len());
    for byte in secret.bytes() {
        // Writing to a string does not fail.
        let _ = if upper { write!(form, "{byte:02X}") } else { write!(form, "{byte:02x}") };
    }
    form
}

/// The characters of base64 that the secret alone decides, for each place in a group of three
/// bytes that it can begin at.
fn base64_forms(secret: &str) -> Vec<(String, SharedEdges)> {
    let mut all = Vec::new();
    for skipped in 0..3_usize {
        let bytes = [&[0; 3][..skipped], secret.as_bytes()].concat();
        let (first, last) = ((skipped * 8).div_ceil(6), bytes.len() * 8 / 6);
        let edges =
            SharedEdges { before: skipped > 0, after: !(bytes.len() * 8).is_multiple_of(6) };
        for written in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            all.extend(written.get(first..last).map(|form| (form.to_owned(), edges)));
        }
    }
    all
}
