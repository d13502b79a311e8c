//! The timing in a request, merged with the schedule's present timing.

use super::named::{Unit, one_of};
use super::rule::{self, FiringRule};
use super::timing::{DEFAULT_ZONE, ScheduleTiming};
use crate::{Problem, Problems, Timestamp};

/// The timing fields of a request, unparsed; `None`: the field is omitted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TimingRequest {
    /// `cron`, `interval` or `fixed_time`.
    pub schedule_type: Option<String>,
    /// Of a `cron` one.
    pub cron_expression: Option<String>,
    /// Of an `interval` one.
    pub interval_value: Option<f64>,
    /// Of an `interval` one.
    pub interval_unit: Option<String>,
    /// Of a `fixed_time` one: RFC 3339.
    pub execution_time: Option<String>,
    /// An IANA name.
    pub timezone: Option<String>,
}

/// The greatest number up to which every whole one is exact in a float.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// What an interval's number must be.
const WHOLE: &str = "must be a whole number greater than 0 and make no more than a hundred years";

impl TimingRequest {
    /// Whether all fields are omitted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The new timing and time zone. Omitted fields are unchanged from `before`.
    ///
    /// # Errors
    /// Every problem, with the name of its field.
    pub fn merge_with(
        &self,
        before: Option<(&ScheduleTiming, &str)>,
        now: Timestamp,
    ) -> Result<(ScheduleTiming, String), Problems> {
        let mut problems = Problems::default();
        let zone = self.merged_zone(before.map(|(_, zone)| zone), &mut problems);
        let Some(timing) = self.merged_timing(before.map(|(timing, _)| timing), now, &mut problems)
        else {
            return Err(problems);
        };
        // Problems of the timing are reported even if the zone is wrong too.
        match FiringRule::new(&timing, zone.as_deref().unwrap_or(DEFAULT_ZONE), now) {
            Err(problem) => problems.push(problem),
            // A fixed time that was there before may be over; one that is new was checked.
            Ok(rule) => {
                if let ScheduleTiming::Cron { expression } = &timing
                    && rule.next_after(now).is_none()
                {
                    problems.push(rule::never_fires(expression));
                }
            }
        }
        let zone = zone.unwrap_or_default();
        problems.or_ok((timing, zone))
    }

    fn merged_zone(&self, before: Option<&str>, problems: &mut Problems) -> Option<String> {
        let name = self.timezone.as_deref().or(before).unwrap_or(DEFAULT_ZONE);
        match rule::find_zone(name) {
            Ok(zone) => Some(rule::zone_name(&zone, name)),
            Err(problem) => {
                problems.push(problem);
                None
            }
        }
    }

    fn merged_timing(
        &self,
        before: Option<&ScheduleTiming>,
        now: Timestamp,
        problems: &mut Problems,
    ) -> Option<ScheduleTiming> {
        let kind = match self.schedule_type.as_deref().or(before.map(ScheduleTiming::type_name)) {
            Some(kind) => kind,
            None => {
                let known = ScheduleTiming::TYPES.join(", ");
                problems
                    .push(Problem::new("schedule_type", format!("is required: one of {known}")));
                return None;
            }
        };
        let read = match kind {
            "cron" => self.merged_cron(before),
            "interval" => self.merged_interval(before, problems),
            "fixed_time" => self.fixed_time(before, now),
            other => Err(one_of("schedule_type", &ScheduleTiming::TYPES, other)),
        };
        if ScheduleTiming::TYPES.contains(&kind) {
            problems.0.extend(self.foreign_fields(kind, before));
        }
        read.map_err(|problem| problems.push(problem)).ok()
    }

    fn merged_cron(&self, before: Option<&ScheduleTiming>) -> Result<ScheduleTiming, Problem> {
        match (&self.cron_expression, before) {
            (Some(expression), _) => Ok(ScheduleTiming::Cron { expression: expression.clone() }),
            (None, Some(before @ ScheduleTiming::Cron { .. })) => Ok(before.clone()),
            (None, _) => Err(required_field("cron_expression", "cron")),
        }
    }

