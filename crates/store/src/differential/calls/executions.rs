//! Calls about executions.

use stepwell_core::execution::{
    ConcurrencyPlace, ExecutionMessage, OutgoingMessage, RecordedEvent,
};

use stepwell_core::ids::WorkspaceId;

use super::{CallResults, Caller, EXECUTIONS, KEYS, WORKFLOWS, labels, objects, random_list};
use crate::Store;
use crate::commit::{Admission, Commit, Displaced, RelatedExecutions, StartedExecution};
use crate::conformance::build::{execution, key, node, queued, workflow, workspace};
use crate::differential::random::Random;
use crate::lists::{ExecutionCursor, ExecutionFilter, List, PageStart};
use crate::record::{ExecutionRecord, ParentStep, PlaceRecord};
use crate::traits::LoadExecution;
use crate::traits::{
    ActiveOf, ClaimQueued, ConcurrencyKey, CountRecoveries, Due, FindReceivers, Purge,
    RecoveryCount, Unfinished, UnfinishedOf, WriteIdempotent,
};

fn random_place(random: &mut Random) -> Box<PlaceRecord> {
    let key = random.below(2).to_string();
    let limit = u32::try_from(1 + random.below(3)).unwrap();
    Box::new(PlaceRecord::waiting(ConcurrencyPlace { key, limit }))
}

impl Caller {
    pub(super) fn next_commit(&mut self) -> Commit {
        let n = self.number(EXECUTIONS);
        let known = self.seqs[usize::try_from(n).unwrap()];
        let expected_seq = if self.random.once_in(20) { self.random.below(4) } else { known };
        let mut commit = queued(n);
        commit.node = self.node();
        commit.expected_seq = expected_seq;
        commit.events = (1..=1 + self.random.below(6))
            .map(|more| RecordedEvent {
                seq: expected_seq + more,
                at: self.random.time(),
                event: self.random.event(),
            })
            .collect();
        let created = self.random.created();
        let record = &mut commit.record;
        record.seq = commit.events.last().map_or(0, |event| event.seq);
        record.created_at = created;
        let random = &mut self.random;
        let of = u128::from(random.below(WORKFLOWS));
        record.workspace = workspace(of % 2);
        record.workflow = workflow(of);
        record.status = random.status();
        record.started_at = random.maybe(2, Random::time);
        let ended = random.time();
        record.ended_at = record.status.is_final().then_some(ended);
        record.wake_at = random.maybe(3, Random::time);
        record.external_id = random.maybe(3, |random| random.below(12).to_string());
        record.metadata = random.maybe(4, |random| labels(random.value())).unwrap_or_default();
        record.started_by = random.maybe(2, |random| key(u128::from(random.below(KEYS))));
        record.owner = if self.random.once_in(3) { None } else { Some(self.node()) };
        if expected_seq == 0 || self.random.once_in(50) {
            commit.idempotency = self.random.once_in(4).then(|| self.idempotency_key());
            commit.objects = self.random.once_in(6).then(|| Box::new(objects::batch(self)));
            if let Some(objects) = &mut commit.objects
                && !self.random.once_in(20)
            {
                objects.idempotency = None;
            }
        }
        if self.random.once_in(3) {
            let deliveries = 1 + self.random.below(3);
            commit.deliveries = (0..deliveries).map(|_| self.new_delivery(n)).collect();
            commit.audit = vec![self.new_audit()];
        }
        commit.related = self.related(n);
        commit.record.concurrency = self.random.maybe(2, random_place);
        if commit.record.concurrency.is_some() && expected_seq == 0 {
            let requires = self.random.once_in(4);
            let admission = if requires { Admission::RequirePlace } else { self.displacing() };
            commit.related.admission = admission;
        }
        if expected_seq > 0 && self.random.once_in(10) {
            // Only the wake-up moment moves, unless something is left that needs events.
            commit.events.clear();
            commit.record.seq = expected_seq;
        }
        commit
    }

    /// What a commit to execution `n` changes for others.
    fn related(&mut self, n: u128) -> RelatedExecutions {
        let mut related = RelatedExecutions::default();
        if self.random.once_in(6) {
            let Commit { record, events, .. } = queued(self.number(EXECUTIONS));
            let parent = if self.random.once_in(20) { n + 1 } else { n };
            let step = "charge".to_owned();
            let parent = Some(ParentStep { execution: execution(parent), step });
            let owner = self.random.maybe(2, |_| node(0));
            // A workflow has one workspace.
            let of = self.number(WORKFLOWS);
            let (workflow, workspace) = (workflow(of), workspace(of % 2));
            let concurrency = self.random.maybe(2, random_place);
            let record =
                ExecutionRecord { parent, owner, workflow, workspace, concurrency, ..record };
            // Starting itself is two commits in one, and rejected by neither store alone.
            if record.id != execution(n) {
                let admission = match record.concurrency {
                    Some(_) if self.random.once_in(3) => {
                        let reason = self.number(100).to_string();
                        Admission::RequirePlaceOr(ExecutionMessage::Cancel { reason })
                    }
                    Some(_) => self.displacing(),
                    None => Admission::Wait,
                };
                related.started = vec![StartedExecution { record, events, admission }];
            }
        }
        for _ in 0..self.random.below(3) {
            let to = execution(self.number(EXECUTIONS));
            let reason = self.number(100).to_string();
            let message = ExecutionMessage::Cancel { reason };
            related.sent.push(OutgoingMessage { to, message });
        }
        if self.random.once_in(2) {
            related.handled = vec![self.random.below(200)];
        }
        related
    }

