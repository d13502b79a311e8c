//! Executions and their journals.

use std::sync::Arc;

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::execution::{OutgoingMessage, RecordedEvent, Status};
use stepwell_core::ids::{ExecutionId, NodeId, WorkspaceId};

use super::lists::cut_page;
use super::places::{PlaceKey, shares_place};
use super::{MemoryStore, Result, State};
use crate::codec::encode_events;
use crate::commit::{Admission, Commit, StartedExecution};
use crate::lists::{ExecutionCursor, ExecutionFilter, List, Page};
use crate::record::{
    ExecutionRecord, IdempotencyRecord, Loaded, StoredExecution, WorkflowStats, has_label,
};
use crate::traits::{
    ActiveOf, ClaimQueued, Due, DueExecutions, ExecutionStore, JournalExtent, LoadJournal,
    Unfinished, UnfinishedOf, WriteIdempotent,
};
use crate::{Effects, StoreError};

#[async_trait]
impl ExecutionStore for MemoryStore {
    async fn commit(&self, commit: Arc<Commit>) -> Result<()> {
        commit.check()?;
        let mut state = self.writable()?;
        state.require_alive(commit.node)?;
        for started in &commit.related.started {
            state.require_seq(started.record.id, 0)?;
        }
        if commit.expected_seq == 0 {
            state.require_new_key(commit.idempotency.as_ref())?;
            state.require_free_external_id(&commit.record)?;
            state.require_objects(commit.objects.as_deref())?;
            state.require_place(&commit.record, &commit.related.admission)?;
        }
        state.require_seq(commit.record.id, commit.expected_seq)?;
        if commit.expected_seq > 0 {
            state.require_objects(commit.objects.as_deref())?;
        }
        state.append(Arc::unwrap_or_clone(commit));
        Ok(())
    }

    async fn load_journal(&self, load: LoadJournal) -> Result<Option<Loaded>> {
        let state = self.state();
        let Some(stored) = state.executions.get(&load.id) else { return Ok(None) };
        let JournalExtent::Part { first, bytes } = load.extent else {
            return Ok(Some(Loaded::Events(stored.clone())));
        };
        let (mut read, mut events) = (0, Vec::new());
        let from = stored.events.partition_point(|event| event.seq < first);
        for event in &stored.events[from..] {
            if read >= bytes && !events.is_empty() {
                break;
            }
            read += encode_events(std::slice::from_ref(event))?.len();
            events.push(event.clone());
        }
        Ok(Some(Loaded::Events(StoredExecution { record: stored.record.clone(), events })))
    }

    async fn find_by_external_id(
        &self,
        workspace: WorkspaceId,
        external_id: &str,
    ) -> Result<Option<ExecutionId>> {
        Ok(self.state().by_external_id(workspace, external_id))
    }

    async fn list_executions(
        &self,
        workspace: WorkspaceId,
        list: List<ExecutionFilter>,
    ) -> Result<Page<ExecutionRecord, ExecutionCursor>> {
        let ExecutionFilter { workflow, parent, statuses, from, until, labels } = &list.filter;
        let is_listed = |record: &&ExecutionRecord| {
            record.workspace == workspace
                && workflow.is_none_or(|workflow| record.workflow == workflow)
                && parent.is_none_or(|parent| record.is_child_of(parent))
                && (statuses.is_empty() || statuses.contains(&record.status))
                && from.is_none_or(|from| record.created_at >= from)
                && until.is_none_or(|until| record.created_at <= until)
                && labels.iter().all(|(name, value)| has_label(&record.metadata, name, value))
        };
        let state = self.state();
        Ok(cut_page(&list, state.records().filter(is_listed).collect()))
    }

    async fn claim_queued(&self, claim: ClaimQueued) -> Result<Vec<ExecutionId>> {
        let mut state = self.writable()?;
        state.require_alive(claim.node)?;
        let free = |record: &&ExecutionRecord| {
            let is_unowned = record.status == Status::Queued && record.owner.is_none();
            is_unowned && !record.waits_for_place()
        };
        let ids: Vec<_> =
            state.records().filter(free).take(claim.limit).map(|record| record.id).collect();
        for id in &ids {
            if let Some(stored) = state.executions.get_mut(id) {
                stored.record.owner = Some(claim.node);
            }
        }
        Ok(ids)
    }

    async fn due(&self, due: Due) -> Result<DueExecutions> {
        let mut wakes = self.state().wakes(due.node);
        let next = wakes.first().map(|(at, _)| *at);
        wakes.retain(|(at, _)| *at <= due.now);
        let ids = wakes.into_iter().take(due.limit).map(|(_, id)| id).collect();
        Ok(DueExecutions { ids, next })
    }

    async fn unfinished_executions(&self, list: Unfinished) -> Result<Vec<ExecutionId>> {
        let is_listed = |record: &&ExecutionRecord| {
            let is_of = match &list.of {
                UnfinishedOf::Owner(node) => {
                    record.owner == Some(*node)
                        && record.status != Status::Paused
                        && record.wake_at.is_none()
                }
                UnfinishedOf::Active(ActiveOf::Key(key)) => record.started_by == Some(*key),
                UnfinishedOf::Active(ActiveOf::Workspace(workspace)) => {
                    record.workspace == *workspace
                }
                UnfinishedOf::WithPlace(of) => {
                    shares_place(record, of) && !record.waits_for_place()
                }
                UnfinishedOf::AwaitingPlace(of) => {
                    let is_waiting = record.status == Status::Queued && record.waits_for_place();
                    shares_place(record, of) && is_waiting
                }
            };
            is_of && !record.status.is_final() && list.after.is_none_or(|after| record.id > after)
        };
        let state = self.state();
        Ok(state.records().filter(is_listed).take(list.limit).map(|record| record.id).collect())
    }

