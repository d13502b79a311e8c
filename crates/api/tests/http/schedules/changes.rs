//! Every kind of timing, and its changes.

use axum::body::Body;
use serde_json::{Value, json};

use super::{assert_shows, daily};
use crate::support::Server;

#[tokio::test]
async fn creates_and_changes_every_kind_of_timing() {
    let server = Server::start().await;
    let workflow = server.scheduled().await;
    let interval = json!({"name": "i", "schedule_type": "interval", "interval_value": 30,
        "interval_unit": "minutes", "misfire_policy": "skip", "overlap_policy": "queue"});
    let path = server.schedule(&workflow, &interval).await;
    let shown = server.get(&path).await.json()["data"].clone();
    assert_shows(&shown, &interval);
    assert_eq!(shown.get("cron_expression"), None);
    assert_eq!(shown["parameters"], json!({}));
    assert_eq!((&shown["last_execution"], &shown["last_skipped"]), (&Value::Null, &Value::Null));
    // A response can be sent back, and changes nothing.
    let again = server.change("PUT", &path, &shown).await;
    assert_eq!(again.json()["data"], shown, "{}", again.text);
    let value = json!({"interval_value": 5});
    let changed = server.change("PATCH", &path, &value).await.json()["data"].clone();
    assert_eq!(
        (&changed["interval_value"], &changed["interval_unit"]),
        (&json!(5), &json!("minutes"))
    );
    let other =
        json!({"schedule_type": "cron", "cron_expression": "@daily", "timezone": "Europe/Berlin"});
    let changed = server.change("PATCH", &path, &other).await.json()["data"].clone();
    assert_shows(&changed, &other);
    assert_eq!(changed.get("interval_value"), None);
    // As a client that changes fields of the object that it received.
    let mut object = changed.clone();
    object["schedule_type"] = json!("interval");
    object["interval_value"] = json!(2);
    object["interval_unit"] = json!("days");
    let changed = server.change("PUT", &path, &object).await;
    assert_eq!(changed.text_at("/data/schedule_type"), "interval", "{}", changed.text);
    assert_eq!(changed.json()["data"].get("cron_expression"), None);

    // Null clears optional fields; for others it has no effect.
    let full = json!({"description": "d", "parameters": {"source": "x"}});
    assert_shows(&server.change("PATCH", &path, &full).await.json()["data"], &full);
    let nulls = json!({"name": null, "description": null, "schedule_type": null,
        "interval_value": null, "timezone": null, "parameters": null, "enabled": null,
        "misfire_policy": null, "overlap_policy": null});
    for method in ["PUT", "PATCH"] {
        let emptied = server.change(method, &path, &nulls).await;
        let mut expect = changed.json()["data"].clone();
        expect["updated_at"] = emptied.json()["data"]["updated_at"].clone();
        expect["description"] = Value::Null;
        expect["parameters"] = json!({});
        assert_eq!(emptied.json()["data"], expect, "{}", emptied.text);
        server.change("PATCH", &path, &full).await;
    }

    let fixed = json!({"name": "f", "schedule_type": "fixed_time",
        "execution_time": "2090-06-01T12:00:00+02:00"});
    let path = server.schedule(&workflow, &fixed).await;
    let shown = server.get(&path).await.json()["data"].clone();
    assert_eq!(shown["execution_time"], "2090-06-01T10:00:00.000000Z");
    assert_eq!(shown["next_execution"], "2090-06-01T10:00:00.000000Z");

    let unnamed =
        json!({"schedule_type": "interval", "interval_value": 2, "interval_unit": "hours"});
    let path = server.schedule(&workflow, &unnamed).await;
    assert_eq!(server.get(&path).await.text_at("/data/name"), "every 2 hours");

    let mut off = daily();
    off["enabled"] = json!(false);
    let path = server.schedule(&workflow, &off).await;
    let shown = server.get(&path).await.json()["data"].clone();
    assert_eq!((&shown["enabled"], &shown["next_execution"]), (&json!(false), &Value::Null));
    let resumed = server.post(&format!("{path}/resume"), &json!({})).await;
    assert!(resumed.text_at("/data/next_execution").ends_with("T00:00:00.000000Z"));
    let paused = server.send("POST", &format!("{path}/pause"), &[], Body::empty()).await;
    assert_eq!(paused.json()["data"]["next_execution"], Value::Null, "{}", paused.text);
}
