//! A log that cannot be written loses lines but has no other effect: every request gets a response,
//! executions end, and SIGTERM stops the server with exit code 0.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::{Command, Stdio};

use crate::server::Server;

/// More lines than a pipe holds.
const REQUESTS: usize = 1_500;

/// Executes a workflow, sends many requests, and returns the metrics.
async fn use_server(server: &Server) -> String {
    let http = Server::http();
    let workflow = server.create_workflow(&http).await;
    for _ in 0..REQUESTS {
        assert_eq!(server.send(http.get(&workflow)).await.status(), 200);
    }
    assert_eq!(server.execute(&http, &workflow).await, "COMPLETED");
    assert_eq!(http.get(format!("{}/readyz", server.url)).send().await.unwrap().status(), 200);
    let metrics = server.send(http.get(format!("{}/metrics", server.url))).await;
    metrics.text().await.unwrap()
}

fn dropped_lines(metrics: &str) -> u64 {
    let line = metrics.lines().find_map(|l| l.strip_prefix("stepwell_log_lines_dropped_total "));
    line.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_log_only_loses_lines() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let server = Server::start("debug", full.into()).await;
    assert!(dropped_lines(&use_server(&server).await) > 0);
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_reader_of_the_log_only_loses_lines() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let server = Server::start("trace", writer.into()).await;
    use_server(&server).await;
    server.stop();
    // Only the last line may be incomplete.
    let mut log = String::new();
    reader.read_to_string(&mut log).unwrap();
    assert!(log.contains("Stepwell") && log.lines().count() > 50, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_pipe_of_the_log_only_loses_lines() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let server = Server::start("debug", writer.into()).await;
    assert!(dropped_lines(&use_server(&server).await) > 0);
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hangup_and_user_signals_do_not_end_the_server() {
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

/// Errors of commands go to stderr, results to stdout; either may be closed or full.
#[test]
fn a_closed_or_full_output_does_not_change_the_exit_code() {
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
        let code = run(args, full(), full());
        // clap prints the help and ignores write errors.
        assert_eq!(code, Some(i32::from(args[0] != "--help")), "{args:?}, full");
    }
    let no_database = &["executions", "show", "ex-01h455vb4pex5vsknk084sn02q"];
    for stderr in [closed(), full()] {
        assert_eq!(run(no_database, Stdio::null(), stderr), Some(4));
    }
}
