//! Values as text, and texts within the limits.

use std::fmt;
use std::rc::Rc;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use data_encoding::{BASE32, BASE32_NOPAD};
use jaq_core::native::{Filter, Fun, bome, run, unary, v};
use jaq_core::{Error, RunPtr, ValR};

use super::budget::{StopReason, pay_reading, pay_text, pay_units, stop_program};
use super::running_program::JqData;
use super::value::{JqNumber, JqValue, MAX_TEXT};

/// The filters on texts that differ from the interpreter's library.
pub(super) fn text_filters() -> impl Iterator<Item = Fun<JqData>> {
    let filters: [Filter<RunPtr<JqData>>; 9] = [
        ("ltrimstr", v(1), |cv| {
            unary(cv, |text, part| Ok(trim_part(text, &part, |text, part| text.strip_prefix(part))))
        }),
        ("rtrimstr", v(1), |cv| {
            unary(cv, |text, part| Ok(trim_part(text, &part, |text, part| text.strip_suffix(part))))
        }),
        ("implode", v(0), |cv| bome(implode_text(&cv.1))),
        ("join", v(1), |cv| unary(cv, |list, separator| join_items(&list, &separator))),
        ("escape_html", v(0), |cv| bome(text_only(&cv.1).map(|text| escape_html(&text)))),
        ("unescape_html", v(0), |cv| bome(text_only(&cv.1).map(|text| unescape_html(&text)))),
        ("_decode_base64", v(0), |cv| bome(decode_base64(&cv.1))),
        ("_encode_base32", v(0), |cv| bome(encode_base32(&cv.1))),
        ("_decode_base32", v(0), |cv| bome(decode_base32(&cv.1))),
    ];
    filters.into_iter().map(run::<JqData>)
}

/// The text without a part at its end or beginning; anything else as it is.
fn trim_part(
    value: JqValue,
    part: &JqValue,
    strip: for<'t> fn(&'t str, &str) -> Option<&'t str>,
) -> JqValue {
    let (JqValue::Str(text), JqValue::Str(part)) = (&value, part) else { return value };
    pay_reading(part.len());
    match strip(text, part) {
        Some(rest) => JqValue::from_text(rest),
        None => value,
    }
}

/// Characters by their numbers; U+FFFD for a number that is none.
fn implode_text(numbers: &JqValue) -> ValR<JqValue> {
    let JqValue::Arr(numbers) = numbers else {
        return Err(Error::str("implode input must be an array"));
    };
    let character = |number: &JqValue| {
        pay_units(1);
        let code = match number {
            JqValue::Num(n) => n.to_integer(),
            _ => None,
        };
        let code = code.ok_or_else(|| {
            let found = number.describe_value();
            let why = "can't be imploded, unicode codepoint needs to be numeric";
            Error::str(format_args!("{found} {why}"))
        })?;
        let character = u32::try_from(code).ok().and_then(char::from_u32);
        Ok(character.unwrap_or(char::REPLACEMENT_CHARACTER))
    };
    numbers.items.iter().map(character).collect::<Result<String, _>>().map(JqValue::from_text)
}

/// The items as one text: null as nothing, numbers and booleans as in JSON.
fn join_items(list: &JqValue, separator: &JqValue) -> ValR<JqValue> {
    let JqValue::Arr(list) = list else {
        return Err(Error::str(format_args!("Cannot iterate over {}", list.describe_value())));
    };
    let before = |joined: &str, item: &JqValue| {
        let joined = JqValue::from_text(joined).describe_value();
        Error::str(format_args!("{joined} and {} cannot be added", item.describe_value()))
    };
    let mut joined = String::new();
    for (i, item) in list.items.iter().enumerate() {
        if i > 0 {
            match separator {
                JqValue::Str(separator) => append_text(&mut joined, separator),
                JqValue::Null => {}
                other => return Err(before(&joined, other)),
            }
        }
        match item {
            JqValue::Null => {}
            JqValue::Str(text) => append_text(&mut joined, text),
            JqValue::Bool(_) | JqValue::Num(_) => append_text(&mut joined, &item.to_json_text()),
            other => return Err(before(&joined, other)),
        }
    }
    Ok(JqValue::from_text(joined))
}

fn append_text(to: &mut String, text: &str) {
    pay_text(text.len());
    check_length(to.len() + text.len());
    to.push_str(text);
}

