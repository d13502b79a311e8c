//! Schedules.

mod crashes;
mod firing;
mod many;
mod notifications;
mod policies;
