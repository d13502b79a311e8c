//! The timing of a schedule as configured.

use serde::{Deserialize, Serialize};

use super::named::Unit;
use crate::Timestamp;

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

    /// Whether it never fires after `now`, because its only time has passed.
    pub fn is_over(&self, now: Timestamp) -> bool {
        matches!(self, Self::FixedTime { at } if *at <= now)
    }

    /// The name of a schedule that was given none: `cron 0 9 * * *`, `every 2 hours`,
    /// `at 2026-05-02T10:00:00.000000Z`.
    pub fn default_name(&self) -> String {
        match self {
            Self::Cron { expression } => format!("cron {expression}"),
            Self::Interval { value, unit } => format!("every {value} {}", unit.name()),
            Self::FixedTime { at } => format!("at {at}"),
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
