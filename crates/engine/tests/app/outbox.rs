//! Deliveries of status changes.

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use stepwell_engine::AppError;
use stepwell_engine::app::Start;

use crate::receiver::{Call, Receiver};
use crate::support::Bench;

fn hook(url: &str) -> Start {
    Start { webhook_url: Some(url.to_owned()), ..Start::default() }
}

fn bodies(calls: &[Call]) -> Vec<Value> {
    calls.iter().map(|call| serde_json::from_str(&call.body).unwrap()).collect()
}

#[tokio::test]
async fn every_status_change_arrives_in_order_and_signed() {
    let receiver = Receiver::start(&[200]).await;
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([{"id": "a", "type": "StaticTextInput", "input": "x"}, {"id": "b", "type": "Echo"}]))
        .await;
    let id =
        bench.app.execute(&bench.caller, workflow, hook(&receiver.url)).durable().await.unwrap();
    // PENDING, RUNNING, two steps RUNNING and COMPLETED each, COMPLETED.
    let calls = receiver.at_least(7).await;
    let bodies = bodies(&calls);
    let sent: Vec<String> = bodies
        .iter()
        .map(|body| match body.get("task").filter(|task| !task.is_null()) {
            Some(task) => format!(
                "{} {}",
                task["step_id"].as_str().unwrap(),
                task["status"].as_str().unwrap()
            ),
            None => body["status"].as_str().unwrap().to_owned(),
        })
        .collect();
    assert_eq!(
        sent,
        ["PENDING", "RUNNING", "a RUNNING", "a COMPLETED", "b RUNNING", "b COMPLETED", "COMPLETED"]
    );
    let sequences: Vec<u64> =
        bodies.iter().map(|body| body["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.windows(2).all(|w| w[0] < w[1]));
    assert!(bodies.iter().all(|body| body["execution_id"] == id.dataflow()));
    assert_eq!(bodies[6]["output"], json!({"text": "x"}));

    let secret = bench.app.webhook_secret(&bench.caller).await.unwrap();
    let verifier = Webhook::new(&secret).unwrap();
    for call in &calls {
        let headers = call.headers.iter().map(|(n, v)| {
            (n.parse::<http::HeaderName>().unwrap(), v.parse::<http::HeaderValue>().unwrap())
        });
        verifier.verify(call.body.as_bytes(), &headers.collect()).unwrap();
    }
}

#[tokio::test]
async fn a_waiting_step_is_sent_once() {
    let receiver = Receiver::start(&[200]).await;
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([{"id": "wait", "type": "Delay", "config": {"for": "20ms"}, "input": 1}]))
        .await;
    bench.app.execute(&bench.caller, workflow, hook(&receiver.url)).durable().await.unwrap();
    let statuses: Vec<Value> = bodies(&receiver.at_least(5).await)
        .into_iter()
        .map(|body| {
            let of = if body["task"].is_null() { &body } else { &body["task"] };
            of["status"].clone()
        })
        .collect();
    assert_eq!(statuses, ["PENDING", "RUNNING", "RUNNING", "COMPLETED", "COMPLETED"]);
}

#[tokio::test]
async fn a_failed_delivery_holds_the_later_ones_back_and_keeps_its_id() {
    let receiver = Receiver::start(&[500, 200]).await;
    let bench = Bench::new().await;
    let workflow = bench.steps(json!([{"id": "a", "type": "StaticTextInput", "input": "x"}])).await;
    bench.app.execute(&bench.caller, workflow, hook(&receiver.url)).durable().await.unwrap();
    let calls = receiver.at_least(6).await;
    assert_eq!(calls[0].header("webhook-id"), calls[1].header("webhook-id"));
    assert_eq!(calls[0].body, calls[1].body);
    let bodies = bodies(&calls[1..]);
    assert_eq!(bodies[0]["status"], "PENDING");
    assert_eq!(bodies[4]["status"], "COMPLETED");
}

#[tokio::test]
async fn urls_that_the_egress_rules_refuse_are_refused_at_once() {
    let config = stepwell_engine::EngineConfig {
        allow_private_egress: Some(false),
        ..crate::support::config()
    };
    let bench = Bench::with(config).await;
    let workflow = bench.steps(json!([{"type": "StaticTextInput", "input": "x"}])).await;
    for url in
        ["http://127.0.0.1:9/", "ftp://example.com/", "http://[::ffff:10.0.0.1]/", "nonsense"]
    {
        let refused =
            bench.app.execute(&bench.caller, workflow, hook(url)).durable().await.unwrap_err();
        let AppError::InvalidRequest(problem) = refused else { panic!("{url}: {refused}") };
        assert_eq!(problem.path, "webhook_url");
    }
}
