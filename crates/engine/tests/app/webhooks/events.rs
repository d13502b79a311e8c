//! Which events are sent to which webhooks.

use super::*;

#[tokio::test]
async fn the_events_of_a_workflow_are_sent_in_order_and_signed() {
    let receiver = Receiver::start(&[200]).await;
    let bench = Bench::new().await;
    let hook = bench.hook(&receiver, TopicFilter::Every).await;
    let workflow = bench.static_text().await;
    let caller = &bench.caller;
    bench.app.set_active(caller, workflow, false, Expected::Any).await.unwrap();
    // Requested twice, sent once.
    bench.app.set_active(caller, workflow, false, Expected::Any).await.unwrap();
    bench.app.set_active(caller, workflow, true, Expected::Any).await.unwrap();
    let next = json!({"name": "next", "steps": [{"id": "a", "type": "Echo", "input": 1}]});
    bench.app.update_workflow(caller, workflow, next).await.unwrap();
    bench.app.delete_workflow(caller, workflow, Deletion::default()).await.unwrap();
    let calls = receiver.at_least(5).await;
    assert_eq!(
        types(&calls),
        [
            "workflow.created",
            "workflow.deactivated",
            "workflow.activated",
            "workflow.updated",
            "workflow.deleted"
        ]
    );
    let events = bodies(&calls);
    let data = |at: usize, field: &str| events[at]["data"][field].clone();
    assert_eq!((data(0, "name"), data(0, "active")), (json!("test"), json!(true)));
    assert_eq!((data(1, "active"), data(2, "active")), (json!(false), json!(true)));
    assert_eq!((data(3, "name"), data(3, "release")), (json!("next"), json!(2)));
    assert_eq!(data(4, "steps"), json!([{"id": "a", "type": "Echo", "input": 1}]));
    let secret = hook.secret().unwrap();
    assert!(calls.iter().all(|call| verify(secret, call)));
    assert!(!verify("whsec_bm90IHRoZSBzZWNyZXQgYXQgYWxs", &calls[0]));
}

#[tokio::test]
async fn events_of_executions_are_sent_to_subscribed_webhooks() {
    let (one, two) = (Receiver::start(&[200]).await, Receiver::start(&[200]).await);
    let bench = Bench::new().await;
    bench.hook(&one, TopicFilter::Every).await;
    bench.hook(&two, TopicFilter::Some(vec![Topic::ExecutionFailed])).await;
    let good = bench
        .steps(json!([{"id": "a", "type": "StaticTextInput", "input": "x"}, {"id": "b", "type": "Echo"}]))
        .await;
    let bad = bench.steps(json!([{"id": "a", "type": "Fail", "config": {"message": "no"}}])).await;
    let view = bench.wait(good, json!({})).await.unwrap();
    let failed = bench.wait(bad, json!({})).await.unwrap();
    let calls = one.at_least(8).await;
    let of = |id: ExecutionId| {
        let events = bodies(&calls).into_iter();
        events.filter(move |body| body["data"]["execution"] == json!(id)).collect::<Vec<_>>()
    };
    let events = of(view.record.id);
    let types: Vec<_> = events.iter().map(|body| body["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "workflow.executed",
            "execution.step_completed",
            "execution.step_completed",
            "execution.completed"
        ]
    );
    // Each as it was at that moment, though all were committed at once.
    assert_eq!(
        (&events[0]["data"]["status"], &events[0]["data"]["settled"]),
        (&json!("running"), &json!(0))
    );
    assert_eq!(
        (&events[1]["data"]["step"], &events[2]["data"]["step"]),
        (&json!("a"), &json!("b"))
    );
    assert_eq!(events[3]["data"]["output"], json!({"text": "x"}));
    assert_eq!(events[3]["data"]["workflow"], "test");
    let events = of(failed.record.id);
    assert_eq!(events[1]["type"], "execution.failed");
    let calls = two.at_least(1).await;
    let failure = bodies(&calls).remove(0);
    assert_eq!(failure["data"]["execution"], json!(failed.record.id));
    assert_eq!(failure["id"], events[1]["id"], "one event, however many receivers it has");
    assert_ne!(two.calls()[0].header("webhook-id"), one.calls()[7].header("webhook-id"));
}

#[tokio::test]
async fn control_of_an_execution_is_sent_once() {
    let receiver = Receiver::start(&[200]).await;
    let bench = Bench::new().await;
    let topics = [Topic::ExecutionCancelled, Topic::ExecutionPaused, Topic::ExecutionResumed];
    bench.hook(&receiver, TopicFilter::Some(topics.to_vec())).await;
    let workflow = bench.steps(json!([{"type": "Delay", "config": {"for": "1h"}}])).await;
    let id = bench.execute(workflow, json!({})).await;
    let (app, caller) = (&bench.app, &bench.caller);
    app.pause(caller, None, id).await.unwrap();
    app.pause(caller, None, id).await.unwrap_err();
    app.resume(caller, None, id).await.unwrap();
    app.resume(caller, None, id).await.unwrap_err();
    app.cancel(caller, None, id, None).await.unwrap();
    app.cancel(caller, None, id, None).await.unwrap_err();
    let calls = receiver.at_least(3).await;
    assert_eq!(types(&calls), ["execution.paused", "execution.resumed", "execution.cancelled"]);
    let events = bodies(&calls);
    assert!(events.iter().all(|event| event["data"]["execution"] == json!(id)));
    assert_eq!(events[0]["data"]["status"], "paused");
    assert_eq!(events[2]["data"]["status"], "cancelled");
    assert_eq!(deliveries_about(&bench.store, id).await.len(), 3, "each is stored once");
}

#[tokio::test]
async fn a_webhook_created_during_an_execution_gets_the_further_events() {
    let receiver = Receiver::start(&[200]).await;
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([{"id": "wait", "type": "Delay", "config": {"for": "200ms"}, "input": 1}, {"id": "b", "type": "Echo"}]))
        .await;
    let id = bench.execute(workflow, json!({})).await;
    bench
        .until(id, |notice| {
            matches!(&notice.kind, stepwell_engine::view::NoticeKind::Step { step, .. } if step.step_id == "wait")
        })
        .await;
    let hook = bench.hook(&receiver, TopicFilter::Every).await;
    bench.ended(id).await;
    let calls = receiver.at_least(3).await;
    assert_eq!(
        types(&calls),
        ["execution.step_completed", "execution.step_completed", "execution.completed"]
    );
    assert_eq!(bodies(&calls)[2]["data"]["settled"], 2);
    // A deleted webhook gets none.
    bench.app.delete_webhook(&bench.caller, hook.record.id).await.unwrap();
    bench.wait(workflow, json!({})).await.unwrap();
    assert_eq!(receiver.calls().len(), 3);
}

#[tokio::test]
async fn other_nodes_learn_of_a_new_webhook() {
    let receiver = Receiver::start(&[200]).await;
    let store = Arc::new(MemoryStore::new());
    let several = || EngineConfig { sole_node: false, ..config() };
    let one = Bench::over(store.clone(), several()).await;
    let two = Bench::over(store, several()).await;
    one.hook(&receiver, TopicFilter::Every).await;
    let delivered = async {
        while receiver.calls().is_empty() {
            two.static_text().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, delivered).await.expect("in time");
}
