//! Delivered events, and the list of deliveries.

use super::*;

/// Events contain the objects as `GET` returns them.
#[tokio::test]
async fn workflow_events_contain_the_workflow_as_get_returns_it() {
    let server = Server::start().await;
    let receiver = Receiver::start(StatusCode::OK).await;
    hook(&server, &json!({"url": receiver.url, "events": ["*"]})).await;
    let body =
        json!({"name": "x", "type": "custom", "configuration": {"steps": [{"type": "Echo"}]}});
    let created = server.post("/api/v1/workflows", &body).await;
    let path = format!("/api/v1/workflows/{}", created.text_at("/data/id"));
    let mut shown = vec![server.get(&path).await.json()["data"].clone()];
    for action in ["activate", "deactivate", "activate"] {
        server.post(&format!("{path}/{action}"), &json!({})).await;
        shown.push(server.get(&path).await.json()["data"].clone());
    }
    for change in [
        json!({"description": "y"}),
        json!({"configuration": {"steps": [{"type": "Echo", "input": 1}]}}),
    ] {
        assert_eq!(put(&server, &path, &change).await.status, StatusCode::OK);
        shown.push(server.get(&path).await.json()["data"].clone());
    }
    server.send("DELETE", &path, &[], Body::empty()).await;
    shown.push(shown[5].clone());
    let received = receiver.at_least(shown.len()).await;
    for (event, shown) in received.iter().zip(&shown) {
        assert_eq!(event["data"], *shown, "{}", event["type"]);
    }
}

#[tokio::test]
async fn filters_and_pages_deliveries() {
    let server = Server::start().await;
    let receiver = Receiver::start(StatusCode::OK).await;
    let (path, _) =
        hook(&server, &json!({"url": receiver.url, "events": ["workflow.created"]})).await;
    hook(&server, &json!({"url": receiver.url, "events": ["workflow.deleted"]})).await;
    for _ in 0..3 {
        server.post(&format!("{path}/test"), &json!({})).await;
        server.workflow(json!([{"type": "Echo"}])).await;
    }
    let list = async |query: &str| {
        let page = server.get(&format!("{path}/deliveries?{query}")).await.json()["data"].clone();
        let events = page["items"].as_array().unwrap().iter().map(|one| one["event"].clone());
        (events.collect::<Vec<_>>(), page["pagination"].clone())
    };
    let (events, pagination) = list("event=webhook.test&page_size=2").await;
    assert_eq!((events.len(), &pagination["total_items"]), (2, &json!(3)));
    let cursor = pagination["next_cursor"].as_str().unwrap();
    let (events, pagination) =
        list(&format!("event=webhook.test&page_size=2&cursor={cursor}")).await;
    assert_eq!((events, &pagination["page"]), (vec![json!("webhook.test")], &Value::Null));
    assert_eq!(pagination["next_cursor"], Value::Null);
    assert_eq!(list("event=workflow.created").await.1["total_items"], 3);
    assert_eq!(list("event=execution.failed").await.1["total_items"], 0);
    assert_eq!(list("sort_order=asc&page_size=1").await.0, ["webhook.test"]);
    assert_eq!(list("page_size=1").await.0, ["workflow.created"]);
    let of_event = server.get(&format!("{WEBHOOKS}?event=workflow.deleted")).await.json();
    assert_eq!(of_event["data"]["pagination"]["total_items"], 1);

    let newest = delivery(&server, &path, |one| one["status"] == "delivered").await;
    let one = format!("{WEBHOOKS}/deliveries/{}", newest["id"].as_str().unwrap());
    assert_eq!(server.get(&one).await.json()["data"], newest);
    for unknown in ["msg_01h455vb4pex5vsknk084sn02q", "msg_1"] {
        let missing = server.get(&format!("{WEBHOOKS}/deliveries/{unknown}")).await;
        assert_eq!(missing.abi_refusal(), (404, "NOT_FOUND".into()));
    }
    server.send("DELETE", &path, &[], Body::empty()).await;
    assert_eq!(server.get(&one).await.abi_refusal(), (404, "NOT_FOUND".into()));
}

