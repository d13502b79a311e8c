//! The choices that users make by name.

use serde::{Deserialize, Serialize};

use crate::Problem;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name, as users write it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Reads what a user wrote in that field.
            ///
            /// # Errors
            /// The problem, which lists the names.
            pub fn read(field: &str, text: &str) -> Result<Self, Problem> {
                let known = Self::ALL.iter().find(|one| one.name() == text);
                known.copied().ok_or_else(|| {
                    one_of(field, &[$($text),+], text)
                })
            }
        }
    };
}

named! {
    /// What an interval counts. A day is 24 hours, whatever the clocks do.
    Unit {
        /// Seconds.
        #[default]
        Seconds = "seconds",
        /// 60 seconds.
        Minutes = "minutes",
        /// 60 minutes.
        Hours = "hours",
        /// 24 hours.
        Days = "days",
    }
}

named! {
    /// What becomes of firings that fell into an outage.
    Misfire {
        /// One execution for all of them.
        #[default]
        RunOnce = "run_once",
        /// All are skipped.
        Skip = "skip",
        /// One execution for each, the oldest first, up to [`MAX_CATCH_UP`](super::MAX_CATCH_UP).
        RunAll = "run_all",
    }
}

named! {
    /// What becomes of a firing while the last execution still runs.
    Overlap {
        /// Both run.
        #[default]
        Allow = "allow",
        /// The firing is skipped.
        Skip = "skip",
        /// The firing waits for the end, behind those that wait already.
        Queue = "queue",
    }
}

impl Unit {
    /// How long one is, in microseconds.
    pub const fn to_micros(self) -> i64 {
        const SECOND: i64 = 1_000_000;
        match self {
            Self::Seconds => SECOND,
            Self::Minutes => 60 * SECOND,
            Self::Hours => 3600 * SECOND,
            Self::Days => 86_400 * SECOND,
        }
    }
}

/// The field must have one of these values.
pub(super) fn one_of(field: &str, known: &[&str], found: &str) -> Problem {
    let known = known.join(", ");
    let found: String = found.chars().take(64).collect();
    Problem::new(field, format!("must be one of {known}"))
        .with_expectation(format!("one of {known}"), format!("`{found}`"))
}
