//! The metrics of the process, by the names that Prometheus' own clients use.

/// Registers what `/metrics` shows of the process and of the build.
pub fn register_metrics() {
    metrics::describe_gauge!("stepwell_build_info", "1, with the version as a label.");
    metrics::gauge!("stepwell_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    refresh_now();
}

/// Brings them up to date, on a thread for blocking work.
pub async fn refresh_metrics() {
    // A refresh that panics is reported by the hook for panics; the values stay as they are.
    let _ = tokio::task::spawn_blocking(refresh_now).await;
}

#[cfg(target_os = "linux")]
fn refresh_now() {
    if let Err(error) = linux::read() {
        tracing::warn!(%error, "the metrics of the process cannot be read");
    }
}

/// Read on Linux only.
#[cfg(not(target_os = "linux"))]
const fn refresh_now() {}

#[cfg(target_os = "linux")]
mod linux {
    use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
    use procfs::process::{LimitValue, Process};

    const CPU: &str = "process_cpu_seconds_total";
    const RESIDENT: &str = "process_resident_memory_bytes";
    const VIRTUAL: &str = "process_virtual_memory_bytes";
    const START: &str = "process_start_time_seconds";
    const OPEN: &str = "process_open_fds";
    const MAX: &str = "process_max_fds";
    const THREADS: &str = "process_threads";

    pub(super) fn read() -> procfs::ProcResult<()> {
        describe();
        let process = Process::myself()?;
        let stat = process.stat()?;
        let ticks = procfs::ticks_per_second().max(1);
        counter!(CPU).absolute((stat.utime + stat.stime) / ticks);
        gauge!(RESIDENT).set(stat.rss.saturating_mul(procfs::page_size()) as f64);
        gauge!(VIRTUAL).set(stat.vsize as f64);
        gauge!(THREADS).set(stat.num_threads as f64);
        let since_boot = stat.starttime as f64 / ticks as f64;
        gauge!(START).set(procfs::boot_time_secs()? as f64 + since_boot);
        if let LimitValue::Value(most) = process.limits()?.max_open_files.soft_limit {
            gauge!(MAX).set(most as f64);
        }
        gauge!(OPEN).set(process.fd_count()? as f64);
        Ok(())
    }

    fn describe() {
        describe_counter!(CPU, Unit::Seconds, "CPU time of the process, in whole seconds.");
        describe_gauge!(RESIDENT, Unit::Bytes, "Resident memory of the process.");
        describe_gauge!(VIRTUAL, Unit::Bytes, "Virtual memory of the process.");
        describe_gauge!(START, Unit::Seconds, "When the process started, as a Unix time.");
        describe_gauge!(OPEN, "Open file descriptors.");
        describe_gauge!(MAX, "The most file descriptors that may be open.");
        describe_gauge!(THREADS, "Threads of the process.");
    }
}
