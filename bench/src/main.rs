//! Measures the server beside what the machine itself can do, in the same run.
//!
//! `bench` runs everything and prints one table, `bench streams` only what is about streams;
//! `bench lists` times lists over a million executions; `bench schedules` measures what 100,000
//! sleeping schedules cost and how late others fire; `bench webhooks` tells what webhooks cost
//! those who execute; `bench instructions` counts the instructions of one execution;
//! `bench bare` are the bare handlers it
//! compares with, in a process of their own. The load comes from `wrk`, for streams from this
//! program. Numbers of a shared machine are noisy: read the ratios.

mod bare;
mod disk;
mod instructions;
mod lists;
mod schedules;
mod server;
mod streams;
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
    // The server that was built beside this program.
    let mut binary = std::env::current_exe()?.with_file_name("stepwell");
    if let Some(path) = option(&mut arguments, "--server")? {
        binary = PathBuf::from(path);
    }
    let executions = option(&mut arguments, "--executions")?;
    let sleeping = option(&mut arguments, "--schedules")?;
    let turns = option(&mut arguments, "--turns")?;
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["bare"] => bare::serve(),
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
        ["schedules"] => {
            let sleeping = sleeping.map_or(Ok(schedules::SLEEPING), |text| text.parse())?;
            schedules::run(&binary, sleeping)
        }
        ["webhooks"] => {
            let turns = turns.as_deref().map_or(Ok(webhooks::TURNS), str::parse)?;
            webhooks::run(&binary, turns, LOAD / 2)
        }
        _ => anyhow::bail!(
            "usage: bench [streams | lists [--executions N] | schedules [--schedules N] | \
             webhooks [--turns N] | instructions [--executions N]] \
             [--server PATH] | bench bare"
        ),
    }
}

fn run_lists(binary: &Path, executions: Option<&str>) -> Result<()> {
    let executions = executions.map_or(Ok(lists::EXECUTIONS), str::parse)?;
    // Over four months, and as dense as they come when the server is busy.
    for gap in [10_000_000, 80] {
        lists::run(binary, lists::Spread { executions, gap })?;
    }
    Ok(())
}

/// Takes an option with its value out of the arguments.
fn option(arguments: &mut Vec<String>, name: &str) -> Result<Option<String>> {
    let Some(at) = arguments.iter().position(|argument| argument == name) else { return Ok(None) };
    let value = arguments.drain(at..(at + 2).min(arguments.len())).nth(1);
    Ok(Some(value.with_context(|| format!("{name} needs a value"))?))
}

struct Row {
    what: &'static str,
    value: String,
    wanted: &'static str,
}

fn run(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut rows = machine(folder.path())?;
    let bare = rows.1;

    let server = Server::start(binary, folder.path())?;
    let mut row = |what, value: String, wanted| rows.0.push(Row { what, value, wanted });
    row("start to ready", format!("{:.3} s", server.ready_after.as_secs_f64()), "< 0.3 s");
    row("idle memory", format!("{:.1} MB", server.memory_mb()?), "< 30 MB");
    let workflow = server.create_seed_workflow()?;
    let load = Load::post(&server.execute_url(&workflow), &server.key);

    let one = load.run(1, LOAD)?;
    row("c=1 executed and awaited", format!("{:.0}/s", one.per_second), "");
    row("c=1 p50", format!("{:.3} ms", one.p50_ms), "< 0.7 ms");
    let before = server.executions(&workflow)?;
    let size_before = server.database_bytes()?;
    let many = load.run(64, LOAD)?;
    row("c=64 executed and awaited", format!("{:.0}/s", many.per_second), ">= 12,000/s");
    row("c=64 p50 / p99", format!("{:.2} / {:.2} ms", many.p50_ms, many.p99_ms), "p99 < 25 ms");
    row("c=64 answers that were not 200", format!("{}", many.failed), "0");
    row("ratio to the bare handler", format!("{:.2}", many.per_second / bare), "");
    row("memory under load, after", format!("{:.1} MB", server.memory_mb()?), "");
    let executions = server.executions(&workflow)?;
    let server = server.stop()?;
    let grown = server.database_bytes()?.saturating_sub(size_before);
    let each = grown as f64 / (executions - before).max(1) as f64;
    row(
        "disk an execution",
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
    println!("{:<34} {:<34} wanted", "what", "measured");
    for Row { what, value, wanted } in rows {
        println!("{what:<34} {value:<34} {wanted}");
    }
}

/// What the machine can do without us: a bare handler, and commits to SQLite.
fn machine(folder: &Path) -> Result<(Vec<Row>, f64)> {
    let bare = bare::start()?;
    let load = Load::post(&bare.url, "none");
    let bare_many = load.run(64, LOAD / 2)?;
    let bare_one = load.run(1, LOAD / 5)?;
    drop(bare);
    let single = disk::commits_per_second(folder, 1)?;
    let batched = disk::commits_per_second(folder, 64)?;
    let row = |what, value| Row { what, value, wanted: "" };
    let rows = vec![
        row(
            "bare handler c=64",
            format!("{:.0}/s, p99 {:.2} ms", bare_many.per_second, bare_many.p99_ms),
        ),
        row("bare handler c=1 p50", format!("{:.3} ms", bare_one.p50_ms)),
        row("SQLite, one row a commit", format!("{single:.0} rows/s")),
        row("SQLite, 64 rows a commit", format!("{batched:.0} rows/s")),
    ];
    Ok((rows, bare_many.per_second))
}
