//! Secrets of the installation: a folder and environment variables of the real server.

use std::time::Duration;

use serde_json::{Value, json};

use crate::server::Server;
use crate::{OTHER, Outside, ROTATED, SECRET, definition, search, search_files, search_views};

/// How often a state is read that takes effect by itself.
const POLL: Duration = Duration::from_millis(50);

/// A server whose secret `ONE` is a file and whose secret `TWO` is a variable.
struct Installation {
    server: Server,
    folder: tempfile::TempDir,
}

impl Installation {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::new();
        server.variables = vec![("STEPWELL_SECRET_TWO", OTHER)];
        let settings = format!(
            "[secrets]\nenv_prefix = \"STEPWELL_SECRET_\"\ndirectory = \"{}\"\n",
            folder.path().display()
        );
        let data = server.database().parent().unwrap().to_owned();
        std::fs::write(data.join("stepwell.toml"), settings).unwrap();
        Self { server, folder }
    }

    fn write(&self, name: &str, value: &str) {
        std::fs::write(self.folder.path().join(name), format!("{value}\n")).unwrap();
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.server.http.get(format!("{}{path}", self.server.url));
        request.header("x-api-key", &self.server.key).send().await.unwrap().json().await.unwrap()
    }

    /// Waits until an execution has a status.
    async fn wait_for(&self, workflow: &str, id: &str, status: &str) -> Value {
        for _ in 0..600 {
            let execution = self.server.execution(workflow, id).await.unwrap();
            if execution["status"] == status {
                return execution;
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("{id} is not {status}: {:#}", self.server.execution(workflow, id).await.unwrap());
    }

    async fn end(mut self, mut found: Vec<String>) {
        search_files(&self.server, &mut found);
        self.server.kill();
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// The id of the workflow in the management API.
async fn management_id(installation: &Installation, name: &str) -> String {
    let list = installation.get("/api/v1/workflows?page_size=100").await;
    let all = list["data"]["items"].as_array().unwrap().clone();
    let found = all.iter().find(|workflow| workflow["name"] == name).unwrap();
    found["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduled_execution_uses_secrets_and_no_sink_holds_them() {
    let outside = Outside::start().await;
    let mut installation = Installation::new();
    installation.write("one", SECRET);
    installation.server.start_with(&["--log-level", "trace"]).await;
    let workflow = installation.server.create(&definition(&outside.url)).await;
    let id = management_id(&installation, "sinks").await;
    let schedule = json!({"name": "often", "schedule_type": "interval", "interval_value": 1,
        "interval_unit": "seconds", "overlap_policy": "skip"});
    let path = format!("/api/v1/workflows/{id}/schedules");
    let (status, schedule) = installation.server.post(&path, &schedule).await;
    assert_eq!(status, 201, "{schedule}");
    assert_eq!(schedule["data"].get("warnings"), None, "{schedule}");
    let id = schedule["data"]["id"].as_str().unwrap().to_owned();

    let path = format!("/api/v1/workflow_schedules/{id}");
    let mut last = Value::Null;
    for _ in 0..600 {
        last = installation.get(&path).await["data"]["last_execution"].clone();
        if last["status"] == "failed" {
            break;
        }
        tokio::time::sleep(POLL).await;
    }
    let (status, paused) = installation.server.post(&format!("{path}/pause"), &json!({})).await;
    assert_eq!(status, 200, "{paused}");
    assert_eq!(outside.seen.lock().unwrap().0, format!("{SECRET} {OTHER}"));
    let execution = last["execution_id"].as_str().unwrap();
    let view = installation.get(&format!("/api/v1/workflow_executions/{execution}")).await;
    assert_eq!(view["data"]["error"]["message"], "it was [secret] [secret]", "{view:#}");
    let mut found = Vec::new();
    assert!(search_views(&installation.server, &workflow, &mut found).await > 0);
    search("schedule", schedule.to_string().as_bytes(), &mut found);
    installation.end(found).await;
}

/// A wait that a restart interrupts, then a request with the secret, and one that shows it.
fn waiting_definition(outside: &str) -> Value {
    json!({"name": "later", "steps": [
        {"id": "wait", "type": "Delay", "config": {"for": "3s"}},
        {"id": "send", "type": "HttpRequest", "config": {"url": format!("{outside}/keep"),
            "headers": {"x-one": "{{ secrets.ONE }}"}}},
        {"id": "text", "type": "HttpRequest", "config": {"url": format!("{outside}/show/text")}},
    ], "outputs": {"shown": "{{ steps.text.output.body }}"}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_secrets_are_read_again() {
    let outside = Outside::start().await;
    let mut installation = Installation::new();
    installation.write("one", SECRET);
    installation.server.start_with(&["--log-level", "trace"]).await;
    let workflow = installation.server.create(&waiting_definition(&outside.url)).await;
    let id = installation.server.execute(&workflow, 1).await.unwrap();
    installation.server.kill();
    assert_eq!(outside.seen.lock().unwrap().0, "");

    installation.write("one", ROTATED);
    installation.server.start_with(&["--log-level", "trace"]).await;
    let execution = installation.wait_for(&workflow, &id, "COMPLETED").await;
    assert_eq!(outside.seen.lock().unwrap().0.trim(), ROTATED);
    assert_eq!(execution["output"]["shown"], "[secret] ");
    let mut found = Vec::new();
    search_views(&installation.server, &workflow, &mut found).await;

    // A secret of the request overrides the one of the installation.
    let url = format!("{}/workflows/{workflow}/execute?wait=true", installation.server.url);
    let request = installation.server.http.post(url).header("x-secret-one", SECRET);
    let request = request.header("x-api-key", &installation.server.key);
    let response = request.timeout(Duration::from_secs(60)).send().await.unwrap();
    search("response", response.text().await.unwrap().as_bytes(), &mut found);
    assert_eq!(outside.seen.lock().unwrap().0.trim(), SECRET);
    installation.end(found).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_without_a_source_of_its_secret_has_a_warning() {
    let mut installation = Installation::new();
    installation.server.start().await;
    installation.server.create(&waiting_definition("http://127.0.0.1:9")).await;
    let id = management_id(&installation, "later").await;
    let schedule = json!({"name": "daily", "schedule_type": "cron", "cron_expression": "@daily"});
    let path = format!("/api/v1/workflows/{id}/schedules");
    let (status, created) = installation.server.post(&path, &schedule).await;
    assert_eq!(status, 201, "{created}");
    let warnings = created["data"]["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{created:#}");
    assert_eq!(warnings[0]["code"], "SECRET_UNAVAILABLE");
    let detail = warnings[0]["detail"].as_str().unwrap();
    let file = installation.folder.path().join("ONE");
    for part in ["step `send`", "`ONE`", file.to_str().unwrap(), "STEPWELL_SECRET_ONE"] {
        assert!(detail.contains(part), "{part}: {detail}");
    }

    // An update warns too, until there is a source. The response can be sent back as it is.
    let path = format!("/api/v1/workflow_schedules/{}", created["data"]["id"].as_str().unwrap());
    let put = async |body: &Value| -> Value {
        let request = installation.server.http.put(format!("{}{path}", installation.server.url));
        let request = request.header("x-api-key", &installation.server.key).json(body);
        request.send().await.unwrap().json().await.unwrap()
    };
    let updated = put(&created["data"]).await;
    assert_eq!(updated["data"]["warnings"], created["data"]["warnings"], "{updated:#}");
    assert_eq!(installation.get(&path).await["data"].get("warnings"), None);
    installation.write("one", SECRET);
    let updated = put(&json!({"description": "with a secret"})).await;
    assert_eq!(updated["data"]["description"], "with a secret", "{updated:#}");
    assert_eq!(updated["data"].get("warnings"), None, "{updated:#}");
}
