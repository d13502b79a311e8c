//! Many schedules paused and resumed at once.

use axum::http::StatusCode;
use serde_json::json;

use super::{ALL, daily};
use crate::support::Server;

#[tokio::test]
async fn pauses_and_resumes_many_schedules() {
    let server = Server::start().await;
    let (one, two) = (server.scheduled().await, server.scheduled().await);
    let mut ids = Vec::new();
    for workflow in [&one, &one, &two] {
        let path = server.schedule(workflow, &daily()).await;
        ids.push(path.rsplit('/').next().unwrap().to_owned());
    }
    let workflow = one.rsplit('/').next().unwrap();
    for (what, body, matched, changed) in [
        ("pause", json!({"workflow_id": workflow}), 2, 2),
        // The one that was paused already stays paused individually.
        ("pause", json!({"schedule_ids": [ids[0], ids[2]]}), 2, 2),
        ("resume", json!({"workflow_id": workflow}), 2, 1),
        ("resume", json!({"schedule_ids": [ids[0], ids[1], ids[2]]}), 3, 2),
        ("pause", json!({"all": true}), 3, 3),
        ("resume", json!({"all": true}), 3, 3),
        ("resume", json!({"all": true}), 3, 0),
        // A repeated id counts once.
        ("pause", json!({"schedule_ids": [ids[1], ids[1]]}), 1, 1),
    ] {
        let response = server.post(&format!("{ALL}/{what}"), &body).await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.text);
        let expect = json!({"matched": matched, "changed": changed});
        assert_eq!(response.json()["data"], expect, "{what} {body}");
    }
    for (body, status, field) in [
        (json!({}), 400, None),
        (json!({"all": true, "workflow_id": workflow}), 400, None),
        (json!({"all": false}), 400, Some("all")),
        (json!({"schedule_ids": []}), 400, Some("schedule_ids")),
        (json!({"schedule_ids": [1]}), 400, Some("schedule_ids[0]")),
        (json!({"schedule_ids": ["sched_x"]}), 404, None),
        (json!({"workflow_id": "wf_x"}), 404, None),
    ] {
        let refused = server.post(&format!("{ALL}/pause"), &body).await;
        assert_eq!(refused.status.as_u16(), status, "{body} {}", refused.text);
        assert_eq!(refused.json()["errors"][0]["field"].as_str(), field, "{body}");
    }
}

/// Resuming many schedules does not resume those that were paused before, individually or in a
/// smaller group.
#[tokio::test]
async fn keeps_schedules_paused_that_were_paused_before() {
    let server = Server::start().await;
    let (one, two) = (server.scheduled().await, server.scheduled().await);
    let mut paths = Vec::new();
    for workflow in [&one, &one, &two, &two, &two] {
        paths.push(server.schedule(workflow, &daily()).await);
    }
    let send = async |path: &str, body: serde_json::Value| {
        let response = server.post(path, &body).await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.text);
    };
    let awake = async || {
        let mut awake = Vec::new();
        for (n, path) in paths.iter().enumerate() {
            if server.get(path).await.json()["data"]["enabled"] == true {
                awake.push(n);
            }
        }
        awake
    };
    let (pause, resume) = (format!("{ALL}/pause"), format!("{ALL}/resume"));
    let of_one = json!({"workflow_id": one.rsplit('/').next().unwrap()});
    // One individually, one by a change, one with its workflow; then all.
    send(&format!("{}/pause", paths[2]), json!({})).await;
    let body = json!({"enabled": false}).to_string();
    let json = [("content-type", "application/json")];
    let changed = server.send("PATCH", &paths[3], &json, body).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    send(&pause, of_one.clone()).await;
    send(&pause, json!({"all": true})).await;
    assert!(awake().await.is_empty());
    // A change of another field does not affect the pause.
    let renamed = server.send("PATCH", &paths[4], &json, r#"{"name": "renamed"}"#).await;
    assert_eq!(renamed.status, StatusCode::OK, "{}", renamed.text);
    send(&resume, json!({"all": true})).await;
    assert_eq!(awake().await, [4]);
    send(&resume, of_one.clone()).await;
    assert_eq!(awake().await, [0, 1, 4]);
    // Those of a workflow that were paused with the whole workspace are resumed with the workflow.
    send(&pause, json!({"all": true})).await;
    send(&format!("{}/pause", paths[1]), json!({})).await;
    send(&resume, of_one).await;
    assert_eq!(awake().await, [0], "paused by itself in the meantime");
    send(&format!("{}/resume", paths[2]), json!({})).await;
    send(&resume, json!({"all": true})).await;
    assert_eq!(awake().await, [0, 2, 4]);
}
