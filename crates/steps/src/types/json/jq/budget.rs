//! What a running program has left. It belongs to the thread, because the interpreter gives its
//! values no way to reach anything else.
//!
//! When it is used up, the thread is unwound rather than an error returned: a program could catch
//! an error and go on.

use std::cell::Cell;
use std::panic::resume_unwind;

use super::Limits;

/// Bytes of text for a unit of work.
const BYTES_PER_UNIT: usize = 16;

/// What a program has too much of. The payload with which its thread is unwound.
#[derive(Debug)]
pub(super) enum Exhausted {
    Work,
    Stack,
    Depth,
    Text,
}

thread_local! {
    static WORK: Cell<u64> = const { Cell::new(u64::MAX) };
    /// The address below which the stack must not grow. Stacks grow down on all our platforms.
    static STACK_END: Cell<usize> = const { Cell::new(0) };
}

/// Gives this thread its budget, counted from the caller's place in the stack.
pub(super) fn start(limits: &Limits) {
    WORK.set(limits.work);
    STACK_END.set(here().saturating_sub(limits.stack));
}

/// About where the stack is now.
#[inline(never)]
fn here() -> usize {
    let marker = 0_u8;
    std::ptr::from_ref(&marker).addr()
}

/// Pays for so many units of work.
pub(super) fn pay(units: usize) {
    let left = WORK.get();
    let units = u64::try_from(units).unwrap_or(u64::MAX);
    match left.checked_sub(units) {
        Some(left) => WORK.set(left),
        None => stop(Exhausted::Work),
    }
    if here() < STACK_END.get() {
        stop(Exhausted::Stack);
    }
}

/// Pays for reading or making so many bytes of text.
pub(super) fn pay_text(bytes: usize) {
    pay(1 + bytes / BYTES_PER_UNIT);
}

/// Ends the program.
pub(super) fn stop(reason: Exhausted) -> ! {
    resume_unwind(Box::new(reason))
}
