//! Two stores, the same random calls, the same results.
//!
//! The calls come from a seed: a failure names it, and the same seed fails again. Calls go to both
//! stores one after the other; what happens under concurrency is for the conformance suite.

#![expect(clippy::unwrap_used, reason = "a test: whatever fails, fails it")]

mod calls;
mod outbox;
mod random;

use std::fmt::Debug;

use crate::{Store, StoreError};
use calls::Caller;

/// Makes `calls` random calls of both stores, which must be empty, and compares every result.
///
/// # Panics
/// Where two results differ.
pub async fn compare(one: &dyn Store, other: &dyn Store, seed: u64, calls: usize) {
    let mut caller = Caller::new(seed);
    for call in 0..calls {
        let (name, left, right) = caller.call(one, other).await;
        assert_eq!(left, right, "seed {seed}, call {call}: {name}");
    }
    for (name, left, right) in caller.look_at_everything(one, other).await {
        assert_eq!(left, right, "seed {seed}, at the end: {name}");
    }
}

/// A result as text: all of it, also the order of keys. Texts of errors may differ.
fn shown<T: Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(StoreError::Corrupt(_)) => "corrupt".to_owned(),
        Err(StoreError::Unavailable(_)) => "unavailable".to_owned(),
        Err(error) => format!("refused: {error:?}"),
    }
}
