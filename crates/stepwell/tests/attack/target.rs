//! The server under attack, the probe during each attack, and the checks after every one.

use std::future::Future;
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::random::brief;
use crate::server::Server;

/// The limit for every wait, generous for a busy machine. Longer is considered a hang.
pub const LIMIT: Duration = Duration::from_secs(120);
/// The grace period of the server.
const GRACE_SECONDS: u64 = 2;
/// The limit for the shutdown after SIGTERM: the grace period, and the time of a busy machine.
const ENDS_WITHIN: Duration = Duration::from_secs(40);
/// The time for which a stream is read.
const STREAM: Duration = Duration::from_secs(3);
/// The pause between two probes.
const PROBE_EVERY: Duration = Duration::from_millis(200);

pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    /// The body; `null` if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The beginning of the body, for messages.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(600).collect()
    }
}

/// An execution that the server has acknowledged.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub workflow: String,
    pub id: String,
}

pub struct Target {
    pub server: Server,
    pub http: reqwest::Client,
    probe: String,
}

impl Target {
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// Starts a server with more lines for the section `engine` of its configuration.
    pub async fn start_with(engine: &str) -> Self {
        let server = Server::new();
        let folder = server.database().parent().unwrap().to_owned();
        let settings = format!("[engine]\nshutdown_grace_seconds = {GRACE_SECONDS}\n{engine}");
        std::fs::write(folder.join("stepwell.toml"), settings).unwrap();
        let mut target = Self { server, http: reqwest::Client::new(), probe: String::new() };
        target.restart().await;
        let definition = json!({"name": "probe", "steps": [{"type": "Echo", "input": "alive"}]});
        target.probe = target.server.create(&definition).await;
        target
    }

