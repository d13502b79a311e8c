//! The memory budget: one limit for request bodies, values and responses together.
//!
//! It is a weighted semaphore. Memory is reserved before it is used, in the order of the requests; if
//! none is free, a request waits for a bounded time and is then refused. Reservations that grow wait
//! in a separate queue, which is served first: they will release memory, while a new request has
//! none. There the largest is first, since it is closest to its end. If growing reservations hold so
//! much together that the first could never be served, the smallest are refused at once.
//!
//! Less than [`SMALL`] is not counted: requests and values of usual size cost nothing.

mod budget;
mod held;
mod settings;
#[cfg(test)]
mod tests;

pub use budget::{MemoryBudget, MemoryShortage, PATIENCE, Reservation};
pub use held::{HeldMemory, Hold};
pub use settings::{LEAST_BUDGET, MemoryLimit};

/// Reservations of fewer bytes than this are not counted.
pub const SMALL: usize = 64 << 10;
