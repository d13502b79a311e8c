//! The real server as a child process.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The limit for every wait.
pub const TIMEOUT: Duration = Duration::from_secs(120);

pub struct Server {
    data: TempDir,
    pub child: Child,
    pub url: String,
    pub key: String,
}

impl Server {
    /// Starts a server that logs at this level to `stderr`.
    pub async fn start(level: &str, stderr: Stdio) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = serve(data.path());
        command.args(["--log-level", level]).stderr(stderr);
        Self::spawn(data, command).await
    }

    /// Runs a `serve` command on the folder, and waits for its `server.json`.
    pub async fn spawn(data: TempDir, mut command: Command) -> Self {
        let child = command.spawn().unwrap();
        let mut server = Self { data, child, url: String::new(), key: String::new() };
        let deadline = Instant::now() + TIMEOUT;
        while !server.has_server_json() {
            assert!(Instant::now() < deadline, "the server did not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }

    fn has_server_json(&mut self) -> bool {
        let file = self.data.path().join("server.json");
        let Ok(text) = std::fs::read_to_string(file) else { return false };
        let info: Value = serde_json::from_str(&text).unwrap();
        self.url = info["url"].as_str().unwrap().to_owned();
        let key = std::fs::read_to_string(self.data.path().join("admin.key")).unwrap();
        self.key = key.trim().to_owned();
        true
    }

    pub fn http() -> reqwest::Client {
        // Fails if it is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().unwrap()
    }

    /// Adds the admin key and sends the request.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Response {
        request.header("x-api-key", &self.key).send().await.unwrap()
    }

    /// Creates a workflow; returns its URL.
    pub async fn create_workflow(&self, http: &reqwest::Client) -> String {
        let url = format!("{}/workflows", self.url);
        let definition = json!({"name": "w", "steps": [{"type": "Echo", "input": "x"}]});
        let created: Value =
            self.send(http.post(&url).json(&definition)).await.json().await.unwrap();
        format!("{url}/{}", created["workflow_id"].as_str().unwrap())
    }

    /// Executes a workflow; returns the final status. Repeats it while the server is too busy (503).
    pub async fn execute(&self, http: &reqwest::Client, workflow: &str) -> Value {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let response = self.send(http.post(format!("{workflow}/execute?wait=true"))).await;
            let status = response.status();
            let body: Value = response.json().await.unwrap();
            if status != 503 {
                assert!(status.is_success(), "{status}: {body}");
                return body["status"].clone();
            }
            assert!(Instant::now() < deadline, "executions are not accepted: {body}");
        }
    }

    /// Sends SIGTERM and expects exit code 0.
    pub fn stop(mut self) {
        self.terminate();
    }

    /// As `stop`; copies the files of the data folder to `target`.
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
        let deadline = Instant::now() + TIMEOUT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the server did not stop");
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

/// `stepwell serve` on the folder and a free port.
pub fn serve(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
    command.args(["serve", "--port", "0", "--data-dir"]).arg(data);
    command.stdout(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STEPWELL")) {
        command.env_remove(name);
    }
    command
}
