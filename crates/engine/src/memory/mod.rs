//! The memory budget: one limit for what request bodies, values and responses take together.
//!
//! A weighted semaphore. Memory is reserved before it is used, in the order of the requests; where
//! there is none, a request waits for a bounded time and is then refused. What has a reservation
//! already and needs more waits in a queue of its own, which is served first: it will give back
//! what it has, while a new request has nothing to give. There the one that holds most is first, as
//! it is nearest to its end. When those that wait for more hold so much together that the first of
//! them could never be served, the ones that hold least are refused at once.
//!
//! Less than [`SMALL`] is not counted: requests and values of usual size pay nothing.

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
