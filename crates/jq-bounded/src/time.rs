//! Dates: all in UTC, as broken-down times `[year, month, day, hours, minutes, seconds, weekday,
//! day of the year]` with months from 0.

use jaq_core::native::{Filter, Fun, bome, run, unary, v};
use jaq_core::{Error, RunPtr, ValR};
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::budget::pay_text;
use super::running_program::JqData;
use super::text::check_length;
use super::value::{JqNumber, JqValue};

pub(super) fn time_filters() -> impl Iterator<Item = Fun<JqData>> {
    let filters: [Filter<RunPtr<JqData>>; 4] = [
        ("strptime", v(1), |cv| unary(cv, |text, format| parse_time(&text, &format))),
        ("strftime", v(1), |cv| unary(cv, |time, format| format_time(&time, &format))),
        ("mktime", v(0), |cv| bome(to_seconds(&cv.1))),
        ("gmtime", v(0), |cv| bome(from_seconds(&cv.1))),
    ];
    filters.into_iter().map(run::<JqData>)
}

fn parse_time(text: &JqValue, format: &JqValue) -> ValR<JqValue> {
    let (JqValue::Str(text), JqValue::Str(format)) = (text, format) else {
        return Err(Error::str("strptime/1 requires string inputs and arguments"));
    };
    pay_text(text.len() + format.len());
    let read = BrokenDownTime::parse(format.as_bytes(), text.trim_ascii_end().as_bytes());
    let read = read.map_err(|_| {
        Error::str(format_args!("date \"{text}\" does not match format \"{format}\""))
    })?;
    // A Unix timestamp (`%s`) is everything.
    let whole = read.to_timestamp().ok().map(|at| at.to_zoned(TimeZone::UTC).datetime());
    let date = read.to_date().ok();
    let time = read.to_time().ok().or_else(|| {
        Time::new(
            read.hour().unwrap_or(0),
            read.minute().unwrap_or(0),
            read.second().unwrap_or(0),
            0,
        )
        .ok()
    });
    // Where fields are missing it is year 1900, month 0 and day 0, as in C.
    let (year, month, day) = match date {
        Some(date) => (date.year(), date.month(), date.day()),
        None => match whole.filter(|_| read.year().is_none()) {
            Some(whole) => return Ok(broken_down(whole, 0.0)),
            None => {
                (read.year().unwrap_or(1900), read.month().unwrap_or(1), read.day().unwrap_or(0))
            }
        },
    };
    let time = time.unwrap_or_default();
    let first = Date::new(year, month, 1).map_err(Error::str)?;
    let actual = first.checked_add((i64::from(day) - 1).days()).map_err(Error::str)?;
    let day_of_year = i64::from(first.day_of_year()) - 1 + i64::from(day) - 1;
    let fields = [
        i64::from(year),
        i64::from(month) - 1,
        i64::from(day),
        i64::from(time.hour()),
        i64::from(time.minute()),
        i64::from(time.second()),
        i64::from(actual.weekday().to_sunday_zero_offset()),
        day_of_year,
    ];
    Ok(fields.into_iter().map(|field| JqValue::Num(JqNumber::Int(field.into()))).collect())
}

fn broken_down(at: DateTime, fraction: f64) -> JqValue {
    let fields = [
        i64::from(at.year()),
        i64::from(at.month()) - 1,
        i64::from(at.day()),
        i64::from(at.hour()),
        i64::from(at.minute()),
        i64::from(at.second()),
        i64::from(at.weekday().to_sunday_zero_offset()),
        i64::from(at.day_of_year()) - 1,
    ];
    let number = |(i, field): (usize, i64)| {
        let whole = JqNumber::Int(field.into());
        JqValue::Num(if i == 5 && fraction > 0.0 {
            JqNumber::Float(whole.as_f64() + fraction)
        } else {
            whole
        })
    };
    fields.into_iter().enumerate().map(number).collect()
}

fn from_seconds(seconds: &JqValue) -> ValR<JqValue> {
    let JqValue::Num(seconds) = seconds else {
        return Err(Error::str("gmtime() requires numeric inputs"));
    };
    let seconds = seconds.as_f64();
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and is refused then")]
    let whole = Timestamp::from_second(seconds.floor() as i64).map_err(Error::str)?;
    Ok(broken_down(whole.to_zoned(TimeZone::UTC).datetime(), seconds - seconds.floor()))
}

/// The fields of a broken-down time, whole; the first six at least.
fn time_fields(time: &JqValue) -> Option<Vec<i64>> {
    let JqValue::Arr(fields) = time else { return None };
    let whole = |field: &JqValue| match field {
        JqValue::Num(n) => n.to_integer().and_then(|n| i64::try_from(n).ok()),
        _ => None,
    };
    let fields = fields.items.iter().take(8).map(whole).collect::<Option<Vec<_>>>()?;
    (fields.len() >= 6).then_some(fields)
}

/// The moment of a broken-down time; fields beyond their range carry over, as in C.
fn to_timestamp(fields: &[i64]) -> Option<Timestamp> {
    let &[year, month, day, hours, minutes, seconds, ..] = fields else { return None };
    let year = year.checked_add(month.div_euclid(12))?;
    let month = i8::try_from(month.rem_euclid(12) + 1).ok()?;
    let first = Date::new(i16::try_from(year).ok()?, month, 1).ok()?;
    let start = first.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    let days = day.checked_sub(1)?.checked_mul(86_400)?;
    let time = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?;
    let seconds = start.checked_add(days)?.checked_add(time)?.checked_add(seconds)?;
    Timestamp::from_second(seconds).ok()
}

fn to_seconds(time: &JqValue) -> ValR<JqValue> {
    if !matches!(time, JqValue::Arr(_)) {
        return Err(Error::str("mktime requires array inputs"));
    }
    let moment = time_fields(time).and_then(|fields| to_timestamp(&fields));
    let moment = moment.ok_or_else(|| Error::str("mktime requires parsed datetime inputs"))?;
    Ok(JqValue::Num(JqNumber::Int(moment.as_second().into())))
}

fn format_time(time: &JqValue, format: &JqValue) -> ValR<JqValue> {
    let refused = || Error::str("strftime/1 requires parsed datetime inputs");
    let JqValue::Str(format) = format else {
        return Err(Error::str("strftime/1 requires a string format"));
    };
    let time = match time {
        JqValue::Num(_) => from_seconds(time)?,
        JqValue::Arr(_) => time.clone(),
        _ => return Err(refused()),
    };
    let moment = time_fields(&time).and_then(|fields| to_timestamp(&fields)).ok_or_else(refused)?;
    pay_text(format.len());
    // A directive writes a few dozen bytes at most.
    check_length(format.len().saturating_mul(16));
    let written = strtime::format(format.as_bytes(), &moment.to_zoned(TimeZone::UTC));
    written.map(JqValue::from_text).map_err(Error::str)
}
