//! Secrets reach only the steps that refer to them, where their templates insert them.

use std::time::Duration;
use stepwell_store::LoadExecution;

use serde_json::{Value, json};
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_engine::app::{Idempotency, Start};
use stepwell_engine::view::{ExecutionView, NoticeKind, StepStatus};
use stepwell_engine::{AppError, EngineConfig};
use stepwell_store::lists::List;
use stepwell_store::traits::{DeliveriesOf, DeliveryFilter};

use crate::echo::Echo;
use crate::receiver::Receiver;
use crate::support::{Bench, PATIENCE, config};

const TOKEN: &str = "hunter2hunter2-t0k";

fn start(input: Value, secret: &str) -> Start {
    Start { input: Some(input), secrets: vec![("TOK".into(), secret.into())], ..Start::default() }
}

async fn run(bench: &Bench, workflow: WorkflowId, start: Start) -> ExecutionView {
    bench.app.execute(&bench.caller, workflow, start).wait(PATIENCE).await.unwrap()
}

/// A step that sends the secret.
fn send(echo: &Echo) -> Value {
    json!({"id": "send", "type": "HttpRequest", "config": {
        "url": format!("{}/keep", echo.url), "headers": {"x-tok": "{{ secrets.TOK }}"}}})
}

/// Everything that is known of an execution, as text.
async fn everything(bench: &Bench, view: &ExecutionView) -> String {
    let stored = bench.store.load_execution(view.record.id).await.unwrap().unwrap();
    format!("{stored:?} {view:?}")
}

#[tokio::test]
async fn text_that_looks_like_a_reference_stays_text() {
    let echo = Echo::start().await;
    let bench = Bench::new().await;
    let workflow = bench
        .create(json!({"name": "chat", "inputs": {"text": "string"}, "steps": [
            {"id": "post", "type": "HttpRequest",
             "config": {"method": "POST", "url": format!("{}/keep/{{{{ inputs.text }}}}", echo.url),
                "query": {"q": "{{ inputs.text }}"},
                "headers": {"x-tok": "a{{ secrets.TOK }}b",
                    "x-text": "{{ inputs.text | replace('\u{f8ff}', '') }}",
                    "x-both": "{{ inputs.text | replace('\u{f8ff}', '') }}{{ secrets.TOK }}"}},
             "input": {"body": {"text": "{{ inputs.text }}", "list": ["{{ inputs.text }}"]}}}]}))
        .await;
    for text in ["\u{f8ff}secret:TOK\u{f8ff}", "[secret]", "{{ secrets.TOK }}", "secrets.TOK"] {
        let view = run(&bench, workflow, start(json!({"text": text}), TOKEN)).await;
        assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
        let sent = echo.sent().pop().unwrap();
        let body: Value = serde_json::from_str(&sent.body).unwrap();
        assert_eq!(body["text"], text);
        let header = |name: &str| {
            let lines = sent.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            lines.unwrap_or_default().to_owned()
        };
        let plain = text.replace('\u{f8ff}', "");
        assert_eq!(header("x-tok"), format!("a{TOKEN}b"));
        assert_eq!(header("x-text"), plain);
        assert_eq!(header("x-both"), format!("{plain}{TOKEN}"));
        let whole = format!("{}{}", sent.head, sent.body);
        assert_eq!(
            whole.matches(TOKEN).count(),
            2,
            "where it was placed and nowhere else: {whole}"
        );
        assert!(!everything(&bench, &view).await.contains(TOKEN));
    }
}

