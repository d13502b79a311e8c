//! The calls.

use std::sync::Arc;

use stepwell_core::Map;
use stepwell_core::execution::Recorded;
use stepwell_core::ids::{NodeId, WorkspaceId};

use super::random::Random;
use super::shown;
use crate::Store;
use crate::commit::Commit;
use crate::conformance::build::{
    at, delivery, execution, idempotent, key, new_key, new_workflow, node, pending, queued,
    workflow, workspace,
};
use crate::lists::{Begin, ListExecutions, ListWorkflows, Order, Place, WorkflowSort};
use crate::record::{DeliveryRecord, DeliveryStatus, IdempotencyRecord, IntegrationUse, KeyRecord};
use crate::traits::{
    AddRelease, ClaimQueued, DeliveryAttempt, Due, DueDeliveries, OwnedUnfinished, Purge,
    UpdateWorkflow, WorkflowParts,
};

/// How many different ids there are: few, so that calls meet.
const EXECUTIONS: u64 = 40;
const WORKFLOWS: u64 = 6;
const NODES: u64 = 4;
const KEYS: u64 = 6;

/// A call's name and the two answers to it.
type Answers = (String, String, String);

/// Calls both stores in the same way; evaluates to the name and both answers.
macro_rules! both {
    ($one:ident, $other:ident, $method:ident($($argument:expr),*)) => {{
        let left = shown($one.$method($($argument.clone()),*).await);
        let right = shown($other.$method($($argument.clone()),*).await);
        let arguments: Vec<String> = vec![$(format!("{:?}", $argument)),*];
        (format!("{}({})", stringify!($method), arguments.join(", ")), left, right)
    }};
}

/// Makes random calls that often fit what went before.
pub(super) struct Caller {
    random: Random,
    /// The seq that each execution has, as far as its commits were accepted.
    seqs: Vec<u64>,
    deliveries: u128,
}

impl Caller {
    pub(super) fn new(seed: u64) -> Self {
        let executions = usize::try_from(EXECUTIONS).unwrap();
        Self { random: Random::new(seed), seqs: vec![0; executions], deliveries: 0 }
    }

    pub(super) async fn call(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        match self.random.below(20) {
            0..=8 => self.commit(one, other).await,
            9..=12 => self.executions(one, other).await,
            13 => self.idempotency(one, other).await,
            14..=15 => self.workflows(one, other).await,
            16 => self.keys(one, other).await,
            17..=18 => self.outbox(one, other).await,
            _ => self.nodes(one, other).await,
        }
    }

    fn number(&mut self, of: u64) -> u128 {
        u128::from(self.random.below(of))
    }

    /// Node 0 is there from the start and mostly used.
    fn node(&mut self) -> NodeId {
        let n = if self.random.once_in(3) { self.number(NODES) } else { 0 };
        node(n)
    }

    fn idempotency_key(&mut self) -> IdempotencyRecord {
        let mut record = idempotent(&self.number(30).to_string(), "made");
        record.workspace = workspace(self.number(2));
        record.outcome = self.number(1000).to_string();
        record.created_at = self.random.time();
        record
    }

    async fn commit(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        let commit = self.next_commit();
        let place = usize::try_from(commit.record.id.uuid().as_u128()).unwrap();
        let answers = both!(one, other, commit(commit));
        if answers.1 == "()" {
            self.seqs[place] = commit.record.seq;
        } else if answers.1.contains("actual: 0") {
            // It has been purged.
            self.seqs[place] = 0;
        }
        answers
    }

