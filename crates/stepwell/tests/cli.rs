//! The command line against a data folder, with a server on it and without: the same commands,
//! the same answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A data folder, and the commands that work on it.
struct Folder {
    root: TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
        command.current_dir(self.root.path()).args(args);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STEPWELL")) {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must go well; answers its JSON.
    fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {stderr}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The exit code of a command, with the error that it told as JSON.
    fn refused(&self, args: &[&str]) -> (i32, Value) {
        let output = self.run(&[args, &["--json"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.lines().last().unwrap_or_default();
        let error: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{stderr}"));
        (output.status.code().unwrap(), error["error"].clone())
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.root.path().join(name), text).unwrap();
    }

    /// Starts a server and waits until it has announced itself.
    fn serve(&self, more: &[&str]) -> Server {
        let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
        let args = ["serve", "--port", "0", "--examples", examples];
        let child = self
            .command(&[&args[..], more].concat())
            .stderr(Stdio::from(std::fs::File::create(self.root.path().join("log")).unwrap()))
            .spawn()
            .unwrap();
        let server = Server { child };
        let announced = self.data().join("server.json");
        for _ in 0..400 {
            if announced.is_file() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("the server did not start: {}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.root.path().join("log")).unwrap_or_default()
    }
}

/// A running server; killed where a test fails.
struct Server {
    child: Child,
}

impl Server {
    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "an orderly stop exits with 0");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ECHO: &str =
    "name: say\ninputs: {text: string}\nsteps:\n  - type: Echo\n    input: '{{ inputs.text }}'\n";

/// Every command, whichever way it reaches the data.
fn exercise(folder: &Folder) {
    folder.write("say.yaml", ECHO);
    let id = folder.json(&["workflows", "create", "say.yaml"])["workflow_id"].clone();
    let id = id.as_str().unwrap();
    let list = folder.json(&["workflows", "list"]);
    let names: Vec<&Value> =
        list["workflows"].as_array().unwrap().iter().map(|w| &w["name"]).collect();
    assert!(names.contains(&&json!("say")), "{names:?}");

    folder.write("say.yaml", &ECHO.replace("Echo", "TextOperation.Uppercase"));
    assert_eq!(folder.json(&["workflows", "update", "say", "say.yaml"])["release"], 2);
    assert_eq!(folder.json(&["workflows", "show", "say"])["workflow_id"], id);

    let input = r#"{"text": "ah"}"#;
    let done = folder.json(&["workflows", "execute", "say", "--input", input, "--wait"]);
    assert_eq!(done["status"], "COMPLETED");
    assert_eq!(done["output"], json!({"text": "AH"}));
    let execution = done["execution_id"].as_str().unwrap();
    let all = folder.json(&["executions", "list", id, "--status", "completed"]);
    assert_eq!(all["executions"][0]["execution_id"], execution);
    assert_eq!(folder.json(&["executions", "show", execution])["tasks"][0]["attempt"], 1);
    let watched = folder.run(&["executions", "watch", execution, "--json"]);
    let last = String::from_utf8(watched.stdout).unwrap();
    let last: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(last["data"]["status"], "COMPLETED");

    let key = folder.json(&["keys", "create", "reader", "--scope", "read:workflows"]);
    let key_id = key["id"].as_str().unwrap();
    assert!(key["secret"].as_str().unwrap().starts_with("sk_live_"));
    folder.json(&["keys", "revoke", key_id]);
    let keys = folder.json(&["keys", "list"]);
    let revoked = keys["items"].as_array().unwrap().iter().find(|k| k["id"] == key_id).unwrap();
    assert_eq!(revoked["status"], "revoked");
    workspaces(folder);
    let secret = folder.json(&["keys", "webhook-secret"]);
    assert!(secret["secret"].as_str().unwrap().starts_with("whsec_"));

    refusals(folder, execution);
    folder.json(&["workflows", "delete", id]);
    assert_eq!(folder.refused(&["workflows", "show", id]).0, 3);
}

/// Who did what, by the name of the key that the command used, or without one.
fn audit(folder: &Folder, actor: &str) {
    let found = folder.json(&["audit", "--action", "workspace.created", "--actor", actor]);
    assert_eq!(found["items"], json!([]), "a new workspace has a log of its own");
    let found = folder.json(&["audit", "--type", "workflow", "--actor", actor, "--limit", "100"]);
    let entries = found["items"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["action"] == "workflow.created"), "{found}");
    assert!(entries.iter().all(|entry| entry["actor"]["name"] == actor), "{found}");
    let object = entries[0]["object"]["id"].as_str().unwrap();
    let of_one = folder.json(&["audit", "--object", object, "--until", "2999-12-31"]);
    assert!(of_one["items"].as_array().unwrap().contains(&entries[0]), "{of_one}");
    let (code, error) = folder.refused(&["audit", "--action", "fly"]);
    assert_eq!((code, &error["code"]), (1, &json!("INVALID_REQUEST")));
}

fn workspaces(folder: &Folder) {
    let made = folder.json(&["workspaces", "create", "acme", "--tier", "standard"]);
    assert_eq!(made["rate_limits"]["executions_per_second"], 5);
    let id = made["id"].as_str().unwrap();
    let args = ["keys", "create", "theirs", "--role", "developer", "--requests-per-minute", "60"];
    let key = folder.json(&[&args[..], &["--workspace", "acme"]].concat());
    assert_eq!((&key["workspace_id"], &key["role"]), (&json!(id), &json!("developer")));
    assert_eq!(key["rate_limits"]["requests_per_minute"], 60);
    let keys = folder.json(&["keys", "list", "--workspace", id]);
    assert_eq!(keys["items"].as_array().unwrap().len(), 1);
    let changed = folder.json(&["workspaces", "update", id, "--name", "old", "--no-limits"]);
    assert_eq!((&changed["name"], &changed["tier"]), (&json!("old"), &Value::Null));
    assert_eq!(folder.json(&["workspaces", "show", id]), changed);
    let all = folder.json(&["workspaces", "list"]);
    assert!(all["items"].as_array().unwrap().contains(&changed), "{all}");
    for (args, code) in [
        (&["keys", "create", "x", "--role", "user", "--workspace", "nobody"][..], 3),
        (&["keys", "create", "x", "--role", "boss"], 1),
        (&["workspaces", "create", ""], 1),
        (&["workspaces", "show", "nobody"], 3),
    ] {
        assert_eq!(folder.refused(args).0, code, "{args:?}");
    }
}

fn refusals(folder: &Folder, execution: &str) {
    folder.write("bad.yaml", "name: bad\nsteps:\n  - type: Ecko\n");
    let (code, error) = folder.refused(&["workflows", "create", "bad.yaml"]);
    assert_eq!((code, &error["code"]), (1, &json!("INVALID_WORKFLOW")));
    assert_eq!(error["details"][0]["path"], "steps[0].type");
    let (code, error) = folder.refused(&["workflows", "execute", "say", "--input", "{}"]);
    assert_eq!((code, &error["code"]), (1, &json!("INVALID_INPUT")));
    let (code, error) = folder.refused(&["executions", "cancel", execution]);
    assert_eq!((code, &error["code"]), (1, &json!("EXECUTION_ENDED")));
    let (code, error) = folder.refused(&["keys", "create", "x", "--scope", "all"]);
    assert_eq!(code, 1);
    assert!(error["message"].as_str().unwrap().contains("unknown scope"), "{error}");
    for (args, expect) in [
        (vec!["workflows", "show", "nobody"], 3),
        (vec!["executions", "show", "ex-01m7zegyzvekevdjpxamnv3xsm"], 3),
        (vec!["executions", "show", "nonsense"], 2),
        (vec!["workflows", "list", "--server", "http://127.0.0.1:1"], 4),
    ] {
        assert_eq!(folder.refused(&args).0, expect, "{args:?}");
    }
}

#[test]
fn commands_work_through_the_server_and_without_it() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    exercise(&folder);
    audit(&folder, "admin");
    server.stop();
    assert!(!folder.data().join("server.json").exists());
    exercise(&folder);
    audit(&folder, "cli");
}

#[test]
fn the_first_start_shows_the_key_and_later_ones_do_not() {
    let folder = Folder::new();
    folder.serve(&[]).stop();
    let key = std::fs::read_to_string(folder.data().join("admin.key")).unwrap();
    assert!(folder.log().contains(key.trim()), "{}", folder.log());
    assert!(folder.log().contains("/docs"), "{}", folder.log());
    let before = folder.json(&["workflows", "list"]);
    folder.serve(&[]).stop();
    assert!(!folder.log().contains(key.trim()), "{}", folder.log());
    assert_eq!(folder.json(&["workflows", "list"]), before, "unchanged examples stay as they are");
}

#[test]
fn the_printed_command_works_as_it_is() {
    if Command::new("curl").arg("--version").output().is_err() {
        return;
    }
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let command = wait_for_command(&folder);
    let answer = Command::new("sh").arg("-c").arg(command).output().unwrap();
    let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    server.stop();
}

fn wait_for_command(folder: &Folder) -> String {
    for _ in 0..200 {
        let log = folder.log();
        let command: Vec<&str> = log
            .lines()
            .skip_while(|l| !l.starts_with("curl"))
            .take_while(|l| !l.is_empty())
            .collect();
        if !command.is_empty() {
            return command.join("\n");
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("no command was printed: {}", folder.log());
}

#[test]
fn the_json_log_never_holds_the_key() {
    let folder = Folder::new();
    folder.serve(&["--log-format", "json"]).stop();
    let key = std::fs::read_to_string(folder.data().join("admin.key")).unwrap();
    assert!(!folder.log().contains(key.trim()));
    for line in folder.log().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["message"].is_string(), "{line}");
    }
}

#[test]
fn a_backup_is_made_while_serving_and_can_be_served() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let made = folder.json(&["backup", "copy.db"]);
    assert!(made["bytes"].as_u64().unwrap() > 0);
    assert_eq!(folder.refused(&["backup", "copy.db"]).0, 2);
    let before = folder.json(&["workflows", "list"]);
    server.stop();
    let restored = folder.root.path().join("restored");
    std::fs::create_dir(&restored).unwrap();
    std::fs::rename(folder.root.path().join("copy.db"), restored.join("stepwell.db")).unwrap();
    let after = folder.json(&["workflows", "list", "--data-dir", path(&restored)]);
    assert_eq!(after, before);
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn webhooks_are_made_listed_and_deleted() {
    let folder = Folder::new();
    folder
        .write("a.json", r#"{"name": "a", "steps": [{"type": "StaticTextInput", "input": "x"}]}"#);
    let server = folder.serve(&[]);
    let made = folder.json(&[
        "webhooks",
        "create",
        "http://127.0.0.1:9/hook",
        "--event",
        "workflow.created",
    ]);
    let id = made["id"].as_str().unwrap();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"), "{made}");
    folder.json(&["workflows", "create", "a.json"]);
    let tested = folder.json(&["webhooks", "test", id]);
    let deliveries = folder.json(&["webhooks", "deliveries", id]);
    assert_eq!(deliveries["items"][0]["event"], "webhook.test");
    assert_eq!(deliveries["items"][1]["event"], "workflow.created");
    let again = folder.json(&["webhooks", "redeliver", tested["id"].as_str().unwrap()]);
    assert_eq!(again["id"], tested["id"]);
    let rotated = folder.json(&["webhooks", "rotate-secret", id, "--overlap", "60"]);
    assert_ne!(rotated["secret"], made["secret"]);
    let list = folder.json(&["webhooks", "list"]);
    assert_eq!(list["items"][0]["url"], "http://127.0.0.1:9/hook");
    folder.json(&["webhooks", "delete", id]);
    assert_eq!(folder.refused(&["webhooks", "show", id]).0, 3);
    drop(server);
}

/// A proxy that keeps what it is sent and closes every connection.
struct Proxy {
    address: std::net::SocketAddr,
    heard: std::sync::Arc<std::sync::Mutex<String>>,
}

impl Proxy {
    fn start() -> Self {
        use std::io::Read as _;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let kept = heard.clone();
        // Ends with the process.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut buffer = [0; 4096];
                let length = stream.read(&mut buffer).unwrap_or(0);
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        });
        Self { address, heard }
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }
}

const PROXY_VARIABLES: [&str; 6] =
    ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY"];

/// Without any proxy, and without what exempts from one, which the test's own surroundings may set.
fn without_proxies(command: &mut Command) -> &mut Command {
    for name in PROXY_VARIABLES.into_iter().chain(["no_proxy", "NO_PROXY"]) {
        command.env_remove(name);
    }
    command
}

#[test]
fn a_server_on_this_machine_is_called_without_the_proxy_of_the_environment() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let proxy = Proxy::start();
    let announced = std::fs::read_to_string(folder.data().join("server.json")).unwrap();
    let announced: Value = serde_json::from_str(&announced).unwrap();
    let url = announced["url"].as_str().unwrap();
    let key = std::fs::read_to_string(folder.data().join("admin.key")).unwrap();
    let named = ["workflows", "list", "--json", "--server", url, "--key", key.trim()];
    for args in [&["workflows", "list", "--json"][..], &named] {
        for name in PROXY_VARIABLES {
            let mut command = folder.command(args);
            let command = without_proxies(&mut command);
            let output = command.env(name, format!("http://{}", proxy.address)).output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {stderr}");
        }
    }
    assert_eq!(proxy.heard(), "");
    drop(server);
}

#[test]
fn an_error_names_the_proxy_without_its_credentials() {
    let folder = Folder::new();
    let proxy = Proxy::start();
    let server = "http://stepwell.invalid:8080";
    let args = ["workflows", "list", "--json", "--server", server, "--key", "sk_live_secret"];
    let ask = |exempt: Option<&str>| {
        let mut command = folder.command(&args);
        without_proxies(&mut command)
            .env("http_proxy", format!("http://u:hidden@{}", proxy.address));
        if let Some(exempt) = exempt {
            command.env("NO_PROXY", exempt);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(4));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let told = ask(None);
    assert!(told.contains(&format!("the proxy http://{}", proxy.address)), "{told}");
    assert!(!told.contains("hidden") && !told.contains("sk_live_secret"), "{told}");
    let heard = proxy.heard();
    assert!(heard.contains("stepwell.invalid"), "it went through: {heard}");
    let told = ask(Some("stepwell.invalid"));
    assert!(!told.contains("the proxy"), "{told}");
    assert_eq!(proxy.heard(), heard, "exempt");
}
