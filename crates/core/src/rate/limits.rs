//! What a key or a workspace may use.

use serde::{Deserialize, Serialize};

use crate::Problem;

/// The highest limit that can be set: above it, a limit limits nothing.
const MOST: u32 = 1_000_000;

/// What a key or a workspace may use. What is not set has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// The preset that the limits were chosen by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<RateTier>,
    /// How many executions may be started in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executions_per_second: Option<u32>,
    /// How many requests may be made in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// How many executions may be accepted and not ended at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent_executions: Option<u32>,
}

/// A preset of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateTier {
    /// 5 executions per second.
    Standard,
    /// Whatever limits were agreed on; none where none were.
    Enterprise,
}

impl RateTier {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Standard, Self::Enterprise];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Enterprise => "enterprise",
        }
    }
}

impl RateLimits {
    /// No limits.
    pub const NONE: Self = Self {
        tier: None,
        executions_per_second: None,
        requests_per_minute: None,
        concurrent_executions: None,
    };

    /// The limits of a tier, with those that were requested explicitly.
    ///
    /// # Errors
    /// A problem that names the field: a limit out of range, or limits beside a tier that has its
    /// own.
    pub fn choose_limits(tier: Option<RateTier>, custom: Option<Self>) -> Result<Self, Problem> {
        match (tier, custom) {
            (Some(RateTier::Standard), Some(_)) => Err(Problem::new(
                "rate_limits",
                "the tier `standard` has limits of its own; choose `enterprise`, or leave the tier out",
            )),
            (Some(RateTier::Standard), None) => {
                Ok(Self { tier, executions_per_second: Some(5), ..Self::NONE })
            }
            (tier, custom) => Self { tier, ..custom.unwrap_or_default() }.check_limits(),
        }
    }

    fn check_limits(self) -> Result<Self, Problem> {
        let Self { tier: _, executions_per_second, requests_per_minute, concurrent_executions } =
            self;
        for (name, limit) in [
            ("executions_per_second", executions_per_second),
            ("requests_per_minute", requests_per_minute),
            ("concurrent_executions", concurrent_executions),
        ] {
            if let Some(limit) = limit
                && !(1..=MOST).contains(&limit)
            {
                let message =
                    format!("must be 1 to {MOST}, not {limit}; leave it out for no limit");
                return Err(Problem::new(format!("rate_limits.{name}"), message));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_and_limits_of_ones_own() {
        let custom = RateLimits { requests_per_minute: Some(60), ..RateLimits::NONE };
        let five = Some(5);
        for (tier, requested, expect) in [
            (None, None, Ok((None, None, None))),
            (None, Some(custom), Ok((None, None, Some(60)))),
            (Some(RateTier::Standard), None, Ok((Some(RateTier::Standard), five, None))),
            (Some(RateTier::Standard), Some(custom), Err("rate_limits")),
            (Some(RateTier::Enterprise), None, Ok((Some(RateTier::Enterprise), None, None))),
            (
                Some(RateTier::Enterprise),
                Some(custom),
                Ok((Some(RateTier::Enterprise), None, Some(60))),
            ),
        ] {
            let found = RateLimits::choose_limits(tier, requested)
                .map(|l| (l.tier, l.executions_per_second, l.requests_per_minute))
                .map_err(|problem| problem.path);
            assert_eq!(found, expect.map_err(str::to_owned), "{tier:?} {requested:?}");
        }
    }

    #[test]
    fn limits_have_a_range() {
        for (limit, good) in [(0, false), (1, true), (MOST, true), (MOST + 1, false)] {
            let requested = RateLimits { concurrent_executions: Some(limit), ..RateLimits::NONE };
            let found =
                RateLimits::choose_limits(None, Some(requested)).map_err(|problem| problem.path);
            let expect = if good {
                Ok(requested)
            } else {
                Err("rate_limits.concurrent_executions".to_owned())
            };
            assert_eq!(found, expect, "{limit}");
        }
    }

    #[test]
    fn they_are_stored_as_they_are_set() {
        let limits = RateLimits { executions_per_second: Some(7), ..RateLimits::NONE };
        let text = serde_json::to_string(&limits).unwrap();
        assert_eq!(text, r#"{"executions_per_second":7}"#);
        assert_eq!(serde_json::from_str::<RateLimits>(&text).unwrap(), limits);
        assert_eq!(serde_json::from_str::<RateLimits>("{}").unwrap(), RateLimits::NONE);
        assert!(serde_json::from_str::<RateLimits>(r#"{"per_day":1}"#).is_err());
    }
}
