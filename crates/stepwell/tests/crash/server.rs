//! The real server as a child process, and the requests that the harness sends.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

pub struct Server {
    data: TempDir,
    pub child: Option<Child>,
    pub url: String,
    pub key: String,
    pub http: reqwest::Client,
    /// Additional environment variables of the process.
    pub variables: Vec<(&'static str, &'static str)>,
}

impl Server {
    pub fn new() -> Self {
        Self {
            data: tempfile::tempdir().unwrap(),
            child: None,
            url: String::new(),
            key: String::new(),
            http: client(),
            variables: Vec::new(),
        }
    }

    /// Starts the server on a free port and waits until it is ready.
    pub async fn start(&mut self) {
        self.start_with(&[]).await;
    }

    /// As `start`, with more arguments.
    pub async fn start_with(&mut self, args: &[&str]) {
        let log = std::fs::File::create(self.data.path().join("server.log")).unwrap();
        // A killed server leaves this file; its absence shows that the new one is not ready.
        let _ = std::fs::remove_file(self.data.path().join("server.json"));
        let child = Command::new(env!("CARGO_BIN_EXE_stepwell"))
            .args(["serve", "--host", "127.0.0.1", "--port", "0", "--data-dir"])
            .arg(self.data.path())
            .args(args)
            .envs(self.variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        self.http = client();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.is_ready().await {
            if Instant::now() > deadline {
                let log = std::fs::read_to_string(self.data.path().join("server.log"));
                panic!("the server did not become ready: {}", log.unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn is_ready(&mut self) -> bool {
        let Ok(text) = std::fs::read_to_string(self.data.path().join("server.json")) else {
            return false;
        };
        let Ok(info) = serde_json::from_str::<Value>(&text) else { return false };
        self.url = info["url"].as_str().unwrap_or_default().trim_end_matches('/').to_owned();
        let Ok(key) = std::fs::read_to_string(self.data.path().join("admin.key")) else {
            return false;
        };
        self.key = key.trim().to_owned();
        let response = self.http.get(format!("{}/readyz", self.url)).send().await;
        response.is_ok_and(|response| response.status().is_success())
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
        let response = request.header("x-api-key", &self.key).send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.json().await.ok()?))
    }

    pub async fn create(&self, definition: &Value) -> String {
        let request = self.http.post(format!("{}/workflows", self.url)).json(definition);
        let (status, response) = self.send(request).await.expect("a response");
        assert_eq!(status, 201, "{response:#}");
        response["workflow_id"].as_str().unwrap().to_owned()
    }

    /// Starts an execution; returns its ID if the server acknowledged it.
    pub async fn execute(&self, workflow: &str, n: u64) -> Option<String> {
        let url = format!("{}/workflows/{workflow}/execute", self.url);
        let (status, response) =
            self.send(self.http.post(url).json(&json!({"input": {"n": n}}))).await?;
        assert_eq!(status, 202, "{response:#}");
        response["execution_id"].as_str().map(str::to_owned)
    }

    pub async fn execution(&self, workflow: &str, id: &str) -> Option<Value> {
        let url = format!("{}/workflows/{workflow}/executions/{id}", self.url);
        let (status, response) = self.send(self.http.get(url)).await?;
        assert_eq!(status, 200, "{id}: {response:#}");
        Some(response)
    }

    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.try_post(path, body).await.expect("a response")
    }

    /// `None`: there was no response, as the server was killed.
    pub async fn try_post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        self.send(self.http.post(format!("{}{path}", self.url)).json(body)).await
    }

    pub async fn get(&self, path: &str) -> Option<(u16, Value)> {
        self.send(self.http.get(format!("{}{path}", self.url))).await
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        let request = self.http.delete(format!("{}{path}", self.url));
        self.send(request).await.expect("a response")
    }

    /// The database, to be opened after the server has stopped.
    pub fn database(&self) -> std::path::PathBuf {
        self.data.path().join("stepwell.db")
    }

    /// The number of events with a final status.
    pub async fn final_events(&self, workflow: &str, id: &str) -> usize {
        let url = format!("{}/workflows/{workflow}/executions/{id}/events", self.url);
        let response = self.http.get(url).header("x-api-key", &self.key).send().await.unwrap();
        let text = response.text().await.unwrap();
        let statuses = text.split("\n\n").filter(|event| event.contains("event: status"));
        statuses
            .filter(|event| ["COMPLETED", "FAILED", "CANCELLED"].iter().any(|s| event.contains(s)))
            .count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn client() -> reqwest::Client {
    // Fails if it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A new client per start: connections to a killed server must not be reused.
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap()
}
