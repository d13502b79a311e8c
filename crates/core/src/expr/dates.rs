//! Filters for dates. A date is RFC 3339 text or a number of seconds since 1970; results are RFC 3339
//! in UTC. Zones are those of the bundled database, so that every server computes the same.

use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Zoned, civil};
use minijinja::Error;
use minijinja::value::{Value, ValueKind};

use super::error::invalid_operation;
use super::meter;
use crate::Timestamp;
use crate::schedule::bundled_zone;

/// The most bytes of a date, a format, a duration or the name of a zone.
const MAX_TEXT: usize = 200;
/// The microseconds of a second.
const SECOND: i64 = 1_000_000;
/// The units of a difference, in microseconds.
const UNITS: [(&str, i64); 4] = [
    ("seconds", SECOND),
    ("minutes", 60 * SECOND),
    ("hours", 3_600 * SECOND),
    ("days", 86_400 * SECOND),
];

/// `value | date_parse(format, zone)`: the date in UTC.
pub(super) fn parse_date(
    value: Value,
    format: Option<Value>,
    zone: Option<Value>,
) -> Result<Value, Error> {
    let zone = read_zone(zone)?;
    let Some(format) = given(format) else { return Ok(to_utc(&read_date(&value, &zone)?)) };
    let (text, format) = (short_text(&value, "the date")?, short_text(&format, "the format")?);
    let no_date = |error: jiff::Error| {
        invalid_operation(format!("`{text}` is not a date of the format `{format}`: {error}"))
    };
    let parsed = BrokenDownTime::parse(format, text).map_err(no_date)?;
    if parsed.offset().is_some() {
        return Ok(to_utc(&parsed.to_timestamp().map_err(no_date)?.to_zoned(TimeZone::UTC)));
    }
    let civil = parsed.to_datetime().or_else(|_| parsed.to_date().map(civil::DateTime::from));
    let zoned = civil.and_then(|civil| civil.to_zoned(zone));
    Ok(to_utc(&zoned.map_err(no_date)?))
}

/// `value | date_format(format, zone)`: the date as text.
pub(super) fn format_date(
    value: Value,
    format: Value,
    zone: Option<Value>,
) -> Result<Value, Error> {
    let zone = read_zone(zone)?;
    let date = read_date(&value, &zone)?;
    let format = short_text(&format, "the format")?;
    let text = BrokenDownTime::from(&date).to_string(format).map_err(|error| {
        invalid_operation(format!("`{format}` is not a format of dates: {error}"))
    })?;
    meter::charge_text(text.len())?;
    Ok(Value::from(text))
}

/// `value | date_add(duration, zone)`: the date that much later, by the calendar of the zone.
pub(super) fn add_duration(
    value: Value,
    duration: Value,
    zone: Option<Value>,
) -> Result<Value, Error> {
    let zone = read_zone(zone)?;
    let date = read_date(&value, &zone)?;
    let out_of_range =
        |error: jiff::Error| invalid_operation(format!("the date is out of range: {error}"));
    let later = match duration.kind() {
        ValueKind::Number => date.checked_add(read_seconds(&duration)?).map_err(out_of_range)?,
        _ => {
            let text = short_text(&duration, "the duration")?;
            let span: Span = text.parse().map_err(|_| {
                invalid_operation(format!(
                    "`{text}` is not a duration; write `90s`, `2h 30m`, `1d`, `1mo` or `P1M`"
                ))
            })?;
            date.checked_add(span).map_err(out_of_range)?
        }
    };
    Ok(to_utc(&later))
}

/// `value | date_diff(other, unit)`: how much later the date is than another one.
pub(super) fn date_difference(
    value: Value,
    other: Value,
    unit: Option<Value>,
) -> Result<Value, Error> {
    let [date, other] = [value, other].map(|value| read_date(&value, &TimeZone::UTC));
    let (date, other) = (date?, other?);
    let name = given(unit);
    let name = name.as_ref().map_or(Ok("seconds"), |name| short_text(name, "the unit"))?;
    let Some((_, unit)) = UNITS.iter().find(|(known, _)| *known == name) else {
        let names = UNITS.map(|(name, _)| name).join(", ");
        return Err(invalid_operation(format!("the unit `{name}` is none of {names}")));
    };
    let micros = date.timestamp().as_microsecond() - other.timestamp().as_microsecond();
    if micros % unit == 0 {
        return Ok(Value::from(micros / unit));
    }
    #[expect(clippy::cast_precision_loss, reason = "the result is a fraction")]
    let fraction = micros as f64 / *unit as f64;
    Ok(Value::from(fraction))
}

/// An argument that is neither omitted nor `none`.
fn given(argument: Option<Value>) -> Option<Value> {
    argument.filter(|value| !value.is_none() && !value.is_undefined())
}

fn short_text<'v>(value: &'v Value, what: &str) -> Result<&'v str, Error> {
    let text = value
        .as_str()
        .ok_or_else(|| invalid_operation(format!("{what} must be text, not {}", value.kind())))?;
    if text.len() > MAX_TEXT {
        return Err(invalid_operation(format!("{what} may have at most {MAX_TEXT} bytes")));
    }
    Ok(text)
}

