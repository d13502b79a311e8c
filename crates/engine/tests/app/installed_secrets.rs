//! Secrets of the installation in executions of one engine.

use serde_json::json;
use stepwell_core::execution::Status;
use stepwell_core::ids::WorkspaceId;
use stepwell_engine::app::{CreateWorkflow, Start};
use stepwell_engine::installed_secrets::SecretsConfig;
use stepwell_engine::view::{NoticeKind, StepStatus};
use stepwell_engine::{AppError, Caller, EngineConfig};
use stepwell_store::LoadExecution;

use crate::echo::Echo;
use crate::support::{Bench, PATIENCE, config, with_input};

const FIRST: &str = "hunter2hunter2-first";
const SECOND: &str = "swordfish-second";

/// An application with a folder of secrets.
async fn bench_with(folder: &tempfile::TempDir) -> Bench {
    let directory = Some(folder.path().to_path_buf());
    let secrets = SecretsConfig { directory, ..SecretsConfig::default() };
    Bench::with(EngineConfig { secrets, ..config() }).await
}

fn write(folder: &tempfile::TempDir, name: &str, value: &str) {
    std::fs::write(folder.path().join(name), value).unwrap();
}

/// Steps that send the secret before and after a wait, and show the first one afterwards.
fn steps(echo: &Echo) -> serde_json::Value {
    let send = |id: &str| {
        json!({"id": id, "type": "HttpRequest", "config": {
            "url": format!("{}/keep", echo.url), "headers": {"x-tok": "{{ secrets.TOK }}"}}})
    };
    json!([send("first"), {"id": "wait", "type": "Delay", "config": {"for": "1100ms"}},
        send("second"),
        {"id": "read", "type": "HttpRequest", "config": {"url": format!("{}/text", echo.url)}}])
}

#[tokio::test]
async fn a_replaced_file_takes_effect_in_a_running_execution() {
    let (folder, echo) = (tempfile::tempdir().unwrap(), Echo::start().await);
    write(&folder, "tok", FIRST);
    let bench = bench_with(&folder).await;
    let workflow = bench.steps(steps(&echo)).await;
    let id = bench.execute(workflow, json!({})).await;
    let is_waiting = |status: StepStatus| status == StepStatus::Waiting;
    bench
        .until(id, |n| matches!(&n.kind, NoticeKind::Step { step, .. } if is_waiting(step.status)))
        .await;
    write(&folder, "tok", SECOND);
    let view = bench.ended(id).await;
    assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
    let sent = echo.sent();
    assert!(sent[0].head.contains(FIRST) && sent[1].head.contains(SECOND), "{sent:?}");
    // The service returns the first value, which is not the present one.
    assert_eq!(view.output.as_ref().unwrap()["body"], "you sent [secret].");
    let stored = bench.store.load_execution(id).await.unwrap().unwrap();
    let everything = format!("{stored:?} {view:?}");
    assert!(!everything.contains("hunter2") && !everything.contains("swordfish"), "{everything}");
}

#[tokio::test]
async fn a_secret_that_cannot_be_used_fails_the_step_with_the_reason() {
    let (folder, echo) = (tempfile::tempdir().unwrap(), Echo::start().await);
    let bench = bench_with(&folder).await;
    let workflow = bench.steps(steps(&echo)).await;
    for (value, part) in [(None, "`X-Secret-Tok`"), (Some("12345"), "6 to 32768 characters")] {
        if let Some(value) = value {
            write(&folder, "tok", value);
        }
        let error = bench.wait(workflow, json!({})).await.unwrap().error.unwrap();
        assert_eq!(error.code, "SECRET_UNAVAILABLE");
        assert!(error.message.contains(part), "{}", error.message);
        assert!(!error.message.contains("12345"), "{}", error.message);
    }
    assert!(echo.sent().is_empty());
}

#[tokio::test]
async fn an_input_with_a_secret_of_the_installation_is_rejected() {
    let (folder, echo) = (tempfile::tempdir().unwrap(), Echo::start().await);
    write(&folder, "tok", FIRST);
    let bench = bench_with(&folder).await;
    let workflow = bench.steps(steps(&echo)).await;
    let AppError::InvalidInput(problems) =
        bench.wait(workflow, json!({"note": format!("use {FIRST}")})).await.unwrap_err()
    else {
        panic!("not rejected for its input")
    };
    assert_eq!(problems.0[0].path, "input.note");
    assert!(!problems.to_string().contains("hunter2"), "{problems}");
}

#[tokio::test]
async fn other_workspaces_have_no_secrets_of_the_installation() {
    let (folder, echo) = (tempfile::tempdir().unwrap(), Echo::start().await);
    write(&folder, "tok", FIRST);
    let bench = bench_with(&folder).await;
    let other = Caller::internal_to(WorkspaceId::from_uuid(uuid::Uuid::from_u128(7)));
    let source = json!({"name": "theirs", "steps": steps(&echo)});
    let create = CreateWorkflow { source, active: true, idempotency: None };
    let workflow = bench.app.create_workflow(&other, create).await.unwrap();
    let start: Start = with_input(json!({}));
    let view = bench.app.execute(&other, workflow, start).wait(PATIENCE).await.unwrap();
    assert_eq!(view.error.unwrap().code, "SECRET_UNAVAILABLE");
    assert!(echo.sent().is_empty());
}
