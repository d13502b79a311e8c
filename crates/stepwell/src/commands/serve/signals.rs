//! Signals: SIGTERM and SIGINT stop the server; SIGHUP, SIGUSR1 and SIGUSR2 are ignored.

use crate::fault::Fault;

/// The signals that tell the process to stop.
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// Sent by habit after a log was rotated or to reload; by default they end a process.
    #[cfg(unix)]
    ignored: [tokio::signal::unix::Signal; 3],
}

impl Signals {
    /// Takes the signals over: from now on they no longer end the process by themselves.
    #[cfg(unix)]
    pub fn listen() -> Result<Self, Fault> {
        use tokio::signal::unix::{SignalKind, signal};
        let take = |kind| {
            signal(kind).map_err(|e| Fault::failed(format!("signals cannot be received: {e}")))
        };
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
            ignored: [
                take(SignalKind::hangup())?,
                take(SignalKind::user_defined1())?,
                take(SignalKind::user_defined2())?,
            ],
        })
    }

    /// The next one that stops the process.
    #[cfg(unix)]
    pub async fn next(&mut self) {
        let [hangup, first, second] = &mut self.ignored;
        loop {
            let ignored = tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = hangup.recv() => "SIGHUP",
                _ = first.recv() => "SIGUSR1",
                _ = second.recv() => "SIGUSR2",
            };
            tracing::info!(
                "{ignored} is ignored: there is nothing to reload; SIGTERM stops the server"
            );
        }
    }

    /// Takes the signals over.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "as on unix")]
    pub fn listen() -> Result<Self, Fault> {
        Ok(Self {})
    }

    /// The next one.
    #[cfg(not(unix))]
    pub async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
