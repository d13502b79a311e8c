//! What several of the tests of schedules need.

mod firings;
mod properties;
mod scheduler_steps;
mod timing_requests;

use super::*;
use crate::Timestamp;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap_or_else(|| panic!("{text}"))
}

fn cron(expression: &str, zone: &str) -> FiringRule {
    let timing = ScheduleTiming::Cron { expression: expression.into() };
    FiringRule::new(&timing, zone, at("2026-01-01T00:00:00Z")).unwrap_or_else(|e| panic!("{e}"))
}
