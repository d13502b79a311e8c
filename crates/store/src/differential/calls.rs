//! The calls.

use std::sync::Arc;

use stepwell_core::Map;
use stepwell_core::execution::Recorded;
use stepwell_core::ids::{NodeId, SubjectId, WorkspaceId};
use stepwell_core::rate::RateLimits;

use super::random::Random;
use crate::Store;
use crate::audit::ListAudit;
use crate::commit::Commit;
use crate::conformance::build::{
    all_due, at, execution, idempotent, key, new_key, new_workflow, new_workspace, node, queued,
    webhook, workflow, workspace,
};
use crate::lists::{
    Begin, ListExecutions, ListWorkflows, Order, Place, SortKey, WorkflowPlace, WorkflowSort,
};
use crate::record::{IdempotencyRecord, IntegrationUse, KeyRecord};
use crate::traits::{
    ActiveOf, AddRelease, ClaimQueued, Due, OwnedUnfinished, Purge, RevokeKey, SwapIdempotent,
    UpdateWorkflow, UpdateWorkspace, WorkflowParts,
};
use crate::webhooks::ListWebhookDeliveries;

/// How many different ids there are: few, so that calls meet.
pub(super) const EXECUTIONS: u64 = 40;
pub(super) const WORKFLOWS: u64 = 6;
const NODES: u64 = 4;
pub(super) const KEYS: u64 = 6;
pub(super) const WEBHOOKS: u64 = 4;

/// A call's name and the two answers to it.
pub(super) type Answers = (String, String, String);

/// Calls both stores in the same way; evaluates to the name and both answers.
macro_rules! both {
    ($one:ident, $other:ident, $method:ident($($argument:expr),*)) => {{
        let left = $crate::differential::shown($one.$method($($argument.clone()),*).await);
        let right = $crate::differential::shown($other.$method($($argument.clone()),*).await);
        let arguments: Vec<String> = vec![$(format!("{:?}", $argument)),*];
        (format!("{}({})", stringify!($method), arguments.join(", ")), left, right)
    }};
}
pub(super) use both;

mod schedules;

/// Makes random calls that often fit what went before.
pub(super) struct Caller {
    pub(super) random: Random,
    /// The seq that each execution has, as far as its commits were accepted.
    seqs: Vec<u64>,
    pub(super) deliveries: u128,
    pub(super) audits: u128,
    /// The version that each schedule has, as far as its writes were accepted.
    versions: Vec<u64>,
}

impl Caller {
    pub(super) fn new(seed: u64) -> Self {
        let executions = usize::try_from(EXECUTIONS).unwrap();
        Self {
            random: Random::new(seed),
            seqs: vec![0; executions],
            deliveries: 0,
            audits: 0,
            versions: schedules::none(),
        }
    }

    pub(super) async fn call(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        match self.random.below(24) {
            0..=8 => self.commit(one, other).await,
            9..=12 => self.executions(one, other).await,
            13 => self.idempotency(one, other).await,
            14..=15 => self.workflows(one, other).await,
            16 if self.random.once_in(3) => self.workspaces(one, other).await,
            16 => self.keys(one, other).await,
            17..=18 => self.outbox(one, other).await,
            19..=20 => self.webhooks(one, other).await,
            21 => schedules::call(self, one, other).await,
            22 => self.audit(one, other).await,
            _ => self.nodes(one, other).await,
        }
    }

    pub(super) fn number(&mut self, of: u64) -> u128 {
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
            schedules::wrote(self, commit.schedule.as_ref().map(|firing| &firing.schedule));
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
        record.started_by = random.maybe(2, |random| key(u128::from(random.below(KEYS))));
        record.owner = if self.random.once_in(3) { None } else { Some(self.node()) };
        if expected_seq == 0 || self.random.once_in(50) {
            commit.idempotency = self.random.once_in(4).then(|| self.idempotency_key());
            commit.schedule = self.random.once_in(6).then(|| Box::new(schedules::update(self)));
        }
        if self.random.once_in(3) {
            let deliveries = 1 + self.random.below(3);
            commit.deliveries = (0..deliveries).map(|_| self.new_delivery(n)).collect();
            commit.audit = vec![self.new_audit()];
        }
        commit
    }

