//! Schedules: when executions start automatically.
//!
//! [`ScheduleTiming`] is the timing as configured, [`FiringRule`] its checked form, which computes
//! firings, and [`SchedulePolicies::next_step`] decides what to do with a schedule at a given time.
//! Nothing here reads a clock or starts anything. Cron is parsed by `croner`, time zones are those
//! of `jiff`'s database in the binary.

mod named;
mod rule;
mod scheduler_step;
mod set_back;
#[cfg(test)]
mod tests;
mod timing_request;

pub use named::{Misfire, Overlap, Unit};
pub use rule::FiringRule;
pub use scheduler_step::{
    MAX_CATCH_UP, MAX_QUEUED, MISFIRE_GRACE, SchedulePolicies, ScheduleProgress, SchedulerContext,
    SchedulerStep, SkippedFiring,
};
pub use set_back::{AfterSetBack, SetBack};
pub use timing_request::TimingRequest;

use serde::{Deserialize, Serialize};

use crate::{Problem, Timestamp};

/// The time zone where none is given.
pub const DEFAULT_ZONE: &str = "UTC";

/// When a schedule fires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ScheduleTiming {
    /// Whenever the wall clock of its time zone matches.
    Cron {
        /// Five fields, six with seconds first, or a form such as `@daily`.
        expression: String,
    },
    /// Repeatedly after the same duration.
    Interval {
        /// How many units; at least 1.
        value: u64,
        /// Of what.
        unit: Unit,
    },
    /// Once.
    FixedTime {
        /// When.
        at: Timestamp,
    },
}

impl ScheduleTiming {
    /// The names of the kinds, as users write them.
    pub const TYPES: [&str; 3] = ["cron", "interval", "fixed_time"];

    /// Its kind.
    pub const fn kind(&self) -> TimingKind {
        match self {
            Self::Cron { .. } => TimingKind::Cron,
            Self::Interval { .. } => TimingKind::Interval,
            Self::FixedTime { .. } => TimingKind::FixedTime,
        }
    }

    /// The name of its kind, as users write it.
    pub const fn type_name(&self) -> &'static str {
        self.kind().name()
    }
}

/// The kinds of [`ScheduleTiming`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimingKind {
    /// [`ScheduleTiming::Cron`].
    Cron,
    /// [`ScheduleTiming::Interval`].
    Interval,
    /// [`ScheduleTiming::FixedTime`].
    FixedTime,
}

impl TimingKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cron, Self::Interval, Self::FixedTime];

    /// Its name, as users write it and as it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cron => ScheduleTiming::TYPES[0],
            Self::Interval => ScheduleTiming::TYPES[1],
            Self::FixedTime => ScheduleTiming::TYPES[2],
        }
    }
}

/// The next firings of a cron expression after a moment, each with its wall-clock time in the
/// zone, at most `count`.
///
/// # Errors
/// The problem with `cron_expression` or `timezone`.
pub fn preview_firings(
    expression: &str,
    timezone: &str,
    after: Timestamp,
    count: usize,
) -> Result<Vec<(Timestamp, String)>, Problem> {
    let zone = rule::find_zone(timezone)?;
    let rule = FiringRule::parse_cron(expression, &zone)?;
    let mut firings = Vec::new();
    let mut last = after;
    while firings.len() < count
        && let Some(next) = rule.next_after(last)
    {
        firings.push((next, rule::wall_clock(next, &zone)));
        last = next;
    }
    if firings.is_empty() {
        return Err(rule::never_fires(expression));
    }
    Ok(firings)
}
