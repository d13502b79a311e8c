//! Writing a body without its large values.
//!
//! A body is written by `serde`, which knows no values that are shared. So what is being written is
//! noted for the thread while it is written: a [`SharedPlace`] value that is large is put aside there
//! and leaves a placeholder.

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;
use stepwell_core::memory::json_size;

use crate::error::ApiError;

/// The placeholder in the text for a value that was put aside.
pub const PLACEHOLDER: &str = "null";

/// Values whose text is at least about so long are put aside.
const LARGE: usize = 8 << 10;

thread_local! {
    /// Whether a body is being written without its large values.
    static IS_CAPTURING: Cell<bool> = const { Cell::new(false) };
    /// How many bytes of it were written so far.
    static LENGTH: Cell<usize> = const { Cell::new(0) };
    /// The values that were put aside, each with the place of its placeholder.
    static SHARED: RefCell<Vec<(usize, Arc<Value>)>> = const { RefCell::new(Vec::new()) };
}

/// A body without its large values.
pub struct WrittenBody {
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
pub struct SharedPlace<'a>(pub &'a Arc<Value>);

impl Serialize for SharedPlace<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if put_aside(self.0) { to.serialize_unit() } else { self.0.serialize(to) }
    }
}

/// Whether the value was put aside.
fn put_aside(value: &Arc<Value>) -> bool {
    let is_aside = IS_CAPTURING.get() && json_size(value, LARGE) >= LARGE;
    if is_aside {
        SHARED.with_borrow_mut(|shared| shared.push((LENGTH.get(), Arc::clone(value))));
    }
    is_aside
}

/// Ends what is noted for the thread, also where writing panics.
struct CaptureState;

impl CaptureState {
    fn begin() -> Self {
        IS_CAPTURING.set(true);
        LENGTH.set(0);
        Self
    }
}

impl Drop for CaptureState {
    fn drop(&mut self) {
        IS_CAPTURING.set(false);
        SHARED.take();
    }
}

/// Keeps the beginning of a text and counts the rest.
struct BodyBeginning {
    text: Vec<u8>,
    keep: usize,
}

impl io::Write for BodyBeginning {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    // Called for every few bytes of a response.
    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        LENGTH.set(LENGTH.get() + bytes.len());
        if self.text.len() + bytes.len() <= self.keep {
            self.text.extend_from_slice(bytes);
        } else {
            // What is kept is a prefix: nothing may follow an omitted part.
            self.keep = self.text.len().min(self.keep);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a body as far as `keep` bytes go.
///
/// # Errors
/// `Internal` where it cannot be written.
pub fn write_captured(body: &impl Serialize, keep: usize) -> Result<WrittenBody, ApiError> {
    let _capturing = CaptureState::begin();
    let mut beginning = BodyBeginning { text: Vec::with_capacity(1024), keep };
    serde_json::to_writer(&mut beginning, body)
        .map_err(|error| ApiError::internal(format!("a response could not be written: {error}")))?;
    Ok(WrittenBody { text: beginning.text, length: LENGTH.get(), shared: SHARED.take() })
}
