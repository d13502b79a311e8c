//! Token buckets, as the moment at which each will be full again.
//!
//! A bucket of a rate holds as many tokens as the rate has in one period, and gets one back each
//! interval. So over any span of time, at most span / interval + size tokens are taken. One number
//! is the whole state, so that a bucket can be an atomic and needs no lock.

use std::time::Duration;

use crate::Timestamp;

/// How often something may happen: `burst` at once, then once each interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketRate {
    /// Between two tokens, in nanoseconds, rounded up: never more tokens than configured.
    interval: i64,
    /// How many tokens the bucket holds.
    burst: u32,
}

/// How full a bucket is: the moment at which it is full again, in nanoseconds since the Unix
/// epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TheoreticalArrival(i64);

/// The status of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketStatus {
    /// How many tokens it holds when it is full.
    pub limit: u32,
    /// How many it holds.
    pub remaining: u32,
    /// When it is full again.
    pub full_at: Timestamp,
}

impl BucketRate {
    /// So many in each period, with a bucket for as many; `None` where that is not one at least.
    pub fn new(count: u32, period: Duration) -> Option<Self> {
        let period = i64::try_from(period.as_nanos()).ok()?;
        let interval = period.checked_add(i64::from(count) - 1)?.checked_div(i64::from(count))?;
        (interval > 0).then_some(Self { interval, burst: count })
    }

    /// How long it takes to fill an empty bucket, in nanoseconds.
    fn capacity_nanos(self) -> i64 {
        self.interval.saturating_mul(i64::from(self.burst))
    }
}

fn to_nanos(at: Timestamp) -> i64 {
    at.as_micros().saturating_mul(1000)
}

/// Rounded up: at that moment, the time is over.
fn from_nanos(nanos: i64) -> Timestamp {
    Timestamp::from_micros(nanos.div_euclid(1000) + i64::from(nanos.rem_euclid(1000) > 0))
}

impl TheoreticalArrival {
    /// A full bucket.
    pub const FULL: Self = Self(i64::MIN);

    /// The state as a number, for storage in an atomic.
    pub const fn to_raw(self) -> i64 {
        self.0
    }

    /// The state from such a number; any number is valid.
    pub const fn from_raw(raw: i64) -> Self {
        Self(raw)
    }

    /// Takes a token and returns the new state. A refused call takes nothing.
    ///
    /// # Errors
    /// The bucket is empty; how long until it holds a token.
    pub fn take_token(self, rate: BucketRate, now: Timestamp) -> Result<Self, Duration> {
        let next = self.full_at(rate, now).saturating_add(rate.interval);
        let most = to_nanos(now).saturating_add(rate.capacity_nanos());
        if next <= most {
            return Ok(Self(next));
        }
        Err(from_nanos(to_nanos(now).saturating_add(next - most)).since(now))
    }

    /// Gives a token back that was taken in vain.
    pub const fn give_back(self, rate: BucketRate) -> Self {
        Self(self.0.saturating_sub(rate.interval))
    }

    /// The level of the same bucket under another rate: as many tokens are taken as before, where
    /// the new bucket holds so many.
    pub fn rescale_to(self, from: BucketRate, to: BucketRate, now: Timestamp) -> Self {
        let taken = i128::from(self.full_at(from, now)) - i128::from(to_nanos(now));
        let taken = taken * i128::from(to.interval) / i128::from(from.interval);
        Self(to_nanos(now).saturating_add(i64::try_from(taken).unwrap_or(i64::MAX)))
    }

    /// How the bucket looks.
    pub fn bucket_status(self, rate: BucketRate, now: Timestamp) -> BucketStatus {
        let full_at = self.full_at(rate, now);
        let free = to_nanos(now).saturating_add(rate.capacity_nanos()).saturating_sub(full_at);
        let remaining = u32::try_from(free / rate.interval).unwrap_or(rate.burst).min(rate.burst);
        BucketStatus { limit: rate.burst, remaining, full_at: from_nanos(full_at) }
    }

