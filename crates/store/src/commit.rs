//! The engine's one hot write.

use stepwell_core::execution::{ExecutionMessage, OutgoingMessage, RecordedEvent};
use stepwell_core::ids::NodeId;

use crate::audit::AuditRecord;
use crate::error::{Result, StoreError};
use crate::objects::ObjectBatch;
use crate::record::{DeliveryRecord, ExecutionRecord, IdempotencyRecord};

/// What happens to one execution in one transaction: events, projection, deliveries, audit entries,
/// idempotency key, and changed configured objects.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The committing node; refused as `Fenced` unless it is alive in the table.
    pub node: NodeId,
    /// The projection after these events. What is settled when an execution is accepted
    /// (workspace, workflow, release, `created_at`, external id, metadata, webhook) is taken from
    /// its first commit and ignored in later ones.
    pub record: ExecutionRecord,
    /// The seq of the last event already stored; 0: the execution is new. Refused as `Conflict`
    /// where that is not so.
    pub expected_seq: u64,
    /// The events to append, in order. Without any, the commit changes only when the execution
    /// must be woken and deletes messages: an execution that waits can leave memory again without
    /// anything to record.
    pub events: Vec<RecordedEvent>,
    /// Deliveries to put in the outbox.
    pub deliveries: Vec<DeliveryRecord>,
    /// What users did to the execution by these events.
    pub audit: Vec<AuditRecord>,
    /// The idempotency key to take; refused as `Replayed` where it is taken. Only with a new
    /// execution.
    pub idempotency: Option<IdempotencyRecord>,
    /// Objects to write with the events, such as the schedule that starts the execution, with
    /// their effects: all or nothing, so that each firing has exactly one execution. Rejected as
    /// by [`write_objects`](crate::ObjectStore::write_objects). Only with events, and without an
    /// idempotency key of their own.
    pub objects: Option<Box<ObjectBatch>>,
    /// What it changes for other executions.
    pub related: RelatedExecutions,
}

/// What a commit changes for other executions, and the messages of others that it handles.
#[derive(Debug, Clone, Default)]
pub struct RelatedExecutions {
    /// Executions that its events start.
    pub started: Vec<StartedExecution>,
    /// Messages that its events cause; those to executions that have ended or do not exist are
    /// dropped.
    pub sent: Vec<OutgoingMessage>,
    /// The numbers of the messages to this execution that it handles; they are deleted. The end of
    /// the execution deletes all.
    pub handled: Vec<u64>,
    /// What its acceptance means for the others with its concurrency key. Only with a new
    /// execution.
    pub admission: Admission,
}

/// What the acceptance of an execution means for the others of its workflow with the same
/// concurrency key.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Admission {
    /// Nothing: it gets its place when it is its turn.
    #[default]
    Wait,
    /// It is rejected as `NoPlace` unless it gets its place at once.
    RequirePlace,
    /// Of an execution that another one starts: unless it gets its place at once, it is not stored,
    /// and the one that starts it gets this message.
    RequirePlaceOr(ExecutionMessage),
    /// Others get this message.
    Displace(Displaced, ExecutionMessage),
}

/// Which executions with the same concurrency key get a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Displaced {
    /// So many that the new one has a place when they end: the oldest that have a place, then the
    /// oldest that wait for one.
    Oldest,
    /// Those that wait for a place.
    Waiting,
}

/// An execution that the events of another one start: its row and its first events.
#[derive(Debug, Clone)]
pub struct StartedExecution {
    /// Its projection, with the starting execution as its parent.
    pub record: ExecutionRecord,
    /// Its first events, from 1.
    pub events: Vec<RecordedEvent>,
    /// What its acceptance means for others; the commit is never rejected for it.
    pub admission: Admission,
}

impl RelatedExecutions {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.started.is_empty() && self.sent.is_empty() && self.handled.is_empty()
    }

    /// The number of executions that it starts and messages that it sends.
    pub fn count(&self) -> usize {
        self.started.len() + self.sent.len()
    }
}

impl Commit {
    /// Whether it puts anything in the outbox.
    pub fn has_deliveries(&self) -> bool {
        let objects = self.objects.as_ref();
        !self.deliveries.is_empty()
            || objects.is_some_and(|objects| !objects.effects.deliveries.is_empty())
    }

    /// Whether its parts fit together: events without gaps after `expected_seq`, the record at the
    /// last of them, an idempotency key only with a new execution, deliveries about
    /// this execution.
    /// Stores call this before anything else.
    ///
    /// # Errors
    /// `Corrupt` with the contradiction: storing it would make the journal unreadable.
    pub fn check(&self) -> Result<()> {
        let id = self.record.id;
        let refuse = |why: &str| Err(StoreError::Corrupt(format!("a commit to {id} {why}")));
        let follows = |(event, seq): (&RecordedEvent, u64)| event.seq == seq;
        if self.events.is_empty() {
            return self.check_wake_only();
        }
        if !self.events.iter().zip(self.expected_seq.saturating_add(1)..).all(follows) {
            return refuse("has events that do not follow on the journal");
        }
        if self.events.last().is_none_or(|last| last.seq != self.record.seq) {
            return refuse("has a record that is not at the last event");
        }
        if self.expected_seq > 0 && self.idempotency.is_some() {
            return refuse("takes an idempotency key, but the execution is not new");
        }
        let admission = &self.related.admission;
        if *admission != Admission::Wait
            && (self.expected_seq > 0
                || self.record.concurrency.is_none()
                || matches!(admission, Admission::RequirePlaceOr(_)))
        {
            return refuse("is admitted, but is not new or needs no place");
        }
        if self.objects.as_ref().is_some_and(|objects| objects.idempotency.is_some()) {
            return refuse("has objects with an idempotency key of their own");
        }
        let is_started = |started: &StartedExecution| {
            let StartedExecution { record, events, admission } = started;
            record.parent.as_ref().is_some_and(|parent| parent.execution == id)
                && !events.is_empty()
                && events.iter().zip(1..).all(follows)
                && record.seq == events.len() as u64
                && *admission != Admission::RequirePlace
        };
        if !self.related.started.iter().all(is_started) {
            return refuse("starts an execution that is not a new one of its own");
        }
        if self.deliveries.iter().any(|delivery| delivery.subject != id.into()) {
            return refuse("has deliveries about another subject");
        }
        Ok(())
    }

    /// A commit without events changes the wake-up moment of a stored execution and deletes messages
    /// that mean nothing to it, and nothing that only an event can cause.
    fn check_wake_only(&self) -> Result<()> {
        let related = &self.related;
        let moves = self.expected_seq > 0 && self.record.seq == self.expected_seq;
        let has_effects = !self.deliveries.is_empty()
            || !self.audit.is_empty()
            || self.idempotency.is_some()
            || self.objects.is_some()
            || related.count() > 0
            || related.admission != Admission::Wait;
        if moves && !has_effects {
            return Ok(());
        }
        let id = self.record.id;
        Err(StoreError::Corrupt(format!(
            "a commit to {id} has no events, but does more than move the wake-up moment and \
             handle messages"
        )))
    }
}
