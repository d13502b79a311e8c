//! Schedules.

mod crashes;
mod firing;
mod many;
mod policies;
mod told;
