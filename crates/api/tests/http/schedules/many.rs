//! Many schedules paused and resumed at once.

use axum::http::StatusCode;
use serde_json::json;

use super::{ALL, daily};
use crate::support::Server;

#[tokio::test]
async fn many_are_paused_at_once() {
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
        ("pause", json!({"schedule_ids": [ids[0], ids[2]]}), 2, 1),
        ("resume", json!({"all": true}), 3, 3),
        ("resume", json!({"all": true}), 3, 0),
        // Named twice, meant once.
        ("pause", json!({"schedule_ids": [ids[1], ids[1]]}), 1, 1),
    ] {
        let answer = server.post(&format!("{ALL}/{what}"), &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let expect = json!({"matched": matched, "changed": changed});
        assert_eq!(answer.json()["data"], expect, "{what} {body}");
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
