//! A checked timing, which computes its firings.

use std::sync::LazyLock;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::timing::ScheduleTiming;
use crate::{Problem, Timestamp};

/// The longest cron expression, in characters.
const MAX_EXPRESSION: usize = 256;
/// The longest interval: a hundred years.
const MAX_INTERVAL: i64 = 100 * 366 * 86_400 * 1_000_000;
const MICROS: i64 = 1_000_000;

/// Computes when a schedule fires. Firings are at whole seconds, except those of intervals, which
/// count from the time of their configuration.
#[derive(Debug, Clone)]
pub struct FiringRule(RuleKind);

#[derive(Debug, Clone)]
enum RuleKind {
    Cron { cron: Box<Cron>, zone: TimeZone },
    Interval { anchor: Timestamp, every: i64 },
    FixedTime(Timestamp),
}

impl FiringRule {
    /// Checks a timing. Intervals count from `anchor`.
    ///
    /// # Errors
    /// The problem, with the field's name: `cron_expression`, `timezone`, `interval_value`.
    pub fn new(
        timing: &ScheduleTiming,
        timezone: &str,
        anchor: Timestamp,
    ) -> Result<Self, Problem> {
        let zone = find_zone(timezone)?;
        match timing {
            ScheduleTiming::Cron { expression } => Self::parse_cron(expression, &zone),
            ScheduleTiming::Interval { value, unit } => {
                let every =
                    i64::try_from(*value).ok().and_then(|n| n.checked_mul(unit.to_micros()));
                match every.filter(|every| (1..=MAX_INTERVAL).contains(every)) {
                    Some(every) => Ok(Self(RuleKind::Interval { anchor, every })),
                    None => Err(Problem::new(
                        "interval_value",
                        "must be greater than 0 and make no more than a hundred years",
                    )
                    .with_expectation("from 1 on", value.to_string())),
                }
            }
            ScheduleTiming::FixedTime { at } => Ok(Self(RuleKind::FixedTime(*at))),
        }
    }

    pub(super) fn parse_cron(expression: &str, zone: &TimeZone) -> Result<Self, Problem> {
        let cron = Box::new(parse_expression(expression)?);
        Ok(Self(RuleKind::Cron { cron, zone: zone.clone() }))
    }

    /// The first firing after that moment; `None`: there is none.
    pub fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        match &self.0 {
            RuleKind::Cron { cron, zone } => {
                let from = to_zoned(moment, zone)?;
                let next = cron.find_next_occurrence(&from, false).ok()?;
                Some(Timestamp::from_micros(next.timestamp().as_microsecond()))
            }
            RuleKind::Interval { anchor, every } => nth_firing(
                *anchor,
                *every,
                passed_intervals(*anchor, *every, moment).checked_add(1)?,
            ),
            RuleKind::FixedTime(at) => Some(*at).filter(|at| *at > moment),
        }
    }

    /// The last firing at or before that moment; `None`: there is none.
    pub fn at_or_before(&self, moment: Timestamp) -> Option<Timestamp> {
        match &self.0 {
            RuleKind::Cron { cron, zone } => {
                let from = to_zoned(moment, zone)?;
                let last = cron.find_previous_occurrence(&from, true).ok()?;
                Some(Timestamp::from_micros(last.timestamp().as_microsecond()))
            }
            RuleKind::Interval { anchor, every } => match passed_intervals(*anchor, *every, moment)
            {
                0 => None,
                n => nth_firing(*anchor, *every, n),
            },
            RuleKind::FixedTime(at) => Some(*at).filter(|at| *at <= moment),
        }
    }
}

/// How many intervals are over.
fn passed_intervals(anchor: Timestamp, every: i64, moment: Timestamp) -> i64 {
    moment.as_micros().saturating_sub(anchor.as_micros()).max(0) / every
}

