//! A start on a full disk is retried for some time, since the disk may be shared and space may be
//! freed without attention to this server.

use std::cell::Cell;
use std::time::Duration;

use crate::data_dir::DataDir;
use crate::error::CliError;
use crate::wiring::StoreConfig;

const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Retries the steps of a start while the disk of the data folder is full.
pub struct DiskSpaceRetry<'a> {
    data: &'a DataDir,
    seconds: u64,
    /// The retries left, for all steps together.
    retries_left: Cell<u64>,
}

impl<'a> DiskSpaceRetry<'a> {
    pub const fn new(data: &'a DataDir, config: &StoreConfig) -> Self {
        let seconds = config.full_disk_wait_seconds;
        Self { data, seconds, retries_left: Cell::new(seconds) }
    }

    /// Runs a step of the start, and repeats it while it fails because the disk is full.
    ///
    /// # Errors
    /// Those of the step; `Unreachable` if the disk stays full.
    pub async fn retry<T>(
        &self,
        step: impl AsyncFn() -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        loop {
            let error = match step().await {
                Ok(value) => return Ok(value),
                Err(error) if !self.data.is_disk_full() => return Err(error),
                Err(error) => error,
            };
            let folder = self.data.path().display();
            let Some(left) = self.retries_left.get().checked_sub(1) else {
                return Err(CliError::unreachable(format!(
                    "the disk of the data folder {folder} was full for {} s: free space and restart ({})",
                    self.seconds, error.message
                )));
            };
            if left.is_multiple_of(10) || left + 1 == self.seconds {
                tracing::warn!(
                    %folder,
                    seconds_left = left + 1,
                    error = error.message,
                    "the disk is full: waiting for free space"
                );
            }
            self.retries_left.set(left);
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulates a full disk with `/dev/full`, until the probe removes the link.
    #[cfg(target_os = "linux")]
    fn fill(data: &DataDir) {
        std::os::unix::fs::symlink("/dev/full", data.path().join("space.probe")).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_full_disk_is_retried_for_the_configured_time() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        let config = StoreConfig { full_disk_wait_seconds: 1, ..StoreConfig::default() };
        let full = || {
            fill(&data);
            Err(CliError::failed("no space"))
        };
        let calls = Cell::new(0);
        let step = async || {
            calls.set(calls.get() + 1);
            if calls.get() == 1 { full() } else { Ok(calls.get()) }
        };
        assert_eq!(DiskSpaceRetry::new(&data, &config).retry(step).await, Ok(2));
        let message =
            DiskSpaceRetry::new(&data, &config).retry(async || full().map(|n: u32| n)).await;
        let message = message.unwrap_err().message;
        assert!(message.contains("full for 1 s: free space"), "{message}");
        assert!(message.contains("no space"), "{message}");
    }

    #[tokio::test]
    async fn other_errors_are_not_retried() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        let retry = DiskSpaceRetry::new(&data, &StoreConfig::default());
        let calls = Cell::new(0);
        let step = async || {
            calls.set(calls.get() + 1);
            Err::<(), _>(CliError::failed("no"))
        };
        assert_eq!(retry.retry(step).await, Err(CliError::failed("no")));
        assert_eq!(calls.get(), 1);
    }
}