#[tokio::test]
async fn responses_of_others_do_not_become_secrets() {
    let echo = Echo::start().await;
    let bench = Bench::new().await;
    // The first response contains what the first request held: text that looks like a reference.
    let workflow = bench
        .steps(json!([
            {"id": "first", "type": "HttpRequest", "config": {
                "url": format!("{}/text", echo.url), "headers": {"x-tok": "[secret]"}}},
            {"id": "second", "type": "HttpRequest", "config": {"method": "POST",
                "url": format!("{}/keep", echo.url), "headers": {"x-auth": "{{ secrets.TOK }}"}},
             "input": {"body": "{{ steps.first.output.body }}"}},
        ]))
        .await;
    let view = run(&bench, workflow, start(json!({}), TOKEN)).await;
    assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
    let sent = echo.sent().pop().unwrap();
    assert_eq!(sent.body, "\"you sent [secret].\"");
    assert!(sent.head.contains(TOKEN));
}

#[tokio::test]
async fn a_secret_that_comes_back_later_is_taken_out() {
    for page in [
        "json",
        "key",
        "text",
        "binary/0",
        "binary/1",
        "binary/2",
        "bare",
        "utf16",
        "header",
        "fail/0",
        "fail/2030",
        "fail/2044",
        "fail/9000",
    ] {
        let echo = Echo::start().await;
        let bench = Bench::new().await;
        let workflow = bench
            .create(json!({"name": "echo", "steps": [
                send(&echo),
                // Refers to no secret.
                {"id": "read", "type": "HttpRequest", "on_error": "continue",
                 "config": {"url": format!("{}/{page}", echo.url)}},
                {"id": "back", "type": "StaticTextInput",
                 "input": "{{ [steps.read.output, steps.read.error] | tojson | list | reverse | join | list | reverse | join }}"},
                {"id": "keep", "type": "SetState", "input": {"seen": "{{ steps.back.output.text }}"}},
            ], "outputs": {"read": "{{ steps.read.output }}", "error": "{{ steps.read.error }}"}}))
            .await;
        let view = run(&bench, workflow, start(json!({}), TOKEN)).await;
        assert_eq!(view.record.status, Status::Completed, "{page}: {:?}", view.error);
        let everything = everything(&bench, &view).await;
        // Neither whole nor in part, as text nor as base64.
        for part in [&TOKEN[..6], "aHVudGVy", "h1bnRlcj", "odW50ZXI", "aAB1AG4A"] {
            assert!(!everything.contains(part), "{page}: {part} in {everything}");
        }
    }
}

#[tokio::test]
async fn a_number_that_is_a_secret_is_taken_out() {
    let echo = Echo::start().await;
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([send(&echo), {"id": "read", "type": "HttpRequest",
            "config": {"url": format!("{}/number", echo.url)}}]))
        .await;
    let view = run(&bench, workflow, start(json!({}), "918273645")).await;
    assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
    assert_eq!(view.output.as_ref().unwrap()["body"], json!({"n": "[secret]"}));
    assert!(!everything(&bench, &view).await.contains("918273645"));
}

#[tokio::test]
async fn what_would_be_stored_may_hold_no_secret() {
    let bench = Bench::new().await;
    let workflow = bench.steps(json!([{"type": "Echo"}])).await;
    let refused = |start: Start| async {
        bench.app.execute(&bench.caller, workflow, start).durable().await.unwrap_err()
    };
    let AppError::InvalidInput(problems) =
        refused(start(json!({"a": {"b": format!("x{TOKEN}")}}), TOKEN)).await
    else {
        panic!("not refused for its input")
    };
    assert_eq!(problems.0[0].path, "input.a.b");
    let AppError::InvalidRequest(problem) = refused(start(json!({}), "short")).await else {
        panic!("not refused for its secret")
    };
    assert_eq!(problem.path, "X-Secret-Tok");
    assert!(problem.message.contains("at least 6"), "{}", problem.message);
}

