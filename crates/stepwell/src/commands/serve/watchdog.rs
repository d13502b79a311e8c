//! Ends the process if it does not stop in time after a signal.
//!
//! The orderly shutdown runs on the async workers. If all of them are blocked, none receives the
//! signal; this thread does.

use std::time::Duration;

use crate::error::CliError;

/// How long the process may run after a second signal.
const SECOND_SIGNAL_GRACE: Duration = Duration::from_secs(2);

/// Handles SIGTERM and SIGINT: the process ends at the latest `grace` after the first one.
///
/// # Errors
/// The handlers or the thread could not be created.
#[cfg(unix)]
pub fn start_watchdog(grace: Duration) -> Result<(), CliError> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let failed =
        |error: std::io::Error| CliError::failed(format!("cannot start the watchdog: {error}"));
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
    let watch = move || {
        for (count, _) in signals.forever().enumerate() {
            let timeout = if count == 0 { grace } else { SECOND_SIGNAL_GRACE };
            // If there is no thread, only the orderly shutdown remains.
            let _ = std::thread::Builder::new().spawn(move || exit_after(timeout));
        }
    };
    std::thread::Builder::new().name("watchdog".into()).spawn(watch).map_err(failed)?;
    Ok(())
}

/// Windows has no signals to handle.
///
/// # Errors
/// None.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on unix")]
pub fn start_watchdog(_grace: Duration) -> Result<(), CliError> {
    Ok(())
}

#[cfg(unix)]
fn exit_after(timeout: Duration) -> ! {
    std::thread::sleep(timeout);
    tracing::error!(
        "the process did not stop in time and exits; the next start resumes from the journal"
    );
    std::process::exit(1);
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};
    use std::sync::mpsc;

    use super::*;

    const GRACE: Duration = Duration::from_millis(100);
    const LIMIT: Duration = Duration::from_secs(60);

    #[test]
    #[ignore = "never stops by itself; the next test starts it"]
    fn busy_process() {
        start_watchdog(GRACE).unwrap();
        std::io::stdout().write_all(b"\nbusy\n").unwrap();
        loop {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn a_process_that_does_not_stop_exits_after_its_grace() {
        let test = "commands::serve::watchdog::tests::busy_process";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--ignored", "--nocapture"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = child.id().to_string();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "busy"), "the process starts");
        let send = |signal: &str| Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(send("-TERM").success());
        let (sender, ended) = mpsc::channel();
        std::thread::spawn(move || sender.send(child.wait()));
        let status = ended.recv_timeout(LIMIT).unwrap_or_else(|_| {
            send("-KILL");
            panic!("the process still runs");
        });
        assert_eq!(status.unwrap().code(), Some(1));
    }
}
