//! The command line on a data folder, with and without a running server: the same commands return
//! the same results.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A data folder, and the commands that use it.
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

    /// Runs a command that must succeed; returns its JSON.
    fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {stderr}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command that must fail; returns its exit code and its error.
    fn failure(&self, args: &[&str]) -> (i32, Value) {
        let output = self.run(&[args, &["--json"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.lines().last().unwrap_or_default();
        let error: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{stderr}"));
        (output.status.code().unwrap(), error["error"].clone())
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.root.path().join(name), text).unwrap();
    }

    /// Starts a server and waits for its `server.json`.
    fn serve(&self, extra_args: &[&str]) -> Server {
        let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
        let args = ["serve", "--port", "0", "--examples", examples];
        let child = self
            .command(&[&args[..], extra_args].concat())
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

    fn log(&self) -> String {
        std::fs::read_to_string(self.root.path().join("log")).unwrap_or_default()
    }
}

/// A running server; killed if the test fails.
struct Server {
    child: Child,
}

impl Server {
    fn stop(mut self) {
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

const ECHO: &str =
    "name: say\ninputs: {text: string}\nsteps:\n  - type: Echo\n    input: '{{ inputs.text }}'\n";

/// Runs the commands and checks their results.
fn check_commands(folder: &Folder) {
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
    let executed = folder.json(&["workflows", "execute", "say", "--input", input, "--wait"]);
    assert_eq!(executed["status"], "COMPLETED");
    assert_eq!(executed["output"], json!({"text": "AH"}));
    let execution = executed["execution_id"].as_str().unwrap();
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
    check_workspaces(folder);
    let secret = folder.json(&["keys", "webhook-secret"]);
    assert!(secret["secret"].as_str().unwrap().starts_with("whsec_"));

    check_errors(folder, execution);
    folder.json(&["workflows", "delete", id]);
    assert_eq!(folder.failure(&["workflows", "show", id]).0, 3);
}

/// The audit log has the actor of the commands: the key's name, or `cli` without a server.
fn check_audit(folder: &Folder, actor: &str) {
    let found = folder.json(&["audit", "--action", "workspace.created", "--actor", actor]);
    assert_eq!(found["items"], json!([]), "a new workspace has a log of its own");
    let found = folder.json(&["audit", "--type", "workflow", "--actor", actor, "--limit", "100"]);
    let entries = found["items"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["action"] == "workflow.created"), "{found}");
    assert!(entries.iter().all(|entry| entry["actor"]["name"] == actor), "{found}");
    let object = entries[0]["object"]["id"].as_str().unwrap();
    let of_one = folder.json(&["audit", "--object", object, "--until", "2999-12-31"]);
    assert!(of_one["items"].as_array().unwrap().contains(&entries[0]), "{of_one}");
    let (code, error) = folder.failure(&["audit", "--action", "fly"]);
    assert_eq!((code, &error["code"]), (1, &json!("INVALID_REQUEST")));
}

fn check_workspaces(folder: &Folder) {
    let created = folder.json(&["workspaces", "create", "acme", "--tier", "standard"]);
    assert_eq!(created["rate_limits"]["executions_per_second"], 5);
    let id = created["id"].as_str().unwrap();
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
        (&["keys", "create", "x", "--role", "user", "--workspace", "unknown"][..], 3),
        (&["keys", "create", "x", "--role", "boss"], 1),
        (&["workspaces", "create", ""], 1),
        (&["workspaces", "show", "unknown"], 3),
    ] {
        assert_eq!(folder.failure(args).0, code, "{args:?}");
    }
}

fn check_errors(folder: &Folder, execution: &str) {
    folder.write("bad.yaml", "name: bad\nsteps:\n  - type: Ecko\n");
    let (code, error) = folder.failure(&["workflows", "create", "bad.yaml"]);
    assert_eq!((code, &error["code"]), (1, &json!("INVALID_WORKFLOW")));
    assert_eq!(error["details"][0]["path"], "steps[0].type");
    let (code, error) = folder.failure(&["workflows", "execute", "say", "--input", "{}"]);
    assert_eq!((code, &error["code"]), (1, &json!("INVALID_INPUT")));
    let (code, error) = folder.failure(&["executions", "cancel", execution]);
    assert_eq!((code, &error["code"]), (1, &json!("EXECUTION_ENDED")));
    let (code, error) = folder.failure(&["keys", "create", "x", "--scope", "all"]);
    assert_eq!(code, 1);
    assert!(error["message"].as_str().unwrap().contains("unknown scope"), "{error}");
    for (args, expect) in [
        (vec!["workflows", "show", "unknown"], 3),
        (vec!["executions", "show", "ex-01m7zegyzvekevdjpxamnv3xsm"], 3),
        (vec!["executions", "show", "nonsense"], 2),
        (vec!["workflows", "list", "--server", "http://127.0.0.1:1"], 4),
    ] {
        assert_eq!(folder.failure(&args).0, expect, "{args:?}");
    }
}

#[test]
fn commands_work_with_and_without_a_server() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    check_commands(&folder);
    check_audit(&folder, "admin");
    server.stop();
    assert!(!folder.data().join("server.json").exists());
    check_commands(&folder);
    check_audit(&folder, "cli");
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
    assert_eq!(folder.json(&["workflows", "list"]), before, "unchanged examples are not updated");
}

#[test]
fn the_command_of_the_banner_works() {
    if Command::new("curl").arg("--version").output().is_err() {
        return;
    }
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let command = wait_for_banner_command(&folder);
    let response = Command::new("sh").arg("-c").arg(command).output().unwrap();
    let response: Value = serde_json::from_slice(&response.stdout).unwrap();
    assert_eq!(response["status"], "COMPLETED", "{response}");
    server.stop();
}

fn wait_for_banner_command(folder: &Folder) -> String {
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
fn the_json_log_does_not_contain_the_key() {
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
fn a_backup_of_a_running_server_can_be_served() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let backup = folder.json(&["backup", "copy.db"]);
    assert!(backup["bytes"].as_u64().unwrap() > 0);
    assert_eq!(folder.failure(&["backup", "copy.db"]).0, 2);
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
fn webhooks_are_created_tested_and_deleted() {
    let folder = Folder::new();
    folder
        .write("a.json", r#"{"name": "a", "steps": [{"type": "StaticTextInput", "input": "x"}]}"#);
    let server = folder.serve(&[]);
    let created = folder.json(&[
        "webhooks",
        "create",
        "http://127.0.0.1:9/hook",
        "--event",
        "workflow.created",
    ]);
    let id = created["id"].as_str().unwrap();
    assert!(created["secret"].as_str().unwrap().starts_with("whsec_"), "{created}");
    folder.json(&["workflows", "create", "a.json"]);
    let tested = folder.json(&["webhooks", "test", id]);
    let deliveries = folder.json(&["webhooks", "deliveries", id]);
    assert_eq!(deliveries["items"][0]["event"], "webhook.test");
    assert_eq!(deliveries["items"][1]["event"], "workflow.created");
    let redelivered = folder.json(&["webhooks", "redeliver", tested["id"].as_str().unwrap()]);
    assert_eq!(redelivered["id"], tested["id"]);
    let rotated = folder.json(&["webhooks", "rotate-secret", id, "--overlap", "60"]);
    assert_ne!(rotated["secret"], created["secret"]);
    let list = folder.json(&["webhooks", "list"]);
    assert_eq!(list["items"][0]["url"], "http://127.0.0.1:9/hook");
    folder.json(&["webhooks", "delete", id]);
    assert_eq!(folder.failure(&["webhooks", "show", id]).0, 3);
    drop(server);
}

#[test]
fn templates_are_created_previewed_changed_and_deleted() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    folder.write("greeting.txt", "Dear {{ customer }},\n{{ n }} items");
    folder.write("message.json", r#"{"subject": "{{ customer | upper }}"}"#);
    folder.write("sample.json", r#"{"customer": "Ada", "n": 2}"#);
    let create = ["templates", "create", "greeting", "greeting.txt"];
    let with = ["--sample", "@sample.json", "--label", "team=sales", "--description", "hello"];
    let created = folder.json(&[&create[..], &with].concat());
    assert_eq!(
        (&created["name"], &created["metadata"]["team"]),
        (&"greeting".into(), &"sales".into())
    );
    let id = created["id"].as_str().unwrap();
    let shown = folder.json(&["templates", "get", "greeting"]);
    assert_eq!(shown, created, "by its name");
    assert_eq!(folder.json(&["templates", "get", id]), created);
    let preview = folder.json(&["templates", "preview", "greeting"]);
    assert_eq!(preview["rendered"], "Dear Ada,\n2 items");
    let data = r#"{"customer": "Grace", "n": 0}"#;
    let text = folder.run(&["templates", "preview", "greeting", "--data", data]);
    assert_eq!(String::from_utf8_lossy(&text.stdout), "Dear Grace,\n0 items\n");
    let update = ["templates", "update", id, "--name", "other", "--body", "message.json"];
    assert_eq!(folder.json(&update)["version"], 2);
    let preview = folder.json(&["templates", "preview", "other"]);
    assert_eq!(preview["rendered"]["subject"], "ADA");
    let list = folder.json(&["templates", "list"]);
    assert_eq!(list["items"][0]["name"], "other");
    folder.write("wrong.txt", "a\n{{ b + }}");
    let (code, error) = folder.failure(&["templates", "create", "wrong", "wrong.txt"]);
    assert_eq!(code, 1);
    assert!(error.to_string().contains("line 2"), "{error}");
    assert_eq!(folder.json(&["templates", "delete", "other"])["id"], id);
    assert_eq!(folder.failure(&["templates", "get", id]).0, 3);
    drop(server);
}

/// A proxy that records requests and closes every connection.
struct Proxy {
    address: std::net::SocketAddr,
    received: std::sync::Arc<std::sync::Mutex<String>>,
}

impl Proxy {
    fn start() -> Self {
        use std::io::Read as _;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let record = received.clone();
        // The thread ends with the process.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut buffer = [0; 4096];
                let length = stream.read(&mut buffer).unwrap_or(0);
                record.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        });
        Self { address, received }
    }

    fn received(&self) -> String {
        self.received.lock().unwrap().clone()
    }
}

const PROXY_VARIABLES: [&str; 6] =
    ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY"];

/// Removes the proxy variables that the test's own environment may have.
fn without_proxies(command: &mut Command) -> &mut Command {
    for name in PROXY_VARIABLES.into_iter().chain(["no_proxy", "NO_PROXY"]) {
        command.env_remove(name);
    }
    command
}

#[test]
fn a_server_on_this_machine_is_called_without_a_proxy() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let proxy = Proxy::start();
    let server_json = std::fs::read_to_string(folder.data().join("server.json")).unwrap();
    let server_json: Value = serde_json::from_str(&server_json).unwrap();
    let url = server_json["url"].as_str().unwrap();
    let key = std::fs::read_to_string(folder.data().join("admin.key")).unwrap();
    let with_url = ["workflows", "list", "--json", "--server", url, "--key", key.trim()];
    for args in [&["workflows", "list", "--json"][..], &with_url] {
        for name in PROXY_VARIABLES {
            let mut command = folder.command(args);
            let command = without_proxies(&mut command);
            let output = command.env(name, format!("http://{}", proxy.address)).output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {stderr}");
        }
    }
    assert_eq!(proxy.received(), "");
    drop(server);
}

#[test]
fn an_error_names_the_proxy_without_its_credentials() {
    let folder = Folder::new();
    let proxy = Proxy::start();
    let server = "http://stepwell.invalid:8080";
    let args = ["workflows", "list", "--json", "--server", server, "--key", "sk_live_secret"];
    let stderr_of = |no_proxy: Option<&str>| {
        let mut command = folder.command(&args);
        without_proxies(&mut command)
            .env("http_proxy", format!("http://u:hidden@{}", proxy.address));
        if let Some(no_proxy) = no_proxy {
            command.env("NO_PROXY", no_proxy);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(4));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let stderr = stderr_of(None);
    assert!(stderr.contains(&format!("the proxy http://{}", proxy.address)), "{stderr}");
    assert!(!stderr.contains("hidden") && !stderr.contains("sk_live_secret"), "{stderr}");
    let received = proxy.received();
    assert!(
        received.contains("stepwell.invalid"),
        "the request went through the proxy: {received}"
    );
    let stderr = stderr_of(Some("stepwell.invalid"));
    assert!(!stderr.contains("the proxy"), "{stderr}");
    assert_eq!(proxy.received(), received, "NO_PROXY excludes the server");
}

/// An API key in the wrong place of the command line is not repeated by the error.
#[test]
fn errors_contain_no_key() {
    let folder = Folder::new();
    let key = "sk_live_0123456789abcdefghijklmnopqrstuv";
    let url = format!("http://127.0.0.1:1/{key}");
    for args in [
        vec![key],
        vec!["workflows", key],
        vec!["workflows", "show", key],
        vec!["executions", "show", key],
        vec!["keys", "revoke", key],
        vec!["keys", "create", "x", "--scope", key],
        vec!["keys", "create", "x", "--expires", key],
        vec!["validate", key],
        vec!["serve", "--port", key],
        vec!["serve", "--host", key],
        vec!["serve", key],
        vec!["--config", key, "config"],
        vec!["--server", &url, "workflows", "list"],
        vec!["--server", key, "workflows", "list"],
        vec!["help", key],
        vec!["execute", key],
        vec!["execute", "x", "-i", key],
    ] {
        for more in [&[][..], &["--json"]] {
            let output = folder.run(&[&args[..], more].concat());
            let printed = [output.stdout, output.stderr].concat();
            let printed = String::from_utf8_lossy(&printed);
            assert!(!output.status.success(), "{args:?}: {printed}");
            assert!(!printed.contains("0123456789"), "{args:?}: {printed}");
        }
    }
}
