//! The examples that repeat steps: for each row of a list, and until a service is ready.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use crate::flows::execution;
use crate::service::Service;

#[test]
fn import_csv() {
    let service = Service::start(|request| match request.body["name"].as_str() {
        Some("Emmy") => Some((409, json!({"error": "known"}))),
        _ => Some((201, json!({"id": request.body["email"]}))),
    });
    let csv = "name,e-mail\nAda,ada@example.com\nKaa\nEmmy,emmy@example.com\nJoan,joan@example.com";
    let ended = execution("import-csv.yaml", &json!({"base_url": service.url, "csv": csv}), &[]);
    assert_eq!(ended["status"], "COMPLETED", "{ended}");
    assert_eq!(ended["output"]["imported"], 2, "{ended}");
    let failed = ended["output"]["failed"].as_array().unwrap();
    assert_eq!(failed[0], "line 3 is not `name,e-mail`: Kaa");
    assert!(failed.len() == 2 && failed[1].as_str().unwrap().contains("409"), "{ended}");
    assert_eq!(service.lines(), ["POST /customers"; 3]);
}

#[test]
fn poll_export() {
    let polls = AtomicU32::new(0);
    let service = Service::start(move |request| match request.line.as_str() {
        "POST /exports" => Some((202, json!({"id": 7, "state": "running"}))),
        "GET /exports/7" => Some(match polls.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => (200, json!({"state": "running"})),
            2 => (503, json!({})),
            _ => (200, json!({"state": "ready", "href": "/files/7"})),
        }),
        "GET /files/7" => Some((200, json!({"rows": [1, 2, 3]}))),
        _ => Some((404, json!({}))),
    });
    let input = json!({"base_url": service.url, "pause": "10ms"});
    let ended = execution("poll-export.yaml", &input, &[]);
    assert_eq!(ended["output"], json!({"rows": [1, 2, 3]}), "{ended}");
    assert_eq!(service.lines()[1..5], ["GET /exports/7"; 4]);

    let broken = Service::start(|_| Some((200, json!({"id": 7, "state": "broken"}))));
    let input = json!({"base_url": broken.url});
    let ended = execution("poll-export.yaml", &input, &[]);
    assert_eq!(ended["error"]["code"], "EXPORT_FAILED", "{ended}");
    assert_eq!(ended["error"]["message"], "the export is broken");
}
