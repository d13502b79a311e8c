//! A start on a full disk: it says so and tries again for a while, because room may be made without
//! anyone looking at this server.

use std::cell::Cell;
use std::time::Duration;

use crate::data_dir::DataDir;
use crate::fault::Fault;
use crate::wiring::StoreConfig;

/// How long to wait between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// Tries the steps of a start again while the disk of the data folder is full.
pub struct Room<'a> {
    data: &'a DataDir,
    seconds: u64,
    /// How many pauses are left, for all steps together.
    left: Cell<u64>,
}

impl<'a> Room<'a> {
    pub const fn new(data: &'a DataDir, config: &StoreConfig) -> Self {
        let seconds = config.full_disk_wait_seconds;
        Self { data, seconds, left: Cell::new(seconds) }
    }

    /// Does a step of the start, again and again while it fails for want of room.
    ///
    /// # Errors
    /// Those of the step; where the disk stays full, with what to do.
    pub async fn retry<T>(&self, step: impl AsyncFn() -> Result<T, Fault>) -> Result<T, Fault> {
        loop {
            let fault = match step().await {
                Ok(done) => return Ok(done),
                Err(fault) if !self.data.is_full() => return Err(fault),
                Err(fault) => fault,
            };
            let folder = self.data.path().display();
            let Some(left) = self.left.get().checked_sub(1) else {
                return Err(Fault::unreachable(format!(
                    "the disk of the data folder {folder} was full for {} s: make room, then start again ({})",
                    self.seconds, fault.message
                )));
            };
            if left.is_multiple_of(10) || left + 1 == self.seconds {
                tracing::warn!(
                    %folder,
                    seconds_left = left + 1,
                    error = fault.message,
                    "the disk is full: the start waits for room"
                );
            }
            self.left.set(left);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk without room, as `/dev/full` plays it; the probe takes it away again.
    #[cfg(target_os = "linux")]
    fn fill(data: &DataDir) {
        std::os::unix::fs::symlink("/dev/full", data.path().join("room.probe")).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_full_disk_is_waited_for_as_long_as_is_configured() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        let config = StoreConfig { full_disk_wait_seconds: 1, ..StoreConfig::default() };
        let full = || {
            fill(&data);
            Err(Fault::failed("no room"))
        };
        let times = Cell::new(0);
        let step = async || {
            times.set(times.get() + 1);
            if times.get() == 1 { full() } else { Ok(times.get()) }
        };
        assert_eq!(Room::new(&data, &config).retry(step).await, Ok(2));
        let message = Room::new(&data, &config).retry(async || full().map(|n: u32| n)).await;
        let message = message.unwrap_err().message;
        assert!(message.contains("full for 1 s: make room"), "{message}");
        assert!(message.contains("no room"), "{message}");
    }

    #[tokio::test]
    async fn what_fails_for_another_reason_is_not_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        let room = Room::new(&data, &StoreConfig::default());
        let times = Cell::new(0);
        let step = async || {
            times.set(times.get() + 1);
            Err::<(), _>(Fault::failed("no"))
        };
        assert_eq!(room.retry(step).await, Err(Fault::failed("no")));
        assert_eq!(times.get(), 1);
    }
}
