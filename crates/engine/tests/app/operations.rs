//! Bulk operations: what they change, and what a stop, another node or a full store does to them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stepwell_core::Map;
use stepwell_core::audit::AuditAction;
use stepwell_core::execution::Status;
use stepwell_core::ids::{OperationId, WorkflowId, WorkspaceId};
use stepwell_engine::app::{Deletion, NewOperation, OperationFilter, Start};
use stepwell_engine::bulk_operation::{
    BulkAction, BulkCounts, BulkFilter, BulkOperation, OperationStatus,
};
use stepwell_engine::objects::Object;
use stepwell_engine::{AppError, Caller, EngineConfig};
use stepwell_store::audit::{Actor, AuditFilter, AuditRecord};
use stepwell_store::lists::List;
use stepwell_store::memory::MemoryStore;

use crate::simulated::{RuntimeClock, Simulated, at};
use crate::support::config;

const START: &str = "2026-05-02T10:00:00Z";

impl Simulated {
    /// Starts so many executions of a workflow, with a label.
    async fn begin_labelled(&self, workflow: WorkflowId, team: &str, number: usize) {
        for _ in 0..number {
            let metadata: Map = [("team".to_owned(), json!(team))].into_iter().collect();
            let start = Start { metadata, ..Start::default() };
            self.app.execute(&self.caller, workflow, start).durable().await.unwrap();
        }
    }

    async fn operate(&self, action: BulkAction, filter: BulkFilter) -> OperationId {
        self.app.create_operation(&self.caller, new(action, filter)).await.unwrap().id
    }

    async fn operation(&self, id: OperationId) -> BulkOperation {
        self.app.operation(&self.caller, id).await.unwrap().document
    }

    /// The operation after its end, which is within minutes.
    async fn operation_ended(&self, id: OperationId) -> BulkOperation {
        for _ in 0..300 {
            let found = self.operation(id).await;
            if found.status.is_final() {
                return found;
            }
            self.pass(1).await;
        }
        panic!("the operation does not end: {:?}", self.operation(id).await);
    }

    /// How many executions of a workflow have each status.
    async fn statuses(&self, workflow: WorkflowId) -> BTreeMap<&'static str, usize> {
        let mut found = BTreeMap::new();
        for record in self.executions(workflow).await {
            *found.entry(record.status.name()).or_default() += 1;
        }
        found
    }

    async fn audit_of(&self, action: AuditAction) -> Vec<AuditRecord> {
        let filter = AuditFilter { action: Some(action), ..AuditFilter::default() };
        let list = List::first_page(filter, 10_000);
        self.store.list_audit(WorkspaceId::DEFAULT, list).await.unwrap().items
    }
}

fn new(action: BulkAction, filter: BulkFilter) -> NewOperation {
    NewOperation { action, filter, older_than: None, reason: None, idempotency: None }
}

fn of(workflow: WorkflowId) -> BulkFilter {
    BulkFilter { workflow: Some(workflow), ..BulkFilter::default() }
}

fn counts(matched: u64, done: u64, failed: u64, skipped: u64) -> BulkCounts {
    BulkCounts { matched, done, failed, skipped }
}

