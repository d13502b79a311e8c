//! The clocks.

use std::time::{Duration, SystemTime};

use stepwell_core::Timestamp;

/// Tells the time. The only place that asks the system for it is [`SystemClock`].
pub trait Clock: Send + Sync + 'static {
    /// Now, by the wall clock. May jump in both directions when the clock is corrected.
    fn now(&self) -> Timestamp;

    /// The time since some moment before the process started. Never jumps, so it measures lengths
    /// of time.
    fn elapsed(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }

    #[cfg(target_os = "linux")]
    fn elapsed(&self) -> Duration {
        // Unlike the monotonic clock of the standard library, this one goes on while the machine
        // is suspended.
        let read = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(
            u64::try_from(read.tv_sec).unwrap_or_default(),
            u32::try_from(read.tv_nsec).unwrap_or_default(),
        )
    }

    #[cfg(not(target_os = "linux"))]
    fn elapsed(&self) -> Duration {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        START.get_or_init(std::time::Instant::now).elapsed()
    }
}

/// A clock that starts at the wall clock's moment and then only measures time: for what is counted
/// within the process (rate limits, caches).
#[derive(Debug, Clone, Copy)]
pub(crate) struct SteadyClock {
    start: Timestamp,
    elapsed: Duration,
}

impl SteadyClock {
    pub(crate) fn start(clock: &dyn Clock) -> Self {
        Self { start: clock.now(), elapsed: clock.elapsed() }
    }

    /// Now.
    pub(crate) fn now(&self, clock: &dyn Clock) -> Timestamp {
        self.start.after(clock.elapsed().saturating_sub(self.elapsed))
    }
}