#[tokio::test]
async fn delivers_events_and_lists_their_deliveries() {
    let server = Server::start().await;
    let receiver = Receiver::start(StatusCode::OK).await;
    let (path, created) = hook(&server, &json!({"url": receiver.url, "events": ["*"]})).await;
    let steps = json!([{"id": "hello", "type": "StaticTextInput", "input": "Hello, world!"}]);
    let workflow = server.workflow(steps).await;
    let executed =
        server.post(&format!("{workflow}/execute?wait=true"), &json!({"input": {"n": 1}})).await;
    assert_eq!(executed.json()["status"], "COMPLETED", "{}", executed.text);
    let received = receiver.at_least(4).await;
    let of = |name: &str| {
        let mut found = received.iter().filter(|body| body["type"] == name);
        let one = found.next().unwrap_or_else(|| panic!("no {name}: {received:?}")).clone();
        assert!(found.next().is_none(), "{name} came twice");
        let keys: Vec<_> = one.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["id", "type", "timestamp", "data"]);
        assert!(one["id"].as_str().unwrap().starts_with("evt_"), "{one}");
        assert!(one["timestamp"].as_str().unwrap().ends_with('Z'), "{one}");
        one["data"].clone()
    };
    let created_workflow = of("workflow.created");
    assert_eq!(created_workflow["name"], "test");
    assert_eq!(created_workflow["status"], "active");
    assert_eq!(created_workflow["stats"]["runs_total"], 0);
    let begun = of("workflow.executed");
    assert_eq!((&begun["status"], &begun["completed_at"]), (&json!("running"), &Value::Null));
    assert_eq!(begun["parameters"], json!({"n": 1}));
    let step = of("execution.step_completed");
    assert_eq!(step["step"]["name"], "hello");
    assert_eq!(step["step"]["status"], "completed");
    assert_eq!(step["step"]["output"], json!({"text": "Hello, world!"}));
    let done = of("execution.completed");
    assert_eq!(done["workflow_id"], created_workflow["id"]);
    assert_eq!(done["execution_id"], begun["execution_id"]);
    assert_eq!(done["workflow_name"], "test");
    assert_eq!(done["result"], json!({"text": "Hello, world!"}));
    assert_eq!(
        (&done["status"], &done["steps"][0]["name"]),
        (&json!("completed"), &json!("hello"))
    );
    assert!(done["duration_ms"].is_u64() && done["error"].is_null(), "{done}");

    let newest = delivery(&server, &path, |one| one["status"] == "delivered").await;
    assert_eq!(newest["webhook_id"], created.json()["data"]["id"]);
    assert_eq!(newest["event"], "execution.completed");
    assert_eq!(newest["request"]["url"], receiver.url.as_str());
    assert_eq!(newest["request"]["body"]["data"], done);
    assert_eq!(newest["response"]["status"], 200);
    assert_eq!(newest["response"]["body"], "thank you");
    assert!(newest["response"]["duration_ms"].is_u64());
    assert_eq!((&newest["attempt_count"], &newest["next_attempt_at"]), (&json!(1), &Value::Null));
    assert_eq!(newest["attempts"][0]["number"], 1);
    let page = server.get(&format!("{path}/deliveries?page=2&page_size=3")).await.json();
    assert_eq!(
        page["data"]["pagination"],
        json!({"page": 2, "page_size": 3, "total_items": 4, "total_pages": 2, "next_cursor": null})
    );
    assert_eq!(page["data"]["items"][0]["event"], "workflow.created");

    let id = newest["id"].as_str().unwrap();
    let again = server.post(&format!("{WEBHOOKS}/deliveries/{id}/redeliver"), &json!({})).await;
    assert_eq!(again.status, StatusCode::ACCEPTED, "{}", again.text);
    assert_eq!(again.json()["data"]["id"], id);
    let received = receiver.at_least(5).await;
    assert_eq!(received[4], newest["request"]["body"], "the same again");
    let twice = delivery(&server, &path, |one| one["attempt_count"] == 2).await;
    assert_eq!((&twice["id"], &twice["attempts"][1]["number"]), (&json!(id), &json!(2)));
}

#[tokio::test]
async fn shows_the_response_of_a_failing_receiver() {
    let server = Server::start().await;
    let receiver = Receiver::start(StatusCode::SERVICE_UNAVAILABLE).await;
    let (path, _) = hook(&server, &json!({"url": receiver.url, "events": ["*"]})).await;
    let made = server.post(&format!("{path}/test"), &json!({})).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.text);
    assert_eq!(made.json()["data"]["event"], "webhook.test");
    assert_eq!(made.json()["data"]["response"], Value::Null);
    let received = receiver.at_least(1).await;
    assert_eq!(received[0]["type"], "webhook.test");
    let tried = delivery(&server, &path, |one| one["attempt_count"] != 0).await;
    assert_eq!((&tried["status"], &tried["response"]["status"]), (&json!("pending"), &json!(503)));
    assert!(tried["next_attempt_at"].is_string(), "{tried}");
    assert!(server.get(&path).await.json()["data"]["failing_since"].is_string());
    let pending = server.get(&format!("{path}/deliveries?status=delivered")).await.json();
    assert_eq!(pending["data"]["pagination"]["total_items"], 0);
}
