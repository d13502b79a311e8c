//! The log on stderr, as text or JSON.
//!
//! No task writes to stderr: lines go through a bounded queue to a thread, so a full disk, a closed
//! pipe or a stalled reader loses lines but blocks no task. Repeated warnings are limited.

pub mod level;
mod queue;
mod repeats;

use std::io::Write;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use stepwell_engine::PoolUsage;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::config::{LogConfig, LogFormat};
use crate::error::CliError;
use crate::terminal;
use level::check_level;
use queue::{LineQueue, QueueWriter};
use repeats::{RepeatLimiter, WINDOW};

const DROPPED_TOTAL: &str = "stepwell_log_lines_dropped_total";

/// How often the writing thread updates its counters while nothing is logged.
const TICK: Duration = Duration::from_secs(1);

/// How long the process waits for the last lines before it exits.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

static QUEUE: OnceLock<Arc<LineQueue>> = OnceLock::new();

static CONTROLS: OnceLock<LogControls> = OnceLock::new();

/// The parts of the log that can change while it is in use.
struct LogControls {
    filter: reload::Handle<EnvFilter, Registry>,
    repeats: Arc<RepeatLimiter>,
}

/// Installs the subscriber that writes tracing events to stderr.
///
/// # Errors
/// `Usage` if the level is invalid.
pub fn install_logs(config: &LogConfig) -> Result<(), CliError> {
    let (filter, handle) = reload::Layer::new(parse_filter(config)?);
    let queue = Arc::new(LineQueue::default());
    let repeats = Arc::new(RepeatLimiter::new(config.max_repeats));
    let writer = QueueWriter(Arc::clone(&queue));
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).log_internal_errors(false);
    let lines = match config.format {
        LogFormat::Human => {
            lines.with_ansi(terminal::stderr_has_colours()).with_target(false).boxed()
        }
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let log = tracing_subscriber::registry()
        .with(filter)
        .with(repeats::RepeatFilter(Arc::clone(&repeats)))
        .with(lines);
    // A second call (in tests) keeps the first log.
    if log.try_init().is_ok() && QUEUE.set(Arc::clone(&queue)).is_ok() {
        let controls = LogControls { filter: handle, repeats: Arc::clone(&repeats) };
        let _ = CONTROLS.set(controls);
        start_writer(queue, repeats)?;
        log_panics();
    }
    Ok(())
}

/// Changes the level and the limit of repeated lines while the log is in use.
///
/// # Errors
/// `Usage` if the level is invalid.
pub fn change_level(config: &LogConfig) -> Result<(), CliError> {
    let filter = parse_filter(config)?;
    let Some(controls) = CONTROLS.get() else { return Ok(()) };
    controls.repeats.set_max(config.max_repeats);
    controls
        .filter
        .reload(filter)
        .map_err(|e| CliError::failed(format!("cannot change the log level: {e}")))
}

fn parse_filter(config: &LogConfig) -> Result<EnvFilter, CliError> {
    let invalid = |message: &str| CliError::usage(format!("configuration: `log.level`: {message}"));
    check_level(&config.level).map_err(|message| invalid(&message))?;
    EnvFilter::try_new(&config.level).map_err(|e| invalid(&e.to_string()))
}

/// Registers the counter of dropped lines, so that the metrics show it from the start.
pub fn describe_metrics() {
    metrics::describe_counter!(DROPPED_TOTAL, "Log lines that could not be written.");
    metrics::counter!(DROPPED_TOTAL).absolute(0);
}

/// The memory of the queue of lines, for the metrics.
pub fn memory_pools() -> Vec<PoolUsage> {
    QUEUE.get().map(|queue| queue.usage()).into_iter().collect()
}

/// Appends a line to the log; `false` if there is no log.
pub fn write_line(text: &str) -> bool {
    QUEUE.get().map(|queue| queue.push(format!("{text}\n").into_bytes())).is_some()
}

/// Waits until the log is written. The wait is bounded, since the reader may have stalled.
pub fn flush_logs() {
    if let Some(queue) = QUEUE.get() {
        queue.wait_until_empty(FLUSH_TIMEOUT);
    }
}

/// Sends panics through the log: the default hook writes to stderr directly.
fn log_panics() {
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

fn start_writer(queue: Arc<LineQueue>, repeats: Arc<RepeatLimiter>) -> Result<(), CliError> {
    // Not through the lock of `std::io::stderr`: a thread that blocks on the pipe would hold it.
    #[cfg(unix)]
    let stderr = {
        use std::os::fd::AsFd;
        std::io::stderr().as_fd().try_clone_to_owned().map(std::fs::File::from)
    };
    #[cfg(not(unix))]
    let stderr = Ok::<_, std::io::Error>(std::io::stderr());
    let failed = |e: std::io::Error| CliError::failed(format!("cannot start the log: {e}"));
    let stderr = stderr.map_err(failed)?;
    let thread = thread::Builder::new().name("stepwell-log".into());
    thread.spawn(move || write_lines(&queue, &repeats, stderr)).map(drop).map_err(failed)
}

/// Writes lines until the process ends.
fn write_lines(queue: &LineQueue, repeats: &RepeatLimiter, mut stderr: impl Write) {
    let mut window = Instant::now();
    let mut reported = 0;
    let mut is_mid_line = false;
    loop {
        for line in queue.take_lines(TICK) {
            let start: &[u8] = if is_mid_line { b"\n" } else { b"" };
            let written = stderr.write_all(start).and_then(|()| stderr.write_all(&line));
            // An unknown part of the line may have been written: the next one starts on a new line.
            is_mid_line = written.is_err();
            if is_mid_line {
                queue.count_dropped();
            }
        }
        queue.mark_written();
        let dropped = queue.dropped();
        metrics::counter!(DROPPED_TOTAL).absolute(dropped);
        if window.elapsed() < WINDOW {
            continue;
        }
        window = Instant::now();
        repeats.start_window();
        if dropped > reported && !is_mid_line {
            tracing::warn!(
                target: repeats::LOG_TARGET,
                dropped = dropped - reported,
                "log lines could not be written and were dropped"
            );
            reported = dropped;
        }
    }
}
