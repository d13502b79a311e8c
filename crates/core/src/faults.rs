//! Places where tests plant a panic, to see that nothing but one execution suffers from it.
//!
//! Without the feature `faults`, which only tests turn on, [`hit`] does nothing.

/// Panics where a test has planted a fault at this point.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn hit(_point: &'static str) {}

#[cfg(feature = "faults")]
pub use planted::{POINTS, SEND_DELIVERY, STORE_OUTCOMES, hit, is_planted, plant_fault};

#[cfg(feature = "faults")]
mod planted {
    use std::sync::{Mutex, PoisonError};

    /// The points in the work on an execution.
    pub const POINTS: &[&str] =
        &["evaluate", "advance", "evaluate_on_a_thread", "step", "commit", "load"];

    /// An attempt to send a delivery begins.
    pub const SEND_DELIVERY: &str = "send_delivery";
    /// The outcomes of deliveries are about to be stored.
    pub const STORE_OUTCOMES: &str = "store_outcomes";

    static PLANTED: Mutex<Option<(&'static str, u32)>> = Mutex::new(None);

    /// The `nth` passage (from 0) of a point panics, once. `None`: none does.
    pub fn plant_fault(fault: Option<(&'static str, u32)>) {
        *PLANTED.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Whether a planted fault has yet to happen.
    pub fn is_planted() -> bool {
        PLANTED.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Panics where a test has planted a fault at this point.
    ///
    /// # Panics
    /// There.
    pub fn hit(point: &'static str) {
        let mut planted = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
        if planted.is_some_and(|(at, _)| at == point) {
            let left = planted.map_or(0, |(_, left)| left);
            *planted = left.checked_sub(1).map(|left| (point, left));
            if left == 0 {
                drop(planted);
                panic!("planted at {point}");
            }
        }
    }
}
