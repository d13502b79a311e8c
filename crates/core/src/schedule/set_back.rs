//! What becomes of a schedule when the wall clock is set back.
//!
//! An interval is a length of time, so its next firing is as far away as it was. A cron expression
//! means moments of the wall clock. As `cron` does it: moments that come again are not fired for
//! again, unless the schedule fires at least every hour, when it would be silent otherwise, or the
//! clock was wrong by more than three hours, which is a correction. A fixed time stays.

use std::time::Duration;

use super::rule::FiringRule;
use super::scheduler_step::ScheduleProgress;
use super::timing::ScheduleTiming;
use crate::Timestamp;

/// From this on, a clock that was set back was wrong before.
const CORRECTION: Duration = Duration::from_secs(3 * 3600);
/// Schedules that fire as often as this follow the clock at once.
const FREQUENT: Duration = Duration::from_secs(3600);
/// The finest step of time.
const TICK: Duration = Duration::from_micros(1);

/// A clock that was set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetBack {
    /// By how much.
    pub by: Duration,
    /// The moment that it is now.
    pub now: Timestamp,
}

/// When a schedule fires after the clock was set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AfterSetBack {
    /// Where its intervals begin.
    pub anchor: Timestamp,
    /// The next firing.
    pub next_at: Option<Timestamp>,
}

impl SetBack {
    /// When the schedule fires from now on; `None`: as before.
    pub fn next_firing(
        self,
        timing: &ScheduleTiming,
        rule: &FiringRule,
        anchor: Timestamp,
        progress: &ScheduleProgress,
    ) -> Option<AfterSetBack> {
        let next_at = progress.next_at.filter(|at| *at > self.now)?;
        let after = match timing {
            ScheduleTiming::Interval { value, unit } => {
                let micros = u64::try_from(unit.to_micros()).unwrap_or_default();
                let every = Duration::from_micros(value.saturating_mul(micros));
                self.next_interval(anchor, next_at, every)
            }
            ScheduleTiming::Cron { .. } => {
                AfterSetBack { anchor, next_at: Some(self.next_cron(rule, next_at)?) }
            }
            ScheduleTiming::FixedTime { .. } => return None,
        };
        (after != AfterSetBack { anchor, next_at: Some(next_at) }).then_some(after)
    }

    fn next_interval(self, anchor: Timestamp, next_at: Timestamp, every: Duration) -> AfterSetBack {
        let next_at = next_at.before(self.by).min(self.now.after(every));
        // The intervals after the next firing begin with it.
        let anchor = anchor.before(self.by).min(next_at.before(every));
        AfterSetBack { anchor, next_at: Some(next_at) }
    }

    fn next_cron(self, rule: &FiringRule, next_at: Timestamp) -> Option<Timestamp> {
        let next = rule.next_after(self.now).filter(|next| *next < next_at)?;
        let last = rule.at_or_before(next_at.before(TICK))?;
        let is_frequent = next_at.since(last) <= FREQUENT;
        (is_frequent || last.since(self.now) > CORRECTION).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Unit;
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(&format!("2026-05-{text}Z")).unwrap()
    }

    fn after(
        timing: &ScheduleTiming,
        next_at: &str,
        by: Duration,
        now: &str,
    ) -> Option<AfterSetBack> {
        let anchor = at("01T00:00:30");
        let rule = FiringRule::new(timing, "UTC", anchor).unwrap();
        let progress =
            ScheduleProgress { next_at: Some(at(next_at)), ..ScheduleProgress::default() };
        SetBack { by, now: at(now) }.next_firing(timing, &rule, anchor, &progress)
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn intervals_keep_their_length() {
        let every = |value, unit| ScheduleTiming::Interval { value, unit };
        for (timing, next_at, by, now, expect) in [
            // At 10:00:20, 10 s before the firing.
            (every(1, Unit::Minutes), "02T10:00:30", HOUR, "02T09:00:20", "02T09:00:30"),
            (every(1, Unit::Days), "03T00:00:30", HOUR, "02T09:00:20", "02T23:00:30"),
            // The clock was wrong by more than is known.
            (every(2, Unit::Seconds), "03T10:00:30", HOUR, "02T09:00:00", "02T09:00:02"),
            // More of it is over than is known.
            (every(1, Unit::Minutes), "02T10:00:30", 2 * HOUR, "02T09:00:20", "02T08:00:30"),
        ] {
            let found = after(&timing, next_at, by, now).unwrap();
            assert_eq!(found.next_at, Some(at(expect)));
            let rule = FiringRule::new(&timing, "UTC", found.anchor).unwrap();
            let ScheduleTiming::Interval { value, unit } = timing else { panic!() };
            let every = Duration::from_micros(value * u64::try_from(unit.to_micros()).unwrap());
            assert_eq!(rule.next_after(at(expect)), Some(at(expect).after(every)), "{timing:?}");
        }
    }

    #[test]
    fn cron_follows_the_clock_as_cron_does() {
        let cron = |expression: &str| ScheduleTiming::Cron { expression: expression.to_owned() };
        for (timing, next_at, now, expect) in [
            ("*/2 * * * * *", "02T10:00:30", "02T09:00:20", Some("02T09:00:22")),
            ("0 * * * *", "02T11:00:00", "02T09:59:50", Some("02T10:00:00")),
            // It has fired today.
            ("0 2 * * *", "03T02:00:00", "02T01:55:00", None),
            ("0 2 * * *", "03T02:00:00", "01T20:00:00", Some("02T02:00:00")),
            // What lies ahead does so still.
            ("0 2 * * *", "03T02:00:00", "02T23:00:00", None),
        ] {
            let found = after(&cron(timing), next_at, HOUR, now);
            assert_eq!(found.and_then(|after| after.next_at), expect.map(at), "{timing} {now}");
        }
        let fixed = ScheduleTiming::FixedTime { at: at("02T10:00:00") };
        assert_eq!(after(&fixed, "02T10:00:00", HOUR, "02T09:00:00"), None);
    }
}
