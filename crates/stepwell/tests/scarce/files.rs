//! Few file descriptors, and more connections than descriptors.

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::server::{Server, TIMEOUT, serve};

/// The server with these limits of open files.
fn limited(data: &std::path::Path, limits: &str) -> Command {
    let serve = serve(data);
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{limits}; exec \"$0\" \"$@\"")).arg(serve.get_program());
    command.args(serve.get_args()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_starve_neither_requests_nor_the_database() {
    let data = tempfile::tempdir().unwrap();
    let command = limited(data.path(), "ulimit -n 64");
    let server = Server::spawn(data, command).await;
    let address = server.url.trim_start_matches("http://").to_owned();
    let silent: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(&address).unwrap()).collect();
    // A new connection for each request, so that each needs a descriptor.
    let deadline = Instant::now() + TIMEOUT;
    let healthy = format!("{}/healthz", server.url);
    while !Server::http().get(&healthy).send().await.is_ok_and(|response| response.status() == 200)
    {
        assert!(Instant::now() < deadline, "health checks are not served");
    }
    let http = Server::http();
    while !server.send(http.get(format!("{}/workflows", server.url))).await.status().is_success() {
        assert!(Instant::now() < deadline, "requests are not served");
    }
    let workflow = server.create_workflow(&http).await;
    for _ in 0..20 {
        assert_eq!(server.execute(&http, &workflow).await, "COMPLETED");
    }
    let ready = http.get(format!("{}/readyz", server.url)).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    drop(silent);
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_soft_limit_of_open_files_is_raised() {
    let data = tempfile::tempdir().unwrap();
    let command = limited(data.path(), "ulimit -Sn 40; ulimit -Hn 512");
    let server = Server::spawn(data, command).await;
    let limits = format!("/proc/{}/limits", server.child.id());
    let limits = std::fs::read_to_string(limits).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<&str> =
        files.split_whitespace().filter(|w| w.parse::<u64>().is_ok()).collect();
    assert_eq!(numbers, ["512", "512"], "{files}");
    server.stop();
}