#[tokio::test(start_paused = true)]
async fn cancels_what_the_filter_names_and_nothing_else() {
    let bench = Simulated::start(START).await;
    let (workflow, other) = (bench.slow("1h").await, bench.slow("1h").await);
    bench.begin_labelled(workflow, "sales", 300).await;
    bench.begin_labelled(workflow, "legal", 2).await;
    bench.begin_labelled(other, "sales", 2).await;
    let labels = vec![("team".to_owned(), "sales".to_owned())];
    let filter = BulkFilter { labels, ..of(workflow) };
    let operation = NewOperation {
        reason: Some("too expensive".to_owned()),
        ..new(BulkAction::Cancel, filter.clone())
    };
    let preview = bench.app.preview_operation(&bench.caller, &operation).await.unwrap();
    assert_eq!((preview.counts, preview.filter.labels), (counts(300, 0, 0, 0), filter.labels));
    let id = bench.app.create_operation(&bench.caller, operation).await.unwrap().id;
    let ended = bench.operation_ended(id).await;
    assert_eq!((ended.status, ended.counts), (OperationStatus::Completed, counts(300, 300, 0, 0)));
    assert!(ended.started_at.is_some() && ended.finished_at.is_some());
    assert_eq!(bench.statuses(workflow).await, [("cancelled", 300), ("waiting", 2)].into());
    assert_eq!(bench.statuses(other).await, [("waiting", 2)].into());
    let log = bench.audit_of(AuditAction::ExecutionCancelled).await;
    assert_eq!(log.len(), 300);
    assert!(log.iter().all(|entry| entry.details["operation_id"] == id.abi().as_str()));
    assert!(log.iter().all(|entry| entry.actor == Actor::System));
    let cancelled = bench.executions(workflow).await[0].id;
    let lines = bench.app.logs(&bench.caller, None, cancelled).await.unwrap();
    assert!(lines.iter().any(|line| line.message.contains("too expensive")), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn pauses_resumes_and_purges() {
    let bench = Simulated::start(START).await;
    let workflow = bench.slow("1h").await;
    bench.begin_labelled(workflow, "sales", 200).await;
    let pause = bench.operate(BulkAction::Pause, of(workflow)).await;
    assert_eq!(bench.operation_ended(pause).await.counts, counts(200, 200, 0, 0));
    assert_eq!(bench.statuses(workflow).await, [("paused", 200)].into());
    let resume = bench.operate(BulkAction::Resume, of(workflow)).await;
    assert_eq!(bench.operation_ended(resume).await.counts, counts(200, 200, 0, 0));
    assert_eq!(bench.statuses(workflow).await, [("waiting", 200)].into());
    // Nothing of it has ended.
    let purge = bench.operate(BulkAction::Purge, of(workflow)).await;
    assert_eq!(bench.operation_ended(purge).await.counts, counts(0, 0, 0, 0));
    bench.pass(3601).await;
    bench.begin_labelled(workflow, "sales", 3).await;
    let old = NewOperation {
        older_than: Some(Duration::from_secs(1800)),
        ..new(BulkAction::Purge, of(workflow))
    };
    let purge = bench.app.create_operation(&bench.caller, old).await.unwrap().id;
    assert_eq!(bench.operation_ended(purge).await.counts, counts(200, 200, 0, 0));
    assert_eq!(bench.statuses(workflow).await, [("waiting", 3)].into());
}

/// An operation that a stop interrupts continues after the next start, and does nothing twice.
#[tokio::test(start_paused = true)]
async fn continues_after_a_stop() {
    let mut bench = Simulated::start(START).await;
    let workflow = bench.slow("1h").await;
    bench.begin_labelled(workflow, "sales", 1_000).await;
    let id = bench.operate(BulkAction::Cancel, of(workflow)).await;
    let mut stops = 0;
    while !bench.operation(id).await.status.is_final() {
        tokio::time::sleep(Duration::from_millis(3)).await;
        bench = bench.restart_after(Duration::ZERO).await;
        stops += 1;
        assert!(stops < 200, "{:?}", bench.operation(id).await);
    }
    assert!(stops > 1, "it ended before the first stop");
    assert_eq!(bench.operation(id).await.counts, counts(1_000, 1_000, 0, 0));
    assert_eq!(bench.statuses(workflow).await, [("cancelled", 1_000)].into());
    assert_eq!(bench.audit_of(AuditAction::ExecutionCancelled).await.len(), 1_000);
}

/// Another node takes the operation of one that is gone.
#[tokio::test(start_paused = true)]
async fn another_node_takes_over() {
    let (store, clock) = (Arc::new(MemoryStore::new()), RuntimeClock::from(at(START)));
    let shared = || EngineConfig { sole_node: false, ..config() };
    let first = Simulated::over(store.clone(), clock.clone(), shared()).await;
    let workflow = first.quick().await;
    first.begin_labelled(workflow, "sales", 400).await;
    first.pass(5).await;
    let second = Simulated::over(store, clock, shared()).await;
    let id = first.operate(BulkAction::Purge, of(workflow)).await;
    while first.operation(id).await.status == OperationStatus::Pending {
        tokio::task::yield_now().await;
    }
    first.app.shutdown().await;
    let left = second.operation(id).await;
    assert_eq!(left.status, OperationStatus::Running, "it ended too early for the test");
    let ended = second.operation_ended(id).await;
    assert_eq!((ended.status, ended.counts), (OperationStatus::Completed, counts(400, 400, 0, 0)));
    assert_eq!(second.statuses(workflow).await, BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_operation_stops_and_keeps_what_is_done() {
    let bench = Simulated::start(START).await;
    let workflow = bench.slow("1h").await;
    bench.begin_labelled(workflow, "sales", 1_000).await;
    let id = bench.operate(BulkAction::Cancel, of(workflow)).await;
    while bench.operation(id).await.counts.done == 0 {
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let cancelled = bench.app.cancel_operation(&bench.caller, id).await.unwrap().document;
    assert_eq!(cancelled.status, OperationStatus::Cancelled);
    bench.pass(60).await;
    let ended = bench.operation(id).await;
    let done = usize::try_from(ended.counts.done).unwrap();
    assert!(done > 0 && done < 1_000, "{ended:?}");
    let statuses = bench.statuses(workflow).await;
    assert_eq!(statuses, [("cancelled", done), ("waiting", 1_000 - done)].into());
    let again = bench.app.cancel_operation(&bench.caller, id).await.unwrap_err();
    assert!(
        matches!(&again, AppError::Conflict(text) if text.ends_with("ended as cancelled")),
        "{again}"
    );
    assert_eq!(bench.audit_of(AuditAction::OperationCancelled).await.len(), 1);
}

/// While the store is full nothing is counted as failed.
#[tokio::test(start_paused = true)]
async fn waits_while_the_store_is_full() {
    let (store, clock) = (Arc::new(MemoryStore::new()), RuntimeClock::from(at(START)));
    let bench = Simulated::over(store.clone(), clock, config()).await;
    let workflow = bench.slow("1h").await;
    bench.begin_labelled(workflow, "sales", 300).await;
    bench.pass(5).await;
    let id = bench.operate(BulkAction::Cancel, of(workflow)).await;
    while bench.operation(id).await.counts.done == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    store.set_full(true);
    bench.pass(120).await;
    let waiting = bench.operation(id).await;
    assert_eq!((waiting.status, waiting.counts.failed), (OperationStatus::Running, 0));
    store.set_full(false);
    let ended = bench.operation_ended(id).await;
    assert_eq!((ended.status, ended.counts), (OperationStatus::Completed, counts(300, 300, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_workspace_has_few_active_operations() {
    let (store, clock) = (Arc::new(MemoryStore::new()), RuntimeClock::from(at(START)));
    let bench = Simulated::over(store.clone(), clock, config()).await;
    let workflow = bench.slow("1h").await;
    bench.begin_labelled(workflow, "sales", 1).await;
    // Nothing works on them: the loop gets no turn before they are created.
    let mut created = Vec::new();
    for _ in 0..10 {
        created.push(bench.operate(BulkAction::Pause, of(workflow)).await);
    }
    let refused = bench.app.create_operation(&bench.caller, new(BulkAction::Pause, of(workflow)));
    let refused = refused.await.unwrap_err();
    assert!(
        matches!(&refused, AppError::Conflict(text) if text.contains("at most 10 active")),
        "{refused}"
    );
    let stranger = Caller {
        workspace: WorkspaceId::from_uuid(uuid::Uuid::from_u128(9)),
        ..Caller::internal()
    };
    let labels = vec![("team".to_owned(), "sales".to_owned())];
    let filter = BulkFilter { labels, ..BulkFilter::default() };
    bench.app.create_operation(&stranger, new(BulkAction::Pause, filter)).await.unwrap();
    for id in created {
        assert_eq!(bench.operation_ended(id).await.status, OperationStatus::Completed);
    }
    bench.operate(BulkAction::Resume, of(workflow)).await;
}

/// Operations are listed for 30 days after their end.
#[tokio::test(start_paused = true)]
async fn ended_operations_are_deleted() {
    let bench = Simulated::start(START).await;
    let workflow = bench.quick().await;
    let id = bench.operate(BulkAction::Purge, of(workflow)).await;
    bench.operation_ended(id).await;
    let listed = async |bench: &Simulated| {
        let filter = OperationFilter {
            status: Some(OperationStatus::Completed),
            action: Some(BulkAction::Purge),
            workflow: Some(workflow),
        };
        let list = List::first_page(filter, 10);
        let items: Vec<Object<BulkOperation>> =
            bench.app.operations(&bench.caller, list).await.unwrap().items;
        items.len()
    };
    let day = Duration::from_secs(24 * 3600);
    let bench = bench.restart_after(29 * day).await;
    bench.pass(10).await;
    assert_eq!(listed(&bench).await, 1);
    let bench = bench.restart_after(2 * day).await;
    bench.pass(10).await;
    assert_eq!(listed(&bench).await, 0);
    let gone = bench.app.operation(&bench.caller, id).await.unwrap_err();
    assert!(matches!(gone, AppError::NotFound { kind: "operation", .. }), "{gone}");
}

/// What a deletion cancels is stored with it: a stop right after it loses nothing.
#[tokio::test(start_paused = true)]
async fn a_deletion_cancels_its_executions_after_a_stop() {
    let bench = Simulated::start(START).await;
    let workflow = bench.slow("1h").await;
    bench.begin_labelled(workflow, "sales", 500).await;
    let deletion = Deletion { cancel_running: true, ..Deletion::default() };
    {
        // The caller leaves as soon as the workflow is deleted.
        let mut deleting =
            std::pin::pin!(bench.app.delete_workflow(&bench.caller, workflow, deletion));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(deleting.as_mut().poll(&mut context).is_pending());
    }
    let found = bench.app.workflow(&bench.caller, workflow).await;
    assert!(matches!(found.err(), Some(AppError::NotFound { .. })), "it is still there");
    let bench = bench.restart_after(Duration::ZERO).await;
    let list = List::first_page(OperationFilter::default(), 10);
    let operation = bench.app.operations(&bench.caller, list).await.unwrap().items.remove(0);
    let ended = bench.operation_ended(operation.id).await;
    assert_eq!(ended.counts, counts(500, 500, 0, 0));
    assert_eq!(bench.statuses(workflow).await, [("cancelled", 500)].into());
}

#[tokio::test(start_paused = true)]
async fn scopes_and_workspaces_apply() {
    let bench = Simulated::start(START).await;
    let (workflow, other) = (bench.slow("1h").await, bench.slow("1h").await);
    let with = |scopes: &[String]| {
        let scopes = scopes.iter().map(|scope| scope.parse().unwrap()).collect();
        Caller { scopes, ..Caller::internal() }
    };
    let one = with(&[format!("execute:workflows:{}", workflow.abi())]);
    let reader = with(&["read:workflows".to_owned()]);
    let writer = with(&["write:workflows".to_owned()]);
    let app = &bench.app;
    let create = async |caller: &Caller, action, filter| {
        app.create_operation(caller, new(action, filter)).await
    };
    let running = BulkFilter { statuses: vec![Status::Running], ..BulkFilter::default() };
    for (caller, action, filter) in [
        (&one, BulkAction::Cancel, of(other)),
        (&one, BulkAction::Cancel, running.clone()),
        (&one, BulkAction::Purge, of(workflow)),
        (&reader, BulkAction::Pause, of(workflow)),
        (&writer, BulkAction::Cancel, of(workflow)),
    ] {
        let refused = create(caller, action, filter).await.unwrap_err();
        assert!(matches!(refused, AppError::Forbidden(_)), "{action:?}: {refused}");
    }
    create(&writer, BulkAction::Purge, of(workflow)).await.unwrap();
    let id = create(&one, BulkAction::Cancel, of(workflow)).await.unwrap().id;
    for caller in [&one, &reader] {
        app.operation(caller, id).await.unwrap();
    }
    let refused = app.operation(&writer, id).await.unwrap_err();
    assert!(matches!(refused, AppError::Forbidden(_)), "{refused}");
    let refused = app.cancel_operation(&reader, id).await.unwrap_err();
    assert!(matches!(refused, AppError::Forbidden(_)), "{refused}");
    let stranger = Caller {
        workspace: WorkspaceId::from_uuid(uuid::Uuid::from_u128(9)),
        ..Caller::internal()
    };
    for gone in [
        app.operation(&stranger, id).await.unwrap_err(),
        app.cancel_operation(&stranger, id).await.unwrap_err(),
        create(&stranger, BulkAction::Cancel, of(workflow)).await.unwrap_err(),
    ] {
        assert!(matches!(gone, AppError::NotFound { .. }), "{gone}");
    }
}
