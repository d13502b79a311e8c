//! Ends the process when it does not end by itself after a signal, whatever its threads do.
//!
//! The orderly stop runs on the async workers. If all of them are kept busy, nothing there hears a
//! signal; this thread does.

use std::time::Duration;

use crate::fault::Fault;

/// How long the process may go on after a second signal.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Watches for SIGTERM and SIGINT. The process ends at the latest `grace` after the first one.
///
/// # Errors
/// The signals cannot be received, or there can be no thread.
#[cfg(unix)]
pub fn start(grace: Duration) -> Result<(), Fault> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let failed =
        |error: std::io::Error| Fault::failed(format!("signals cannot be received: {error}"));
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
    let watch = move || {
        for (count, _) in signals.forever().enumerate() {
            let patience = if count == 0 { grace } else { AT_ONCE };
            // Without a thread for it the orderly stop is all there is.
            let _ = std::thread::Builder::new().spawn(move || end_after(patience));
        }
    };
    std::thread::Builder::new().name("watchdog".into()).spawn(watch).map_err(failed)?;
    Ok(())
}

/// Nothing to watch here.
///
/// # Errors
/// None.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on unix")]
pub fn start(_grace: Duration) -> Result<(), Fault> {
    Ok(())
}

#[cfg(unix)]
fn end_after(patience: Duration) -> ! {
    std::thread::sleep(patience);
    tracing::error!(
        "the process did not stop in time and is ended; the next start goes on from the journal"
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
    #[ignore = "a process that never stops by itself; the next test starts it"]
    fn busy_process() {
        start(GRACE).unwrap();
        std::io::stdout().write_all(b"\nbusy\n").unwrap();
        loop {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn a_process_that_does_not_stop_is_ended_after_its_grace() {
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
            panic!("the process goes on");
        });
        assert_eq!(status.unwrap().code(), Some(1));
    }
}