/// The characters that have another form in HTML.
const HTML: [(char, &str); 5] =
    [('<', "&lt;"), ('>', "&gt;"), ('&', "&amp;"), ('\'', "&apos;"), ('"', "&quot;")];

fn text_only(value: &JqValue) -> Result<Rc<str>, Error<JqValue>> {
    match value {
        JqValue::Str(text) => Ok(Rc::clone(text)),
        other => Err(Error::str(format_args!("{} is not a string", other.describe_value()))),
    }
}

fn escape_html(text: &str) -> JqValue {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match HTML.iter().find(|(plain, _)| *plain == character) {
            Some((_, form)) => escaped.push_str(form),
            None => escaped.push(character),
        }
    }
    pay_reading(text.len());
    check_length(escaped.len());
    JqValue::from_text(escaped)
}

fn unescape_html(text: &str) -> JqValue {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = HTML.iter().chain(&[('\'', "&#39;")]);
        let found = known.into_iter().find(|(_, form)| rest.starts_with(form));
        let (character, form) = found.copied().unwrap_or(('&', "&"));
        plain.push(character);
        rest = &rest[form.len()..];
    }
    plain.push_str(rest);
    pay_reading(text.len());
    JqValue::from_text(plain)
}

/// As jq: padding may be missing, and ends the text where it is there.
fn decode_base64(text: &JqValue) -> ValR<JqValue> {
    const DECODER: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireNone)
            .with_decode_allow_trailing_bits(true),
    );
    let text = text.to_text();
    let JqValue::Str(written) = &text else { return Ok(JqValue::Null) };
    pay_text(written.len());
    let digits = written.split('=').next().unwrap_or_default();
    if digits.len() % 4 == 1
        && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
    {
        let found = text.describe_value();
        return Err(Error::str(format_args!("{found} trailing base64 byte found")));
    }
    let bytes = DECODER.decode(digits).map_err(|_| {
        Error::str(format_args!("{} is not valid base64 data", text.describe_value()))
    })?;
    Ok(JqValue::from_text(String::from_utf8_lossy(&bytes)))
}

fn encode_base32(value: &JqValue) -> ValR<JqValue> {
    let JqValue::Str(text) = value.to_text() else { return Ok(JqValue::Null) };
    pay_text(2 * text.len());
    Ok(JqValue::from_text(BASE32.encode(text.as_bytes())))
}

/// As for base 64: padding may be missing, and ends the text where it is there.
fn decode_base32(text: &JqValue) -> ValR<JqValue> {
    let text = text.to_text();
    let JqValue::Str(written) = &text else { return Ok(JqValue::Null) };
    pay_text(written.len());
    let digits = written.split('=').next().unwrap_or_default();
    let bytes = BASE32_NOPAD.decode(digits.as_bytes()).map_err(|_| {
        Error::str(format_args!("{} is not valid base32 data", text.describe_value()))
    })?;
    Ok(JqValue::from_text(String::from_utf8_lossy(&bytes)))
}

/// How much of a value is shown in an error, in characters.
const SHOWN: usize = 100;

/// How much of a value's JSON an error describes, in bytes.
const DESCRIBED: usize = 11;

/// A string that ends the program when it grows too long.
struct BoundedString(String);

impl fmt::Write for BoundedString {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        pay_text(text.len());
        check_length(self.0.len() + text.len());
        self.0.push_str(text);
        Ok(())
    }
}

/// A string that takes no more than what is shown.
struct ShortString(String, usize);

impl fmt::Write for ShortString {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            self.1 = self.1.checked_sub(1).ok_or(fmt::Error)?;
            self.0.push(c);
        }
        Ok(())
    }
}

/// Ends the program if a text of this length would be too long; called before it is created.
pub(super) fn check_length(bytes: usize) {
    if bytes > MAX_TEXT {
        stop_program(StopReason::Text);
    }
}

impl JqValue {
    /// Itself where it is a text, else its JSON.
    pub fn to_text(&self) -> Self {
        match self {
            Self::Str(_) => self.clone(),
            other => Self::from_text(other.to_json_text()),
        }
    }

    /// Its JSON.
    pub fn to_json_text(&self) -> String {
        let mut out = BoundedString(String::new());
        // Writing to a string does not fail; too long a one ends the program.
        let _ = self.write_json(&mut out, usize::MAX);
        out.0
    }

