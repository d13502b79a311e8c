//! Measures the server beside what the machine itself can do, in the same run.
//!
//! `bench` runs everything and prints one table; `bench lists` times lists over a million
//! executions; `bench bare` is the bare handler it compares with, in a process of its own. The load
//! comes from `wrk`. Numbers of a shared machine are
//! noisy: read the ratios.

mod bare;
mod disk;
mod lists;
mod server;
mod wrk;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use server::Server;
use wrk::Load;

/// How long each load lasts.
const LOAD: Duration = Duration::from_secs(10);

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("bare") => bare::serve(),
        Some("lists") => run_lists(arguments),
        // The server that was built beside this program.
        None => run(&std::env::current_exe()?.with_file_name("stepwell")),
        Some("--server") => {
            run(&PathBuf::from(arguments.next().context("--server needs the path of the binary")?))
        }
        _ => anyhow::bail!(
            "usage: bench [--server PATH] | bench lists [--executions N] [--server PATH] | bench bare"
        ),
    }
}

fn run_lists(mut arguments: impl Iterator<Item = String>) -> Result<()> {
    let mut binary = std::env::current_exe()?.with_file_name("stepwell");
    let mut executions = lists::EXECUTIONS;
    while let Some(argument) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{argument} needs a value"))?;
        match argument.as_str() {
            "--executions" => executions = value.parse()?,
            "--server" => binary = PathBuf::from(value),
            _ => anyhow::bail!("unknown option {argument}"),
        }
    }
    // Over four months, and as dense as they come when the server is busy.
    for gap in [10_000_000, 80] {
        lists::run(&binary, lists::Spread { executions, gap })?;
    }
    Ok(())
}

struct Row {
    what: &'static str,
    value: String,
    wanted: &'static str,
}

fn run(binary: &std::path::Path) -> Result<()> {
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

    println!("{:<34} {:<34} wanted", "what", "measured");
    for Row { what, value, wanted } in &rows.0 {
        println!("{what:<34} {value:<34} {wanted}");
    }
    Ok(())
}

/// What the machine can do without us: a bare handler, and commits to SQLite.
fn machine(folder: &std::path::Path) -> Result<(Vec<Row>, f64)> {
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
