//! The budget of a running program, and whether its result is still needed. It is thread-local,
//! because the interpreter gives its values no access to anything else.
//!
//! When it is used up, the thread is unwound instead of returning an error, because a program could
//! catch an error and continue.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use stepwell_core::expr::EvalInterrupt;

use super::limits::JqLimits;

/// Bytes of text for a unit of work.
const BYTES_PER_UNIT: usize = 16;

/// About what a unit of work takes in memory, where it makes a value.
const BYTES_OF_UNIT: usize = 32;

/// What a program makes without reserving it.
const FREE: usize = 1 << 20;

/// How much is reserved at a time.
const STEP: usize = 8 << 20;

/// After so many units the interrupt is polled again.
const POLL_EVERY: u64 = 4096;

/// A value on its way from where it is created to where it is used passes a call for each level of
/// recursion, and nothing pays there. So each payment includes how far the stack has grown or
/// shrunk since the one before: a unit for so many bytes.
const STACK_PER_UNIT: usize = 4096;

/// Time that counts as a unit where work cannot be measured otherwise: in searches.
const NANOS_PER_UNIT: u128 = 1000;

/// What a program has too much of. The payload with which its thread is unwound.
#[derive(Debug)]
pub(super) enum StopReason {
    Work,
    Stack,
    Depth,
    Text,
    /// Its result is not wanted any more.
    Interrupted,
    /// The server had no memory for it.
    Memory(String),
}

/// Where a program reserves memory.
pub trait MemoryReservation: Send + Sync + fmt::Debug {
    /// Reserves this number of bytes in all; may block for a bounded time.
    ///
    /// # Errors
    /// Why the memory was not free in time.
    fn reserve_bytes(&self, bytes: usize) -> Result<(), String>;
}

/// The memory of a program.
#[derive(Debug)]
pub struct ProgramMemory {
    /// The reservation, which grows with the values of the program.
    pub reservation: Arc<dyn MemoryReservation>,
    /// The number of bytes that the caller has reserved already.
    pub held: usize,
}

thread_local! {
    static WORK: Cell<u64> = const { Cell::new(u64::MAX) };
    /// The interrupt is polled when less work than this is left.
    static POLL_BELOW: Cell<u64> = const { Cell::new(0) };
    static INTERRUPT: RefCell<Option<EvalInterrupt>> = const { RefCell::new(None) };
    /// Where the stack was at the last payment.
    static PLACE: Cell<usize> = const { Cell::new(0) };
    /// The address below which the stack must not grow. Stacks grow down on all our platforms.
    static STACK_END: Cell<usize> = const { Cell::new(0) };
    /// About how many bytes it has allocated. Freed ones count as well.
    static MADE: Cell<usize> = const { Cell::new(0) };
    /// How many bytes it may have made before more are reserved.
    static RESERVED: Cell<usize> = const { Cell::new(usize::MAX) };
    static MEMORY: RefCell<Option<ProgramMemory>> = const { RefCell::new(None) };
}

/// Gives this thread its budget, counted from the caller's place in the stack.
pub(super) fn start_budget(limits: &JqLimits, memory: ProgramMemory, interrupt: EvalInterrupt) {
    WORK.set(limits.work);
    POLL_BELOW.set(limits.work);
    INTERRUPT.set(Some(interrupt));
    PLACE.set(stack_address());
    MADE.set(0);
    RESERVED.set(FREE);
    MEMORY.set(Some(memory));
    STACK_END.set(stack_address().saturating_sub(limits.stack));
}

/// About where the stack is now.
#[inline(never)]
fn stack_address() -> usize {
    let marker = 0_u8;
    std::ptr::from_ref(&marker).addr()
}

/// Counts so many bytes that the program makes, and reserves more where they are used up.
pub(super) fn count_bytes(bytes: usize) {
    let made = MADE.get().saturating_add(bytes);
    MADE.set(made);
    if made > RESERVED.get() {
        reserve_more(made);
    }
}

#[cold]
fn reserve_more(made: usize) {
    let reserved = made.saturating_add(STEP);
    let result = MEMORY.with_borrow(|memory| match memory {
        Some(ProgramMemory { reservation, held }) => {
            reservation.reserve_bytes(held.saturating_add(reserved))
        }
        None => Ok(()),
    });
    match result {
        Ok(()) => RESERVED.set(reserved),
        Err(shortage) => stop_program(StopReason::Memory(shortage)),
    }
}

/// Pays for so many units of work that make values.
pub(super) fn pay_units(units: usize) {
    pay_work(units);
    count_bytes(units.saturating_mul(BYTES_OF_UNIT));
}

/// Pays for so many units of work that make nothing.
pub(super) fn pay_work(units: usize) {
    let place = stack_address();
    let way = PLACE.replace(place).abs_diff(place) / STACK_PER_UNIT;
    let units = u64::try_from(units.saturating_add(way)).unwrap_or(u64::MAX);
    match WORK.get().checked_sub(units) {
        Some(left) if left >= POLL_BELOW.get() => WORK.set(left),
        Some(left) => poll_interrupt(left),
        None => stop_program(StopReason::Work),
    }
    if place < STACK_END.get() {
        stop_program(StopReason::Stack);
    }
}

#[cold]
fn poll_interrupt(left: u64) {
    WORK.set(left);
    POLL_BELOW.set(left.saturating_sub(POLL_EVERY));
    if INTERRUPT.with_borrow(|interrupt| interrupt.as_ref().is_some_and(EvalInterrupt::is_due)) {
        stop_program(StopReason::Interrupted);
    }
}

/// Pays for time that was spent in a search, which may take longer than its text lets expect, and
/// polls the interrupt.
pub(super) fn pay_time(time: Duration) {
    pay_work(usize::try_from(time.as_nanos() / NANOS_PER_UNIT).unwrap_or(usize::MAX));
    poll_interrupt(WORK.get());
}

/// Pays for reading so many bytes of text.
pub(super) fn pay_reading(bytes: usize) {
    pay_work(bytes / BYTES_PER_UNIT);
}

/// The units that are left.
#[cfg(test)]
pub(super) fn units_left() -> u64 {
    WORK.get()
}

/// Pays for reading or making so many bytes of text.
pub(super) fn pay_text(bytes: usize) {
    pay_units(1 + bytes / BYTES_PER_UNIT);
}

/// Ends the program.
pub(super) fn stop_program(reason: StopReason) -> ! {
    resume_unwind(Box::new(reason))
}