#[tokio::test]
async fn secrets_last_through_the_queue_and_through_sleep() {
    let echo = Echo::start().await;
    let bench =
        Bench::with(EngineConfig { max_active: 1, keep_in_memory_millis: 0, ..config() }).await;
    let workflow = bench
        .steps(json!([
            {"id": "wait", "type": "Delay", "config": {"for": "1100ms"}},
            send(&echo),
            {"id": "read", "type": "HttpRequest", "config": {"url": format!("{}/text", echo.url)}},
        ]))
        .await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(
            bench
                .app
                .execute(&bench.caller, workflow, start(json!({}), TOKEN))
                .durable()
                .await
                .unwrap(),
        );
    }
    for id in ids {
        let view = bench.ended(id).await;
        assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
        assert_eq!(view.output.as_ref().unwrap()["body"], "you sent [secret].");
        assert!(!everything(&bench, &view).await.contains(TOKEN));
    }
    assert_eq!(echo.sent().iter().filter(|sent| sent.head.contains(TOKEN)).count(), 3);
}

#[tokio::test]
async fn a_restart_loses_secrets_and_reports_it() {
    let echo = Echo::start().await;
    let bench = Bench::new().await;
    let workflow = bench
        .steps(json!([{"id": "wait", "type": "Delay", "config": {"for": "1500ms"}}, send(&echo)]))
        .await;
    let id = bench
        .app
        .execute(&bench.caller, workflow, start(json!({}), TOKEN))
        .durable()
        .await
        .unwrap();
    bench
        .until(
            id,
            |n| matches!(&n.kind, NoticeKind::Step { step, .. } if step.status == StepStatus::Waiting),
        )
        .await;
    let bench = bench.restart().await;
    let error = bench.ended(id).await.error.unwrap();
    assert_eq!(error.code, "SECRET_UNAVAILABLE");
    assert!(error.message.contains("`X-Secret-Tok`"), "{}", error.message);
    assert!(echo.sent().is_empty());
}

#[tokio::test]
async fn only_the_secret_that_is_chosen_is_needed() {
    let echo = Echo::start().await;
    let bench = Bench::new().await;
    let workflow = bench
        .create(json!({"name": "choose", "inputs": {"live": "boolean"}, "steps": [
            {"id": "send", "type": "HttpRequest", "config": {"url": format!("{}/keep", echo.url),
                "headers": {"x-tok": "{{ 'Bearer ' ~ (secrets.LIVE if inputs.live else secrets.TOK) }}"}}}]}))
        .await;
    let view = run(&bench, workflow, start(json!({"live": false}), TOKEN)).await;
    assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
    assert!(echo.sent()[0].head.contains(&format!("x-tok: Bearer {TOKEN}")));
    let view = run(&bench, workflow, start(json!({"live": true}), TOKEN)).await;
    assert_eq!(view.error.unwrap().code, "SECRET_UNAVAILABLE");
}

#[tokio::test]
async fn pieces_of_text_that_are_shown_live_hold_no_secret() {
    let echo = Echo::start().await;
    let bench = Bench::new().await;
    // The text only becomes the secret when it is put together.
    let (first, rest) = TOKEN.split_at(7);
    let workflow = bench
        .create(json!({"name": "live", "inputs": {"a": "string", "b": "string"}, "steps": [
            {"id": "say", "type": "StreamText", "config": {"chunk": 3, "pause": "5ms"},
             "input": "so {{ inputs.a }}{{ inputs.b }} it is"}, send(&echo)]}))
        .await;
    let start = start(json!({"a": first, "b": rest}), TOKEN);
    let mut follow = bench.app.execute(&bench.caller, workflow, start).follow().await.unwrap();
    let id = follow.execution().origin.id;
    let mut live = String::new();
    while let Some(notice) = follow.next().await.unwrap() {
        if let NoticeKind::Delta { text, .. } = &notice.kind {
            live.push_str(text);
        }
        assert!(!format!("{notice:?}").contains(TOKEN));
    }
    assert_eq!(live, "so [secret] it is");
    let view = bench.ended(id).await;
    assert_eq!(*view.steps[0].output.clone().unwrap(), json!({"text": "so [secret] it is"}));
    assert!(!everything(&bench, &view).await.contains(TOKEN));
}

