//! `stepwell schedules create` and `update`: the fields of a schedule.

use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};

use crate::error::CliError;
use crate::inputs::InputArgs;

#[derive(Debug, Args)]
pub struct ScheduleFields {
    /// Cron expression, such as '30 2 * * *'
    #[arg(long, value_name = "EXPRESSION", conflicts_with_all = ["every", "at"])]
    cron: Option<String>,
    /// Interval, such as 15m, 6h or 1d
    #[arg(long, value_name = "DURATION", conflicts_with = "at", value_parser = parse_interval)]
    every: Option<Interval>,
    /// Time of the only firing (2030-01-31T09:00:00Z)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// IANA time zone [default of a new schedule: UTC]
    #[arg(long, short, value_name = "ZONE")]
    timezone: Option<String>,
    /// Description
    #[arg(long)]
    description: Option<String>,
    #[command(flatten)]
    input: InputArgs,
    /// Release tag of its executions, resolved at each firing; '' means the newest release
    #[arg(long, value_name = "TAG")]
    release_tag: Option<String>,
    /// What happens to missed firings: run_once, skip, run_all
    #[arg(long, value_name = "POLICY")]
    misfire_policy: Option<String>,
    /// What happens to a firing while the last execution runs: allow, skip, queue
    #[arg(long, value_name = "POLICY")]
    overlap_policy: Option<String>,
}

impl ScheduleFields {
    /// The body of a request with the fields that are given.
    ///
    /// # Errors
    /// `Usage` for an input that cannot be read.
    pub fn into_body(self, name: Option<String>) -> Result<Map<String, Value>, CliError> {
        let mut body = Map::new();
        if let Some(Interval { value, unit }) = self.every {
            body.insert("schedule_type".into(), "interval".into());
            body.insert("interval_value".into(), value.into());
            body.insert("interval_unit".into(), unit.into());
        }
        let schedule_type = match (&self.cron, &self.at) {
            (Some(_), _) => Some("cron".to_owned()),
            (None, Some(_)) => Some("fixed_time".to_owned()),
            (None, None) => None,
        };
        for (field, value) in [
            ("name", name),
            ("schedule_type", schedule_type),
            ("cron_expression", self.cron),
            ("execution_time", self.at),
            ("timezone", self.timezone),
            ("description", self.description),
            ("misfire_policy", self.misfire_policy),
            ("overlap_policy", self.overlap_policy),
        ] {
            if let Some(value) = value {
                body.insert(field.into(), value.into());
            }
        }
        if let Some(tag) = self.release_tag {
            let tag = if tag.is_empty() { Value::Null } else { tag.into() };
            body.insert("release_tag".into(), tag);
        }
        if let Some(parameters) = self.input.read()? {
            body.insert("parameters".into(), parameters);
        }
        Ok(body)
    }
}

/// An interval in the largest unit that expresses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    value: u64,
    unit: &'static str,
}

const UNITS: [(&str, u64); 4] =
    [("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1)];

/// clap value parser of an interval.
fn parse_interval(text: &str) -> Result<Interval, String> {
    let hint = "expected a duration of whole seconds such as 30s, 15m, 6h or 1d";
    let duration: Duration = humantime::parse_duration(text).map_err(|_| hint.to_owned())?;
    let seconds = duration.as_secs();
    if seconds == 0 || duration.subsec_nanos() != 0 {
        return Err(hint.into());
    }
    let found = UNITS.into_iter().find(|(_, length)| seconds.is_multiple_of(*length));
    let (unit, length) = found.ok_or_else(|| hint.to_owned())?;
    Ok(Interval { value: seconds / length, unit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_the_largest_unit() {
        for (text, expect) in [
            ("90s", Some((90, "seconds"))),
            ("15m", Some((15, "minutes"))),
            ("1h 30m", Some((90, "minutes"))),
            ("48h", Some((2, "days"))),
            ("0s", None),
            ("500ms", None),
            ("often", None),
        ] {
            let found = parse_interval(text).ok().map(|Interval { value, unit }| (value, unit));
            assert_eq!(found, expect, "{text}");
        }
    }
}