    /// Starts the process again.
    pub async fn restart(&mut self) {
        let config = self.server.database().parent().unwrap().join("stepwell.toml");
        self.server.start_with(&["--config", config.to_str().unwrap()]).await;
        self.http = reqwest::Client::builder().no_proxy().timeout(LIMIT).build().unwrap();
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method.parse().unwrap(), format!("{}{path}", self.server.url))
    }

    /// Sends a request; `None` if it could not be built or sent.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Option<Reply> {
        let mut response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        // An endless stream is read only for some time.
        let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok());
        let is_stream = kind.is_some_and(|kind| !kind.starts_with("application/json"));
        let deadline = tokio::time::Instant::now() + if is_stream { STREAM } else { LIMIT };
        while let Ok(Ok(Some(chunk))) = tokio::time::timeout_at(deadline, response.chunk()).await {
            body.extend_from_slice(&chunk);
        }
        Some(Reply { status, headers, body })
    }

    /// Sends JSON with the admin key.
    pub async fn post(&self, path: &str, body: Vec<u8>) -> Reply {
        let request = self.request("POST", path).header("x-api-key", &self.server.key);
        let request = request.header("content-type", "application/json").body(body);
        self.send(request).await.unwrap_or_else(|| panic!("no response: POST {path}"))
    }

    pub async fn get(&self, path: &str) -> Reply {
        let request = self.request("GET", path).header("x-api-key", &self.server.key);
        self.send(request).await.unwrap_or_else(|| panic!("no response: GET {path}"))
    }

    /// Creates the workflow; `None` if the definition is rejected.
    pub async fn create(&self, definition: &Value) -> Option<String> {
        let reply = self.post("/workflows", crate::random::to_bytes(definition)).await;
        crate::operations::check(
            &format!("POST /workflows {}", brief(definition)),
            "/workflows",
            &reply,
        );
        reply.json()["workflow_id"].as_str().map(str::to_owned)
    }

    /// Executes without waiting; `None` if the input is rejected.
    pub async fn execute(&self, workflow: &str, input: &Value) -> Option<Accepted> {
        let path = format!("/workflows/{workflow}/execute");
        let reply = self.post(&path, crate::random::to_bytes(&json!({"input": input}))).await;
        crate::operations::check(&format!("POST {path}"), &path, &reply);
        let id = reply.json()["execution_id"].as_str()?.to_owned();
        Some(Accepted { workflow: workflow.to_owned(), id })
    }

    /// Cancels an execution, which may have ended.
    pub async fn cancel(&self, accepted: &Accepted) {
        let path = format!("/workflows/{}/executions/{}/cancel", accepted.workflow, accepted.id);
        let reply = self.post(&path, b"{}".to_vec()).await;
        assert!(matches!(reply.status, 202 | 409), "{path}: {} {}", reply.status, reply.text());
    }

    /// Does the work during a series of small requests, each of which must be served.
    pub async fn beside_probe<T>(&self, work: impl Future<Output = T>) -> T {
        let probe = async {
            loop {
                let health = self.get("/healthz").await;
                assert_eq!(health.status, 200, "{}", health.text());
                let path = format!("/workflows/{}/execute?wait=true", self.probe);
                let reply = self.post(&path, b"{}".to_vec()).await;
                let served = reply.json()["status"] == "COMPLETED";
                // If memory is short, a request waits and is then rejected.
                let refused = reply.status == 503 && reply.headers.contains_key("retry-after");
                assert!(served || refused, "{} {}", reply.status, reply.text());
                tokio::time::sleep(PROBE_EVERY).await;
            }
        };
        tokio::select! {
            done = work => done,
            () = probe => unreachable!("the probe does not end"),
        }
    }

    /// Waits until each execution has ended; returns their views.
    pub async fn ended(&self, accepted: &[Accepted]) -> Vec<Value> {
        let deadline = Instant::now() + LIMIT;
        let mut ended = Vec::new();
        for one in accepted {
            let path = format!("/workflows/{}/executions/{}", one.workflow, one.id);
            loop {
                let reply = self.get(&path).await;
                // If memory is short, a request waits and is then rejected.
                let is_rejected = reply.status == 503 && reply.headers.contains_key("retry-after");
                let is_found = reply.status == 200 || is_rejected;
                assert!(is_found, "acknowledged, then lost: {path} {}", reply.text());
                let shown = reply.json();
                let status = shown["status"].as_str();
                if !is_rejected && !matches!(status, Some("PENDING" | "RUNNING")) {
                    // Also as the error of a step, after which the execution continues.
                    if shown.to_string().contains("\"INTERNAL_ERROR\"") {
                        let definition = self.definition(one).await;
                        panic!("internal error: {} of {}", brief(&shown), brief(&definition));
                    }
                    ended.push(shown);
                    break;
                }
                if Instant::now() > deadline {
                    let definition = self.definition(one).await;
                    panic!("does not end: {} of {}", brief(&shown), brief(&definition));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        ended
    }

    async fn definition(&self, accepted: &Accepted) -> Value {
        self.get(&format!("/workflows/{}", accepted.workflow)).await.json()
    }

    /// Sends SIGTERM; the process must end in time.
    pub async fn terminate(&mut self) {
        self.check_log();
        let child = self.server.child.as_mut().unwrap();
        let pid = child.id().to_string();
        assert!(
            std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success()
        );
        let deadline = Instant::now() + ENDS_WITHIN;
        while child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "SIGTERM does not end the process");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.server.child = None;
    }

    pub fn log(&self) -> String {
        let path = self.server.database().parent().unwrap().join("server.log");
        String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
    }

    /// Checks that nothing panicked since the last start.
    pub fn check_log(&self) {
        let log = self.log();
        let panicked: Vec<&str> = log.lines().filter(|line| line.contains("panicked")).collect();
        assert!(panicked.is_empty(), "{panicked:#?}");
    }

    /// The checks after every topic: the process serves requests and ends, nothing panicked.
    pub async fn finish(mut self) {
        self.check_log();
        assert_eq!(self.get("/healthz").await.status, 200);
        self.terminate().await;
    }
}
