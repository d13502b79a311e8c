//! Files of maps.

use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::execution::{RerunFrom, Status, UnawaitedSignal};
use stepwell_core::ids::ExecutionId;
use stepwell_engine::AppError;
use stepwell_engine::app::{NewSignal, RerunRequest};
use stepwell_engine::view::{NoticeKind, StepStatus};
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};

use crate::support::{Bench, config};

impl Bench {
    /// The whole text of a file.
    async fn file(&self, id: ExecutionId, name: &str) -> Result<String, AppError> {
        let mut reader = self.app.open_file(&self.caller, id, name).await?;
        let mut text = String::new();
        while let Some(chunk) = reader.next_chunk().await? {
            text.push_str(&chunk);
        }
        Ok(text)
    }

    async fn until_item_waits(&self, id: ExecutionId) {
        let is_waiting = |kind: &NoticeKind| matches!(kind, NoticeKind::Step { step, .. } if step.status == StepStatus::Waiting);
        self.until(id, |notice| is_waiting(&notice.kind)).await;
    }

    async fn send_go(&self, id: ExecutionId) {
        let (name, unawaited) = ("go".to_owned(), UnawaitedSignal::Keep);
        let signal =
            NewSignal { name, key: None, id: None, data: Arc::new(Value::Null), unawaited };
        self.app.send_signal(&self.caller, id, signal).await.unwrap();
    }

    async fn rerun(&self, id: ExecutionId, from: RerunFrom) -> ExecutionId {
        let request = RerunRequest { from: Some(from), ..RerunRequest::default() };
        let (workflow, start) = self.app.rerun(&self.caller, id, request).await.unwrap();
        self.app.execute(&self.caller, workflow, start).durable().await.unwrap()
    }
}

async fn with_sqlite(path: &std::path::Path) -> Bench {
    let store = SqliteStore::open(path, SqliteOptions::default()).unwrap();
    Bench::over(Arc::new(store), config()).await
}

/// The second item waits for a signal, the third fails.
fn steps() -> Value {
    json!([
        {"id": "items", "type": "Map", "over": [0, 1, 2, 3], "collect": "file",
            "on_item_error": "collect", "steps": [
                {"type": "WaitForSignal", "when": "index == 1", "signal": "go"},
                {"type": "Fail", "when": "index == 2", "config": {"code": "BAD", "message": "bad"}},
                {"id": "text", "type": "Template", "config": {"template": "item {{ index }}"}},
            ], "output": "{{ steps.text.output.text }}"},
        {"id": "last", "type": "Echo", "input": "last"},
    ])
}

fn lines() -> String {
    let line = |index: u32| match index {
        2 => json!({"index": 2, "error": {"code": "BAD", "message": "bad", "step": "items[2].fail",
            "details": null}}),
        index => json!({"index": index, "output": format!("item {index}")}),
    };
    (0..4).map(|index| format!("{}\n", line(index))).collect()
}

#[tokio::test]
async fn a_file_is_the_same_after_restarts_and_reruns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stepwell.db");
    let bench = with_sqlite(&path).await;
    let workflow = bench.steps(steps()).await;
    let id = bench.execute(workflow, json!({})).await;
    bench.until_item_waits(id).await;
    let refused = bench.file(id, "items").await.unwrap_err();
    assert!(
        matches!(&refused, AppError::Conflict(text) if text.contains("not complete")),
        "{refused}"
    );
    bench.app.shutdown().await;
    drop(bench);

    let bench = with_sqlite(&path).await;
    bench.send_go(id).await;
    let view = bench.ended(id).await;
    assert_eq!(view.record.status, Status::Completed, "{:?}", view.error);
    assert_eq!(bench.file(id, "items").await.unwrap(), lines());

    // Only the failed item; then nothing of the map.
    let failed = bench.rerun(id, RerunFrom::Failed).await;
    assert_eq!(bench.ended(failed).await.record.status, Status::Completed);
    assert_eq!(bench.file(failed, "items").await.unwrap(), lines());
    let last = RerunFrom::Step { id: "last".to_owned(), input: None };
    let last = bench.rerun(failed, last).await;
    assert_eq!(bench.ended(last).await.record.status, Status::Completed);
    bench.app.shutdown().await;
    drop(bench);
    let bench = with_sqlite(&path).await;
    assert_eq!(bench.file(last, "items").await.unwrap(), lines());
    let listed = bench.app.execution_files(&bench.caller, last).await.unwrap();
    assert_eq!((listed.len(), listed[0].file.bytes), (1, lines().len() as u64));
}

#[tokio::test]
async fn results_of_a_file_are_not_kept_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stepwell.db");
    let bench = with_sqlite(&path).await;
    let x = "x".repeat(1000);
    let template = format!("{{{{ index }}}} {x}");
    let workflow = bench
        .steps(json!([
            {"id": "items", "type": "Map", "over": "{{ range(20000) }}", "collect": "file", "steps": [
                {"id": "text", "type": "Template", "config": {"template": template}},
            ], "output": "{{ steps.text.output.text }}"},
            {"type": "WaitForSignal", "signal": "go"},
        ]))
        .await;
    let id = bench.execute(workflow, json!({})).await;
    bench.until_item_waits(id).await;
    // More than all values of an execution may have.
    let used = bench.app.memory().used();
    assert!(used < 8 << 20, "{used}");
    let text = bench.file(id, "items").await.unwrap();
    assert!(text.len() > 20_000_000, "{}", text.len());
    let expected =
        (0..20_000).map(|index| format!("{{\"index\":{index},\"output\":\"{index} {x}\"}}\n"));
    assert!(text == expected.collect::<String>());
    bench.app.shutdown().await;
    drop(bench);

    // What is loaded to continue, or to be shown, has no results either.
    let bench = with_sqlite(&path).await;
    let view = bench.app.execution(&bench.caller, None, id).await.unwrap();
    assert_eq!(view.steps[0].status, StepStatus::Completed);
    let used = bench.app.memory().used();
    assert!(used < 8 << 20, "{used}");
    bench.send_go(id).await;
    assert_eq!(bench.ended(id).await.record.status, Status::Completed);
    assert_eq!(bench.file(id, "items").await.unwrap().len(), text.len());
}
