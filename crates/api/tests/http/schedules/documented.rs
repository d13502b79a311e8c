//! The examples of the API's documentation.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use stepwell_engine::Caller;

use super::{ALL, assert_documented, daily};
use crate::support::{Server, golden};

#[tokio::test]
async fn the_documentation_s_examples() {
    let server = Server::start().await;
    let workflow = server.scheduled().await;
    let made = server.post(&format!("{workflow}/schedules"), &daily()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    golden("schedule_created.json", &made);
    let mut documented = daily();
    for (name, what) in [
        ("id", "ID"),
        ("workflow_id", "ID"),
        ("next_execution", "TIME"),
        ("created_at", "TIME"),
        ("updated_at", "TIME"),
        ("created_by", "ID"),
    ] {
        documented[name] = json!(what);
    }
    assert_documented(&made.json()["data"], &documented);
    assert!(made.text_at("/data/id").starts_with("sched_"));
    assert!(made.text_at("/data/created_by").starts_with("usr_"));
    assert!(made.text_at("/data/next_execution").ends_with("T00:00:00Z"));

    // Every form of an id reads back.
    let path = format!("{ALL}/{}", made.text_at("/data/id"));
    let triggered = server.post(&format!("{path}/trigger"), &json!({})).await;
    assert_eq!(triggered.status, StatusCode::ACCEPTED, "{}", triggered.text);
    golden("schedule_triggered.json", &triggered);
    let id = triggered.text_at("/data/execution_id").parse().unwrap();
    let patience = Duration::from_secs(20);
    server.app.wait_for(&Caller::internal(), id, patience).await.unwrap();
    let shown = server.get(&path).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
    golden("schedule.json", &shown);
    documented["workflow_name"] = json!("test");
    documented["last_execution"] = json!({
        "execution_id": "ID", "status": "completed", "started_at": "TIME", "completed_at": "TIME"
    });
    assert_documented(&shown.json()["data"], &documented);

    let id = workflow.rsplit('/').next().unwrap();
    let query = format!("{ALL}?workflow_id={id}&enabled=true&page=1&page_size=10");
    let listed = server.get(&query).await;
    assert_eq!(listed.status, StatusCode::OK, "{}", listed.text);
    golden("schedules.json", &listed);

    let update = json!({
        "name": "Daily Feedback Analysis",
        "description": "Runs feedback analysis every night at 2 AM",
        "cron_expression": "0 2 * * *",
        "parameters": {
            "source": "daily_report", "include_recommendations": true, "generate_report": true
        },
        "enabled": true
    });
    let updated = server.change("PUT", &path, &update).await;
    assert_eq!(updated.status, StatusCode::OK, "{}", updated.text);
    golden("schedule_updated.json", &updated);
    for (name, value) in update.as_object().unwrap() {
        documented[name] = value.clone();
    }
    assert_documented(&updated.json()["data"], &documented);
    assert!(updated.text_at("/data/next_execution").ends_with("T02:00:00Z"));

    let deleted = server.delete(&path).await;
    assert_eq!(deleted.status, StatusCode::OK, "{}", deleted.text);
    golden("schedule_deleted.json", &deleted);
    assert_eq!(server.get(&path).await.abi_refusal(), (404, "SCHEDULE_NOT_FOUND".into()));
    assert_eq!(server.delete(&path).await.abi_refusal(), (404, "SCHEDULE_NOT_FOUND".into()));
}
