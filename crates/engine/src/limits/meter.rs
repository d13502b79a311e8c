//! The usage of one key or workspace.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::ids::ExecutionId;
use stepwell_core::rate::{BucketRate, BucketStatus, RateLimits, TheoreticalArrival};

use super::active::ActiveExecutions;

/// A meter's entry among all meters.
const METER_BYTES: usize = 64;
/// An execution's id among those that are counted, in a table that is half full.
const ID_BYTES: usize = 2 * (size_of::<ExecutionId>() + 1);

/// A token bucket (GCRA) in one atomic number, whose rate can be changed.
#[derive(Debug)]
pub(crate) struct AtomicBucket {
    /// Tokens per period; 0: no limit.
    count: AtomicU32,
    period: Duration,
    level: AtomicI64,
}

impl AtomicBucket {
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

    /// Changes the rate. The tokens taken so far stay taken; a bucket without a limit is full.
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

    /// Takes a token; if there is none, returns the bucket's status and the time until there is.
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

    /// Returns a token that was not used.
    pub(super) fn give_back(&self) {
        let Some(rate) = self.rate() else { return };
        let give = |raw| TheoreticalArrival::from_raw(raw).give_back(rate).to_raw();
        self.level.update(Ordering::Relaxed, Ordering::Relaxed, give);
    }

    /// The bucket's status; `None` without a limit.
    pub(super) fn standing(&self, now: Timestamp) -> Option<BucketStatus> {
        let level = TheoreticalArrival::from_raw(self.level.load(Ordering::Relaxed));
        self.rate().map(|rate| level.bucket_status(rate, now))
    }
}

/// The usage of one key or workspace.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(super) executions: AtomicBucket,
    pub(super) requests: AtomicBucket,
    /// The most executions at the same time; 0: no limit.
    most: AtomicU32,
    pub(crate) active: ActiveExecutions,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            executions: AtomicBucket::new(Duration::from_secs(1)),
            requests: AtomicBucket::new(Duration::from_secs(60)),
            most: AtomicU32::new(0),
            active: ActiveExecutions::default(),
        }
    }

    /// Changes the limits; usage so far is kept.
    pub(crate) fn set(&self, limits: RateLimits, now: Timestamp) {
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

    /// Whether a bucket is not full.
    pub(super) fn is_in_use(&self, now: Timestamp) -> bool {
        let buckets = [&self.executions, &self.requests];
        let mut standings = buckets.into_iter().filter_map(|bucket| bucket.standing(now));
        standings.any(|standing| standing.full_at > now)
    }

    /// Its memory: now, and with as many executions as it may count.
    pub(super) fn bytes(&self) -> (usize, usize) {
        let own = size_of::<Self>() + METER_BYTES;
        let active = self.active.capacity();
        let most = self.most.load(Ordering::Relaxed) as usize;
        let most = most.max(active).next_power_of_two();
        (own + active * ID_BYTES, own + most * ID_BYTES)
    }

    /// Counts an execution; if the limit is reached, returns the limit.
    pub(super) fn try_enter(&self, id: ExecutionId) -> Result<(), u32> {
        match self.most.load(Ordering::Relaxed) {
            0 => Ok(()),
            most if self.active.try_enter(id, most as usize) => Ok(()),
            most => Err(most),
        }
    }
}
