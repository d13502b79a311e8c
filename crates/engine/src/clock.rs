//! The clocks.

use std::time::{Duration, SystemTime};

use stepwell_core::Timestamp;
use uuid::Uuid;

/// Two readings that took longer than this belong to different moments.
const APART: Duration = Duration::from_millis(20);
/// How often to read both clocks again where the machine is busy.
const READINGS: usize = 5;

/// The clocks that the engine reads. Only [`SystemClock`] reads those of the system.
pub trait Clock: Send + Sync + 'static {
    /// Now, by the wall clock. May jump in both directions when the clock is corrected.
    fn now(&self) -> Timestamp;

    /// The time since some moment before the process started. Never jumps, so it measures lengths
    /// of time.
    fn elapsed(&self) -> Duration;

    /// Since which start of the machine [`Clock::elapsed`] counts, where processes that follow one
    /// another can compare it; `None`: they cannot.
    fn boot(&self) -> Option<Uuid> {
        None
    }
}

/// How far the wall clock is ahead of the monotonic one, in microseconds. Changes only when the
/// wall clock is set.
pub(crate) fn offset(clock: &dyn Clock) -> i64 {
    let mut offset = 0;
    for _ in 0..READINGS {
        let before = clock.elapsed();
        let now = clock.now();
        offset = now.before(before).as_micros();
        if clock.elapsed().saturating_sub(before) <= APART {
            break;
        }
    }
    offset
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
        // Unlike the monotonic clock of the standard library, this one continues while the machine
        // is suspended.
        let read = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(
            u64::try_from(read.tv_sec).unwrap_or_default(),
            u32::try_from(read.tv_nsec).unwrap_or_default(),
        )
    }

    #[cfg(target_os = "linux")]
    fn boot(&self) -> Option<Uuid> {
        static BOOT: std::sync::OnceLock<Option<Uuid>> = std::sync::OnceLock::new();
        *BOOT.get_or_init(|| {
            // The kernel serves it from memory, so reading it waits for no disk.
            let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
            text.trim().parse().ok()
        })
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
