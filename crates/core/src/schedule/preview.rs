//! The next firings of a cron expression, shown before it is used.

use super::rule::{self, FiringRule};
use crate::{Problem, Timestamp};

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
