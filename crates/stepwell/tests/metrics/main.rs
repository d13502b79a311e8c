//! `/metrics` of the real server: every family exists from the start, and its values change with the
//! events.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot continue must fail"
)]

mod memory;
#[expect(dead_code, reason = "the crash harness uses the rest")]
#[path = "../crash/server.rs"]
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::any;
use serde_json::{Value, json};
use server::Server;
use tokio::sync::Semaphore;

/// How long a value may take to change.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Every family, with its type. The table in docs/operations.md has the same.
const FAMILIES: [(&str, &str); 45] = [
    ("process_cpu_seconds_total", "counter"),
    ("process_max_fds", "gauge"),
    ("process_open_fds", "gauge"),
    ("process_resident_memory_bytes", "gauge"),
    ("process_start_time_seconds", "gauge"),
    ("process_threads", "gauge"),
    ("process_virtual_memory_bytes", "gauge"),
    ("stepwell_build_info", "gauge"),
    ("stepwell_cache_lookups_total", "counter"),
    ("stepwell_concurrency_places", "gauge"),
    ("stepwell_deliveries_oldest_pending_age_seconds", "gauge"),
    ("stepwell_deliveries_pending", "gauge"),
    ("stepwell_deliveries_total", "counter"),
    ("stepwell_executions", "gauge"),
    ("stepwell_executions_accepted_total", "counter"),
    ("stepwell_executions_active", "gauge"),
    ("stepwell_executions_active_limit", "gauge"),
    ("stepwell_executions_ended_total", "counter"),
    ("stepwell_executions_oldest_age_seconds", "gauge"),
    ("stepwell_executions_oldest_queued_age_seconds", "gauge"),
    ("stepwell_executions_queued", "gauge"),
    ("stepwell_executions_queued_limit", "gauge"),
    ("stepwell_http_connections", "gauge"),
    ("stepwell_http_connections_closed_total", "counter"),
    ("stepwell_http_request_duration_seconds", "histogram"),
    ("stepwell_http_requests_total", "counter"),
    ("stepwell_log_lines_dropped_total", "counter"),
    ("stepwell_memory_bytes", "gauge"),
    ("stepwell_memory_limit_bytes", "gauge"),
    ("stepwell_memory_refused_total", "counter"),
    ("stepwell_plans_compiled_total", "counter"),
    ("stepwell_schedule_firings_total", "counter"),
    ("stepwell_schedule_lateness_seconds", "histogram"),
    ("stepwell_schedules_overdue_seconds", "gauge"),
    ("stepwell_step_attempts_total", "counter"),
    ("stepwell_step_duration_seconds", "histogram"),
    ("stepwell_step_retries_total", "counter"),
    ("stepwell_store_commit_duration_seconds", "histogram"),
    ("stepwell_store_database_bytes", "gauge"),
    ("stepwell_store_failures_total", "counter"),
    ("stepwell_store_free_bytes", "gauge"),
    ("stepwell_store_transaction_duration_seconds", "histogram"),
    ("stepwell_store_transaction_writes", "histogram"),
    ("stepwell_store_wal_bytes", "gauge"),
    ("stepwell_webhooks_disabled", "gauge"),
];

/// A service that rejects, fails once, or holds requests until they are released.
struct ExternalService {
    url: String,
    held: Arc<Semaphore>,
}

