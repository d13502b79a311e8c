//! The log: on stderr, for people or for machines.
//!
//! No task writes to stderr: lines go through a bounded queue to a thread, so a full disk, a closed
//! pipe or a stalled reader costs lines and nothing else. Repeated warnings are limited.

mod queue;
mod repeats;

use std::io::Write;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use stepwell_engine::PoolUsage;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{LogConfig, LogFormat};
use crate::fault::Fault;
use crate::ui;
use queue::{LineQueue, QueueWriter};
use repeats::{Repeats, WINDOW};

/// Lines that could not be written or queued.
const DROPPED: &str = "stepwell_log_lines_dropped_total";

/// How often the writing thread looks after its counters while nothing is logged.
const TICK: Duration = Duration::from_secs(1);

/// How long the end of the process waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(2);

static QUEUE: OnceLock<Arc<LineQueue>> = OnceLock::new();

/// Sends what the code traces to stderr, through a thread that may block there.
///
/// # Errors
/// `Usage` where the level cannot be read.
pub fn install(config: &LogConfig) -> Result<(), Fault> {
    let filter = EnvFilter::try_new(&config.level).map_err(|e| {
        Fault::usage(format!(
            "configuration: `log.level`: `{}` is neither a level (error, warn, info, debug, trace) nor a filter: {e}",
            config.level
        ))
    })?;
    let queue = Arc::new(LineQueue::default());
    let repeats = Arc::new(Repeats::new(config.max_repeats));
    let writer = QueueWriter(Arc::clone(&queue));
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).log_internal_errors(false);
    let lines = match config.format {
        LogFormat::Human => lines.with_ansi(ui::err_colours()).with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let log = tracing_subscriber::registry()
        .with(filter)
        .with(repeats::Limit(Arc::clone(&repeats)))
        .with(lines);
    // A second call (tests) keeps the first log.
    if log.try_init().is_ok() && QUEUE.set(Arc::clone(&queue)).is_ok() {
        start_writing(queue, repeats)?;
        report_panics();
    }
    Ok(())
}

/// Shows the count of dropped lines in the metrics from the start.
pub fn describe_metrics() {
    metrics::describe_counter!(DROPPED, "Log lines that could not be written.");
    metrics::counter!(DROPPED).absolute(0);
}

/// What the lines that wait to be written take and may take.
pub fn memory_pools() -> Vec<PoolUsage> {
    QUEUE.get().map(|queue| queue.usage()).into_iter().collect()
}

/// Puts a line among those of the log; `false` where there is no log.
pub fn write_line(text: &str) -> bool {
    QUEUE.get().map(|queue| queue.push(format!("{text}\n").into_bytes())).is_some()
}

/// Waits until the log is written, for a bounded time: its reader may have stalled.
pub fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.wait_until_empty(LAST_LINES);
    }
}

/// Panics are logged like everything else: the default hook writes to stderr itself.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = thread::current();
        tracing::error!(
            location,
            thread = thread.name().unwrap_or("unnamed"),
            "panicked: {}",
            text.unwrap_or("no message")
        );
    }));
}

fn start_writing(queue: Arc<LineQueue>, repeats: Arc<Repeats>) -> Result<(), Fault> {
    // Not through the lock of `std::io::stderr`: a thread that blocks on the pipe would hold it.
    #[cfg(unix)]
    let stderr = {
        use std::os::fd::AsFd;
        std::io::stderr().as_fd().try_clone_to_owned().map(std::fs::File::from)
    };
    #[cfg(not(unix))]
    let stderr = Ok::<_, std::io::Error>(std::io::stderr());
    let failed = |e: std::io::Error| Fault::failed(format!("the log cannot be written: {e}"));
    let stderr = stderr.map_err(failed)?;
    let thread = thread::Builder::new().name("stepwell-log".into());
    thread.spawn(move || write_lines(&queue, &repeats, stderr)).map(drop).map_err(failed)
}

/// Writes lines for as long as the process lives.
fn write_lines(queue: &LineQueue, repeats: &Repeats, mut stderr: impl Write) {
    let mut window = Instant::now();
    let mut reported = 0;
    let mut is_mid_line = false;
    loop {
        for line in queue.take(TICK) {
            let start: &[u8] = if is_mid_line { b"\n" } else { b"" };
            let written = stderr.write_all(start).and_then(|()| stderr.write_all(&line));
            // How much of a line was written before an error is not known: the next line begins a
            // line of its own.
            is_mid_line = written.is_err();
            if is_mid_line {
                queue.note_dropped();
            }
        }
        queue.note_written();
        let dropped = queue.dropped();
        metrics::counter!(DROPPED).absolute(dropped);
        if window.elapsed() < WINDOW {
            continue;
        }
        window = Instant::now();
        repeats.next_window();
        if dropped > reported && !is_mid_line {
            tracing::warn!(
                target: repeats::OWN,
                dropped = dropped - reported,
                "log lines could not be written and were dropped"
            );
            reported = dropped;
        }
    }
}
