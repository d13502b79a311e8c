//! What a start prints and logs, and backups of a running server.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::folder::Folder;

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
fn warnings_are_printed_on_stderr() {
    let folder = Folder::new();
    folder.serve(&[]).stop();
    folder.write(
        "greet.yaml",
        "name: greet2\ninputs: {type: object, properties: {text: {type: string}, colour: {}}}\n\
         steps: [{type: Echo, input: \"{{ inputs.text }}\"}]\n",
    );
    for (args, warning) in [
        (&["workflows", "create", "greet.yaml"][..], "warning: inputs.colour: no step"),
        (&["workflows", "update", "greet2", "greet.yaml"], "warning: inputs.colour: no step"),
        (&["apply", "greet.yaml"], ""),
        (&["execute", "greet2", "-i", "text=a", "-i", "more=b"], "warning: input.more: no step"),
        (&["execute", "greet2", "-i", "text=a", "-i", "more=b", "--wait"], "warning: input.more"),
        (&["schedules", "create", "greet2", "x", "--every", "1h", "-i", "text=a"], ""),
    ] {
        let output = folder.run(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {stderr}");
        assert!(stderr.contains(warning), "{args:?}: {stderr}");
        assert_eq!(stderr.contains("warning"), !warning.is_empty(), "{args:?}: {stderr}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("warning"), "{args:?}");
    }
    let json = folder.json(&["execute", "greet2", "-i", "text=a", "-i", "more=b"]);
    assert_eq!(json["warnings"][0]["code"], "UNUSED_INPUT", "{json}");
    folder
        .write("new.yaml", "name: new\ninputs: {more: string?}\nsteps: [{type: Echo, input: 1}]\n");
    let output = folder.run(&["apply", "new.yaml"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("warning: new.yaml: inputs.more: no step"), "{stderr}");
}

#[test]
fn status_describes_a_running_server() {
    let folder = Folder::new();
    let (code, error) = folder.failure(&["status"]);
    assert_eq!(code, 4, "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("no server runs") && message.contains("stepwell serve"), "{message}");
    let server = folder.serve(&[]);
    folder.write("wait.yaml", "name: wait\nsteps: [{type: Delay, config: {for: 1h}}]\n");
    folder.json(&["workflows", "create", "wait.yaml"]);
    folder.json(&["schedules", "create", "wait", "daily", "--cron", "@daily"]);
    folder.json(&["schedules", "create", "wait", "paused", "--every", "6h", "--disabled"]);
    folder.json(&["execute", "wait"]);
    let mut status = folder.json(&["status"]);
    for _ in 0..200 {
        if status["executions"]["waiting"] == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
        status = folder.json(&["status"]);
    }
    assert_eq!(status["executions"]["waiting"], 1, "{status:#}");
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&status["ready"], &status["reason"]), (&Value::Bool(true), &Value::Null));
    assert!(status["server"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{status:#}");
    assert_eq!(
        status["schedules"]["total"].as_u64().zip(status["schedules"]["enabled"].as_u64()),
        Some((2, 1))
    );
    for pointer in
        ["/executions/active", "/executions/queued", "/deliveries/pending", "/webhooks/disabled"]
    {
        assert!(status.pointer(pointer).unwrap().is_u64(), "{pointer}: {status:#}");
    }
    assert!(status["store_bytes"].as_u64().unwrap() > 4096, "{status:#}");
    assert!(cfg!(not(target_os = "linux")) || status["uptime_seconds"].as_u64().unwrap() < 600);
    let output = folder.run(&["status"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for line in ["status      ready", "schedules   1 of 2 enabled", "1 waiting"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    server.stop();
    assert_eq!(folder.failure(&["status"]).0, 4, "it has stopped");
}

/// The file that makes the server known is written to a full pipe, which holds the start at that
/// moment.
#[cfg(target_os = "linux")]
#[test]
fn signals_are_handled_before_the_server_is_known() {
    use std::io::{Read, Write};
    use std::os::unix::fs::OpenOptionsExt;
    const NONBLOCKING: i32 = 0o4000;
    let folder = Folder::new();
    std::fs::create_dir(folder.data()).unwrap();
    let draft = folder.data().join("server.json.new");
    assert!(Command::new("mkfifo").arg(&draft).status().unwrap().success());
    let mut options = std::fs::File::options();
    let mut pipe = options.read(true).write(true).custom_flags(NONBLOCKING).open(&draft).unwrap();
    while pipe.write(&[b' '; 4096]).is_ok() {}
    let mut child = folder.command(&["serve", "--port", "0"]).spawn().unwrap();
    let files = format!("/proc/{}/fd", child.id());
    let is_open = || {
        let files = std::fs::read_dir(&files).unwrap();
        let mut targets = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        targets.any(|target| target == draft)
    };
    for _ in 0..1200 {
        if is_open() {
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    assert!(is_open(), "it does not start");
    let signal = |name: &str| {
        let pid = child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    };
    signal("-HUP");
    signal("-TERM");
    let mut drained = vec![0; 1 << 20];
    while !matches!(pipe.read(&mut drained), Ok(0)) && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(child.wait().unwrap().code(), Some(0), "an orderly shutdown exits with 0");
}

#[test]
fn health_is_that_of_the_running_server() {
    let folder = Folder::new();
    let (code, error) = folder.failure(&["health"]);
    assert_eq!(code, 4, "{error}");
    assert!(error["message"].as_str().unwrap().contains("no server runs on"), "{error}");
    assert!(!folder.data().exists(), "a health check creates nothing");
    let server = folder.serve(&[]);
    // Without the key of the folder too.
    std::fs::remove_file(folder.data().join("admin.key")).unwrap();
    assert_eq!(folder.json(&["health"]), serde_json::json!({"status": "ok"}));
    assert_eq!(folder.run(&["health"]).stdout, b"ready\n");
    // In a container without certificate authorities.
    folder.write("none.pem", "");
    let mut bare = folder.command(&["health"]);
    let bare = bare.env("SSL_CERT_FILE", "none.pem").env("SSL_CERT_DIR", folder.root.path());
    let output = bare.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = std::fs::read(folder.data().join("server.json")).unwrap();
    server.stop();
    assert_eq!(folder.failure(&["health"]).0, 4);
    // The file of a server that was killed.
    std::fs::write(folder.data().join("server.json"), file).unwrap();
    let (code, error) = folder.failure(&["health"]);
    assert_eq!(code, 4, "{error}");
    assert!(error["message"].as_str().unwrap().contains("no response from"), "{error}");
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
fn a_wrong_setting_stops_the_start() {
    let folder = Folder::new();
    folder.write("stepwell.toml", "[api]\nheartbeat_seconds = 0\n");
    let (code, error) = folder.failure(&["serve", "--port", "0"]);
    assert_eq!(code, 2);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("must be 1 to 86400, not 0"), "{message}");
    assert!(message.contains("stepwell.toml, line 2"), "{message}");
    assert!(!folder.data().exists(), "nothing was started");
    folder.write("stepwell.toml", "");
    let (code, error) = folder.failure(&["serve", "--port", "0", "--log-level", "inof"]);
    assert_eq!(code, 2);
    assert!(error["message"].as_str().unwrap().contains("did you mean `info`?"), "{error}");
}

#[test]
fn the_start_reports_a_missing_key_file_open_access_and_ignored_variables() {
    let folder = Folder::new();
    folder.serve(&[]).stop();
    std::fs::remove_file(folder.data().join("admin.key")).unwrap();
    folder.write("stepwell.toml", "[api]\nauth_required = false\n");
    folder.serve_with(&["--host", "0.0.0.0"], &[("STEPWELL_LOG_LEVEL", "debug")]).stop();
    let log = folder.log();
    for part in [
        "admin.key does not exist",
        "stepwell keys create NAME --scope admin",
        "(all networks)",
        "everyone who can reach 0.0.0.0",
        "without TLS",
        "STEPWELL_LOG_LEVEL is not read; did you mean STEPWELL__LOG__LEVEL?",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
}

#[test]
fn compacting_needs_the_data_folder_for_itself() {
    let folder = Folder::new();
    let (code, _) = folder.failure(&["compact"]);
    assert_eq!(code, 3, "there is no database");
    let server = folder.serve(&[]);
    let (code, error) = folder.failure(&["compact"]);
    assert_eq!(code, 4);
    assert!(error["message"].as_str().unwrap().contains("stop the server"), "{error}");
    let before = folder.json(&["workflows", "list"]);
    server.stop();
    let compacted = folder.json(&["compact"]);
    assert!(compacted["after_bytes"].as_u64().unwrap() > 0, "{compacted}");
    assert_eq!(folder.json(&["workflows", "list"]), before);
}
