//! The `Retry-After` header of responses.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};

use crate::clock::{Clock, SystemClock};

/// The longest pause that is respected.
const LONGEST: Duration = Duration::from_secs(3600);

/// The pause that a 429 or 503 response requests, in seconds or as an HTTP date; at most an hour.
/// The longest of several values counts. Invalid values are ignored.
///
/// A date is relative to the response's own `Date`, so that the clocks of both sides need not
/// agree; without one, to this machine's clock.
pub(super) fn retry_after(status: u16, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status, 429 | 503) {
        return None;
    }
    let now = headers.get(DATE).and_then(header_text).and_then(parse_date).unwrap_or_else(now);
    let values = headers.get_all(RETRY_AFTER).iter().filter_map(header_text);
    values.filter_map(|value| parse_pause(value, now)).max()
}

fn now() -> SystemTime {
    let micros = u64::try_from(SystemClock.now().as_micros()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}

fn header_text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().map(str::trim)
}

fn parse_date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

/// The pause of one header field, which may be a list that a proxy joined.
fn parse_pause(value: &str, now: SystemTime) -> Option<Duration> {
    if let Some(one) = parse_single(value, now) {
        return Some(one);
    }
    let parts: Vec<&str> = value.split(',').map(str::trim).collect();
    let seconds = parts.iter().filter_map(|part| parse_single(part, now));
    // A date has a comma itself.
    let dates = parts.windows(2).filter_map(|two| parse_single(&two.join(", "), now));
    seconds.chain(dates).max()
}

fn parse_single(value: &str, now: SystemTime) -> Option<Duration> {
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Numbers that are too large request a very long pause.
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    // A date in the past requests no pause.
    let pause = parse_date(value)?.duration_since(now).unwrap_or_default();
    Some(pause.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE_NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn seconds(status: u16, values: &[&str], date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
        }
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_str(date).unwrap());
        }
        retry_after(status, &headers).map(|pause| pause.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_read() {
        let cases: [(&[&str], Option<u64>); 28] = [
            (&["0"], Some(0)),
            (&[" 120 "], Some(120)),
            (&["007"], Some(7)),
            (&["3601"], Some(3600)),
            (&["99999999999"], Some(3600)),
            (&["18446744073709551616"], Some(3600)),
            (&["9999999999999999999999999999999999999999"], Some(3600)),
            (&["Sun, 06 Nov 1994 08:50:07 GMT"], Some(30)),
            (&["Sunday, 06-Nov-94 08:50:07 GMT"], Some(30)),
            (&["Sun Nov  6 08:50:07 1994"], Some(30)),
            (&["Fri, 31 Dec 9999 23:59:59 GMT"], Some(3600)),
            (&["Sun, 06 Nov 1994 08:49:00 GMT"], Some(0)),
            (&["Thu, 01 Jan 1970 00:00:00 GMT"], Some(0)),
            (&["-5"], None),
            (&["+5"], None),
            (&["1.5"], None),
            (&["1e3"], None),
            (&["0x10"], None),
            (&["soon"], None),
            (&[""], None),
            (&["Sun, 06 Foo 1994 08:50:07 GMT"], None),
            (&["Sun, 06 Nov 1994 99:50:07 GMT"], None),
            (&["5", "9"], Some(9)),
            (&["9", "5", "junk"], Some(9)),
            (&["5, 9"], Some(9)),
            (&["5, Sun, 06 Nov 1994 08:50:07 GMT"], Some(30)),
            (&["junk, -1,"], None),
            (&[], None),
        ];
        for (values, expect) in cases {
            for status in [429, 503] {
                assert_eq!(seconds(status, values, Some(DATE_NOW)), expect, "{status} {values:?}");
            }
            assert_eq!(seconds(500, values, Some(DATE_NOW)), None, "{values:?}");
        }
    }

    #[test]
    fn a_date_without_the_senders_clock_is_relative_to_ours() {
        let in_a_minute = httpdate::fmt_http_date(now() + Duration::from_secs(60));
        for date in [None, Some("junk")] {
            let pause = seconds(429, &[&in_a_minute], date).unwrap();
            assert!((1..=60).contains(&pause), "{pause}");
        }
        assert_eq!(seconds(429, &[DATE_NOW], None), Some(0));
    }
}