fn nth_firing(anchor: Timestamp, every: i64, n: i64) -> Option<Timestamp> {
    let micros = every.checked_mul(n)?.checked_add(anchor.as_micros())?;
    Some(Timestamp::from_micros(micros))
}

/// The moment on the zone's wall clock, rounded down to whole seconds: cron knows no finer ones.
fn to_zoned(moment: Timestamp, zone: &TimeZone) -> Option<jiff::Zoned> {
    let second = jiff::Timestamp::from_second(moment.as_micros().div_euclid(MICROS)).ok()?;
    Some(second.to_zoned(zone.clone()))
}

/// The wall-clock time of a moment: `2026-03-29T03:00:00+02:00`.
pub(super) fn wall_clock(moment: Timestamp, zone: &TimeZone) -> String {
    to_zoned(moment, zone).map_or_else(
        || moment.to_string(),
        |zoned| zoned.timestamp().display_with_offset(zoned.offset()).to_string(),
    )
}

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone of the bundled database by its IANA name.
pub(crate) fn bundled_zone(name: &str) -> Option<TimeZone> {
    let zone = ZONES.get(name).ok()?;
    // Names of the database that stand for no place at all.
    (!zone.is_unknown() && zone.iana_name() != Some("Factory")).then_some(zone)
}

/// A time zone by its IANA name, with the problem of an unknown one.
pub(super) fn find_zone(name: &str) -> Result<TimeZone, Problem> {
    bundled_zone(name).ok_or_else(|| {
        let shown: String = name.chars().take(64).collect();
        let nearest = ZONES
            .available()
            .map(|known| (strsim::damerau_levenshtein(known.as_str(), &shown), known.to_string()))
            .min()
            .filter(|(distance, _)| *distance <= 3 && distance * 3 <= shown.chars().count());
        let hint =
            nearest.map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"));
        Problem::new(
            "timezone",
            format!("`{shown}` is not an IANA time zone such as Europe/Berlin{hint}"),
        )
    })
}

/// The name of a time zone as the database writes it.
pub(super) fn zone_name(zone: &TimeZone, written: &str) -> String {
    zone.iana_name().unwrap_or(written).to_owned()
}

/// No date will ever match.
pub(super) fn never_fires(expression: &str) -> Problem {
    Problem::new("cron_expression", format!("`{expression}` never fires: no such date exists"))
}

fn parse_expression(expression: &str) -> Result<Cron, Problem> {
    let refuse = |why: String| Err(Problem::new("cron_expression", why));
    let fields = expression.split_whitespace().count();
    if expression.chars().count() > MAX_EXPRESSION {
        return refuse(format!("must be at most {MAX_EXPRESSION} characters long"));
    }
    if expression.trim_start().starts_with('@') {
        if fields != 1 || !ALIASES.contains(&expression.trim().to_ascii_lowercase().as_str()) {
            let known = ALIASES.join(", ");
            return refuse(format!("`{expression}` is not one of {known}"));
        }
    } else if !(5..=6).contains(&fields) {
        return refuse(format!(
            "must have five fields (minute, hour, day of the month, month, day of the week), or \
             six with the second first; `{expression}` has {fields}"
        ));
    }
    if let Some(field) =
        expression.split_whitespace().find(|field| field.split(',').any(str::is_empty))
    {
        return refuse(format!(
            "`{expression}` is not a cron expression: the list `{field}` lacks a value beside a \
             comma; lists have no spaces"
        ));
    }
    // Midnight, as the manual of cron calls it.
    let read =
        if expression.trim().eq_ignore_ascii_case("@midnight") { "@daily" } else { expression };
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    parser.parse(read).or_else(|error| {
        let why = error.to_string();
        let why = why.strip_prefix("Component error: ").unwrap_or(&why).trim_end_matches('.');
        refuse(format!("`{expression}` is not a cron expression: {why}"))
    })
}

/// The forms with `@`.
const ALIASES: [&str; 7] =
    ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