fn read_zone(zone: Option<Value>) -> Result<TimeZone, Error> {
    let Some(zone) = given(zone) else { return Ok(TimeZone::UTC) };
    let name = short_text(&zone, "the time zone")?;
    bundled_zone(name).ok_or_else(|| {
        invalid_operation(format!("`{name}` is not an IANA time zone such as Europe/Berlin"))
    })
}

fn read_seconds(number: &Value) -> Result<SignedDuration, Error> {
    if let Some(seconds) = number.as_i64() {
        return Ok(SignedDuration::from_secs(seconds));
    }
    let seconds = f64::try_from(number.clone())?;
    SignedDuration::try_from_secs_f64(seconds)
        .map_err(|error| invalid_operation(format!("{seconds} seconds are out of range: {error}")))
}

/// The date; text without an offset is in the zone.
fn read_date(value: &Value, zone: &TimeZone) -> Result<Zoned, Error> {
    if value.kind() == ValueKind::Number {
        let timestamp = jiff::Timestamp::from_duration(read_seconds(value)?)
            .map_err(|error| invalid_operation(format!("the date is out of range: {error}")))?;
        return Ok(timestamp.to_zoned(zone.clone()));
    }
    let text = short_text(value, "a date")?;
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Ok(timestamp.to_zoned(zone.clone()));
    }
    let civil = text.parse::<civil::DateTime>().ok();
    let zoned = civil.and_then(|civil| civil.to_zoned(zone.clone()).ok());
    zoned.ok_or_else(|| {
        invalid_operation(format!(
            "`{text}` is not a date; write `2026-01-31` or `2026-01-31T09:00:00Z`, or give its format"
        ))
    })
}

/// The date in UTC, as all times are written.
fn to_utc(date: &Zoned) -> Value {
    Value::from(Timestamp::from_micros(date.timestamp().as_microsecond()).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::test_scope::TestScope;
    use super::super::{TrialForm, evaluate_text};

    fn evaluate(source: &str) -> Result<Value, String> {
        let scope = TestScope::new(json!({"inputs": {"day": "2026-03-28T12:00:00Z"}}));
        let result = evaluate_text(source, TrialForm::Expression, &scope);
        result.map(|found| found.value).map_err(|error| error.message)
    }

    #[test]
    fn dates_are_parsed_formatted_and_calculated() {
        for (source, expect) in [
            ("'2026-01-31' | date_parse", json!("2026-01-31T00:00:00.000000Z")),
            ("'2026-01-31T10:00:00+01:00' | date_parse", json!("2026-01-31T09:00:00.000000Z")),
            (
                "'2026-07-01 08:30' | date_parse(none, 'Europe/Berlin')",
                json!("2026-07-01T06:30:00.000000Z"),
            ),
            ("'31.01.2026' | date_parse('%d.%m.%Y')", json!("2026-01-31T00:00:00.000000Z")),
            (
                "'31.01.2026 09:00 +0200' | date_parse('%d.%m.%Y %H:%M %z')",
                json!("2026-01-31T07:00:00.000000Z"),
            ),
            ("0 | date_parse", json!("1970-01-01T00:00:00.000000Z")),
            ("1.5 | date_parse", json!("1970-01-01T00:00:01.500000Z")),
            (
                "inputs.day | date_format('%d.%m.%Y %H:%M', 'Europe/Berlin')",
                json!("28.03.2026 13:00"),
            ),
            ("inputs.day | date_format('%Y-W%V')", json!("2026-W13")),
            // The day on which the clocks change has 23 hours there.
            ("inputs.day | date_add('1d', 'Europe/Berlin')", json!("2026-03-29T11:00:00.000000Z")),
            ("inputs.day | date_add('1d')", json!("2026-03-29T12:00:00.000000Z")),
            ("'2026-01-31' | date_add('1mo')", json!("2026-02-28T00:00:00.000000Z")),
            ("inputs.day | date_add('-2h 30m')", json!("2026-03-28T09:30:00.000000Z")),
            ("inputs.day | date_add(90)", json!("2026-03-28T12:01:30.000000Z")),
            ("inputs.day | date_diff('2026-03-27T12:00:00Z', 'days')", json!(1)),
            ("inputs.day | date_diff('2026-03-28T11:30:00Z', 'hours')", json!(0.5)),
            ("'2026-03-28' | date_diff(inputs.day)", json!(-43_200)),
        ] {
            assert_eq!(evaluate(source), Ok(expect), "{source}");
        }
    }

    #[test]
    fn what_is_no_date_is_an_error() {
        for (source, part) in [
            ("'soon' | date_parse", "`soon` is not a date"),
            ("true | date_parse", "must be text, not bool"),
            ("'x' | date_parse('%d')", "is not a date of the format `%d`"),
            ("inputs.day | date_format('%Q%')", "is not a format of dates"),
            ("inputs.day | date_format('%d', 'Berlin')", "is not an IANA time zone"),
            ("inputs.day | date_add('soon')", "is not a duration"),
            ("inputs.day | date_add('9999y')", "out of range"),
            ("inputs.day | date_add(1e300)", "out of range"),
            (
                "inputs.day | date_diff(inputs.day, 'weeks')",
                "none of seconds, minutes, hours, days",
            ),
            ("(inputs.day * 20) | date_parse", "at most 200 bytes"),
        ] {
            let message = evaluate(source).unwrap_err();
            assert!(message.contains(part), "{source}: {message}");
        }
    }
}
