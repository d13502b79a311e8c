//! Points in time, as the domain counts them. Reading the clock is the engine's business.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::time::Duration;

use jiff::fmt::StdFmtWrite;
use jiff::fmt::temporal::DateTimePrinter;
use serde::{Deserialize, Serialize};

/// The seconds of a day.
const DAY: i32 = 86_400;

/// The microseconds of a second.
const MICROS: i64 = 1_000_000;

thread_local! {
    /// The last text and its second: times that are written together mostly differ in the
    /// microseconds only, and the date and the time of a second cost the most.
    static LAST_TEXT: Cell<Option<(i64, TimeText)>> = const { Cell::new(None) };
}

/// A point in time: microseconds since the Unix epoch, UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment plus a duration, held at the end of time.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This moment minus a duration, held at the beginning of time.
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long it is from `earlier` to this moment; zero where `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// RFC 3339 in UTC with `Z`, always to the microsecond, as `Display` writes it.
    pub fn text(self) -> TimeText {
        let second = self.0.div_euclid(MICROS);
        let last = LAST_TEXT.get().filter(|(known, _)| *known == second);
        if let Some(text) = last.and_then(|(_, text)| text.with_micros(self.0.rem_euclid(MICROS))) {
            return text;
        }
        let text = self.print();
        LAST_TEXT.set(Some((second, text)));
        text
    }

    fn print(self) -> TimeText {
        const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
        let mut text = TimeText { bytes: [0; TimeText::MAX], len: 0 };
        let written = match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => PRINTER.print_timestamp(&time, StdFmtWrite(&mut text)).is_ok(),
            Err(_) => write!(text, "{}us", self.0).is_ok(),
        };
        debug_assert!(written, "the buffer holds the longest text");
        text
    }

    /// Parses an RFC 3339 time with a zone offset (`2026-01-31T09:00:00Z`), which is less than a
    /// day. The last hours of the year 9999, which people write for "for ever", are the last
    /// representable time.
    pub fn parse(text: &str) -> Option<Self> {
        let pieces = jiff::fmt::temporal::Pieces::parse(text).ok()?;
        // The library takes offsets up to 25:59:59.
        if pieces.to_numeric_offset()?.seconds().abs() >= DAY {
            return None;
        }
        // The library's maximum has whole seconds only.
        let last = jiff::Timestamp::MAX.as_second() * 1_000_000;
        match text.parse::<jiff::Timestamp>() {
            Ok(parsed) => Some(Self(parsed.as_microsecond().min(last))),
            Err(_) => ends_the_year_9999(&pieces).then_some(Self(last)),
        }
    }
}

/// A time that is written as it should be, and is beyond what the library can hold.
fn ends_the_year_9999(pieces: &jiff::fmt::temporal::Pieces<'_>) -> bool {
    let Some(time) = pieces.time() else { return false };
    pieces.date().to_datetime(time) >= jiff::civil::date(9999, 12, 30).at(0, 0, 0, 0)
}

/// RFC 3339 in UTC with `Z`, always to the microsecond: so times sort as text.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

/// The text of a [`Timestamp`], written without an allocation.
#[derive(Debug, Clone, Copy)]
pub struct TimeText {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl TimeText {
    /// The longest text: the year has six digits and a sign at most.
    const MAX: usize = 40;

    /// Where a text of the length of `2026-01-31T09:00:00.000000Z` has its microseconds.
    const FRACTION: Range<usize> = 20..26;

    /// The same second with other microseconds; `None`: it is a year that is written otherwise.
    fn with_micros(mut self, micros: i64) -> Option<Self> {
        if self.len != Self::FRACTION.end + 1 {
            return None;
        }
        let mut rest = micros;
        for digit in self.bytes[Self::FRACTION].iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).ok()?;
            rest /= 10;
        }
        Some(self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // What was written is a sequence of whole strings.
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl fmt::Write for TimeText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let free = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        free.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_same_whatever_was_written_before() {
        let ends = [0, 1, 999_999, 1_000_000, -1, -1_000_000, 1_764_583_170_123_456];
        let years = [253_402_300_799_000_000, -62_167_219_200_000_001, -377_705_023_201_000_000];
        let times = ends.into_iter().chain(years).chain([i64::MIN, i64::MAX]);
        let times: Vec<_> = times.flat_map(|at| [at, at.wrapping_add(7)]).collect();
        for before in &times {
            for at in &times {
                let _ = Timestamp(*before).text();
                let text = Timestamp(*at).text();
                assert_eq!(text.as_str(), Timestamp(*at).print().as_str(), "after {before}");
            }
        }
    }

    #[test]
    fn prints_and_parses_rfc3339() {
        for (text, utc) in [
            ("2026-11-21T14:38:21Z", "2026-11-21T14:38:21.000000Z"),
            ("2026-11-21T14:38:21.787Z", "2026-11-21T14:38:21.787000Z"),
            ("2026-11-21T14:38:21.787001Z", "2026-11-21T14:38:21.787001Z"),
            ("2026-11-21T15:38:21+01:00", "2026-11-21T14:38:21.000000Z"),
            ("2030-01-01T23:59:00+23:59", "2030-01-01T00:00:00.000000Z"),
            ("2030-01-01T00:01:00-23:59", "2030-01-02T00:00:00.000000Z"),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), utc);
        }
        for end in
            ["9999-12-30T22:00:00.5Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999-05:00"]
        {
            let parsed = Timestamp::parse(end).unwrap();
            assert_eq!(parsed.to_string(), "9999-12-30T22:00:00.000000Z", "{end}");
        }
        for bad in [
            "2026-11-21 14:38",
            "9999-12-31T23:59:59",
            "9999-12-32T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "2030-01-01T00:00:00+25:00",
            "2030-01-01T00:00:00-24:00",
            "9999-12-31T23:59:59+25:00",
        ] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_sort_as_text() {
        let mut times: Vec<_> = [0, 1, 10, 999, 1_000, 1_001, 999_999, 1_000_000, 1_000_001]
            .map(Timestamp::from_micros)
            .to_vec();
        let shown: Vec<_> = times.iter().map(Timestamp::to_string).collect();
        assert!(shown.iter().all(|text| text.len() == shown[0].len()), "{shown:?}");
        times.sort_by_key(Timestamp::to_string);
        assert!(times.is_sorted(), "{times:?}");
    }
}
