//! Builders for the suites: ids and times from small numbers, commits that fit together.

use crate::traits::LoadExecution;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_core::audit::AuditAction;
use stepwell_core::execution::{Event, Failure, RecordedEvent, Status};
use stepwell_core::ids::{
    AuditId, DeliveryId, ExecutionId, KeyId, NodeId, ReceiverId, SubjectId, WebhookId, WorkflowId,
    WorkspaceId,
};
use stepwell_core::{Map, Timestamp, Topic};
use uuid::Uuid;

use crate::audit::{Actor, AuditRecord, Origin};
use crate::commit::{Commit, RelatedExecutions};
use crate::lists::List;
use crate::objects::ObjectBatch;
use crate::record::{
    DeliveryRecord, DeliveryStatus, Destination, ExecutionRecord, IdempotencyOutcome,
    IdempotencyRecord, ReleaseRecord, WorkflowRecord,
};
use crate::traits::{
    CreateWorkflow, DeliveriesOf, DeliveryFilter, Due, DueDeliveries, Heartbeat, HeartbeatKind,
};
use crate::{Effects, Store, StoreError};

/// The store under test.
pub type Shared = Arc<dyn Store>;

/// An id from a small number; greater is newer.
pub fn execution(n: u128) -> ExecutionId {
    ExecutionId::from_uuid(Uuid::from_u128(n))
}

/// An id from a small number; greater is newer.
pub fn workflow(n: u128) -> WorkflowId {
    WorkflowId::from_uuid(Uuid::from_u128(n))
}

/// An id from a small number.
pub fn workspace(n: u128) -> WorkspaceId {
    WorkspaceId::from_uuid(Uuid::from_u128(n))
}

/// An id from a small number.
pub fn node(n: u128) -> NodeId {
    NodeId::from_uuid(Uuid::from_u128(n))
}

/// An id from a small number; greater is newer.
pub fn key(n: u128) -> KeyId {
    KeyId::from_uuid(Uuid::from_u128(n))
}

/// An id from a small number.
pub fn delivery(n: u128) -> DeliveryId {
    DeliveryId::from_uuid(Uuid::from_u128(n))
}

/// An id from a small number; greater is newer.
pub fn audit(n: u128) -> AuditId {
    AuditId::from_uuid(Uuid::from_u128(n))
}

/// That key 1 created workflow 1 in workspace 1.
pub fn noted(n: u128) -> AuditRecord {
    AuditRecord {
        id: audit(n),
        workspace: workspace(1),
        at: at(10),
        actor: Actor::Key { id: key(1), name: "key 1".into() },
        origin: Origin::default(),
        action: AuditAction::WorkflowCreated,
        object: Some(workflow(1).into()),
        object_name: None,
        changed: Vec::new(),
        details: Map::new(),
    }
}

/// An id from a small number; greater is newer.
pub fn webhook(n: u128) -> WebhookId {
    WebhookId::from_uuid(Uuid::from_u128(n))
}

/// An id from a small number.
pub fn receiver(n: u128) -> ReceiverId {
    ReceiverId::from_uuid(Uuid::from_u128(n))
}

/// So many seconds after the epoch.
pub const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

/// A new queued execution, owned by node 1.
pub fn queued(n: u128) -> Commit {
    let record = ExecutionRecord {
        id: execution(n),
        workspace: workspace(1),
        workflow: workflow(1),
        release: 1,
        status: Status::Queued,
        seq: 1,
        created_at: at(10),
        started_at: None,
        ended_at: None,
        wake_at: None,
        owner: Some(node(1)),
        external_id: None,
        metadata: Map::new(),
        webhook_url: None,
        callback_url: None,
        started_by: None,
        parent: None,
        concurrency: None,
    };
    let events = vec![RecordedEvent {
        seq: 1,
        at: at(10),
        event: Event::accepted(json!({ "n": n.to_string() })),
    }];
    Commit {
        node: node(1),
        record,
        expected_seq: 0,
        events,
        deliveries: Vec::new(),
        audit: Vec::new(),
        idempotency: None,
        objects: None,
        related: RelatedExecutions::default(),
    }
}

