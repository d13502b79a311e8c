//! A log that cannot be written loses lines but has no other effect: every request gets a response,
//! executions end, and SIGTERM stops the server with exit code 0.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::server::{Server, TIMEOUT, serve};

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
async fn hangup_reloads_and_user_signals_are_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stepwell.toml");
    let log = || std::fs::read_to_string(folder.path().join("log")).unwrap();
    std::fs::write(&file, "[api]\nauth_required = true\n").unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut command = serve(data.path());
    let stderr = File::create(folder.path().join("log")).unwrap();
    command.arg("--config").arg(&file).stderr(stderr);
    let server = Server::spawn(data, command).await;
    let pid = server.child.id().to_string();
    let signal = |name: &str| {
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    };
    let logged = async |text: &str| {
        let deadline = Instant::now() + TIMEOUT;
        while !log().contains(text) {
            assert!(Instant::now() < deadline, "{text}: {}", log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let http = Server::http();
    let url = format!("{}/workflows", server.url);
    let status = async || http.get(&url).send().await.unwrap().status().as_u16();
    assert_eq!(status().await, 401);
    // Handlers are installed before the first request is served.
    signal("-USR1");
    logged("SIGUSR1 is ignored").await;
    signal("-USR2");
    logged("SIGUSR2 is ignored").await;
    let changed = "[api]\nauth_required = false\n[engine]\nmax_active = 9\nsole_node = false\n[log]\nlevel = \"debug\"\n";
    std::fs::write(&file, changed).unwrap();
    signal("-HUP");
    logged("configuration reloaded: api.auth_required, engine.max_active, log.level changed").await;
    logged("restart the server to change engine.sole_node").await;
    // The same connection is used again.
    assert_eq!(status().await, 200);
    logged("DEBUG").await;
    std::fs::write(&file, "[api]\nheartbeat_seconds = 0\n").unwrap();
    signal("-HUP");
    logged("the configuration is not reloaded").await;
    assert_eq!(status().await, 200, "an invalid configuration changes nothing");
    server.stop();
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
