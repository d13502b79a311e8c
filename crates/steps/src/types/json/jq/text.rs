//! Values as text, and texts within the limits.

use std::fmt;

use super::budget::{Exhausted, pay_text, stop};
use super::value::{MAX_TEXT, Num, Val};

/// How much of a value is shown in an error, in characters.
const SHOWN: usize = 100;

/// A string that ends the program when it grows too long.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        pay_text(text.len());
        check_length(self.0.len() + text.len());
        self.0.push_str(text);
        Ok(())
    }
}

/// A string that takes no more than what is shown.
struct Short(String, usize);

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            self.1 = self.1.checked_sub(1).ok_or(fmt::Error)?;
            self.0.push(c);
        }
        Ok(())
    }
}

/// Ends the program where a text of so many bytes would be too long; called before it is made.
pub(super) fn check_length(bytes: usize) {
    if bytes > MAX_TEXT {
        stop(Exhausted::Text);
    }
}

impl Val {
    /// Itself where it is a text, else its JSON.
    pub fn to_text(&self) -> Self {
        match self {
            Self::Str(_) => self.clone(),
            other => Self::text(other.to_json_text()),
        }
    }

    /// Its JSON.
    pub fn to_json_text(&self) -> String {
        let mut out = Bounded(String::new());
        // Writing to a string does not fail; too long a one ends the program.
        let _ = self.write_json(&mut out);
        out.0
    }

    /// The beginning of it, for a person: a text as it is, else its JSON.
    pub fn shown(&self) -> String {
        let mut out = Short(String::new(), SHOWN);
        let written = match self {
            Self::Str(text) => fmt::Write::write_str(&mut out, text),
            other => other.write_json(&mut out),
        };
        if written.is_err() {
            out.0.push('…');
        }
        out.0
    }

    fn write_json(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(b) => write!(out, "{b}"),
            Self::Num(n) => n.write_json(out),
            Self::Str(text) => write_quoted(text, out),
            Self::Arr(array) => {
                out.write_char('[')?;
                for (i, item) in array.items.iter().enumerate() {
                    if i > 0 {
                        out.write_char(',')?;
                    }
                    item.write_json(out)?;
                }
                out.write_char(']')
            }
            Self::Obj(object) => {
                out.write_char('{')?;
                for (i, (key, value)) in object.map.iter().enumerate() {
                    if i > 0 {
                        out.write_char(',')?;
                    }
                    write_quoted(key, out)?;
                    out.write_char(':')?;
                    value.write_json(out)?;
                }
                out.write_char('}')
            }
        }
    }
}

fn write_quoted(text: &str, out: &mut dyn fmt::Write) -> fmt::Result {
    out.write_str(&serde_json::Value::from(text).to_string())
}

impl Num {
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
        write!(out, "{}", self.to_json())
    }
}

/// For errors only: the beginning of the value's JSON.
impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Short(String::new(), SHOWN);
        let written = self.write_json(&mut out);
        f.write_str(&out.0)?;
        if written.is_err() { f.write_str("…") } else { Ok(()) }
    }
}