/// What may follow `commit`: the events, each a second after the one before, and the status.
pub fn then(commit: &Commit, status: Status, events: Vec<Event>) -> Commit {
    let mut next = commit.clone();
    let last = commit.events.last().map_or(at(10), |event| event.at);
    next.expected_seq = commit.record.seq;
    next.events = Vec::new();
    next.deliveries = Vec::new();
    next.audit = Vec::new();
    next.idempotency = None;
    next.objects = None;
    next.related = RelatedExecutions::default();
    for (index, event) in (1..).zip(events) {
        let at = Timestamp::from_micros(last.as_micros() + index * 1_000_000);
        next.record.seq += 1;
        if matches!(event, Event::Started) {
            next.record.started_at = Some(at);
        }
        next.events.push(RecordedEvent { seq: next.record.seq, at, event });
    }
    next.record.status = status;
    next.record.ended_at =
        status.is_final().then(|| next.events.last().map_or(last, |event| event.at));
    next
}

/// `commit` and what followed, as one commit of a new execution.
pub fn joined(commit: Commit, next: Commit) -> Commit {
    let mut events = commit.events;
    events.extend(next.events);
    Commit { expected_seq: commit.expected_seq, events, record: next.record, ..commit }
}

/// The event that ends an execution with this status.
pub fn ending(status: Status) -> Event {
    match status {
        Status::Failed => Event::Failed { error: Failure::new("NO", "it did not work") },
        Status::TimedOut => Event::TimedOut { error: Failure::new("LATE", "it took too long") },
        Status::Cancelled => Event::Cancelled { reason: None },
        _ => Event::Completed { output: Arc::new(json!({ "done": true })) },
    }
}

/// A new execution that has started and ended so in the same commit.
pub fn ended(n: u128, status: Status) -> Commit {
    let commit = queued(n);
    let next = then(&commit, status, vec![Event::Started, ending(status)]);
    joined(commit, next)
}

/// The event that an attempt of a step began.
pub fn step_started(step: u32, input: Option<Value>) -> Event {
    let (step, input) = (step.into(), input.map(Arc::new));
    Event::StepStarted { step, attempt: 1, input, config: None, secrets: None }
}

/// The record of a key in workspace 1.
pub fn idempotent(key: &str, outcome: &str) -> IdempotencyRecord {
    IdempotencyRecord {
        workspace: workspace(1),
        key: key.to_owned(),
        fingerprint: vec![0, 1, 255],
        outcome: stored_response(outcome),
        created_at: at(10),
    }
}

/// A response that is stored under an idempotency key.
pub fn stored_response(body: &str) -> IdempotencyOutcome {
    IdempotencyOutcome::Response { status: 200, body: body.to_owned() }
}

/// A pending delivery about execution `of` to the URL that it was given, due at second 10.
pub fn pending(n: u128, of: u128, sequence: u64) -> DeliveryRecord {
    DeliveryRecord {
        id: delivery(n),
        destination: Destination::Url("https://example.com/hook".to_owned()),
        receiver: receiver(1_000_000),
        subject: execution(of).into(),
        sequence,
        workspace: workspace(1),
        event: "execution.status".to_owned(),
        body: format!("{{\"sequence\":{sequence}}}").into(),
        status: DeliveryStatus::Pending,
        attempts: 0,
        created_at: at(10),
        next_attempt_at: at(10),
        give_up_at: at(1000),
        sensitive: n.is_multiple_of(2),
    }
}

/// A pending delivery about execution `of` to webhook `to`, due at second 10.
pub fn hooked(n: u128, to: u128, of: u128) -> DeliveryRecord {
    DeliveryRecord {
        destination: Destination::Webhook(webhook(to)),
        receiver: webhook(to).into(),
        event: Topic::ExecutionCompleted.to_string(),
        ..pending(n, of, 1)
    }
}

/// All that is due, as if nothing were in progress.
pub fn all_due(now: Timestamp, limit: usize) -> DueDeliveries {
    DueDeliveries { now, under_way: BTreeSet::new(), share: usize::MAX, after: None, limit }
}

