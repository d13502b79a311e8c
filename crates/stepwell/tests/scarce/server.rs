//! The real server as a child process.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub struct Server {
    data: TempDir,
    pub child: Child,
    pub url: String,
    pub key: String,
}

impl Server {
    /// Starts one that logs at this level to `stderr`.
    pub async fn start(level: &str, stderr: Stdio) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = serve(data.path());
        command.args(["--log-level", level]).stderr(stderr);
        Self::spawn(data, command).await
    }

    /// Starts a command that serves over the folder, and waits until it is announced.
    pub async fn spawn(data: TempDir, mut command: Command) -> Self {
        let child = command.spawn().unwrap();
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

    /// A client that waits for as long as the test does.
    pub fn http() -> reqwest::Client {
        // Only the first call can install it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
    }

    /// Sends a request with the admin key.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Response {
        request.header("x-api-key", &self.key).send().await.unwrap()
    }

    /// Creates a workflow; its URL.
    pub async fn workflow(&self, http: &reqwest::Client) -> String {
        let url = format!("{}/workflows", self.url);
        let definition = json!({"name": "w", "steps": [{"type": "Echo", "input": "x"}]});
        let made: Value = self.send(http.post(&url).json(&definition)).await.json().await.unwrap();
        format!("{url}/{}", made["workflow_id"].as_str().unwrap())
    }

    /// Executes it; its status.
    pub async fn execute(&self, http: &reqwest::Client, workflow: &str) -> Value {
        let done = self.send(http.post(format!("{workflow}/execute?wait=true"))).await;
        done.json::<Value>().await.unwrap()["status"].clone()
    }

    /// SIGTERM: it ends with code 0.
    pub fn stop(mut self) {
        self.terminate();
    }

    /// Stops it and copies what is in its folder into another.
    pub fn stop_keeping(mut self, target: &Path) {
        self.terminate();
        for entry in std::fs::read_dir(self.data.path()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), target.join(entry.file_name())).unwrap();
        }
    }

    fn terminate(&mut self) {
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

/// `stepwell serve` over the folder on any free port.
pub fn serve(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
    command.args(["serve", "--port", "0", "--data-dir"]).arg(data);
    command.stdout(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STEPWELL")) {
        command.env_remove(name);
    }
    command
}