    fn displacing(&mut self) -> Admission {
        let message = ExecutionMessage::Cancel { reason: self.number(100).to_string() };
        match self.random.below(3) {
            0 => Admission::Displace(Displaced::Oldest, message),
            1 => Admission::Displace(Displaced::Waiting, message),
            _ => Admission::Wait,
        }
    }

    /// The executions that have a place with a concurrency key, or wait for one.
    fn sharing(&mut self, limit: usize) -> Unfinished {
        let (workflow, key) = (workflow(self.number(WORKFLOWS)), self.number(2).to_string());
        let of = ConcurrencyKey { workflow, key };
        let of = match self.random.once_in(2) {
            true => UnfinishedOf::WithPlace(of),
            false => UnfinishedOf::AwaitingPlace(of),
        };
        let after = self.random.maybe(3, |random| execution(u128::from(random.below(EXECUTIONS))));
        Unfinished { of, after, limit }
    }

    pub(super) async fn executions(&mut self, one: &dyn Store, other: &dyn Store) -> CallResults {
        let id = execution(self.number(EXECUTIONS));
        let limit = self.random.limit();
        let node = self.node();
        match self.random.below(16) {
            12 => both!(one, other, list_messages(id, limit)),
            13 | 14 => {
                let find = FindReceivers { node, after: self.random.below(200), limit };
                both!(one, other, find_receivers(find))
            }
            15 => {
                let list = self.sharing(limit);
                both!(one, other, unfinished_executions(list.clone()))
            }
            11 => {
                let ids: Vec<_> = (0..3).map(|_| execution(self.number(EXECUTIONS))).collect();
                let purge = Purge::Ended(ids);
                both!(one, other, purge(purge))
            }
            0 => both!(one, other, load_execution(id)),
            1 => {
                let (of, external_id) = (workspace(self.number(2)), self.number(12).to_string());
                let external_id = external_id.as_str();
                both!(one, other, find_by_external_id(of, external_id))
            }
            2 | 3 => {
                let (of, list) = self.list();
                both!(one, other, list_executions(of, list))
            }
            4 => {
                let claim = ClaimQueued { node, limit };
                both!(one, other, claim_queued(claim))
            }
            5 => {
                let due = Due { node, now: self.random.time(), limit };
                both!(one, other, due(due))
            }
            6 | 7 => {
                let by_key = self.random.once_in(2);
                let of = if by_key {
                    ActiveOf::Key(key(self.number(KEYS)))
                } else {
                    ActiveOf::Workspace(workspace(self.number(2)))
                };
                let after = self.random.maybe(3, |_| id);
                let list = Unfinished { of: UnfinishedOf::Active(of), after, limit };
                both!(one, other, unfinished_executions(list))
            }
            8 | 9 => {
                let n = self.random.below(EXECUTIONS);
                let ids: Vec<_> =
                    (n..EXECUTIONS).step_by(2).map(|n| execution(u128::from(n))).collect();
                let counted = self.random.pick(&[RecoveryCount::Recovery, RecoveryCount::Trial]);
                let count = CountRecoveries { ids, counted };
                both!(one, other, count_recoveries(count))
            }
            _ => {
                let after = self.random.maybe(2, |_| id);
                let list = Unfinished { of: UnfinishedOf::Owner(node), after, limit };
                both!(one, other, unfinished_executions(list))
            }
        }
    }

    fn list(&mut self) -> (WorkspaceId, List<ExecutionFilter>) {
        let random = &mut self.random;
        let statuses = random.below(4);
        let of = u128::from(random.below(WORKFLOWS));
        let label = |random: &mut Random| ("a".to_owned(), random.below(2).to_string());
        let filter = ExecutionFilter {
            workflow: random.maybe(2, |_| workflow(of)),
            parent: random.maybe(4, |random| execution(u128::from(random.below(EXECUTIONS)))),
            statuses: (0..statuses).map(|_| random.status()).collect(),
            from: random.maybe(2, Random::created),
            until: random.maybe(2, Random::created),
            labels: random.maybe(4, label).into_iter().collect(),
        };
        let start = if random.once_in(3) {
            let id = execution(u128::from(random.below(EXECUTIONS)));
            PageStart::After(ExecutionCursor { created_at: random.created(), id })
        } else {
            PageStart::Skip(random.below(20))
        };
        (workspace(of % 2), random_list(random, filter, (), start))
    }

    pub(super) async fn idempotency(&mut self, one: &dyn Store, other: &dyn Store) -> CallResults {
        let record = self.idempotency_key();
        match self.random.below(4) {
            0 => {
                let claim = WriteIdempotent::Claim(record);
                return both!(one, other, write_idempotent(claim));
            }
            1 => {
                // What is stored, mostly.
                let found = one.find_idempotent(record.workspace, &record.key).await;
                let from = found.ok().flatten().unwrap_or_else(|| record.clone());
                let write = match self.random.maybe(2, |_| record.outcome) {
                    Some(outcome) => WriteIdempotent::Replace { from, outcome },
                    None => WriteIdempotent::Free(from),
                };
                return both!(one, other, write_idempotent(write));
            }
            _ => {}
        }
        let (of, key) = (record.workspace, record.key.as_str());
        both!(one, other, find_idempotent(of, key))
    }
}
