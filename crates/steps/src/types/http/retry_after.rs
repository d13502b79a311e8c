//! Reading `Retry-After`.

use std::collections::BTreeMap;
use std::time::Duration;

/// The longest pause that is believed: a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The pause an answer asks for, from its lower-case headers: in seconds, or up to an HTTP date.
///
/// A date is counted from the answer's own `Date`, so the clocks of both sides need not agree;
/// without one it is ignored.
pub(super) fn retry_after(headers: &BTreeMap<String, String>) -> Option<Duration> {
    let value = headers.get("retry-after")?.trim();
    let pause = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = http_date(value)?;
            let now = http_date(headers.get("date")?)?;
            Duration::from_secs(u64::try_from(until - now).unwrap_or(0))
        }
    };
    Some(pause.min(LONGEST))
}

/// An HTTP date (`Sun, 06 Nov 1994 08:49:37 GMT`, the only form still sent) in seconds since the
/// Unix epoch.
fn http_date(text: &str) -> Option<i64> {
    let rest = text.trim().split_once(", ")?.1;
    let [day, month, year, time, "GMT"] = rest.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let months =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|name| *name == month)? + 1;
    let written = format!("{year}-{month:02}-{day}T{time}Z");
    Some(stepwell_core::Timestamp::parse(&written)?.as_millis().div_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pauses() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (value, expect) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999", Some(86_400)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Mon, 07 Nov 1994 08:49:07 GMT", Some(86_370)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("-5", None),
            ("soon", None),
            ("Sun, 06 Foo 1994 08:50:07 GMT", None),
            ("Sun, 06 Nov 1994 99:50:07 GMT", None),
        ] {
            let headers = [("retry-after", value), ("date", date)];
            let headers = headers.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
            assert_eq!(retry_after(&headers), expect.map(Duration::from_secs), "{value}");
        }
        let alone = [("retry-after".to_owned(), date.to_owned())].into();
        assert_eq!(retry_after(&alone), None);
    }
}
