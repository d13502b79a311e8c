//! Signals: SIGTERM and SIGINT stop the server; SIGHUP, SIGUSR1 and SIGUSR2 are ignored.

use crate::error::CliError;

/// The signals that the process handles.
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// Sent by log rotation or to reload. Their default action would end the process.
    #[cfg(unix)]
    ignored: [tokio::signal::unix::Signal; 3],
}

impl Signals {
    /// Installs handlers, which replace the default actions.
    #[cfg(unix)]
    pub fn listen() -> Result<Self, CliError> {
        use tokio::signal::unix::{SignalKind, signal};
        let handle = |kind| {
            signal(kind)
                .map_err(|e| CliError::failed(format!("cannot install signal handlers: {e}")))
        };
        Ok(Self {
            interrupt: handle(SignalKind::interrupt())?,
            terminate: handle(SignalKind::terminate())?,
            ignored: [
                handle(SignalKind::hangup())?,
                handle(SignalKind::user_defined1())?,
                handle(SignalKind::user_defined2())?,
            ],
        })
    }

    /// Waits for the next signal that stops the server.
    #[cfg(unix)]
    pub async fn next_stop(&mut self) {
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

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "as on unix")]
    pub fn listen() -> Result<Self, CliError> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    pub async fn next_stop(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