    async fn find_idempotent(
        &self,
        workspace: WorkspaceId,
        key: &str,
    ) -> Result<Option<IdempotencyRecord>> {
        Ok(self.state().idempotent.get(&(workspace, key.to_owned())).cloned())
    }

    async fn write_idempotent(&self, write: WriteIdempotent) -> Result<bool> {
        let mut state = self.writable()?;
        let (from, to) = match write {
            WriteIdempotent::Claim(record) => {
                state.require_new_key(Some(&record))?;
                state.take_key(Some(record));
                return Ok(true);
            }
            WriteIdempotent::Replace { from, outcome } => (from, Some(outcome)),
            WriteIdempotent::Free(from) => (from, None),
        };
        let place = (from.workspace, from.key);
        let found = state.idempotent.get_mut(&place);
        let fits = |found: &&mut IdempotencyRecord| {
            found.outcome == from.outcome && found.fingerprint == from.fingerprint
        };
        let Some(found) = found.filter(fits) else { return Ok(false) };
        match to {
            Some(outcome) => found.outcome = outcome,
            None => drop(state.idempotent.remove(&place)),
        }
        Ok(true)
    }
}

impl State {
    /// All projections in order of id.
    fn records(&self) -> impl DoubleEndedIterator<Item = &ExecutionRecord> {
        self.executions.values().map(|stored| &stored.record)
    }

    fn by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> Option<ExecutionId> {
        let has = |record: &&ExecutionRecord| {
            record.workspace == workspace && record.external_id.as_deref() == Some(external_id)
        };
        self.records().find(has).map(|record| record.id)
    }

    fn require_free_external_id(&self, record: &ExecutionRecord) -> Result<()> {
        let Some(external_id) = &record.external_id else { return Ok(()) };
        match self.by_external_id(record.workspace, external_id) {
            Some(other) if other != record.id => Err(StoreError::ExternalIdTaken(other)),
            _ => Ok(()),
        }
    }

    fn require_seq(&self, id: ExecutionId, expected: u64) -> Result<()> {
        let actual = self.executions.get(&id).map_or(0, |stored| stored.record.seq);
        if actual == expected {
            return Ok(());
        }
        Err(StoreError::Conflict { id, expected, actual })
    }

    /// When the node's executions must be woken, earliest first.
    fn wakes(&self, node: NodeId) -> Vec<(Timestamp, ExecutionId)> {
        let owned = self.records().filter(|record| record.owner == Some(node));
        let mut wakes: Vec<_> =
            owned.filter_map(|record| Some((record.wake_at?, record.id))).collect();
        wakes.sort_unstable();
        wakes
    }

    /// Writes what was found to be right.
    fn append(&mut self, commit: Commit) {
        let Commit { record, events, deliveries, audit, idempotency, objects, related, .. } =
            commit;
        self.take_key(idempotency);
        if let Some(objects) = objects {
            self.put_objects(*objects);
        }
        self.take_effects(Effects { deliveries, audit, recovered: Vec::new() });
        let id = record.id;
        let is_final = record.status.is_final();
        self.append_events(record, events);
        self.admit(id, related.admission);
        let mut rejections = Vec::new();
        for StartedExecution { record, events, admission } in related.started {
            match admission {
                Admission::RequirePlaceOr(message) if self.missing_place(&record).is_some() => {
                    rejections.push(OutgoingMessage { to: id, message });
                }
                admission => {
                    let id = record.id;
                    self.append_events(record, events);
                    self.admit(id, admission);
                }
            }
        }
        let handled = |number: &u64, sent: &OutgoingMessage| {
            sent.to == id && related.handled.contains(number)
        };
        self.messages.retain(|number, sent| !handled(number, sent));
        self.send_messages(related.sent);
        self.send_messages(rejections);
        if is_final {
            self.drop_messages(id);
        }
    }

    fn append_events(&mut self, mut record: ExecutionRecord, events: Vec<RecordedEvent>) {
        let mut journal = Vec::new();
        let mut before = None;
        if let Some(stored) = self.executions.remove(&record.id) {
            before = Some(stored.record.stats());
            journal = stored.events;
            record = settled_when_accepted(stored.record, record);
        } else if let Some(place) = &mut record.concurrency {
            place.is_granted = false;
        }
        journal.extend(events);
        let stats = self.stats.entry(record.workflow).or_default();
        if let Some(before) = before {
            combine_stats(stats, before, u64::wrapping_sub);
        }
        combine_stats(stats, record.stats(), u64::wrapping_add);
        let key = PlaceKey::of(&record);
        self.executions.insert(record.id, StoredExecution { record, events: journal });
        if let Some(key) = key {
            self.grant_places(&key);
        }
    }
}

/// The new projection, with what never changes taken from the first one.
fn settled_when_accepted(first: ExecutionRecord, new: ExecutionRecord) -> ExecutionRecord {
    let ExecutionRecord { id, status, seq, started_at, ended_at, wake_at, owner, .. } = new;
    ExecutionRecord { id, status, seq, started_at, ended_at, wake_at, owner, ..first }
}

fn combine_stats(stats: &mut WorkflowStats, one: WorkflowStats, with: fn(u64, u64) -> u64) {
    let WorkflowStats { completed, failed, timed_out, cancelled, active, total_micros, timed } =
        one;
    stats.completed = with(stats.completed, completed);
    stats.failed = with(stats.failed, failed);
    stats.timed_out = with(stats.timed_out, timed_out);
    stats.cancelled = with(stats.cancelled, cancelled);
    stats.active = with(stats.active, active);
    stats.total_micros = with(stats.total_micros, total_micros);
    stats.timed = with(stats.timed, timed);
}
