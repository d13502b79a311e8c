//! Durations as users write them.

use std::time::Duration;

use serde_json::Value;

/// The longest duration: ten years.
const MAX: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// What a duration may look like, for messages.
const FORMS: &str = "`500ms`, `30s`, `5m`, `1h30m`, `PT5M`, or a number of seconds";

/// What is expected where a duration is to be.
pub(crate) const EXPECTED: &str = "a duration";

/// Reads a duration: a number of seconds, or text (`500ms`, `1h30m`, ISO 8601 `PT5M`).
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn parse_duration(value: &Value) -> Result<Duration, String> {
    let seconds = match value {
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) => {
            let text = text.trim();
            let iso = text.strip_prefix(['P', 'p']).map(parse_iso);
            iso.unwrap_or_else(|| parse_compound(text)).ok_or_else(|| {
                format!("`{}` is not a duration; write {FORMS}", shorten_text(text))
            })?
        }
        _ => return Err(format!("it is not a duration; write {FORMS}")),
    };
    if seconds <= 0.0 {
        return Err("a duration must be longer than 0".into());
    }
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| *duration <= MAX && !duration.is_zero())
        .ok_or_else(|| "a duration must be at least a nanosecond and at most ten years".into())
}

fn shorten_text(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Splits a number with a decimal point off the start.
fn split_number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || digits.len() > 20 {
        return None;
    }
    Some((digits.parse().ok()?, rest))
}

/// `1h30m`, `1h 30m`, `500ms`; a bare number is seconds.
fn parse_compound(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut seconds = 0.0;
    let mut smallest = f64::INFINITY;
    while !rest.is_empty() {
        let (amount, after) = split_number(rest)?;
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit = match unit {
            "ms" => 0.001,
            "s" | "sec" | "second" | "seconds" => 1.0,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            "w" | "week" | "weeks" => 604_800.0,
            "" if rest.len() == text.len() && after.is_empty() => 1.0,
            _ => return None,
        };
        // `30m1h` is more likely a slip than meant.
        if unit >= smallest {
            return None;
        }
        smallest = unit;
        seconds += amount * unit;
        rest = after.trim_start();
    }
    (smallest < f64::INFINITY).then_some(seconds)
}

/// ISO 8601 after its `P`: weeks, days, then `T` and hours, minutes, seconds. Months and years
/// have no fixed length.
fn parse_iso(text: &str) -> Option<f64> {
    let upper = text.to_ascii_uppercase();
    let (date, time) = match upper.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (upper.as_str(), ""),
    };
    let mut seconds = 0.0;
    let mut any = false;
    for (part, units) in [
        (date, [('W', 604_800.0), ('D', 86_400.0)].as_slice()),
        (time, [('H', 3600.0), ('M', 60.0), ('S', 1.0)].as_slice()),
    ] {
        let mut rest = part;
        let mut units = units.iter();
        while !rest.is_empty() {
            let (amount, after) = split_number(rest)?;
            let letter = after.chars().next()?;
            let (_, unit) = units.find(|(name, _)| *name == letter)?;
            seconds += amount * unit;
            any = true;
            rest = after.get(1..)?;
        }
    }
    any.then_some(seconds)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_durations() {
        for (written, millis) in [
            (json!(2), 2000),
            (json!(0.5), 500),
            (json!("500ms"), 500),
            (json!("30s"), 30_000),
            (json!("5m"), 300_000),
            (json!("2h"), 7_200_000),
            (json!("1d"), 86_400_000),
            (json!("1h30m"), 5_400_000),
            (json!("1h 30m"), 5_400_000),
            (json!("1.5h"), 5_400_000),
            (json!("10"), 10_000),
            (json!("PT5M"), 300_000),
            (json!("P1DT2H"), 93_600_000),
            (json!("PT0.5S"), 500),
        ] {
            assert_eq!(parse_duration(&written), Ok(Duration::from_millis(millis)), "{written}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        for written in [
            json!(0),
            json!(-1),
            json!("0s"),
            json!(""),
            json!("5x"),
            json!("m"),
            json!("1m1h"),
            json!("P"),
            json!("PT"),
            json!("P1M"),
            json!("PT5"),
            json!("PT1S1M"),
            json!("1h30"),
            json!(true),
            json!(null),
            json!("11000d"),
            json!(1e300),
            json!("1e3s"),
            json!("-5s"),
            json!("99999999999999999999999999999s"),
            json!("1..5s"),
            json!("ä"),
            json!("PTä"),
        ] {
            assert!(parse_duration(&written).is_err(), "{written}");
        }
    }
}