    fn next_commit(&mut self) -> Commit {
        let n = self.number(EXECUTIONS);
        let known = self.seqs[usize::try_from(n).unwrap()];
        let expected_seq = if self.random.once_in(20) { self.random.below(4) } else { known };
        let mut commit = queued(n);
        commit.node = self.node();
        commit.expected_seq = expected_seq;
        commit.events = (1..=1 + self.random.below(6))
            .map(|more| Recorded {
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
        record.owner = if self.random.once_in(3) { None } else { Some(self.node()) };
        if expected_seq == 0 || self.random.once_in(50) {
            commit.idempotency = self.random.once_in(4).then(|| self.idempotency_key());
        }
        if self.random.once_in(3) {
            let deliveries = 1 + self.random.below(3);
            commit.deliveries = (0..deliveries).map(|_| self.new_delivery(n)).collect();
        }
        commit
    }

    fn new_delivery(&mut self, of: u128) -> DeliveryRecord {
        self.deliveries += 1;
        // Ids in an order of their own.
        let id = self.deliveries * 7919 % 100_003;
        DeliveryRecord {
            next_attempt_at: self.random.time(),
            ..pending(id, of, self.random.below(50))
        }
    }

    async fn executions(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        let id = execution(self.number(EXECUTIONS));
        let limit = self.random.limit();
        let node = self.node();
        match self.random.below(8) {
            0 => both!(one, other, load_execution(id)),
            1 => {
                let (of, external_id) = (workspace(self.number(2)), self.number(12).to_string());
                let external_id = external_id.as_str();
                both!(one, other, find_by_external_id(of, external_id))
            }
            2 | 3 => {
                let list = self.list();
                both!(one, other, list_executions(list))
            }
            4 => {
                let claim = ClaimQueued { node, limit };
                both!(one, other, claim_queued(claim))
            }
            5 => {
                let due = Due { node, now: self.random.time(), limit };
                both!(one, other, due(due))
            }
            6 => both!(one, other, next_wake(node)),
            _ => {
                let after = self.random.maybe(2, |_| id);
                let owned = OwnedUnfinished { node, after, limit };
                both!(one, other, owned_unfinished(owned))
            }
        }
    }

    fn list(&mut self) -> ListExecutions {
        let random = &mut self.random;
        let statuses = random.below(4);
        let of = u128::from(random.below(WORKFLOWS));
        let label = |random: &mut Random| ("a".to_owned(), random.below(2).to_string());
        ListExecutions {
            workspace: workspace(of % 2),
            workflow: random.maybe(2, |_| workflow(of)),
            statuses: (0..statuses).map(|_| random.status()).collect(),
            from: random.maybe(2, Random::created),
            until: random.maybe(2, Random::created),
            labels: random.maybe(4, label).into_iter().collect(),
            order: random.pick(&[Order::Ascending, Order::Descending]),
            begin: if random.once_in(3) {
                let id = execution(u128::from(random.below(EXECUTIONS)));
                Begin::After(Place { created_at: random.created(), id })
            } else {
                Begin::Skip(random.below(20))
            },
            limit: random.limit(),
            count: random.once_in(2),
        }
    }

    fn workflow_list(&mut self, of: WorkspaceId) -> ListWorkflows {
        use WorkflowSort::{Active, CreatedAt, Kind, Name, UpdatedAt};
        let random = &mut self.random;
        let label = |random: &mut Random| ("a".to_owned(), random.below(2).to_string());
        ListWorkflows {
            workspace: of,
            active: random.maybe(3, |random| random.once_in(2)),
            kind: random.maybe(3, |random| random.below(2).to_string()),
            labels: random.maybe(4, label).into_iter().collect(),
            sort: random.pick(&[Active, CreatedAt, Kind, Name, UpdatedAt]),
            order: random.pick(&[Order::Ascending, Order::Descending]),
            begin: if random.once_in(3) {
                Begin::After(workflow(u128::from(random.below(WORKFLOWS + 1))))
            } else {
                Begin::Skip(random.below(4))
            },
            limit: random.limit(),
            count: random.once_in(2),
        }
    }

    fn parts(&mut self) -> WorkflowParts {
        let random = &mut self.random;
        WorkflowParts {
            description: random.maybe(2, |random| random.below(9).to_string()),
            kind: random.below(2).to_string(),
            configuration: random.maybe(2, |random| labels(random.value())),
            integrations: (0..random.below(3))
                .map(|n| IntegrationUse { id: n.to_string(), required: random.once_in(2) })
                .collect(),
            metadata: labels(random.value()),
        }
    }

    async fn idempotency(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        let record = self.idempotency_key();
        if self.random.once_in(2) {
            return both!(one, other, save_idempotent(record));
        }
        let (of, key) = (record.workspace, record.key.as_str());
        both!(one, other, find_idempotent(of, key))
    }

    async fn workflows(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        let n = self.number(WORKFLOWS);
        let (id, of, name) = (workflow(n), workspace(self.number(2)), self.number(4).to_string());
        let name = name.as_str();
        let active = self.random.maybe(2, |random| random.once_in(2));
        match self.random.below(8) {
            0 => {
                let mut create = new_workflow(n, name);
                create.workflow.workspace = of;
                create.workflow.retention_seconds = self.random.maybe(3, |_| 0);
                create.workflow.created_at = self.random.created();
                create.workflow.created_by = self.random.maybe(2, |_| key(1));
                create.workflow.kind = self.random.below(2).to_string();
                create.idempotency = self.random.once_in(3).then(|| self.idempotency_key());
                both!(one, other, create_workflow(create))
            }
            1 => {
                let add = AddRelease {
                    workflow: id,
                    expected: self.random.maybe(3, |random| 1 + random.below(4)),
                    name: name.to_owned(),
                    source: Arc::new(self.random.value()),
                    retention_seconds: self.random.maybe(3, |_| 0),
                    parts: self.parts(),
                    now: self.random.time(),
                };
                both!(one, other, add_release(add))
            }
            2 => {
                let expected = self.random.maybe(3, |random| 1 + random.below(4));
                let parts = if self.random.once_in(2) { Some(self.parts()) } else { None };
                let (delete, now) = (self.random.once_in(6), self.random.time());
                let update = UpdateWorkflow { id, expected, active, delete, parts, now };
                both!(one, other, update_workflow(update))
            }
            3 => both!(one, other, find_workflow(id)),
            4 => both!(one, other, find_workflow_by_name(of, name)),
            5 => {
                let list = self.workflow_list(of);
                both!(one, other, list_workflows(list))
            }
            6 => {
                let number = u32::try_from(self.random.below(5)).unwrap();
                both!(one, other, find_release(id, number))
            }
            _ => both!(one, other, workflow_stats(id)),
        }
    }

    async fn keys(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        let n = self.number(KEYS);
        let (of, id, now) = (workspace(self.number(2)), key(n), self.random.time());
        match self.random.below(6) {
            0 => {
                let hash = new_key(self.number(KEYS)).hash;
                let new = KeyRecord { workspace: of, hash, ..new_key(n) };
                both!(one, other, create_key(new))
            }
            1 => {
                let hash = new_key(n).hash;
                both!(one, other, find_key(hash))
            }
            2 => {
                let of = self.random.maybe(2, |_| of);
                both!(one, other, list_keys(of))
            }
            3 => both!(one, other, revoke_key(of, id, now)),
            4 => {
                let used = vec![(id, now), (key(1), now)];
                both!(one, other, touch_keys(used))
            }
            _ => {
                let (name, value) = (self.number(4).to_string(), self.number(9).to_string());
                let (name, value) = (name.as_str(), value.as_str());
                both!(one, other, setting_or_insert(name, value))
            }
        }
    }

    async fn outbox(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        let id = execution(self.number(EXECUTIONS));
        match self.random.below(6) {
            0 => {
                let (now, limit) = (self.random.time(), self.random.limit());
                let due = DueDeliveries { now, except: vec![id], limit };
                both!(one, other, due_deliveries(due))
            }
            1 => both!(one, other, next_delivery()),
            2 => both!(one, other, list_deliveries(id)),
            _ => {
                let attempts: Vec<_> = (0..self.random.below(5)).map(|_| self.attempt()).collect();
                both!(one, other, record_attempts(attempts))
            }
        }
    }

    fn attempt(&mut self) -> DeliveryAttempt {
        use DeliveryStatus::{Delivered, Exhausted, Pending};
        let made = u64::try_from(self.deliveries + 2).unwrap();
        let n = self.number(made);
        DeliveryAttempt {
            id: delivery(n * 7919 % 100_003),
            status: self.random.pick(&[Pending, Delivered, Delivered, Exhausted]),
            attempts: u32::try_from(self.random.below(9)).unwrap(),
            next_attempt_at: self.random.time(),
            last_result: "503".to_owned(),
        }
    }

    async fn nodes(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        let (node, now) = (self.node(), self.random.time());
        match self.random.below(12) {
            0..=4 => both!(one, other, join_node(node, now)),
            5..=7 => both!(one, other, heartbeat(node, now)),
            8 | 9 => both!(one, other, take_over(node, now)),
            10 => both!(one, other, leave(node)),
            _ => {
                // Which go first when not all may go is for each store to choose.
                let purge = Purge {
                    now,
                    default_before: self.random.maybe(2, |_| at(0).max(now)),
                    idempotency_before: self.random.time(),
                    limit: usize::MAX,
                };
                both!(one, other, purge(purge))
            }
        }
    }

    /// All that can be seen.
    pub(super) async fn look_at_everything(
        &mut self,
        one: &dyn Store,
        other: &dyn Store,
    ) -> Vec<Answers> {
        let mut answers = Vec::new();
        for n in 0..u128::from(EXECUTIONS) {
            let id = execution(n);
            answers.push(both!(one, other, load_execution(id)));
            answers.push(both!(one, other, list_deliveries(id)));
        }
        for n in 0..u128::from(WORKFLOWS) {
            let id = workflow(n);
            answers.push(both!(one, other, find_workflow(id)));
            answers.push(both!(one, other, workflow_stats(id)));
        }
        for n in 0..2 {
            let newest = ListExecutions::newest(workspace(n), usize::MAX);
            let everything = ListExecutions { count: true, ..newest };
            answers.push(both!(one, other, list_executions(everything)));
        }
        let due = DueDeliveries { now: at(1000), except: Vec::new(), limit: usize::MAX };
        answers.push(both!(one, other, due_deliveries(due)));
        answers
    }
}

fn labels(value: serde_json::Value) -> Map {
    value.as_object().cloned().unwrap_or_default()
}
