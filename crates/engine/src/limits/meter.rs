//! What one key or one workspace has used.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::ids::ExecutionId;
use stepwell_core::rate::{BucketRate, BucketStatus, RateLimits, TheoreticalArrival};

use super::active::Active;

/// A meter's entry among all meters.
const METER_BYTES: usize = 64;
/// An execution's id among those that are counted, in a table that is half full.
const ID_BYTES: usize = 2 * (size_of::<ExecutionId>() + 1);

/// A bucket whose rate can be changed; without a lock.
#[derive(Debug)]
pub(crate) struct Rated {
    /// So many in each period; 0: no limit.
    count: AtomicU32,
    period: Duration,
    level: AtomicI64,
}

impl Rated {
    const fn new(period: Duration) -> Self {
        let level = AtomicI64::new(TheoreticalArrival::FULL.to_raw());
        Self { count: AtomicU32::new(0), period, level }
    }

    fn rate(&self) -> Option<BucketRate> {
        self.rate_of(self.count.load(Ordering::Relaxed))
    }

    fn rate_of(&self, count: u32) -> Option<BucketRate> {
        if count == 0 { None } else { BucketRate::new(count, self.period) }
    }

    /// A bucket that was limited before has as many tokens taken as it had; another one is full.
    fn set(&self, count: Option<u32>, now: Timestamp) {
        let count = count.unwrap_or(0);
        let before = self.count.swap(count, Ordering::Relaxed);
        if before == count {
            return;
        }
        let rates = self.rate_of(before).zip(self.rate_of(count));
        self.level.update(Ordering::Relaxed, Ordering::Relaxed, |raw| {
            let level =
                rates.map(|(from, to)| TheoreticalArrival::from_raw(raw).rescale_to(from, to, now));
            level.unwrap_or(TheoreticalArrival::FULL).to_raw()
        });
    }

    /// Takes a token; where there is none, how the bucket stands and when there will be one.
    pub(super) fn take(&self, now: Timestamp) -> Result<(), (BucketStatus, Duration)> {
        let Some(rate) = self.rate() else { return Ok(()) };
        let mut refused = None;
        let taken = self.level.try_update(Ordering::Relaxed, Ordering::Relaxed, |raw| {
            match TheoreticalArrival::from_raw(raw).take_token(rate, now) {
                Ok(next) => Some(next.to_raw()),
                Err(wait) => {
                    refused =
                        Some((TheoreticalArrival::from_raw(raw).bucket_status(rate, now), wait));
                    None
                }
            }
        });
        match (taken, refused) {
            (Err(_), Some(refused)) => Err(refused),
            _ => Ok(()),
        }
    }

    /// Gives back a token that was taken in vain.
    pub(super) fn give_back(&self) {
        let Some(rate) = self.rate() else { return };
        let give = |raw| TheoreticalArrival::from_raw(raw).give_back(rate).to_raw();
        self.level.update(Ordering::Relaxed, Ordering::Relaxed, give);
    }

    /// How it stands; `None` where there is no limit.
    pub(super) fn standing(&self, now: Timestamp) -> Option<BucketStatus> {
        let level = TheoreticalArrival::from_raw(self.level.load(Ordering::Relaxed));
        self.rate().map(|rate| level.bucket_status(rate, now))
    }
}

/// What one key or one workspace has used.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(super) executions: Rated,
    pub(super) requests: Rated,
    /// The most executions at the same time; 0: no limit.
    most: AtomicU32,
    pub(super) active: Active,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            executions: Rated::new(Duration::from_secs(1)),
            requests: Rated::new(Duration::from_secs(60)),
            most: AtomicU32::new(0),
            active: Active::default(),
        }
    }

    /// Limits it so from now on; what was used stays used.
    pub(super) fn set(&self, limits: RateLimits, now: Timestamp) {
        let RateLimits {
            tier: _,
            executions_per_second,
            requests_per_minute,
            concurrent_executions,
        } = limits;
        self.executions.set(executions_per_second, now);
        self.requests.set(requests_per_minute, now);
        self.most.store(concurrent_executions.unwrap_or(0), Ordering::Relaxed);
    }

    /// Whether something of its rates is used up.
    pub(super) fn is_in_use(&self, now: Timestamp) -> bool {
        let buckets = [&self.executions, &self.requests];
        let mut standings = buckets.into_iter().filter_map(|bucket| bucket.standing(now));
        standings.any(|standing| standing.full_at > now)
    }

    /// What it takes now, and with as many executions as it may count.
    pub(super) fn bytes(&self) -> (usize, usize) {
        let own = size_of::<Self>() + METER_BYTES;
        let active = self.active.capacity();
        let most = self.most.load(Ordering::Relaxed) as usize;
        let most = most.max(active).next_power_of_two();
        (own + active * ID_BYTES, own + most * ID_BYTES)
    }

    /// Counts an execution; where there are as many as may be, how many that is.
    pub(super) fn try_enter(&self, id: ExecutionId) -> Result<(), u32> {
        match self.most.load(Ordering::Relaxed) {
            0 => Ok(()),
            most if self.active.try_enter(id, most as usize) => Ok(()),
            most => Err(most),
        }
    }
}