    async fn executions(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        let id = execution(self.number(EXECUTIONS));
        let limit = self.random.limit();
        let node = self.node();
        match self.random.below(9) {
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
            7 => {
                let by_key = self.random.once_in(2);
                let of = if by_key {
                    ActiveOf::Key(key(self.number(KEYS)))
                } else {
                    ActiveOf::Workspace(workspace(self.number(2)))
                };
                both!(one, other, active_executions(of))
            }
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
        let sort = random.pick(&[Active, CreatedAt, Kind, Name, UpdatedAt]);
        let key = match sort {
            CreatedAt => SortKey::Time(random.created()),
            UpdatedAt => SortKey::Time(random.time()),
            Name | Kind => SortKey::Text(random.below(4).to_string()),
            Active => SortKey::Active(random.once_in(2)),
        };
        ListWorkflows {
            workspace: of,
            active: random.maybe(3, |random| random.once_in(2)),
            kind: random.maybe(3, |random| random.below(2).to_string()),
            labels: random.maybe(4, label).into_iter().collect(),
            sort,
            order: random.pick(&[Order::Ascending, Order::Descending]),
            begin: if random.once_in(3) {
                let id = workflow(u128::from(random.below(WORKFLOWS + 1)));
                Begin::After(WorkflowPlace { key, id })
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
        match self.random.below(4) {
            0 => return both!(one, other, save_idempotent(record)),
            1 => {
                // What is stored, mostly.
                let found = one.find_idempotent(record.workspace, &record.key).await;
                let from = found.ok().flatten().unwrap_or_else(|| record.clone());
                let to = self.random.maybe(2, |_| record.outcome);
                let swap = SwapIdempotent { from, to };
                return both!(one, other, swap_idempotent(swap));
            }
            _ => {}
        }
        let (of, key) = (record.workspace, record.key.as_str());
        both!(one, other, find_idempotent(of, key))
    }

    async fn workflows(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        let n = self.number(WORKFLOWS);
        let (id, of, name) = (workflow(n), workspace(self.number(2)), self.number(4).to_string());
        let name = name.as_str();
        let active = self.random.maybe(2, |random| random.once_in(2));
        match self.random.below(9) {
            0 => {
                let mut create = new_workflow(n, name);
                create.workflow.workspace = of;
                create.workflow.retention_seconds = self.random.maybe(3, |_| 0);
                create.workflow.created_at = self.random.created();
                create.workflow.created_by = self.random.maybe(2, |_| key(1));
                create.workflow.kind = self.random.below(2).to_string();
                create.idempotency = self.random.once_in(3).then(|| self.idempotency_key());
                create.effects = self.effects();
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
                    tags: self
                        .random
                        .maybe(3, |random| random.below(3).to_string())
                        .into_iter()
                        .collect(),
                    now: self.random.time(),
                    effects: self.effects(),
                };
                both!(one, other, add_release(add))
            }
            2 => {
                let expected = self.random.maybe(3, |random| 1 + random.below(4));
                let parts = if self.random.once_in(2) { Some(self.parts()) } else { None };
                let (delete, now) = (self.random.once_in(6), self.random.time());
                let effects = self.effects();
                let update = UpdateWorkflow { id, expected, active, delete, parts, now, effects };
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
            7 => both!(one, other, list_release_tags(id)),
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
                let effects = self.effects();
                both!(one, other, create_key(new, effects))
            }
            1 => {
                let hash = new_key(n).hash;
                both!(one, other, find_key(hash))
            }
            2 => {
                let of = self.random.maybe(2, |_| of);
                both!(one, other, list_keys(of))
            }
            3 => {
                let effects = self.effects();
                let revoke = RevokeKey { workspace: of, id, now, effects };
                both!(one, other, revoke_key(revoke))
            }
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

    async fn workspaces(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        let n = self.number(4);
        let id = workspace(n);
        let limits = RateLimits { requests_per_minute: Some(7), ..RateLimits::NONE };
        match self.random.below(4) {
            0 => {
                let new = new_workspace(n);
                let key = self.random.once_in(3).then(|| self.idempotency_key());
                let effects = self.effects();
                both!(one, other, create_workspace(new, key, effects))
            }
            1 => {
                let name = self.random.maybe(2, |random| random.below(9).to_string());
                let limits = self.random.maybe(2, |_| limits);
                let (now, effects) = (self.random.time(), self.effects());
                let update = UpdateWorkspace { id, name, limits, now, effects };
                both!(one, other, update_workspace(update))
            }
            2 => both!(one, other, find_workspace(id)),
            _ => both!(one, other, list_workspaces()),
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
                    deliveries_before: self.random.time(),
                    audit_before: self.random.maybe(4, |_| now),
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
            let subject = SubjectId::from(id);
            answers.push(both!(one, other, list_deliveries(subject)));
        }
        for n in 0..u128::from(WEBHOOKS) {
            let list = ListWebhookDeliveries {
                webhook: webhook(n),
                status: None,
                skip: 0,
                limit: usize::MAX,
            };
            answers.push(both!(one, other, webhook_deliveries(list)));
        }
        answers.push(both!(one, other, list_webhooks(None::<WorkspaceId>)));
        for n in 0..u128::from(WORKFLOWS) {
            let id = workflow(n);
            answers.push(both!(one, other, find_workflow(id)));
            answers.push(both!(one, other, workflow_stats(id)));
            let subject = SubjectId::from(id);
            answers.push(both!(one, other, list_deliveries(subject)));
        }
        for n in 0..2 {
            let newest = ListExecutions::newest(workspace(n), usize::MAX);
            let everything = ListExecutions { count: true, ..newest };
            answers.push(both!(one, other, list_executions(everything)));
        }
        answers.extend(schedules::look(one, other).await);
        for of in [workspace(0), workspace(1)] {
            let list = ListAudit::newest(of, usize::MAX);
            answers.push(both!(one, other, list_audit(list)));
        }
        let due = all_due(at(1000), usize::MAX);
        answers.push(both!(one, other, due_deliveries(due)));
        answers
    }
}

fn labels(value: serde_json::Value) -> Map {
    value.as_object().cloned().unwrap_or_default()
}
