//! The budget of one evaluation: how much work it may cause.
//!
//! Fuel counts instructions, but one instruction can copy megabytes. So whatever grows with its
//! operands weighs them first (`weight`) and is charged here. The budget is a thread-local value,
//! because Jinja's functions are called without a reference to their caller; an evaluation never
//! leaves its thread and never nests.
//!
//! One unit is about the work of touching one byte of text.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;

use minijinja::{Error, ErrorKind};

/// Instructions of one evaluation.
pub(super) const FUEL: u64 = 200_000;
/// Instructions of an evaluation that runs inline.
pub(super) const INLINE_FUEL: u64 = 5_000;
/// Units that one template or expression may use.
const FULL: u64 = 64 << 20;
/// Units that may be used where nothing may be kept waiting: well below a millisecond.
const INLINE: u64 = 128 << 10;
/// The interrupt is polled after this number of units.
const INTERRUPT_EVERY: u64 = 1 << 20;
/// What one value costs beside its text.
pub(super) const VALUE: u64 = 8;
/// What one item of a new list costs.
pub(super) const ITEM: u64 = 32;
/// The longest text and the longest result, in bytes.
pub(super) const MAX_TEXT: usize = 4 << 20;
/// The longest sequence that repeating or filling may create.
pub(super) const MAX_ITEMS: usize = 100_000;

/// A condition that long work polls; it ends once the condition is true.
#[derive(Clone)]
pub struct EvalInterrupt(Arc<dyn Fn() -> bool + Send + Sync>);

impl EvalInterrupt {
    /// `is_due` is called about once a millisecond or more often and must be cheap.
    pub fn new(is_due: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_due))
    }

    /// Whether the work is to end.
    pub fn is_due(&self) -> bool {
        (self.0)()
    }
}

impl fmt::Debug for EvalInterrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interrupt")
    }
}

/// How much work one evaluation may cause.
#[derive(Debug, Clone)]
pub struct EvalBudget {
    pub(super) units: u64,
    pub(super) is_inline: bool,
    pub(super) interrupt: Option<EvalInterrupt>,
}

impl EvalBudget {
    /// Everything that the language allows.
    pub fn full() -> Self {
        Self { units: FULL, is_inline: false, interrupt: None }
    }

    /// As [`EvalBudget::full`], ended early by `interrupt`.
    pub fn full_with_interrupt(interrupt: EvalInterrupt) -> Self {
        Self { interrupt: Some(interrupt), ..Self::full() }
    }

    /// What may run on a thread that others wait for. Where it does not suffice, the evaluation
    /// fails with [`super::EvalErrorKind::NeedsFullBudget`] and can be repeated with the full one.
    pub fn inline() -> Self {
        Self { units: INLINE, is_inline: true, interrupt: None }
    }

    /// As [`EvalBudget::inline`], with so many units: for tests and simulations.
    pub fn inline_of(units: u64) -> Self {
        Self { units, ..Self::inline() }
    }

    /// The units that are left of an inline budget; `None` where it is none.
    pub(crate) fn inline_left(&self) -> Option<u64> {
        self.is_inline.then_some(self.units)
    }

    /// Reduces an inline budget, which several evaluations share, by what one of them used.
    pub(crate) fn spend_units(&mut self, units: u64) {
        if self.is_inline {
            self.units = self.units.saturating_sub(units);
        }
    }
}

/// Why the running evaluation must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopReason {
    Exhausted,
    Interrupted,
}

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(0) };
    static GIVEN: Cell<u64> = const { Cell::new(0) };
    static POLL_AT: Cell<u64> = const { Cell::new(0) };
    static STOP: Cell<Option<StopReason>> = const { Cell::new(None) };
    static IS_INLINE: Cell<bool> = const { Cell::new(false) };
    static INTERRUPT: RefCell<Option<EvalInterrupt>> = const { RefCell::new(None) };
}

