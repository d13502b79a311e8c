//! A log that cannot be written costs lines and nothing else: every request is answered, executions
//! end, and SIGTERM stops the server with code 0.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// More lines than a pipe holds.
const REQUESTS: usize = 1_500;

struct Server {
    data: TempDir,
    child: Child,
    url: String,
    key: String,
}

impl Server {
    async fn start(level: &str, stderr: Stdio) -> Self {
        let data = tempfile::tempdir().unwrap();
        let child = command(data.path(), level).stderr(stderr).spawn().unwrap();
        let mut server = Self { data, child, url: String::new(), key: String::new() };
        let deadline = Instant::now() + PATIENCE;
        while !server.is_announced() {
            assert!(Instant::now() < deadline, "the server does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }

    fn is_announced(&mut self) -> bool {
        let file = self.data.path().join("server.json");
        let Ok(text) = std::fs::read_to_string(file) else { return false };
        let note: Value = serde_json::from_str(&text).unwrap();
        self.url = note["url"].as_str().unwrap().to_owned();
        let key = std::fs::read_to_string(self.data.path().join("admin.key")).unwrap();
        self.key = key.trim().to_owned();
        true
    }

    /// Executes a workflow, asks for it again and again, and asks for metrics.
    async fn exercise(&self) -> String {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let ask = |request: reqwest::RequestBuilder| request.header("x-api-key", &self.key).send();
        let url = format!("{}/workflows", self.url);
        let definition = json!({"name": "w", "steps": [{"type": "Echo", "input": "x"}]});
        let made = ask(http.post(&url).json(&definition)).await.unwrap();
        let made: Value = made.json().await.unwrap();
        let workflow = format!("{url}/{}", made["workflow_id"].as_str().unwrap());
        for _ in 0..REQUESTS {
            assert_eq!(ask(http.get(&workflow)).await.unwrap().status(), 200);
        }
        let done = ask(http.post(format!("{workflow}/execute?wait=true"))).await.unwrap();
        assert_eq!(done.json::<Value>().await.unwrap()["status"], "COMPLETED");
        assert_eq!(http.get(format!("{}/readyz", self.url)).send().await.unwrap().status(), 200);
        let metrics = ask(http.get(format!("{}/metrics", self.url))).await.unwrap();
        metrics.text().await.unwrap()
    }

    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the server does not stop");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(status.code(), Some(0));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(data: &Path, level: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
    command.args(["serve", "--port", "0", "--log-level", level, "--data-dir"]).arg(data);
    command.stdout(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STEPWELL")) {
        command.env_remove(name);
    }
    command
}

fn dropped(metrics: &str) -> u64 {
    let line = metrics.lines().find_map(|l| l.strip_prefix("stepwell_log_lines_dropped_total "));
    line.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_the_log_costs_lines_only() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let server = Server::start("debug", full.into()).await;
    assert!(dropped(&server.exercise().await) > 0);
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_the_log_that_stalls_costs_lines_only() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let server = Server::start("trace", writer.into()).await;
    server.exercise().await;
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
    assert!(dropped(&server.exercise().await) > 0);
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
    for args in [&["step-types"][..], &["openapi"], &["config"], &["keys", "list"], &["--help"]] {
        assert_eq!(run(args, closed(), Stdio::null()), Some(0), "{args:?}, closed");
        let lost = run(args, full(), full());
        // The help is printed by the library that reads the arguments.
        assert_eq!(lost, Some(i32::from(args[0] != "--help")), "{args:?}, full");
    }
    let missing = &["executions", "show", "ex-01h455vb4pex5vsknk084sn02q"];
    for stderr in [closed(), full()] {
        assert_eq!(run(missing, Stdio::null(), stderr), Some(3));
    }
}
