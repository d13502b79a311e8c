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