/// A workflow in workspace 1 with its first release.
pub fn new_workflow(n: u128, name: &str) -> CreateWorkflow {
    let workflow = WorkflowRecord {
        id: workflow(n),
        workspace: workspace(1),
        name: name.to_owned(),
        active: true,
        release: 1,
        created_at: at(10),
        updated_at: at(10),
        deleted_at: None,
        metadata: Map::new(),
        retention_seconds: None,
        description: None,
        kind: "custom".to_owned(),
        configuration: None,
        integrations: Vec::new(),
        created_by: None,
        activated_at: Some(at(10)),
        deactivated_at: None,
        version: 1,
    };
    let release = ReleaseRecord {
        workflow: workflow.id,
        number: 1,
        source: Arc::new(json!({ "name": name, "steps": [] })),
        created_at: at(10),
    };
    CreateWorkflow { workflow, release, idempotency: None, effects: Effects::default() }
}

/// Adds a node.
pub async fn join_at(store: &Shared, node: NodeId, now: Timestamp) -> Result<(), StoreError> {
    store.heartbeat(Heartbeat { node, now, kind: HeartbeatKind::Join }).await
}

/// Renews the lease of a node.
pub async fn heartbeat(store: &Shared, node: NodeId, now: Timestamp) -> Result<(), StoreError> {
    store.heartbeat(Heartbeat { node, now, kind: HeartbeatKind::Renew }).await
}

/// Ends the lease of a node.
pub async fn leave(store: &Shared, node: NodeId) {
    let heartbeat = Heartbeat { node, now: at(0), kind: HeartbeatKind::Leave };
    store.heartbeat(heartbeat).await.unwrap();
}

/// Makes node `n` alive at second 10.
pub async fn join(store: &Shared, n: u128) {
    join_at(store, node(n), at(10)).await.unwrap();
}

/// Stores effects without a change.
pub async fn add_effects(store: &Shared, effects: Effects) {
    store.write_objects(ObjectBatch::effects(effects)).await.unwrap();
}

/// All deliveries about a subject, in order of `sequence`, then of their ids.
pub async fn deliveries_about(
    store: &Shared,
    subject: impl Into<SubjectId>,
) -> Vec<DeliveryRecord> {
    let list = List::first_page(DeliveryFilter::default(), usize::MAX);
    let found =
        store.list_deliveries(DeliveriesOf::Subject(subject.into()), list).await.unwrap().items;
    let mut found: Vec<_> = found.into_iter().map(|delivery| delivery.record).collect();
    found.sort_by_key(|delivery| (delivery.sequence, delivery.id));
    found
}

/// The earliest `next_attempt_at` of deliveries that are first in their queue.
pub async fn next_delivery(store: &Shared) -> Option<Timestamp> {
    let none = all_due(Timestamp::from_micros(i64::MIN), usize::MAX);
    store.due_deliveries(none).await.unwrap().next
}

/// The earliest `wake_at` of the executions that node `n` owns.
pub async fn next_wake(store: &Shared, n: u128) -> Option<Timestamp> {
    let due = Due { node: node(n), now: Timestamp::from_micros(i64::MIN), limit: 1 };
    store.due(due).await.unwrap().next
}

/// Commits, one after the other.
pub async fn commit_all(store: &Shared, commits: impl IntoIterator<Item = Commit>) {
    for commit in commits {
        store.commit(commit.into()).await.unwrap();
    }
}

/// Checks that the store has exactly this record and journal, to the last character.
pub async fn has(store: &Shared, record: &ExecutionRecord, events: &[RecordedEvent]) {
    let stored = store.load_execution(record.id).await.unwrap().expect("the execution is there");
    assert_eq!(&stored.record, record);
    assert_eq!(stored.events, events);
    // `==` passes over the order of keys and the sign of a zero.
    let text = |events: &[RecordedEvent]| serde_json::to_string(events).unwrap();
    assert_eq!(text(&stored.events), text(events));
}
