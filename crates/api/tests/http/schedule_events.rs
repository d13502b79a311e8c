//! Events of schedules, as a receiver gets them.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::support::Server;

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn events_contain_the_schedule_as_get_returns_it() {
    let server = Server::start().await;
    let receiver = Receiver::start(StatusCode::OK).await;
    let workflow = server.workflow(json!([{"type": "StaticTextInput", "input": "x"}])).await;
    let workflow = workflow.strip_prefix("/workflows/").unwrap();
    let events = ["schedule.created", "schedule.updated", "schedule.triggered", "schedule.deleted"];
    let hook = json!({"url": receiver.url, "events": events});
    assert_eq!(server.post("/api/v1/webhooks", &hook).await.status, StatusCode::CREATED);

    let body = json!({"name": "Nightly", "schedule_type": "cron", "cron_expression": "0 0 * * *",
        "parameters": {"depth": 3}, "timezone": "Europe/Berlin"});
    let made = server.post(&format!("/api/v1/workflows/{workflow}/schedules"), &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let path = format!("/api/v1/workflow_schedules/{}", made.text_at("/data/id"));
    let mut shown = vec![made.json()["data"].clone()];
    let body = json!({"cron_expression": "0 12 * * *"}).to_string();
    let changed = server.send("PATCH", &path, &[JSON], body).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    shown.push(changed.json()["data"].clone());
    let triggered = server.post(&format!("{path}/trigger"), &json!({})).await;
    assert_eq!(triggered.status, StatusCode::ACCEPTED, "{}", triggered.text);
    shown.push(server.get(&path).await.json()["data"].clone());
    let deleted = server.send("DELETE", &path, &[], Body::empty()).await;
    assert_eq!(deleted.status, StatusCode::OK, "{}", deleted.text);
    shown.push(shown[2].clone());

    let received = receiver.at_least(4).await;
    for ((body, event), mut shown) in received.iter().zip(events).zip(shown) {
        assert_eq!(body["type"], event);
        let mut data = body["data"].clone();
        // The execution continues meanwhile.
        for one in [&mut data, &mut shown] {
            if let Some(last) = one["last_execution"].as_object_mut() {
                last.retain(|name, _| name == "execution_id");
            }
        }
        assert_eq!(data, shown, "{event}");
    }
    let last = &received[2]["data"]["last_execution"];
    assert_eq!(last["execution_id"].as_str(), Some(&*triggered.text_at("/data/execution_id")));
    assert_eq!((&last["status"], &last["completed_at"]), (&json!("queued"), &Value::Null));
}