    fn merged_interval(
        &self,
        before: Option<&ScheduleTiming>,
        problems: &mut Problems,
    ) -> Result<ScheduleTiming, Problem> {
        let (mut value, mut unit) = match before {
            Some(ScheduleTiming::Interval { value, unit }) => (Some(*value), Some(*unit)),
            _ => (None, None),
        };
        if let Some(number) = self.interval_value {
            match to_integer(number) {
                Some(number) => value = Some(number),
                None => {
                    let problem = Problem::new("interval_value", WHOLE);
                    problems.push(problem.with_expectation("from 1 on", number.to_string()));
                    // For any unit, this is reported once.
                    value = Some(1);
                }
            }
        }
        if let Some(text) = &self.interval_unit {
            unit = Some(Unit::read("interval_unit", text)?);
        }
        let value = value.ok_or_else(|| required_field("interval_value", "interval"));
        let unit = unit.ok_or_else(|| required_field("interval_unit", "interval"));
        match (value, unit) {
            (Ok(value), Ok(unit)) => Ok(ScheduleTiming::Interval { value, unit }),
            (Err(value), Err(unit)) => {
                problems.push(value);
                Err(unit)
            }
            (Err(problem), _) | (_, Err(problem)) => Err(problem),
        }
    }

    fn fixed_time(
        &self,
        before: Option<&ScheduleTiming>,
        now: Timestamp,
    ) -> Result<ScheduleTiming, Problem> {
        match (&self.execution_time, before) {
            (Some(text), _) => {
                let at = parse_time(text)?;
                // Repeating the present time changes nothing.
                if at <= now && before != Some(&(ScheduleTiming::FixedTime { at })) {
                    let problem = Problem::new("execution_time", "must lie in the future");
                    return Err(problem.with_expectation(format!("after {now}"), at.to_string()));
                }
                Ok(ScheduleTiming::FixedTime { at })
            }
            (None, Some(before @ ScheduleTiming::FixedTime { .. })) => Ok(before.clone()),
            (None, _) => Err(required_field("execution_time", "fixed_time")),
        }
    }

    /// Fields of another kind, unless they repeat the present timing: a request that changes the
    /// kind may contain all other fields as they were returned.
    fn foreign_fields(&self, kind: &str, before: Option<&ScheduleTiming>) -> Vec<Problem> {
        let repeated =
            before.filter(|before| self.is_repetition(before)).map(ScheduleTiming::type_name);
        let fields = [
            ("cron_expression", "cron", self.cron_expression.is_some()),
            ("interval_value", "interval", self.interval_value.is_some()),
            ("interval_unit", "interval", self.interval_unit.is_some()),
            ("execution_time", "fixed_time", self.execution_time.is_some()),
        ];
        let sent = fields.into_iter().filter(|(_, of, sent)| *sent && *of != kind);
        sent.filter(|(_, of, _)| repeated != Some(of))
            .map(|(field, of, _)| {
                let message = format!("belongs to schedule_type `{of}`, but this one is `{kind}`");
                Problem::new(field, message)
            })
            .collect()
    }

    /// Whether the fields of that timing's kind, if any, are equal to that timing.
    fn is_repetition(&self, before: &ScheduleTiming) -> bool {
        match before {
            ScheduleTiming::Cron { expression } => {
                self.cron_expression.as_ref().is_none_or(|sent| sent == expression)
            }
            ScheduleTiming::Interval { value, unit } => {
                self.interval_value.is_none_or(|sent| to_integer(sent) == Some(*value))
                    && self.interval_unit.as_ref().is_none_or(|sent| sent == unit.name())
            }
            ScheduleTiming::FixedTime { at } => {
                let sent = self.execution_time.as_deref();
                sent.is_none_or(|sent| Timestamp::parse(sent) == Some(*at))
            }
        }
    }
}

fn required_field(field: &str, kind: &str) -> Problem {
    Problem::new(field, format!("is required with schedule_type `{kind}`"))
}

/// Reads an RFC 3339 time with an offset.
fn parse_time(text: &str) -> Result<Timestamp, Problem> {
    Timestamp::parse(text).ok_or_else(|| {
        let shown: String = text.chars().take(64).collect();
        Problem::new("execution_time", "must be an RFC 3339 time with an offset, before year 9999")
            .with_expectation("such as 2026-12-31T00:00:00Z", format!("`{shown}`"))
    })
}

fn to_integer(number: f64) -> Option<u64> {
    let exact = (1.0..=MAX_EXACT).contains(&number) && number.fract() == 0.0;
    exact.then_some(number as u64)
}
