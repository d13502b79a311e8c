//! The reference's examples of schedules and webhooks: see `golden`.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use stepwell_engine::Caller;

use super::golden::{check, feedback_workflow, file};
use super::{WORKFLOWS, delete, send};
use crate::support::{Server, golden};

const SCHEDULES: &str = "/api/v1/workflow_schedules";

async fn workflow(server: &Server) -> String {
    let mut request = feedback_workflow();
    request["name"] = json!("Enhanced Customer Feedback Analysis");
    let created = send(server, "POST", WORKFLOWS, &request).await;
    let workflow = format!("{WORKFLOWS}/{}", created.text_at("/data/id"));
    send(server, "POST", &format!("{workflow}/activate"), &json!({})).await;
    workflow
}

#[tokio::test]
async fn returns_every_example_of_schedules() {
    let server = Server::start().await;
    let workflow = workflow(&server).await;
    let schedules = format!("{workflow}/schedules");
    // It is older, so that a list shows it last.
    let weekly = json!({"name": "Weekly Analysis Report", "schedule_type": "cron",
        "description": "Generates comprehensive analysis every Sunday",
        "cron_expression": "0 0 * * 0"});
    let weekly = send(&server, "POST", &schedules, &weekly).await;
    assert_eq!(weekly.status, StatusCode::CREATED, "{}", weekly.text);
    let created = send(&server, "POST", &schedules, &file("create_schedule.request.json")).await;
    check("create_schedule", &created, StatusCode::CREATED);
    assert!(
        created.text_at("/data/next_execution").ends_with("T00:00:00.000000Z"),
        "{}",
        created.text
    );
    let schedule = format!("{SCHEDULES}/{}", created.text_at("/data/id"));

    let triggered = send(&server, "POST", &format!("{schedule}/trigger"), &json!({})).await;
    assert_eq!(triggered.status, StatusCode::ACCEPTED, "{}", triggered.text);
    golden("abi/trigger_schedule.json", &triggered);
    let id = triggered.text_at("/data/execution_id").parse().unwrap();
    let patience = Duration::from_secs(10);
    server.app.wait_for(&Caller::internal(), id, patience).await.unwrap();
    check("get_schedule", &server.get(&schedule).await, StatusCode::OK);
    let id = workflow.rsplit('/').next().unwrap();
    let list = format!("{SCHEDULES}?workflow_id={id}&enabled=true&page=1&page_size=10");
    check("list_schedules", &server.get(&list).await, StatusCode::OK);

    let request = file("update_schedule.request.json");
    let updated = send(&server, "PUT", &schedule, &request).await;
    check("update_schedule", &updated, StatusCode::OK);
    assert!(
        updated.text_at("/data/next_execution").ends_with("T02:00:00.000000Z"),
        "{}",
        updated.text
    );
    check("delete_schedule", &delete(&server, &schedule).await, StatusCode::OK);
    let gone = (404, "SCHEDULE_NOT_FOUND".into());
    assert_eq!(server.get(&schedule).await.abi_refusal(), gone);
    assert_eq!(delete(&server, &schedule).await.abi_refusal(), gone);
}

#[tokio::test]
async fn returns_the_example_of_a_webhook() {
    let server = Server::start().await;
    let request = file("create_webhook.request.json");
    let created = send(&server, "POST", "/api/v1/webhooks", &request).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    assert!(!created.text.contains("whsec_"), "a secret that was given is not shown");
    golden("abi/create_webhook.json", &created);
}
