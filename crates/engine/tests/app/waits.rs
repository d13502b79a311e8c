//! Control of executions that wait, at every moment of the wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_engine::app::{DeletedWorkflow, Deletion, Start};

use crate::simulated::Simulated;

/// The length of every wait here.
const WAIT: Duration = Duration::from_secs(4);
/// The moments of the wait at which an execution is controlled.
const STRIDE: Duration = Duration::from_millis(100);

/// Counts the ERROR lines of this thread.
#[derive(Clone, Default)]
pub struct ErrorLines(Arc<AtomicUsize>);

impl ErrorLines {
    /// Counts for as long as the guard lives.
    pub fn watch() -> (Self, tracing::subscriber::DefaultGuard) {
        let lines = Self::default();
        let guard = tracing::subscriber::set_default(lines.clone());
        (lines, guard)
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl tracing::Subscriber for ErrorLines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::ERROR
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// Fails at each attempt, without input or output.
fn failing() -> Value {
    json!([{"id": "wait", "type": "Json.Parse", "input": {"text": "{{ execution.id }}"}, "retry": {
        "max_attempts": 100, "initial": "4s", "max": "4s", "jitter": 0, "on": ["INVALID_JSON"]}}])
}

fn delaying() -> Value {
    json!([
        {"id": "wait", "type": "Delay", "config": {"for": "4s"}},
        {"id": "after", "type": "StaticTextInput", "input": "x", "after": ["wait"]},
    ])
}

impl Simulated {
    async fn steps(&self, steps: &Value) -> WorkflowId {
        self.workflow(json!({"name": "waits", "steps": steps})).await
    }

    async fn begin(&self, workflow: WorkflowId) -> ExecutionId {
        self.app.execute(&self.caller, workflow, Start::default()).durable().await.unwrap()
    }

    async fn status(&self, id: ExecutionId) -> Status {
        self.app.execution(&self.caller, None, id).await.unwrap().record.status
    }

    /// How many attempts of any step have begun.
    async fn attempts(&self, id: ExecutionId) -> u32 {
        let view = self.app.execution(&self.caller, None, id).await.unwrap();
        view.steps.iter().map(|step| step.attempt_count).sum()
    }

    /// Starts one execution for each moment of the wait, and controls each at its moment.
    async fn at_every_moment(
        &self,
        steps: &Value,
        control: impl AsyncFn(&Self, WorkflowId, ExecutionId),
    ) {
        let mut moment = Duration::ZERO;
        while moment < WAIT {
            let workflow = self.steps(steps).await;
            let id = self.begin(workflow).await;
            tokio::time::sleep(moment).await;
            control(self, workflow, id).await;
            let attempts = self.attempts(id).await;
            self.pass(10).await;
            assert_eq!(self.attempts(id).await, attempts, "an attempt after the control");
            moment += STRIDE;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cancel_takes_hold_at_every_moment_of_a_wait() {
    let (errors, _guard) = ErrorLines::watch();
    let bench = Simulated::start("2026-05-02T10:00:00Z").await;
    for steps in [failing(), delaying()] {
        let cancel = async |bench: &Simulated, _, id| {
            bench.app.cancel(&bench.caller, None, id, None).await.unwrap();
            assert_eq!(bench.status(id).await, Status::Cancelled);
        };
        bench.at_every_moment(&steps, cancel).await;
    }
    assert_eq!(errors.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn pause_takes_hold_at_every_moment_of_a_wait() {
    let (errors, _guard) = ErrorLines::watch();
    let bench = Simulated::start("2026-05-02T10:00:00Z").await;
    for steps in [failing(), delaying()] {
        let pause = async |bench: &Simulated, _, id| {
            bench.app.pause(&bench.caller, None, id).await.unwrap();
            assert_eq!(bench.status(id).await, Status::Paused);
        };
        bench.at_every_moment(&steps, pause).await;
    }
    assert_eq!(errors.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn deletion_cancels_at_every_moment_of_a_wait() {
    let (errors, _guard) = ErrorLines::watch();
    let bench = Simulated::start("2026-05-02T10:00:00Z").await;
    for steps in [failing(), delaying()] {
        let delete = async |bench: &Simulated, workflow, id| {
            let deletion = Deletion { cancel_running: true, ..Deletion::default() };
            let deleted = bench.app.delete_workflow(&bench.caller, workflow, deletion).await;
            assert_eq!(deleted.unwrap(), DeletedWorkflow { cancelled: 1, operation: None });
            assert_eq!(bench.status(id).await, Status::Cancelled);
        };
        bench.at_every_moment(&steps, delete).await;
    }
    assert_eq!(errors.count(), 0);
}

/// An execution that is resumed shortly before its wait ends continues at the right time.
#[tokio::test(start_paused = true)]
async fn resume_takes_hold_at_every_moment_of_a_wait() {
    let (errors, _guard) = ErrorLines::watch();
    let bench = Simulated::start("2026-05-02T10:00:00Z").await;
    let workflow = bench.steps(&delaying()).await;
    let mut moment = Duration::from_millis(50);
    while moment < WAIT {
        let id = bench.begin(workflow).await;
        bench.app.pause(&bench.caller, None, id).await.unwrap();
        tokio::time::sleep(moment).await;
        bench.app.resume(&bench.caller, None, id).await.unwrap();
        let view = bench.app.wait_for(&bench.caller, id, WAIT).await.unwrap();
        let took = view.record.ended_at.unwrap().since(view.record.created_at);
        assert!(took >= WAIT && took < WAIT + STRIDE, "{took:?} when resumed after {moment:?}");
        moment += STRIDE;
    }
    assert_eq!(errors.count(), 0);
}

/// A stop within a short wait, and another server that finds it.
#[tokio::test(start_paused = true)]
async fn a_stop_at_every_moment_of_a_wait() {
    let (errors, _guard) = ErrorLines::watch();
    let mut bench = Simulated::start("2026-05-02T10:00:00Z").await;
    let workflow = bench.steps(&delaying()).await;
    let mut moment = Duration::from_millis(50);
    while moment < WAIT {
        let id = bench.begin(workflow).await;
        tokio::time::sleep(moment).await;
        bench = bench.restart_after(Duration::ZERO).await;
        let view = bench.app.wait_for(&bench.caller, id, WAIT).await.unwrap();
        assert_eq!(view.record.status, Status::Completed);
        moment += STRIDE;
    }
    assert_eq!(errors.count(), 0);
}
