//! The measured server: the real binary on its own data folder.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use reqwest::blocking::Client;
use serde_json::{Value, json};

pub struct Server {
    child: Child,
    data: PathBuf,
    url: String,
    pub key: String,
    pub ready_after: Duration,
    http: Client,
}

impl Server {
    pub fn start(binary: &Path, folder: &Path) -> Result<Self> {
        Self::start_command(Command::new(binary), folder)
    }

    /// Starts the server with a command whose last argument is the binary.
    pub fn start_command(mut command: Command, folder: &Path) -> Result<Self> {
        // Fails if a provider is installed already; any is suitable.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let data = folder.join("data");
        let start = Instant::now();
        let child = command
            .args(["serve", "--host", "127.0.0.1", "--port", "0", "--data-dir"])
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("server.log"))?)
            .spawn()
            .context("cannot start the server binary")?;
        let http = Client::builder().no_proxy().build()?;
        let mut server = Self {
            child,
            data,
            url: String::new(),
            key: String::new(),
            ready_after: Duration::ZERO,
            http,
        };
        while !server.is_ready() {
            if start.elapsed() > Duration::from_secs(20) {
                bail!("the server did not become ready");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        server.ready_after = start.elapsed();
        Ok(server)
    }

    fn is_ready(&mut self) -> bool {
        let Ok(text) = std::fs::read_to_string(self.data.join("server.json")) else { return false };
        let Ok(info) = serde_json::from_str::<Value>(&text) else { return false };
        let Ok(key) = std::fs::read_to_string(self.data.join("admin.key")) else { return false };
        self.url = info["url"].as_str().unwrap_or_default().trim_end_matches('/').to_owned();
        self.key = key.trim().to_owned();
        let response = self.http.get(format!("{}/readyz", self.url)).send();
        response.is_ok_and(|response| response.status().is_success())
    }

    pub fn create_seed_workflow(&self) -> Result<String> {
        self.create(&json!({"name": "Dummy Workflow", "steps": [
            {"type": "StaticTextInput", "input": "Hello, world!"},
            {"type": "TextOperation.Reverse"},
            {"type": "Echo"},
        ]}))
    }

    /// Creates a workflow and returns its ID.
    pub fn create(&self, definition: &Value) -> Result<String> {
        let request = self.http.post(format!("{}/workflows", self.url)).json(definition);
        let response: Value = request.header("x-api-key", &self.key).send()?.json()?;
        Ok(response["workflow_id"].as_str().with_context(|| response.to_string())?.to_owned())
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub fn execute_url(&self, workflow: &str) -> String {
        format!("{}/workflows/{workflow}/execute?wait=true", self.url)
    }

    pub fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value> {
        let request = self.http.get(format!("{}{path}", self.url)).query(query);
        Ok(request.header("x-api-key", &self.key).send()?.json()?)
    }

    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.http.post(format!("{}{path}", self.url)).json(body);
        Ok(request.header("x-api-key", &self.key).send()?.json()?)
    }

    /// Executes a workflow repeatedly over a new connection, one execution at a time.
    pub fn execute_repeatedly(&self, url: &str, executions: usize) -> Result<()> {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(120)).build()?;
        for _ in 0..executions {
            client.post(url).header("x-api-key", &self.key).send()?.error_for_status()?.bytes()?;
        }
        Ok(())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The number of completed executions of a workflow.
    pub fn completed_executions(&self, workflow: &str) -> Result<u64> {
        let url = format!("{}/workflows/{workflow}/stats", self.url);
        let response: Value = self.http.get(url).header("x-api-key", &self.key).send()?.json()?;
        find_number(&response, "completed").with_context(|| response.to_string())
    }

    /// The resident memory of the process.
    pub fn memory_mb(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<f64>()? / 1024.0)
    }

    /// The CPU time of the process so far, in units of 10 ms.
    pub fn cpu_time(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // After the name, which may contain any character: user and system time are fields 12 and 13.
        let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks: u64 = ticks.sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    /// The size of the database without its write-ahead log, which a checkpoint copies into it.
    pub fn database_bytes(&self) -> Result<u64> {
        let mut bytes = 0;
        for entry in std::fs::read_dir(&self.data)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|e| e == "db") {
                bytes += entry.metadata()?.len();
            }
        }
        Ok(bytes)
    }

    /// Stops the server in order, which checkpoints the write-ahead log.
    pub fn stop(mut self) -> Result<Self> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        self.child.wait()?;
        Ok(self)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn find_number(value: &Value, name: &str) -> Option<u64> {
    match value {
        Value::Object(fields) => fields
            .get(name)
            .and_then(Value::as_u64)
            .or_else(|| fields.values().find_map(|v| find_number(v, name))),
        _ => None,
    }
}
