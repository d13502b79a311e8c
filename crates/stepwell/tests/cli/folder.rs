//! A data folder with the commands that use it, and a server on it.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// A data folder, and the commands that use it.
pub struct Folder {
    pub root: TempDir,
}

impl Folder {
    pub fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    pub fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
        command.current_dir(self.root.path()).args(args);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STEPWELL")) {
            command.env_remove(name);
        }
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must succeed; returns its JSON.
    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {stderr}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command that must fail; returns its exit code and its error.
    pub fn failure(&self, args: &[&str]) -> (i32, Value) {
        let output = self.run(&[args, &["--json"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.lines().last().unwrap_or_default();
        let error: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{stderr}"));
        (output.status.code().unwrap(), error["error"].clone())
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.root.path().join(name), text).unwrap();
    }

    /// Starts a server and waits for its `server.json`.
    pub fn serve(&self, extra_args: &[&str]) -> Server {
        self.serve_with(extra_args, &[])
    }

    /// As `serve`, with environment variables.
    pub fn serve_with(&self, extra_args: &[&str], variables: &[(&str, &str)]) -> Server {
        let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
        let args = ["serve", "--port", "0", "--examples", examples];
        let child = self
            .command(&[&args[..], extra_args].concat())
            .envs(variables.iter().copied())
            .stderr(Stdio::from(std::fs::File::create(self.root.path().join("log")).unwrap()))
            .spawn()
            .unwrap();
        let server = Server { child };
        let server_json = self.data().join("server.json");
        for _ in 0..400 {
            if server_json.is_file() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("the server did not start: {}", self.log());
    }

    /// Sends a request with a JSON body (`null`: without one) and the admin key to the running
    /// server; returns the body of its response.
    pub fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        let read = |name: &str| std::fs::read_to_string(self.data().join(name)).unwrap();
        let server: Value = serde_json::from_str(&read("server.json")).unwrap();
        let url = format!("{}{path}", server["url"].as_str().unwrap());
        // Fails if it is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let send = async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let mut request = client.request(method.parse().unwrap(), url);
            if !body.is_null() {
                request = request.json(body);
            }
            let response = request.bearer_auth(read("admin.key").trim()).send().await.unwrap();
            assert!(response.status().is_success(), "{method} {path}: {}", response.status());
            response.json().await.unwrap()
        };
        tokio::runtime::Runtime::new().unwrap().block_on(send)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.root.path().join("log")).unwrap_or_default()
    }
}

/// A running server; killed if the test fails.
pub struct Server {
    child: Child,
}

impl Server {
    pub fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "an orderly shutdown exits with 0");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
