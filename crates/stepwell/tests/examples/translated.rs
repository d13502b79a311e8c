//! The definitions that were translated from other products.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::flows::execution;
use crate::run;
use crate::service::Service;

/// A service whose job runs for two polls and then ends like this.
fn job_service(last: Value) -> Service {
    let polls = AtomicU32::new(0);
    Service::start(move |request| {
        let is_running = request.line == "POST /jobs" || polls.fetch_add(1, Ordering::SeqCst) < 2;
        let job = if is_running { json!({"id": "j1", "status": "RUNNING"}) } else { last.clone() };
        Some((200, job))
    })
}

#[test]
fn job_poller() {
    let run_with = |service: &Service| {
        let input = json!({"base_url": service.url, "job": {"name": "resize"}});
        execution("translated/job-poller.yaml", &input, &[])
    };
    let service = job_service(json!({"id": "j1", "status": "SUCCEEDED", "result": 42}));
    let ended = run_with(&service);
    assert_eq!(ended["output"], json!({"result": 42}), "{ended}");
    assert_eq!(service.requests()[0].body, json!({"name": "resize"}));
    assert_eq!(service.lines()[1..], ["GET /jobs/j1"; 3]);

    let service = job_service(json!({"id": "j1", "status": "FAILED", "reason": "no memory"}));
    let ended = run_with(&service);
    assert_eq!(ended["error"]["code"], "JOB_FAILED", "{ended}");
    assert_eq!(ended["error"]["message"], "job j1: no memory");
}

#[test]
fn map_reduce() {
    let input = json!({"text": "steps down  to the water"}).to_string();
    let expected = json!({"parts": 5, "letters": 19});
    assert_eq!(run("translated/map-reduce.yaml", Some(&input)), expected);
}

#[test]
fn daily_prices() {
    let service = Service::start(|request| match request.line.as_str() {
        "GET /rate" => Some((200, json!({"rate": 2}))),
        "GET /prices/tea" => Some((200, json!({"price": 3}))),
        "GET /prices/coffee" => Some((200, json!({"price": 5}))),
        _ => Some((404, json!({"error": "unknown"}))),
    });
    let input =
        |base_url: &str| json!({"base_url": base_url, "products": ["tea", "cocoa", "coffee"]});
    let ended = execution("translated/daily-prices.yaml", &input(&service.url), &[]);
    let report = json!({"prices": {"tea": 6, "coffee": 10}, "missing": 1});
    assert_eq!(ended["output"], json!({"report": report}), "{ended}");

    // Without the exchange rate there is no report, but an alert.
    let broken = Service::start(|request| match request.line.as_str() {
        "POST /alerts" => Some((200, json!({}))),
        _ => Some((404, json!({"error": "unknown"}))),
    });
    let ended = execution("translated/daily-prices.yaml", &input(&broken.url), &[]);
    assert_eq!(ended["error"]["code"], "NO_REPORT", "{ended}");
    let alert = broken.requests().into_iter().find(|request| request.line == "POST /alerts");
    assert!(alert.unwrap().body["error"].as_str().unwrap().contains("404"));
}

#[test]
fn merged_greetings() {
    let users = json!([
        {"name": "Ada", "language": "en"},
        {"name": "Kaa", "language": "snake"},
        {"name": "Emmy", "language": "de"},
    ]);
    let expected = json!({"greetings": ["Hello, Ada!", "Hallo, Emmy!"], "unknown": ["Kaa"]});
    let input = json!({"users": users}).to_string();
    assert_eq!(run("translated/merged-greetings.yaml", Some(&input)), expected);
}
