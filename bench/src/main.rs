//! Measures the server and the limits of the machine in the same run.
//!
//! `bench` prints one table of all basic measurements, `bench streams` only those of streams.
//! `bench lists` measures lists over a million executions, `bench schedules` the cost of 100,000
//! idle schedules and the lateness of others, `bench waiting` that of a million waiting executions, `bench webhooks` how webhooks slow executions,
//! `bench instructions` the instructions of one execution. `bench baseline` runs the baseline server
//! for comparison. The load comes from `wrk`, for streams from this program. Numbers of a shared
//! machine are noisy: compare the ratios.

mod baseline;
mod disk;
mod instructions;
mod lists;
mod schedules;
mod server;
mod streams;
mod waiting;
mod webhooks;
mod wrk;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use server::Server;
use wrk::Load;

/// How long each load lasts.
const LOAD: Duration = Duration::from_secs(10);

fn main() -> Result<()> {
    let mut arguments: Vec<_> = std::env::args().skip(1).collect();
    // By default the server in the folder of this program.
    let mut binary = std::env::current_exe()?.with_file_name("stepwell");
    if let Some(path) = take_option(&mut arguments, "--server")? {
        binary = PathBuf::from(path);
    }
    let executions = take_option(&mut arguments, "--executions")?;
    let schedules = take_option(&mut arguments, "--schedules")?;
    let rounds = take_option(&mut arguments, "--rounds")?;
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["baseline"] => baseline::serve(),
        [] => run(&binary),
        ["streams"] => {
            let folder = tempfile::tempdir()?;
            print(&streams::rows(&Server::start(&binary, folder.path())?)?);
            Ok(())
        }
        ["lists"] => run_lists(&binary, executions.as_deref()),
        ["instructions"] => {
            let executions =
                executions.map_or(Ok(instructions::EXECUTIONS), |text| text.parse())?;
            instructions::run(&binary, executions)
        }
        ["waiting"] => {
            let executions = executions.map_or(Ok(waiting::EXECUTIONS), |text| text.parse())?;
            waiting::run(&binary, executions)
        }
        ["schedules"] => {
            let count = schedules.map_or(Ok(schedules::IDLE_SCHEDULES), |text| text.parse())?;
            schedules::run(&binary, count)
        }
        ["webhooks"] => {
            let rounds = rounds.as_deref().map_or(Ok(webhooks::ROUNDS), str::parse)?;
            webhooks::run(&binary, rounds, LOAD / 2)
        }
        _ => anyhow::bail!(
            "usage: bench [streams | lists [--executions N] | waiting [--executions N] | schedules [--schedules N] | \
             webhooks [--rounds N] | instructions [--executions N]] \
             [--server PATH] | bench baseline"
        ),
    }
}

fn run_lists(binary: &Path, executions: Option<&str>) -> Result<()> {
    let executions = executions.map_or(Ok(lists::EXECUTIONS), str::parse)?;
    // Spread over four months, and as dense as on a busy server.
    for gap_micros in [10_000_000, 80] {
        lists::run(binary, lists::Distribution { executions, gap_micros })?;
    }
    Ok(())
}

/// Removes an option with its value from the arguments.
fn take_option(arguments: &mut Vec<String>, name: &str) -> Result<Option<String>> {
    let Some(at) = arguments.iter().position(|argument| argument == name) else { return Ok(None) };
    let value = arguments.drain(at..(at + 2).min(arguments.len())).nth(1);
    Ok(Some(value.with_context(|| format!("{name} needs a value"))?))
}

struct Row {
    name: &'static str,
    value: String,
    target: &'static str,
}

fn run(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut rows = measure_machine(folder.path())?;
    let baseline_rate = rows.1;

    let server = Server::start(binary, folder.path())?;
    let mut row = |name, value: String, target| rows.0.push(Row { name, value, target });
    row("start to ready", format!("{:.3} s", server.ready_after.as_secs_f64()), "< 0.3 s");
    row("idle memory", format!("{:.1} MB", server.memory_mb()?), "< 30 MB");
    let workflow = server.create_seed_workflow()?;
    let load = Load::post(&server.execute_url(&workflow), &server.key);

    let one = load.run(1, LOAD)?;
    row("c=1 executions with wait=true", format!("{:.0}/s", one.per_second), "");
    row("c=1 p50", format!("{:.3} ms", one.p50_ms), "< 0.7 ms");
    let before = server.completed_executions(&workflow)?;
    let size_before = server.database_bytes()?;
    let many = load.run(64, LOAD)?;
    row("c=64 executions with wait=true", format!("{:.0}/s", many.per_second), ">= 12,000/s");
    row("c=64 p50 / p99", format!("{:.2} / {:.2} ms", many.p50_ms, many.p99_ms), "p99 < 25 ms");
    row("c=64 failed requests", format!("{}", many.failed), "0");
    row("ratio to the baseline", format!("{:.2}", many.per_second / baseline_rate), "");
    row("memory after load", format!("{:.1} MB", server.memory_mb()?), "");
    let executions = server.completed_executions(&workflow)?;
    let server = server.stop()?;
    let grown = server.database_bytes()?.saturating_sub(size_before);
    let each = grown as f64 / (executions - before).max(1) as f64;
    row(
        "disk per execution",
        format!("{each:.0} bytes ({} executions)", executions - before),
        "< 1024",
    );

    drop(server);
    let folder = tempfile::tempdir()?;
    rows.0.extend(streams::rows(&Server::start(binary, folder.path())?)?);
    print(&rows.0);
    Ok(())
}

fn print(rows: &[Row]) {
    println!("{:<34} {:<34} target", "measurement", "value");
    for Row { name, value, target } in rows {
        println!("{name:<34} {value:<34} {target}");
    }
}

/// The limits of the machine: the baseline server, and commits to SQLite.
fn measure_machine(folder: &Path) -> Result<(Vec<Row>, f64)> {
    let baseline = baseline::start()?;
    let load = Load::post(&baseline.url, "none");
    let baseline_many = load.run(64, LOAD / 2)?;
    let baseline_one = load.run(1, LOAD / 5)?;
    drop(baseline);
    let single = disk::rows_per_second(folder, 1)?;
    let batched = disk::rows_per_second(folder, 64)?;
    let row = |name, value| Row { name, value, target: "" };
    let rows = vec![
        row(
            "baseline c=64",
            format!("{:.0}/s, p99 {:.2} ms", baseline_many.per_second, baseline_many.p99_ms),
        ),
        row("baseline c=1 p50", format!("{:.3} ms", baseline_one.p50_ms)),
        row("SQLite, 1 row per commit", format!("{single:.0} rows/s")),
        row("SQLite, 64 rows per commit", format!("{batched:.0} rows/s")),
    ];
    Ok((rows, baseline_many.per_second))
}
