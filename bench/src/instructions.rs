//! Counts the instructions of one execution with callgrind: a figure without the noise of a shared
//! machine, for comparing two builds.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::server::Server;

/// Measured executions, in addition to the same workflow executed before as a warm-up.
pub const EXECUTIONS: usize = 2000;
/// Concurrent clients, each with its own connection.
const CLIENTS: usize = 32;
/// Executions before the measurement, to fill caches.
const WARM_UP: usize = 128;

/// The parts of the server, each with prefixes or substrings of its function names. The first match
/// counts.
const PARTS: &[(&str, &[&str])] = &[
    ("allocation", &["mi_", "_mi_", "malloc", "calloc", "realloc", "alloc::raw_vec"]),
    ("memory copies", &["__mem", "memcpy", "memmove", "memcmp", "memset"]),
    ("api", &["stepwell_api"]),
    ("engine", &["stepwell_engine"]),
    ("core and steps", &["stepwell_core", "stepwell_steps", "minijinja", "jsonschema"]),
    ("store", &["stepwell_store", "rusqlite", "sqlite3"]),
    ("json", &["serde"]),
    (
        "http and runtime",
        &["hyper", "http", "axum", "tower", "tokio", "mio::", "matchit", "futures"],
    ),
];
/// The part of C functions without a path that match no other part: SQLite.
const C_FUNCTIONS: &str = "store";
/// The part of all other functions.
const OTHER: &str = "other";

/// Prints the instructions of one 3-step execution over HTTP, in total and by part.
///
/// # Errors
/// Valgrind is missing, or the server failed.
pub fn run(binary: &Path, executions: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let profile = folder.path().join("callgrind.out");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--instr-atstart=no"]);
    command.arg(format!("--callgrind-out-file={}", profile.display())).arg(binary);
    let server = Server::start_command(command, folder.path())?;
    let workflow = server.create_seed_workflow()?;
    let url = server.execute_url(&workflow);
    execute(&server, &url, WARM_UP)?;
    let each = executions.div_ceil(CLIENTS);
    set_instrumentation(server.pid(), "on")?;
    execute(&server, &url, each * CLIENTS)?;
    set_instrumentation(server.pid(), "off")?;
    drop(server.stop()?);
    print(&by_part(&annotate(&profile)?)?, (each * CLIENTS) as u64);
    Ok(())
}

fn execute(server: &Server, url: &str, executions: usize) -> Result<()> {
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| server.execute_repeatedly(url, executions / CLIENTS)))
            .collect();
        let mut joined = clients.into_iter().map(|client| client.join());
        joined.try_for_each(|result| result.unwrap_or_else(|_| bail!("a client panicked")))
    })
}

fn set_instrumentation(pid: u32, state: &str) -> Result<()> {
    let status = Command::new("callgrind_control")
        .args(["-i", state, &pid.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("callgrind_control, a part of valgrind, is missing")?;
    ensure!(status.success(), "callgrind_control failed");
    Ok(())
}

/// The cost of each function, as text.
fn annotate(profile: &Path) -> Result<String> {
    let output = Command::new("callgrind_annotate")
        .args(["--threshold=100", "--auto=no"])
        .arg(profile)
        .output()?;
    ensure!(output.status.success(), "callgrind_annotate failed");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Instructions by part, from lines such as `1,234 ( 1.00%)  file:function [object]`.
fn by_part(annotated: &str) -> Result<BTreeMap<&'static str, u64>> {
    let mut parts = BTreeMap::new();
    for line in annotated.lines() {
        let Some((count, rest)) = line.split_once('(') else { continue };
        let Ok(count) = count.trim().replace(',', "").parse::<u64>() else { continue };
        let Some((_, function)) = rest.split_once(")  ") else { continue };
        let Some((_, function)) = function.split_once(':') else { continue };
        *parts.entry(part(function)).or_default() += count;
    }
    ensure!(!parts.is_empty(), "callgrind_annotate printed no functions");
    Ok(parts)
}

fn part(function: &str) -> &'static str {
    let name = function.split(" [").next().unwrap_or(function);
    let is_of = |needle: &&str| match needle.starts_with("stepwell") || needle.contains("::") {
        true => name.contains(*needle),
        false => name.split(['<', ' ', '&']).any(|word| word.starts_with(*needle)),
    };
    match PARTS.iter().find(|(_, needles)| needles.iter().any(is_of)) {
        Some((part, _)) => part,
        None if !name.contains("::") && !function.contains(".so") => C_FUNCTIONS,
        None => OTHER,
    }
}

fn print(parts: &BTreeMap<&'static str, u64>, executions: u64) {
    let total: u64 = parts.values().sum();
    println!("{:>9} instructions per execution at concurrency {CLIENTS}", total / executions);
    let mut sorted: Vec<_> = parts.iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (part, count) in sorted {
        let percent = *count as f64 * 100.0 / total as f64;
        println!("{:>9} {percent:>5.1} % {part}", count / executions);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_belong_to_parts() {
        for (function, expected) in [
            ("memmove.S:__memcpy_avx_unaligned_erms [/usr/lib/libc.so.6]", "memory copies"),
            ("mi_free [/bin/stepwell]", "allocation"),
            ("sqlite3VdbeExec [/bin/stepwell]", "store"),
            ("walChecksumBytes [/bin/stepwell]", "store"),
            ("<stepwell_api::json::Reader as X>::read [/bin/stepwell]", "api"),
            ("core::ptr::drop_in_place<stepwell_core::execution::Recorded> [/x]", "core and steps"),
            ("<hyper::proto::h1::role::Server as Y>::encode [/x]", "http and runtime"),
            ("serde_json::ser::format_escaped_str [/x]", "json"),
            ("core::fmt::write [/x]", "other"),
            ("pthread_mutex_lock [/usr/lib/libc.so.6]", "other"),
        ] {
            let function = function.strip_prefix("memmove.S:").unwrap_or(function);
            assert_eq!(part(function), expected, "{function}");
        }
    }

    #[test]
    fn lines_are_added_up() {
        let text = "Ir\n1,000 (100.0%)  PROGRAM TOTALS\n\n900 (90.00%)  ???:mi_free [/x]\n\
                    100 (10.00%)  a.c:mi_malloc [/x]\n";
        assert_eq!(by_part(text).unwrap(), BTreeMap::from([("allocation", 1000)]));
        assert!(by_part("nothing").is_err());
    }
}
