//! The calls.

use stepwell_core::Map;
use stepwell_core::ids::{NodeId, ReceiverId};

use super::random::Random;
use crate::Store;
use crate::audit::AuditFilter;
use crate::conformance::build::{
    all_due, at, execution, idempotent, node, stored_response, webhook, workflow, workspace,
};
use crate::lists::{ExecutionFilter, List, ListFilter, Order, PageStart, Sort, Window};
use crate::record::{IdempotencyOutcome, IdempotencyRecord};
use crate::traits::LoadExecution;
use crate::traits::{
    ClockCorrection, ClockMark, DeliveriesOf, DeliveryFilter, FindWorkflow, Heartbeat,
    HeartbeatKind, OldData, Purge,
};

/// How many different ids there are: few, so that calls meet.
pub(super) const EXECUTIONS: u64 = 40;
pub(super) const WORKFLOWS: u64 = 6;
const NODES: u64 = 4;
pub(super) const KEYS: u64 = 6;
pub(super) const WEBHOOKS: u64 = 4;

/// A call's name and the two results to it.
pub(super) type CallResults = (String, String, String);

/// Calls both stores in the same way; evaluates to the name and both results.
macro_rules! both {
    ($one:ident, $other:ident, $method:ident($($argument:expr),*)) => {{
        let left = $crate::differential::shown($one.$method($($argument.clone()),*).await);
        let right = $crate::differential::shown($other.$method($($argument.clone()),*).await);
        let arguments: Vec<String> = vec![$(format!("{:?}", $argument)),*];
        (format!("{}({})", stringify!($method), arguments.join(", ")), left, right)
    }};
}
pub(super) use both;

mod executions;
mod objects;
mod workflows;

/// Makes random calls that often fit what went before.
pub(super) struct Caller {
    pub(super) random: Random,
    /// The seq that each execution has, as far as its commits were accepted.
    seqs: Vec<u64>,
    pub(super) deliveries: u128,
    pub(super) audits: u128,
    /// The version that each configured object has, as far as its writes were accepted.
    object_versions: Vec<u64>,
}

impl Caller {
    pub(super) fn new(seed: u64) -> Self {
        let executions = usize::try_from(EXECUTIONS).unwrap();
        Self {
            random: Random::new(seed),
            seqs: vec![0; executions],
            deliveries: 0,
            audits: 0,
            object_versions: objects::none(),
        }
    }

