//! Signals: SIGTERM and SIGINT stop the server, SIGHUP reloads the configuration; SIGUSR1 and SIGUSR2
//! are ignored.

use crate::error::CliError;

/// What a signal requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalRequest {
    /// Stop the server.
    Stop,
    /// Read the configuration again.
    Reload,
}

/// The signals that the process handles.
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
    /// Sent by tools for log rotation. Their default action would end the process.
    #[cfg(unix)]
    ignored: [tokio::signal::unix::Signal; 2],
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
            hangup: handle(SignalKind::hangup())?,
            ignored: [handle(SignalKind::user_defined1())?, handle(SignalKind::user_defined2())?],
        })
    }

    /// Waits for the next signal that is not ignored.
    #[cfg(unix)]
    pub async fn next_request(&mut self) -> SignalRequest {
        let [first, second] = &mut self.ignored;
        loop {
            let ignored = tokio::select! {
                _ = self.interrupt.recv() => return SignalRequest::Stop,
                _ = self.terminate.recv() => return SignalRequest::Stop,
                _ = self.hangup.recv() => return SignalRequest::Reload,
                _ = first.recv() => "SIGUSR1",
                _ = second.recv() => "SIGUSR2",
            };
            tracing::info!(
                "{ignored} is ignored: SIGHUP reloads the configuration, SIGTERM stops the server"
            );
        }
    }

    /// Waits for the next signal that stops the server; the others are ignored.
    pub async fn next_stop(&mut self) {
        while self.next_request().await != SignalRequest::Stop {
            tracing::info!("the server is stopping: nothing is reloaded");
        }
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "as on unix")]
    pub fn listen() -> Result<Self, CliError> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    pub async fn next_request(&mut self) -> SignalRequest {
        let _ = tokio::signal::ctrl_c().await;
        SignalRequest::Stop
    }
}