    /// When it is full again, seen from `now`: not before now, and no further away than an empty
    /// bucket needs. So neither a clock that was put back nor a rate that was changed locks
    /// anybody out.
    fn full_at(self, rate: BucketRate, now: Timestamp) -> i64 {
        self.0.clamp(to_nanos(now), to_nanos(now).saturating_add(rate.capacity_nanos()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn per_second(count: u32) -> BucketRate {
        BucketRate::new(count, Duration::from_secs(1)).unwrap()
    }

    #[test]
    fn five_at_once_then_one_each_fifth_of_a_second() {
        let rate = per_second(5);
        let mut level = TheoreticalArrival::FULL;
        for (micros, expect) in [
            (0, Ok(4)),
            (0, Ok(3)),
            (0, Ok(2)),
            (0, Ok(1)),
            (0, Ok(0)),
            (0, Err(200_000)),
            (150_000, Err(50_000)),
            (200_000, Ok(0)),
            (200_001, Err(199_999)),
            (1_200_000, Ok(4)),
        ] {
            let found = level.take_token(rate, at(micros)).map(|next| {
                level = next;
                next.bucket_status(rate, at(micros)).remaining
            });
            let found = found.map_err(|wait| wait.as_micros());
            assert_eq!(found, expect, "at {micros}");
        }
        let standing = level.bucket_status(rate, at(1_200_000));
        assert_eq!(standing, BucketStatus { limit: 5, remaining: 4, full_at: at(1_400_000) });
    }

    #[test]
    fn what_is_taken_stays_taken_under_another_rate() {
        for (from, taken, to, remaining) in [
            (2, 2, 5, 3),
            (2, 2, 1000, 998),
            (5, 4, 2, 0),
            (5, 1, 2, 1),
            (7, 3, 7, 4),
            (3, 0, 9, 9),
            (1, 1, u32::MAX, u32::MAX - 1),
        ] {
            let (old, new) = (per_second(from), per_second(to));
            let mut level = TheoreticalArrival::FULL;
            for _ in 0..taken {
                level = level.take_token(old, at(50)).unwrap();
            }
            let found = level.rescale_to(old, new, at(50)).bucket_status(new, at(50));
            assert_eq!(found.remaining, remaining, "{taken} of {from}, now {to}");
        }
        // What came back meanwhile is there.
        let level = TheoreticalArrival::FULL.take_token(per_second(1), at(0)).unwrap();
        let half = level.rescale_to(per_second(1), per_second(10), at(500_000));
        assert_eq!(half.bucket_status(per_second(10), at(500_000)).remaining, 9);
    }

    #[test]
    fn rates_need_one_at_least() {
        for (count, period, expect) in
            [(0, 1, false), (1, 0, false), (1, 1, true), (u32::MAX, 60, true)]
        {
            let rate = BucketRate::new(count, Duration::from_secs(period));
            assert_eq!(rate.is_some(), expect, "{count} in {period} s");
        }
    }

    #[test]
    fn a_clock_that_is_put_back_locks_no_caller_out() {
        let rate = per_second(1);
        let level = TheoreticalArrival::FULL.take_token(rate, at(3_600_000_000)).unwrap();
        assert_eq!(level.take_token(rate, at(0)), Err(Duration::from_secs(1)));
        assert!(level.take_token(rate, at(i64::MAX)).is_ok());
        assert!(TheoreticalArrival::from_raw(i64::MAX).take_token(rate, at(i64::MIN)).is_err());
    }

    /// Moments that only go forward, in microseconds.
    fn moments() -> impl Strategy<Value = Vec<i64>> {
        let pause = prop_oneof![Just(0), 0..2_000i64, 0..2_000_000i64];
        prop::collection::vec(pause, 1..300).prop_map(|pauses| {
            pauses
                .into_iter()
                .scan(0, |now, pause| {
                    *now += pause;
                    Some(*now)
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn never_more_than_rate_times_time_plus_burst(
            count in 1..2_000u32, seconds in prop::sample::select(vec![1u64, 60]), calls in moments(),
        ) {
            let rate = BucketRate::new(count, Duration::from_secs(seconds)).unwrap();
            let mut level = TheoreticalArrival::FULL;
            let mut taken = Vec::new();
            for now in calls {
                if let Ok(next) = level.take_token(rate, at(now)) {
                    level = next;
                    taken.push(now);
                }
            }
            // In whatever span one looks, whole or in part.
            for (first, begin) in taken.iter().enumerate() {
                for (more, end) in taken[first..].iter().enumerate() {
                    let span = (end - begin) as f64 / 1e6;
                    let most = span * f64::from(count) / seconds as f64 + f64::from(count);
                    prop_assert!((more + 1) as f64 <= most + 1e-6, "{} in {span} s", more + 1);
                }
            }
        }

        #[test]
        fn a_caller_is_accepted_after_the_returned_wait_and_not_before(
            count in 1..2_000u32, seconds in prop::sample::select(vec![1u64, 60]), calls in moments(),
        ) {
            let rate = BucketRate::new(count, Duration::from_secs(seconds)).unwrap();
            let mut level = TheoreticalArrival::FULL;
            for now in calls {
                match level.take_token(rate, at(now)) {
                    Ok(next) => level = next,
                    Err(wait) => {
                        let wait = i64::try_from(wait.as_micros()).unwrap();
                        prop_assert!(wait > 0);
                        prop_assert!(level.take_token(rate, at(now + wait)).is_ok());
                        prop_assert!(level.take_token(rate, at(now + wait - 1)).is_err());
                    }
                }
                let standing = level.bucket_status(rate, at(now));
                prop_assert!(standing.remaining <= standing.limit);
                prop_assert_eq!(standing.remaining > 0, level.take_token(rate, at(now)).is_ok());
                prop_assert_eq!(level.bucket_status(rate, standing.full_at).remaining, count);
            }
        }

        /// A caller that never waits gets the configured rate, and not less.
        #[test]
        fn refusals_cost_nothing(count in 1..200u32, tries in 1..20i64) {
            let rate = per_second(count);
            let (mut level, mut taken) = (TheoreticalArrival::FULL, 0);
            let step = (1_000_000 / i64::from(count) / tries).max(1);
            for now in (0..=10_000_000).step_by(usize::try_from(step).unwrap()) {
                if let Ok(next) = level.take_token(rate, at(now)) {
                    level = next;
                    taken += 1;
                }
            }
            // All of the rate but what falls between two tries.
            let full = 11 * i64::from(count);
            prop_assert!(taken <= full && taken >= full - 1 - 10 * i64::from(count) / tries,
                "{taken} of {full}");
        }

        #[test]
        fn what_is_given_back_can_be_taken_again(count in 1..2_000u32, calls in moments()) {
            let rate = per_second(count);
            let mut level = TheoreticalArrival::FULL;
            for now in calls {
                if let Ok(next) = level.take_token(rate, at(now)) {
                    let before = level.bucket_status(rate, at(now));
                    prop_assert_eq!(next.give_back(rate).bucket_status(rate, at(now)), before);
                    level = next;
                }
            }
        }
    }
}
