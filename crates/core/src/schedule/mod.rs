//! Schedules: when executions start automatically.
//!
//! [`ScheduleTiming`] is the timing as configured, [`FiringRule`] its checked form, which computes
//! firings, and [`SchedulePolicies::next_step`] decides what to do with a schedule at a given time.
//! Nothing here reads a clock or starts anything. Cron is parsed by `croner`, time zones are those
//! of `jiff`'s database in the binary.

mod named;
mod preview;
mod rule;
mod scheduler_step;
mod set_back;
#[cfg(test)]
mod tests;
mod timing;
mod timing_request;

pub use named::{Misfire, Overlap, Unit};
pub use preview::preview_firings;
pub use rule::FiringRule;
pub(crate) use rule::bundled_zone;
pub use scheduler_step::{
    MAX_CATCH_UP, MAX_QUEUED, MISFIRE_GRACE, SchedulePolicies, ScheduleProgress, SchedulerContext,
    SchedulerStep, SkippedFiring,
};
pub use set_back::{AfterSetBack, SetBack};
pub use timing::{DEFAULT_ZONE, ScheduleTiming, TimingKind};
pub use timing_request::TimingRequest;