    pub(super) async fn call(&mut self, one: &dyn Store, other: &dyn Store) -> CallResults {
        match self.random.below(26) {
            0..=8 => self.commit(one, other).await,
            9..=12 => self.executions(one, other).await,
            13 => self.idempotency(one, other).await,
            14..=15 => self.workflows(one, other).await,
            16..=18 => self.outbox(one, other).await,
            19..=20 => self.delivery_history(one, other).await,
            21 => self.audit(one, other).await,
            22..=24 => objects::call(self, one, other).await,
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
        record.outcome = match self.random.below(4) {
            0 => IdempotencyOutcome::InProgress { node: self.node(), since: self.random.time() },
            1 => IdempotencyOutcome::Created(execution(self.number(1000)).into()),
            2 => IdempotencyOutcome::SecretResponse,
            _ => stored_response(&self.number(1000).to_string()),
        };
        record.created_at = self.random.time();
        record
    }

    async fn commit(&mut self, one: &dyn Store, other: &dyn Store) -> CallResults {
        let commit = std::sync::Arc::new(self.next_commit());
        let place = usize::try_from(commit.record.id.uuid().as_u128()).unwrap();
        let results = both!(one, other, commit(commit));
        if results.1 == "()" {
            self.seqs[place] = commit.record.seq;
            for started in &commit.related.started {
                let place = usize::try_from(started.record.id.uuid().as_u128()).unwrap();
                self.seqs[place] = started.record.seq;
            }
            objects::wrote(self, commit.objects.as_deref());
        } else if results.1.contains("actual: 0") {
            // It has been purged.
            self.seqs[place] = 0;
        }
        results
    }

    /// A start of a machine. More than there are places for.
    fn boot(&mut self) -> uuid::Uuid {
        uuid::Uuid::from_u128(self.random.below(100).into())
    }

    async fn nodes(&mut self, one: &dyn Store, other: &dyn Store) -> CallResults {
        let (node, now) = (self.node(), self.random.time());
        match self.random.below(15) {
            12 | 14 => {
                let boot = self.random.once_in(2).then(|| self.boot());
                both!(one, other, last_seen(boot))
            }
            13 => {
                let mut micros = || self.random.below(100) as i64 - 50;
                let (waits, pauses, limits) = (micros(), micros(), micros());
                let boot = self.boot();
                let mark = self
                    .random
                    .maybe(2, |random| ClockMark { boot, offset: random.below(9) as i64 - 4 });
                let at_start = self.random.once_in(2);
                let correction =
                    ClockCorrection { node, waits, pauses, limits, now, at_start, mark };
                both!(one, other, correct_clock(correction))
            }
            0..=7 => {
                let kind = match self.random.once_in(2) {
                    true => HeartbeatKind::Join,
                    false => HeartbeatKind::Renew,
                };
                let heartbeat = Heartbeat { node, now, kind };
                both!(one, other, heartbeat(heartbeat))
            }
            8 | 9 => both!(one, other, take_over(node, now)),
            10 => {
                let heartbeat = Heartbeat { node, now, kind: HeartbeatKind::Leave };
                both!(one, other, heartbeat(heartbeat))
            }
            _ => {
                // Which go first when not all may go is for each store to choose.
                let purge = Purge::Old(OldData {
                    now,
                    default_before: self.random.maybe(2, |_| at(0).max(now)),
                    idempotency_before: self.random.time(),
                    deliveries_before: self.random.time(),
                    audit_before: self.random.maybe(4, |_| now),
                    limit: usize::MAX,
                });
                both!(one, other, purge(purge))
            }
        }
    }

    /// All that can be seen.
    pub(super) async fn look_at_everything(
        &mut self,
        one: &dyn Store,
        other: &dyn Store,
    ) -> Vec<CallResults> {
        let mut results = Vec::new();
        for n in 0..u128::from(EXECUTIONS) {
            let id = execution(n);
            results.push(both!(one, other, load_execution(id)));
            results.push(both!(one, other, load_part(id, n as u64, usize::MAX)));
            let about = DeliveriesOf::Subject(id.into());
            let list = everything(DeliveryFilter::default());
            results.push(both!(one, other, list_deliveries(about, list)));
        }
        for n in 0..u128::from(WEBHOOKS) {
            let (of, list) =
                (DeliveriesOf::Webhook(webhook(n)), everything(DeliveryFilter::default()));
            results.push(both!(one, other, list_deliveries(of, list)));
            let receivers = vec![ReceiverId::from(webhook(n))];
            results.push(both!(one, other, failing_since(receivers)));
        }
        for n in 0..u128::from(WORKFLOWS) {
            let id = workflow(n);
            let find = FindWorkflow::Id(id);
            results.push(both!(one, other, find_workflow(find)));
            results.push(both!(one, other, workflow_stats(id)));
            let about = DeliveriesOf::Subject(id.into());
            let list = everything(DeliveryFilter::default());
            results.push(both!(one, other, list_deliveries(about, list)));
        }
        results.extend(objects::look(one, other).await);
        for of in [workspace(0), workspace(1)] {
            let list = everything(ExecutionFilter::default());
            results.push(both!(one, other, list_executions(of, list)));
            let list = everything(AuditFilter::default());
            results.push(both!(one, other, list_audit(of, list)));
        }
        let counts =
            async |of: &dyn Store| super::shown(of.gauges().await.map(|found| found.by_status));
        results.push(("gauges".to_owned(), counts(one).await, counts(other).await));
        let due = all_due(at(1000), usize::MAX);
        results.push(both!(one, other, due_deliveries(due)));
        results
    }
}

/// All items on one page, counted.
fn everything<F: ListFilter>(filter: F) -> List<F> {
    List::first_page(filter, usize::MAX).with_total()
}

/// Any order of a list, and any part of it.
pub(super) fn random_list<F: ListFilter>(
    random: &mut Random,
    filter: F,
    key: F::SortKey,
    start: PageStart<F::Cursor>,
) -> List<F> {
    let order = random.pick(&[Order::Ascending, Order::Descending]);
    let window = Window { start, size: random.limit(), count: random.once_in(2) };
    List { filter, sort: Sort { key, order }, window }
}

fn labels(value: serde_json::Value) -> Map {
    value.as_object().cloned().unwrap_or_default()
}