/// What of a request is stored as it is may not be one of its secrets.
#[tokio::test]
async fn nothing_of_a_request_is_stored_that_holds_its_secret() {
    let bench = Bench::new().await;
    let workflow = bench.steps(json!([{"type": "StaticTextInput", "input": "x"}])).await;
    let held = format!("order-{TOKEN}");
    let key = || Idempotency { key: held.clone(), fingerprint: vec![1] };
    for (field, start) in [
        ("external_id", Start { external_id: Some(held.clone()), ..start(json!({}), TOKEN) }),
        ("Idempotency-Key", Start { idempotency: Some(key()), ..start(json!({}), TOKEN) }),
    ] {
        let refused =
            bench.app.execute(&bench.caller, workflow, start).durable().await.unwrap_err();
        let AppError::InvalidRequest(problem) = &refused else { panic!("{refused}") };
        assert_eq!(problem.path, field);
        assert!(!refused.to_string().contains(TOKEN), "{refused}");
    }
    // Without the secret they are ordinary.
    let other = Start {
        external_id: Some(held.clone()),
        idempotency: Some(key()),
        ..start(json!({}), "another-secret")
    };
    run(&bench, workflow, other).await;
}

/// What is stored of the responses to the deliveries of an execution.
async fn responses(bench: &Bench, id: ExecutionId, least: usize) -> Vec<String> {
    let looking = async {
        loop {
            let about = DeliveriesOf::Subject(id.into());
            let list = List::first_page(DeliveryFilter::default(), usize::MAX);
            let found = bench.store.list_deliveries(about, list).await.unwrap().items;
            if found.len() >= least && found.iter().all(|one| !one.attempts.is_empty()) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, looking).await.expect("in time");
    // In the order in which they were sent.
    found.into_iter().rev().flat_map(|one| one.attempts).map(|attempt| attempt.response).collect()
}

#[tokio::test]
async fn responses_of_a_receiver_are_stored_without_secrets() {
    let receiver = Receiver::start(&[200]).await;
    // Some of it is beyond what is kept: what is cut is redacted before.
    receiver.send_body(&format!("got {TOKEN} {}{TOKEN}", "x".repeat(970)));
    let bench = Bench::new().await;
    let workflow =
        bench.steps(json!([{"id": "wait", "type": "Delay", "config": {"for": "1h"}}])).await;
    let url = || Some(receiver.url.clone());
    let first = Start { webhook_url: url(), ..start(json!({}), TOKEN) };
    let id = bench.app.execute(&bench.caller, workflow, first).durable().await.unwrap();
    receiver.at_least(2).await;
    let known = responses(&bench, id, 2).await;
    for response in &known {
        assert!(response.starts_with("got [secret] xxx"), "{response}");
        assert!(!response.contains("hunter2"), "{response}");
    }
    bench.app.cancel(&bench.caller, None, id, None).await.unwrap();
    for response in responses(&bench, id, known.len() + 1).await {
        assert!(!response.contains("hunter2"), "{response}");
    }
    // After a restart the secret is not known.
    let again = Start { webhook_url: url(), ..start(json!({}), TOKEN) };
    let id = bench.app.execute(&bench.caller, workflow, again).durable().await.unwrap();
    let before = responses(&bench, id, 2).await.len();
    let bench = bench.restart().await;
    bench.app.cancel(&bench.caller, None, id, None).await.unwrap();
    let all = responses(&bench, id, before + 1).await;
    assert!(all[before..].iter().all(|response| response.starts_with("[not stored")), "{all:?}");
    // Responses to one without secrets are kept.
    let plain = Start { webhook_url: url(), ..Start::default() };
    let id = bench.app.execute(&bench.caller, workflow, plain).durable().await.unwrap();
    bench.app.cancel(&bench.caller, None, id, None).await.unwrap();
    assert!(responses(&bench, id, 2).await.iter().all(|response| response.contains(TOKEN)));
}
