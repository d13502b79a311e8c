//! Redacting a text that is sent piece by piece.

use std::sync::{Arc, Mutex, PoisonError};

use stepwell_core::redact::{Redact, redacted_text};

use super::Known;

/// Holds back the end of what was sent for as long as it may be the beginning of a secret.
pub(crate) struct PieceRedactor {
    known: Arc<Known>,
    /// A short critical section, nothing awaits under it.
    held: Mutex<String>,
}

impl PieceRedactor {
    pub(super) fn new(known: Arc<Known>) -> Self {
        Self { known, held: Mutex::default() }
    }

    /// What can be shown after this piece; may be empty.
    pub(crate) fn push(&self, piece: &str) -> String {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.push_str(piece);
        let matcher = &self.known.matcher;
        let mut end = held.len() - matcher.open_end(held.as_bytes());
        // A secret that may continue in the rest is redacted as one.
        for part in matcher.covered(held.as_bytes()).iter().rev() {
            if part.start < end && end < part.end {
                end = part.start;
            }
        }
        // Forms are ASCII or begin with it, so a boundary is never far.
        while !held.is_char_boundary(end) {
            end -= 1;
        }
        let rest = held.split_off(end);
        let shown = std::mem::replace(&mut *held, rest);
        drop(held);
        redact_text(&*self.known, shown)
    }

    /// What was held back, when there are no more pieces.
    pub(crate) fn finish(&self) -> String {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = std::mem::take(&mut *held);
        drop(held);
        redact_text(&*self.known, rest)
    }
}

fn redact_text(known: &dyn Redact, text: String) -> String {
    redacted_text(known, &text).into_owned()
}
