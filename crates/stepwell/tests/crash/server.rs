//! The real server as a child process, and the few requests that the harness makes of it.

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
}

impl Server {
    pub fn new() -> Self {
        Self {
            data: tempfile::tempdir().unwrap(),
            child: None,
            url: String::new(),
            key: String::new(),
            http: client(),
        }
    }

    /// Starts it on a free port and waits until it is ready.
    pub async fn start(&mut self) {
        self.start_with(&[]).await;
    }

    /// The same with further arguments.
    pub async fn start_with(&mut self, args: &[&str]) {
        let log = std::fs::File::create(self.data.path().join("server.log")).unwrap();
        // A killed server leaves its address behind; the new one's is awaited.
        let _ = std::fs::remove_file(self.data.path().join("server.json"));
        let child = Command::new(env!("CARGO_BIN_EXE_stepwell"))
            .args(["serve", "--host", "127.0.0.1", "--port", "0", "--data-dir"])
            .arg(self.data.path())
            .args(args)
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
                panic!("the server does not get ready: {}", log.unwrap_or_default());
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
        let answer = self.http.get(format!("{}/readyz", self.url)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
        let answer = request.header("x-api-key", &self.key).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.ok()?))
    }

    pub async fn create(&self, definition: &Value) -> String {
        let request = self.http.post(format!("{}/workflows", self.url)).json(definition);
        let (status, answer) = self.ask(request).await.expect("an answer");
        assert_eq!(status, 201, "{answer:#}");
        answer["workflow_id"].as_str().unwrap().to_owned()
    }

    /// Starts an execution; its id, where that was acknowledged.
    pub async fn execute(&self, workflow: &str, n: u64) -> Option<String> {
        let url = format!("{}/workflows/{workflow}/execute", self.url);
        let (status, answer) =
            self.ask(self.http.post(url).json(&json!({"input": {"n": n}}))).await?;
        assert_eq!(status, 202, "{answer:#}");
        answer["execution_id"].as_str().map(str::to_owned)
    }

    pub async fn execution(&self, workflow: &str, id: &str) -> Option<Value> {
        let url = format!("{}/workflows/{workflow}/executions/{id}", self.url);
        let (status, answer) = self.ask(self.http.get(url)).await?;
        assert_eq!(status, 200, "{id}: {answer:#}");
        Some(answer)
    }

    /// Posts to a path of the server.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.url)).json(body);
        self.ask(request).await.expect("an answer")
    }

    /// The database, to be opened when the server is gone.
    pub fn database(&self) -> std::path::PathBuf {
        self.data.path().join("stepwell.db")
    }

    /// How many final statuses the execution's events tell of.
    pub async fn final_events(&self, workflow: &str, id: &str) -> usize {
        let url = format!("{}/workflows/{workflow}/executions/{id}/events", self.url);
        let answer = self.http.get(url).header("x-api-key", &self.key).send().await.unwrap();
        let text = answer.text().await.unwrap();
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
    // Only the first call can install it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Connections of a killed server must not be taken up again.
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap()
}
