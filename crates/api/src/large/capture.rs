//! Writing a body without its large values.
//!
//! A body is written by `serde`, which knows no values that are shared. So what is being written is
//! noted for the thread while it is written: a [`Shared`] value that is large is put aside there
//! and leaves a placeholder.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;
use stepwell_core::memory::json_size;

use crate::error::ApiError;

/// What stands in the text for a value that was put aside.
pub const PLACEHOLDER: &str = "null";

/// Values whose text is at least about so long are put aside.
const LARGE: usize = 8 << 10;

thread_local! {
    static CAPTURE: RefCell<Option<Capture>> = const { RefCell::new(None) };
}

/// What is being written.
#[derive(Default)]
struct Capture {
    /// How many bytes were written so far.
    length: usize,
    /// The values that were put aside, each with the place of its placeholder.
    shared: Vec<(usize, Arc<Value>)>,
}

/// A body without its large values.
pub struct Written {
    /// The beginning of the text, as much as was to be kept.
    pub text: Vec<u8>,
    /// The length of the whole text.
    pub length: usize,
    /// The values that are not in it, each with the place of its placeholder.
    pub shared: Vec<(usize, Arc<Value>)>,
}

/// A value that is shared with other readers. In a response that is sent piece by piece it is not
/// copied.
#[derive(Debug, Clone, Copy)]
pub struct Shared<'a>(pub &'a Arc<Value>);

impl Serialize for Shared<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if put_aside(self.0) { to.serialize_unit() } else { self.0.serialize(to) }
    }
}

/// Whether the value was put aside.
fn put_aside(value: &Arc<Value>) -> bool {
    CAPTURE.with_borrow_mut(|capture| match capture {
        Some(capture) if json_size(value, LARGE) >= LARGE => {
            capture.shared.push((capture.length, Arc::clone(value)));
            true
        }
        _ => false,
    })
}

/// Ends what is noted for the thread, also where writing panics.
struct Capturing;

impl Capturing {
    fn begin() -> Self {
        CAPTURE.set(Some(Capture::default()));
        Self
    }
}

impl Drop for Capturing {
    fn drop(&mut self) {
        CAPTURE.set(None);
    }
}

/// Keeps the beginning of a text and counts the rest.
struct Beginning {
    text: Vec<u8>,
    keep: usize,
}

impl io::Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        CAPTURE.with_borrow_mut(|capture| {
            if let Some(capture) = capture {
                capture.length += bytes.len();
            }
        });
        let room = self.keep.saturating_sub(self.text.len()).min(bytes.len());
        self.text.extend_from_slice(&bytes[..room]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a body as far as `keep` bytes go.
///
/// # Errors
/// `Internal` where it cannot be written.
pub fn write(body: &impl Serialize, keep: usize) -> Result<Written, ApiError> {
    let _capturing = Capturing::begin();
    let mut beginning = Beginning { text: Vec::with_capacity(1024), keep };
    serde_json::to_writer(&mut beginning, body)
        .map_err(|error| ApiError::internal(format!("a response could not be written: {error}")))?;
    let Capture { length, shared } = CAPTURE.take().unwrap_or_default();
    Ok(Written { text: beginning.text, length, shared })
}