impl ExternalService {
    async fn start() -> Self {
        let held = Arc::new(Semaphore::new(0));
        let app = axum::Router::new()
            .route("/gone", any(|| async { StatusCode::GONE }))
            .route("/broken", any(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
            .route("/flaky", any(fail_once).with_state(Arc::default()))
            .route("/hold", any(hold).with_state(held.clone()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, held }
    }

    fn step(&self, path: &str) -> Value {
        json!({"id": "call", "type": "HttpRequest", "config": {"url": format!("{}/{path}", self.url)},
            "retry": {"max_attempts": 3, "initial": "10ms"}})
    }
}

async fn fail_once(State(calls): State<Arc<AtomicU32>>) -> StatusCode {
    match calls.fetch_add(1, Ordering::Relaxed) {
        0 => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::OK,
    }
}

async fn hold(State(held): State<Arc<Semaphore>>) -> StatusCode {
    held.acquire().await.unwrap().forget();
    StatusCode::OK
}

async fn scrape(server: &Server) -> String {
    let request = server.http.get(format!("{}/metrics", server.url));
    let response = request.header("x-api-key", &server.key).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    response.text().await.unwrap()
}

/// The value of the series of this name that has these labels.
fn value(text: &str, name: &str, labels: &str) -> Option<f64> {
    let mut lines = text.lines().filter_map(|line| line.rsplit_once(' '));
    let found = lines.find(|(series, _)| {
        let (found, of) = series.split_once('{').unwrap_or((series, "}"));
        found == name && labels.split(',').all(|label| of.contains(label))
    });
    found.map(|(_, value)| value.parse().unwrap())
}

/// Scrapes until the value of the series satisfies the predicate.
async fn wait_for_value(
    server: &Server,
    name: &str,
    labels: &str,
    predicate: impl Fn(f64) -> bool,
) {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let text = scrape(server).await;
        let found = value(&text, name, labels);
        if found.is_some_and(&predicate) {
            return;
        }
        assert!(Instant::now() < deadline, "{name}{{{labels}}} is {found:?}\n{text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn run(server: &Server, definition: Value, input: Value) -> String {
    let workflow = server.create(&definition).await;
    let path = format!("/workflows/{workflow}/execute?wait=true&timeout=100s");
    let (status, response) = server.post(&path, &input).await;
    assert_eq!(status, 200, "{response}");
    workflow
}

/// Checks HELP, TYPE and values of each family by the rules of `promtool check metrics`.
fn check_families(text: &str) {
    let comment = |kind: &str| -> BTreeMap<String, String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(kind));
        lines
            .filter_map(|line| line.trim_start().split_once(' '))
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .collect()
    };
    let (help, types) = (comment("# HELP "), comment("# TYPE "));
    for (name, kind) in FAMILIES {
        assert_eq!(types.get(name).map(String::as_str), Some(kind), "type of {name}\n{text}");
    }
    for (name, kind) in &types {
        assert!(help.get(name).is_some_and(|text| !text.is_empty()), "{name} has no help text");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.chars().all(is_plain), "{name}");
        let series = if kind == "histogram" { format!("{name}_count") } else { name.clone() };
        assert!(value(text, &series, "").is_some(), "{name} has no value");
    }
}

#[tokio::test]
async fn every_family_exists_before_the_first_execution() {
    let mut server = Server::new();
    server.start().await;
    let text = scrape(&server).await;
    check_families(&text);
    for (name, labels) in [
        ("stepwell_executions_ended_total", "status=\"completed\""),
        ("stepwell_executions_ended_total", "status=\"failed\""),
        ("stepwell_executions_ended_total", "status=\"timed_out\""),
        ("stepwell_executions_ended_total", "status=\"cancelled\""),
        ("stepwell_executions_accepted_total", ""),
        ("stepwell_executions", "status=\"running\""),
        ("stepwell_executions", "status=\"timed_out\""),
        ("stepwell_step_attempts_total", "type=\"HttpRequest\",outcome=\"failed\""),
        ("stepwell_step_retries_total", "type=\"HttpRequest\""),
        ("stepwell_step_duration_seconds_count", "type=\"Echo\""),
        ("stepwell_deliveries_total", "status=\"exhausted\""),
        ("stepwell_schedule_firings_total", ""),
        ("stepwell_store_failures_total", "operation=\"write\""),
        ("stepwell_executions_queued", ""),
        ("stepwell_webhooks_disabled", ""),
        ("stepwell_concurrency_places", "workflow_id=\"other\",limit=\"step\""),
    ] {
        assert_eq!(value(&text, name, labels), Some(0.0), "{name}{{{labels}}}\n{text}");
    }
    for name in [
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
        "stepwell_build_info",
        "stepwell_executions_active_limit",
        "stepwell_store_database_bytes",
        "stepwell_store_commit_duration_seconds_count",
        "stepwell_store_transaction_writes_sum",
    ] {
        assert!(value(&text, name, "").unwrap() > 0.0, "{name}\n{text}");
    }
}

#[tokio::test]
async fn executions_and_steps_are_counted_by_status() {
    let service = ExternalService::start().await;
    let mut server = Server::new();
    server.start().await;
    let echo = json!({"name": "echo", "steps": [{"type": "Echo", "input": "x"}]});
    let completed = run(&server, echo, json!({})).await;
    let fail = json!({"type": "Fail", "config": {"message": "no"}});
    let failed = run(&server, json!({"name": "fail", "steps": [fail]}), json!({})).await;
    run(&server, json!({"name": "flaky", "steps": [service.step("flaky")]}), json!({})).await;

    let text = scrape(&server).await;
    for (name, labels, expected) in [
        ("stepwell_executions_accepted_total", String::new(), 3.0),
        ("stepwell_executions_ended_total", "status=\"completed\"".into(), 2.0),
        ("stepwell_executions_ended_total", "status=\"failed\"".into(), 1.0),
        (
            "stepwell_workflow_executions_ended_total",
            format!("workflow_id=\"{completed}\",status=\"completed\""),
            1.0,
        ),
        (
            "stepwell_workflow_executions_ended_total",
            format!("workflow_id=\"{failed}\",status=\"failed\""),
            1.0,
        ),
        ("stepwell_step_attempts_total", "type=\"Echo\",outcome=\"completed\"".into(), 1.0),
        ("stepwell_step_attempts_total", "type=\"Fail\",outcome=\"failed\"".into(), 1.0),
        ("stepwell_step_attempts_total", "type=\"HttpRequest\",outcome=\"failed\"".into(), 1.0),
        ("stepwell_step_attempts_total", "type=\"HttpRequest\",outcome=\"completed\"".into(), 1.0),
        ("stepwell_step_retries_total", "type=\"HttpRequest\"".into(), 1.0),
        ("stepwell_step_duration_seconds_count", "type=\"HttpRequest\"".into(), 1.0),
        ("stepwell_step_duration_seconds_count", "type=\"Fail\"".into(), 1.0),
    ] {
        assert_eq!(value(&text, name, &labels), Some(expected), "{name}{{{labels}}}\n{text}");
    }
    let duration = value(&text, "stepwell_step_duration_seconds_sum", "type=\"HttpRequest\"");
    assert!(duration.unwrap() > 0.0, "{text}");
    check_families(&text);
}

#[tokio::test]
async fn the_queue_is_shown_with_its_age() {
    let service = ExternalService::start().await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("stepwell.toml");
    std::fs::write(&config, "[engine]\nmax_active = 1\n").unwrap();
    let mut server = Server::new();
    server.start_with(&["--config", config.to_str().unwrap()]).await;
    let workflow = server.create(&json!({"name": "hold", "steps": [service.step("hold")]})).await;
    server.execute(&workflow, 1).await.unwrap();
    wait_for_value(&server, "stepwell_executions_active", "", |active| active == 1.0).await;
    for n in 2..=3 {
        server.execute(&workflow, n).await.unwrap();
    }
    wait_for_value(&server, "stepwell_executions_queued", "", |queued| queued == 2.0).await;
    let executions = "stepwell_executions";
    wait_for_value(&server, executions, "status=\"running\"", |count| count == 1.0).await;
    wait_for_value(&server, executions, "status=\"queued\"", |count| count == 2.0).await;
    let age = "stepwell_executions_oldest_queued_age_seconds";
    wait_for_value(&server, age, "", |age| age > 0.0).await;
    let text = scrape(&server).await;
    assert_eq!(value(&text, "stepwell_executions_active_limit", ""), Some(1.0));
    service.held.add_permits(3);
    let ended = "stepwell_executions_ended_total";
    wait_for_value(&server, ended, "status=\"completed\"", |ended| ended == 3.0).await;
    wait_for_value(&server, "stepwell_executions_queued", "", |queued| queued == 0.0).await;
    wait_for_value(&server, age, "", |age| age == 0.0).await;
    wait_for_value(&server, executions, "status=\"completed\"", |count| count == 3.0).await;
    let text = scrape(&server).await;
    for status in ["queued", "running", "waiting", "paused", "failed", "timed_out", "cancelled"] {
        let count = value(&text, executions, &format!("status=\"{status}\""));
        assert_eq!(count, Some(0.0), "{status}\n{text}");
    }
    // The numbers are stored: they are the same after a crash.
    server.kill();
    server.start().await;
    wait_for_value(&server, executions, "status=\"completed\"", |count| count == 3.0).await;
}

#[tokio::test]
async fn places_under_concurrency_limits_are_counted() {
    let service = ExternalService::start().await;
    let mut server = Server::new();
    server.start().await;
    let definition = json!({"name": "one", "concurrency": {}, "steps": [service.step("hold")]});
    let workflow = server.create(&definition).await;
    for n in 1..=3 {
        server.execute(&workflow, n).await.unwrap();
    }
    let mut step = service.step("hold");
    step["concurrency"] = json!({"limit": 2});
    let map = json!({"type": "Map", "over": [1, 2, 3, 4, 5], "steps": [step]});
    let limited = server.create(&json!({"name": "steps", "steps": [map]})).await;
    server.execute(&limited, 4).await.unwrap();
    let places = async |workflow: &str, limit: &str, taken: f64, waiting: f64| {
        for (state, expected) in [("taken", taken), ("waiting", waiting)] {
            let labels = format!("workflow_id=\"{workflow}\",limit=\"{limit}\",state=\"{state}\"");
            let family = "stepwell_concurrency_places";
            wait_for_value(&server, family, &labels, |count| count == expected).await;
        }
    };
    places(&workflow, "workflow", 1.0, 2.0).await;
    places(&limited, "step", 2.0, 3.0).await;
    places("other", "workflow", 0.0, 0.0).await;
    service.held.add_permits(8);
    places(&workflow, "workflow", 0.0, 0.0).await;
    places(&limited, "step", 0.0, 0.0).await;
}

#[tokio::test]
async fn deliveries_webhooks_and_schedules_are_shown() {
    let service = ExternalService::start().await;
    let mut server = Server::new();
    server.start().await;
    let hook = json!({"url": format!("{}/gone", service.url), "events": ["*"]});
    let (status, response) = server.post("/api/v1/webhooks", &hook).await;
    assert_eq!(status, 201, "{response}");
    let echo = json!({"name": "echo", "steps": [{"type": "Echo", "input": "x"}]});
    let input = json!({"input": {}, "webhook_url": format!("{}/broken", service.url)});
    let workflow = run(&server, echo, input).await;
    let deliveries = "stepwell_deliveries_total";
    wait_for_value(&server, deliveries, "status=\"retry\"", |count| count >= 1.0).await;
    wait_for_value(&server, deliveries, "status=\"exhausted\"", |count| count >= 1.0).await;
    wait_for_value(&server, "stepwell_webhooks_disabled", "", |count| count == 1.0).await;
    wait_for_value(&server, "stepwell_deliveries_pending", "", |count| count >= 1.0).await;
    let age = "stepwell_deliveries_oldest_pending_age_seconds";
    wait_for_value(&server, age, "", |age| age > 0.0).await;

    let schedule =
        json!({"name": "often", "schedule_type": "cron", "cron_expression": "* * * * * *"});
    let (status, response) =
        server.post(&format!("/api/v1/workflows/{workflow}/schedules"), &schedule).await;
    assert_eq!(status, 201, "{response}");
    wait_for_value(&server, "stepwell_schedule_firings_total", "", |count| count >= 1.0).await;
    wait_for_value(&server, "stepwell_schedule_lateness_seconds_count", "", |count| count >= 1.0)
        .await;
}
