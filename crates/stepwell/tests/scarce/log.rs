//! A log that cannot be written costs lines and nothing else: every request is answered, executions
//! end, and SIGTERM stops the server with code 0.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::{Command, Stdio};

use crate::server::Server;

/// More lines than a pipe holds.
const REQUESTS: usize = 1_500;

/// Executes a workflow, asks for it again and again, and asks for metrics.
async fn exercise(server: &Server) -> String {
    let http = Server::http();
    let workflow = server.workflow(&http).await;
    for _ in 0..REQUESTS {
        assert_eq!(server.send(http.get(&workflow)).await.status(), 200);
    }
    assert_eq!(server.execute(&http, &workflow).await, "COMPLETED");
    assert_eq!(http.get(format!("{}/readyz", server.url)).send().await.unwrap().status(), 200);
    let metrics = server.send(http.get(format!("{}/metrics", server.url))).await;
    metrics.text().await.unwrap()
}

fn dropped(metrics: &str) -> u64 {
    let line = metrics.lines().find_map(|l| l.strip_prefix("stepwell_log_lines_dropped_total "));
    line.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_the_log_costs_lines_only() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let server = Server::start("debug", full.into()).await;
    assert!(dropped(&exercise(&server).await) > 0);
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_the_log_that_stalls_costs_lines_only() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let server = Server::start("trace", writer.into()).await;
    exercise(&server).await;
    server.stop();
    // What was written are whole lines but the last.
    let mut log = String::new();
    reader.read_to_string(&mut log).unwrap();
    assert!(log.contains("Stepwell") && log.lines().count() > 50, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_the_log_that_is_gone_costs_lines_only() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let server = Server::start("debug", writer.into()).await;
    assert!(dropped(&exercise(&server).await) > 0);
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_that_are_sent_by_habit_do_not_end_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let log = File::create(folder.path().join("log")).unwrap();
    let server = Server::start("info", log.into()).await;
    let pid = server.child.id().to_string();
    for signal in ["-HUP", "-USR1", "-USR2"] {
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
    server.stop();
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("SIGHUP is ignored"), "{log}");
}

/// The errors of commands go to stderr, their results to stdout: each may be closed or full.
#[test]
fn commands_end_with_the_right_code_whatever_becomes_of_their_output() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str], stdout: Stdio, stderr: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
        command.current_dir(folder.path()).args(args).stdout(stdout).stderr(stderr);
        command.status().unwrap().code()
    };
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    for args in [&["step-types"][..], &["openapi"], &["config"], &["--help"]] {
        assert_eq!(run(args, closed(), Stdio::null()), Some(0), "{args:?}, closed");
        let lost = run(args, full(), full());
        // The help is printed by the library that reads the arguments.
        assert_eq!(lost, Some(i32::from(args[0] != "--help")), "{args:?}, full");
    }
    let missing = &["executions", "show", "ex-01h455vb4pex5vsknk084sn02q"];
    for stderr in [closed(), full()] {
        // There is no database here.
        assert_eq!(run(missing, Stdio::null(), stderr), Some(4));
    }
}