/// Starts an evaluation with a budget.
pub(super) fn start_evaluation(budget: EvalBudget) {
    LEFT.set(budget.units);
    GIVEN.set(budget.units);
    STOP.set(None);
    IS_INLINE.set(budget.is_inline);
    let first = if budget.interrupt.is_some() { budget.units } else { 0 };
    POLL_AT.set(first);
    INTERRUPT.set(budget.interrupt);
}

/// The units that were used since [`start_evaluation`].
pub(super) fn spent_units() -> u64 {
    GIVEN.get() - LEFT.get()
}

/// Whether the evaluation runs with the inline budget.
pub(super) fn is_inline() -> bool {
    IS_INLINE.get()
}

/// Why the evaluation had to end, if it had to.
pub(super) fn stop_reason() -> Option<StopReason> {
    STOP.get()
}

/// Charges for work before it is done.
pub(super) fn charge_units(cost: u64) -> Result<(), Error> {
    let left = match LEFT.get().checked_sub(cost) {
        Some(left) if left >= POLL_AT.get() => {
            LEFT.set(left);
            return Ok(());
        }
        left => left,
    };
    charge_slowly(left)
}

/// Handles a used-up budget or polls the interrupt.
#[cold]
fn charge_slowly(left: Option<u64>) -> Result<(), Error> {
    let Some(left) = left else {
        LEFT.set(0);
        STOP.set(STOP.get().or(Some(StopReason::Exhausted)));
        return Err(too_much());
    };
    let due =
        INTERRUPT.with_borrow(|interrupt| interrupt.as_ref().is_some_and(EvalInterrupt::is_due));
    if due {
        LEFT.set(0);
        STOP.set(Some(StopReason::Interrupted));
        return Err(Error::new(ErrorKind::OutOfFuel, "the evaluation was interrupted"));
    }
    LEFT.set(left);
    POLL_AT.set(left.saturating_sub(INTERRUPT_EVERY));
    Ok(())
}

fn too_much() -> Error {
    Error::new(
        ErrorKind::OutOfFuel,
        "the expression touches too much data; let a step do this work",
    )
}

/// Charges for text that is about to be made.
pub(super) fn charge_text(bytes: usize) -> Result<(), Error> {
    if bytes > MAX_TEXT {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("the text would be longer than {} MiB", MAX_TEXT >> 20),
        ));
    }
    charge_units(bytes as u64)
}

/// Charges for a list that is about to be made.
pub(super) fn charge_items(items: usize) -> Result<(), Error> {
    charge_units(ITEM.saturating_mul(items as u64))
}

/// Refuses a list that would be too long to be made at once.
pub(super) fn check_length(length: usize) -> Result<(), Error> {
    if length > MAX_ITEMS {
        let message = format!("the list would have more than {MAX_ITEMS} items");
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    charge_items(length)
}

/// The length of text after something is repeated in it; `MAX_TEXT + 1` where it is far too long.
pub(super) fn repeated_length(length: usize, times: usize, each: usize) -> usize {
    times.checked_mul(each).and_then(|more| more.checked_add(length)).unwrap_or(MAX_TEXT + 1)
}

/// Charges for reading all of a JSON value.
pub(super) fn weigh_json(value: &serde_json::Value) -> Result<(), Error> {
    use serde_json::Value as Json;
    match value {
        Json::String(text) => return charge_units(VALUE + text.len() as u64),
        Json::Array(_) | Json::Object(_) => {}
        _ => return charge_units(VALUE),
    }
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Json::String(text) => charge_units(VALUE + text.len() as u64)?,
            Json::Array(items) => {
                charge_units(VALUE + items.len() as u64)?;
                open.extend(items);
            }
            Json::Object(map) => {
                charge_units(VALUE)?;
                for (key, value) in map {
                    charge_units(VALUE + key.len() as u64)?;
                    open.push(value);
                }
            }
            _ => charge_units(VALUE)?,
        }
    }
    Ok(())
}