    /// The beginning of it, for a person: a text as it is, else its JSON.
    pub fn shorten_value(&self) -> String {
        let mut out = ShortString(String::new(), SHOWN);
        let written = match self {
            Self::Str(text) => fmt::Write::write_str(&mut out, text),
            other => other.write_json(&mut out, SHOWN),
        };
        if written.is_err() {
            out.0.push('…');
        }
        out.0
    }

    /// The name of its type.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Num(_) => "number",
            Self::Str(_) => "string",
            Self::Arr(_) => "array",
            Self::Obj(_) => "object",
        }
    }

    /// Its type and the beginning of its JSON, as jq shows it in errors: `string ("very-long-...)`.
    pub fn describe_value(&self) -> String {
        let mut out = ShortString(String::new(), DESCRIBED + 4);
        let cut = self.write_json(&mut out, DESCRIBED + 4).is_err();
        let shown = if cut || out.0.len() > DESCRIBED + 3 {
            let end = out.0.floor_char_boundary(DESCRIBED);
            format!("{}...", &out.0[..end])
        } else {
            out.0
        };
        format!("{} ({shown})", self.type_name())
    }

    /// Its JSON, of each text at most so many characters: an error shows the beginning only.
    fn write_json(&self, out: &mut dyn fmt::Write, characters: usize) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(b) => write!(out, "{b}"),
            Self::Num(n) => n.write_json(out),
            Self::Str(text) => write_quoted(text, out, characters),
            Self::Arr(array) => {
                out.write_char('[')?;
                for (i, item) in array.items.iter().enumerate() {
                    if i > 0 {
                        out.write_char(',')?;
                    }
                    item.write_json(out, characters)?;
                }
                out.write_char(']')
            }
            Self::Obj(object) => {
                out.write_char('{')?;
                for (i, (key, value)) in object.map.iter().enumerate() {
                    if i > 0 {
                        out.write_char(',')?;
                    }
                    write_quoted(key, out, characters)?;
                    out.write_char(':')?;
                    value.write_json(out, characters)?;
                }
                out.write_char('}')
            }
        }
    }
}

fn write_quoted(text: &str, out: &mut dyn fmt::Write, characters: usize) -> fmt::Result {
    // What is cut off is longer than what is shown, so that the end is not shown either.
    let end = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    out.write_str(&serde_json::Value::from(&text[..end]).to_string())
}

impl JqNumber {
    /// JSON knows no infinity and no "not a number": as jq, the largest number and null.
    pub fn to_json(self) -> serde_json::Value {
        match self {
            Self::Int(i) => u64::try_from(i).map_or_else(
                |_| i64::try_from(i).map_or(serde_json::Value::Null, Into::into),
                Into::into,
            ),
            Self::Float(f) => f.clamp(f64::MIN, f64::MAX).into(),
        }
    }

    fn write_json(self, out: &mut dyn fmt::Write) -> fmt::Result {
        match self {
            Self::Float(f) if f == 0.0 && f.is_sign_negative() => out.write_str("-0"),
            Self::Float(f) if !f.is_nan() => {
                match format_exponential(f.clamp(f64::MIN, f64::MAX)) {
                    Some(text) => out.write_str(&text),
                    None => write!(out, "{}", self.to_json()),
                }
            }
            _ => write!(out, "{}", self.to_json()),
        }
    }
}

/// How many zeros jq writes out at the end of a number, and after the point.
const ZEROS: i32 = 15;
const ZEROS_AFTER_POINT: i32 = 3;

/// A number in the form with an exponent of at least two digits, where jq uses it: `3e-05`.
fn format_exponential(f: f64) -> Option<String> {
    // The shortest digits that read as this number, and the power of ten of the first one.
    let written = format!("{f:e}");
    let (digits, exponent) = written.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let count = i32::try_from(digits.bytes().filter(u8::is_ascii_digit).count()).ok()?;
    let is_long = exponent >= count + ZEROS || exponent < -1 - ZEROS_AFTER_POINT;
    let sign = if exponent < 0 { '-' } else { '+' };
    is_long.then(|| format!("{digits}e{sign}{:02}", exponent.abs()))
}

/// For errors only: the beginning of the value's JSON.
impl fmt::Display for JqValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = ShortString(String::new(), SHOWN);
        let written = self.write_json(&mut out, SHOWN);
        f.write_str(&out.0)?;
        if written.is_err() { f.write_str("…") } else { Ok(()) }
    }
}
