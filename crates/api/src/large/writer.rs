//! Writing a value as JSON piece by piece.

use std::slice;
use std::sync::Arc;

use self_cell::self_cell;
use serde::Serialize;
use serde_json::{Value, map};

/// Texts up to this length are written in one piece.
const WHOLE: usize = 4 << 10;

/// A container or text that has been begun.
enum OpenContainer<'a> {
    Array { rest: slice::Iter<'a, Value>, is_first: bool },
    Object { rest: map::Iter<'a>, is_first: bool },
    Text(&'a str),
}

/// What has been begun, the innermost last.
type WriterPlace<'a> = Vec<OpenContainer<'a>>;

self_cell!(
    struct ValueCell {
        owner: Arc<Value>,

        #[not_covariant]
        dependent: WriterPlace,
    }
);

/// A value as far as it is not written yet.
pub struct ValueWriter {
    cell: ValueCell,
    has_begun: bool,
}

impl ValueWriter {
    /// At the beginning of a value.
    pub fn of(value: Arc<Value>) -> Self {
        Self { cell: ValueCell::new(value, |_| Vec::new()), has_begun: false }
    }

    /// Writes until `to` has about `enough` bytes; whether the value is written whole.
    pub fn fill(&mut self, to: &mut Vec<u8>, enough: usize) -> bool {
        let begins = !std::mem::replace(&mut self.has_begun, true);
        self.cell.with_dependent_mut(|value, place| {
            if begins {
                begin_value(value, place, to);
            }
            while to.len() < enough {
                if !advance_place(place, to) {
                    return true;
                }
            }
            place.is_empty()
        })
    }
}

/// Writes the next small piece; `false` where there is none.
fn advance_place<'a>(place: &mut WriterPlace<'a>, to: &mut Vec<u8>) -> bool {
    let next = match place.last_mut() {
        None => return false,
        Some(OpenContainer::Array { rest, is_first }) => match rest.next() {
            Some(item) => {
                write_separator(is_first, to);
                item
            }
            None => return end_place(place, b']', to),
        },
        Some(OpenContainer::Object { rest, is_first }) => match rest.next() {
            Some((key, value)) => {
                write_separator(is_first, to);
                write_value(key, to);
                to.push(b':');
                value
            }
            None => return end_place(place, b'}', to),
        },
        Some(OpenContainer::Text("")) => return end_place(place, b'"', to),
        Some(OpenContainer::Text(rest)) => {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(WHOLE));
            *rest = after;
            write_inside(piece, to);
            return true;
        }
    };
    begin_value(next, place, to);
    true
}

fn write_separator(is_first: &mut bool, to: &mut Vec<u8>) {
    if !std::mem::replace(is_first, false) {
        to.push(b',');
    }
}

fn end_place(place: &mut WriterPlace<'_>, sign: u8, to: &mut Vec<u8>) -> bool {
    place.pop();
    to.push(sign);
    true
}

/// Writes a value, or begins it.
fn begin_value<'a>(value: &'a Value, place: &mut WriterPlace<'a>, to: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            to.push(b'[');
            place.push(OpenContainer::Array { rest: items.iter(), is_first: true });
        }
        Value::Object(fields) => {
            to.push(b'{');
            place.push(OpenContainer::Object { rest: fields.iter(), is_first: true });
        }
        Value::String(text) if text.len() > WHOLE => {
            to.push(b'"');
            place.push(OpenContainer::Text(text));
        }
        scalar => write_value(scalar, to),
    }
}

fn write_value(value: &(impl Serialize + ?Sized), to: &mut Vec<u8>) {
    // Scalars and texts can always be written to memory.
    let written = serde_json::to_writer(&mut *to, value);
    debug_assert!(written.is_ok());
}

/// A part of a text, without quotes around it.
fn write_inside(piece: &str, to: &mut Vec<u8>) {
    let start = to.len();
    write_value(piece, to);
    to.pop();
    to.remove(start);
}
