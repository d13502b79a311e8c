//! Calls about the outbox.

use stepwell_core::audit::{AuditAction, AuditedObject, ObjectKind};
use stepwell_core::ids::DeliveryId;

use super::calls::{CallResults, Caller, EXECUTIONS, KEYS, WEBHOOKS, WORKFLOWS, both, random_list};
use super::random::Random;
use crate::audit::{Actor, AuditCursor, AuditFilter, AuditRecord};
use crate::conformance::build::{
    audit, delivery, execution, hooked, key, noted, pending, receiver, webhook, workflow, workspace,
};
use crate::lists::{List, PageStart};
use crate::record::{AttemptRecord, DeliveryRecord, DeliveryStatus};
use crate::traits::{
    DeliveriesOf, DeliveryAttempt, DeliveryFilter, DueDeliveries, Health, Redeliver,
};
use crate::{Effects, Store};

impl Caller {
    pub(super) fn new_delivery(&mut self, of: u128) -> DeliveryRecord {
        self.deliveries += 1;
        // Ids in an order of their own.
        let id = self.deliveries * 7919 % 100_003;
        let (sequence, next_attempt_at) = (self.random.below(50), self.random.time());
        let to = self.number(WEBHOOKS);
        let delivery = if self.random.once_in(3) {
            let mut delivery = pending(id, of, sequence);
            delivery.receiver = receiver(1000 + to);
            delivery
        } else {
            hooked(id, to, of)
        };
        let created_at = self.random.time();
        DeliveryRecord { next_attempt_at, created_at, sequence, ..delivery }
    }

    pub(super) fn effects(&mut self) -> Effects {
        let deliveries = self.random.below(3);
        let of = self.number(WORKFLOWS);
        let mut made = Vec::new();
        for _ in 0..deliveries {
            made.push(DeliveryRecord { subject: workflow(of).into(), ..self.new_delivery(of) });
        }
        let audit = (0..self.random.below(3)).map(|_| self.new_audit()).collect();
        let recovered = self.random.maybe(6, |random| webhook(random.below(WEBHOOKS).into()));
        Effects {
            deliveries: made,
            audit,
            recovered: recovered.map(Into::into).into_iter().collect(),
        }
    }

    pub(super) fn new_audit(&mut self) -> AuditRecord {
        self.audits += 1;
        let (n, of) = (self.audits * 7919 % 100_003, self.number(2));
        let (action, kind) =
            (self.random.pick(&AuditAction::ALL), self.random.pick(&ObjectKind::ALL));
        let id = workflow(self.number(WORKFLOWS)).into();
        let key_of = self.number(KEYS);
        let by = Actor::Key { id: key(key_of), name: key_of.to_string().into() };
        AuditRecord {
            workspace: workspace(of),
            at: self.random.time(),
            actor: self.random.pick(&[by.clone(), by, Actor::System, Actor::Cli]),
            action,
            object: self.random.maybe(2, |_| AuditedObject { kind, id }),
            ..noted(n)
        }
    }

    /// A page of the audit log.
    pub(super) async fn audit(&mut self, one: &dyn Store, other: &dyn Store) -> CallResults {
        let (of, id) = (workspace(self.number(2)), workflow(self.number(WORKFLOWS)));
        let (by, n) = (self.number(KEYS), self.number(100_003));
        let random = &mut self.random;
        let filter = AuditFilter {
            key: random.maybe(4, |_| key(by)),
            actor: random.maybe(4, |_| "system".to_owned()),
            action: random.maybe(4, |random| random.pick(&AuditAction::ALL)),
            kind: random.maybe(4, |random| random.pick(&ObjectKind::ALL)),
            object: random.maybe(4, |_| id.into()),
            from: random.maybe(3, Random::time),
            until: random.maybe(3, Random::time),
        };
        let start = match random.maybe(3, Random::time) {
            Some(at) => PageStart::After(AuditCursor { at, id: audit(n) }),
            None => PageStart::Skip(random.below(4)),
        };
        let list = random_list(random, filter, (), start);
        both!(one, other, list_audit(of, list))
    }

    /// A delivery that exists, or will.
    fn delivery(&mut self) -> DeliveryId {
        let made = u64::try_from(self.deliveries + 2).unwrap();
        delivery(self.number(made) * 7919 % 100_003)
    }

    pub(super) async fn delivery_history(
        &mut self,
        one: &dyn Store,
        other: &dyn Store,
    ) -> CallResults {
        match self.random.below(4) {
            0 | 1 => {
                let (of, list) = self.delivery_list();
                both!(one, other, list_deliveries(of, list))
            }
            2 => {
                let id = self.delivery();
                both!(one, other, find_delivery(id))
            }
            _ => {
                let (now, give_up_at) = (self.random.time(), self.random.time());
                let (id, effects) = (self.delivery(), self.effects());
                let redeliver = Redeliver { id, now, give_up_at, effects };
                both!(one, other, redeliver(redeliver))
            }
        }
    }

    fn delivery_list(&mut self) -> (DeliveriesOf, List<DeliveryFilter>) {
        let of = match self.random.once_in(3) {
            true => DeliveriesOf::Subject(execution(self.number(EXECUTIONS)).into()),
            false => DeliveriesOf::Webhook(webhook(self.number(WEBHOOKS))),
        };
        let (after, event) = (self.delivery(), hooked(1, 1, 1).event);
        let random = &mut self.random;
        let filter = DeliveryFilter {
            status: random.maybe(2, |random| random.pick(&DeliveryStatus::ALL)),
            event: random.maybe(3, |random| random.pick(&[event.clone(), "no".into()])),
        };
        let start = match random.once_in(2) {
            true => PageStart::After(after),
            false => PageStart::Skip(random.below(4)),
        };
        (of, random_list(random, filter, (), start))
    }

    pub(super) async fn outbox(&mut self, one: &dyn Store, other: &dyn Store) -> CallResults {
        let id = execution(self.number(EXECUTIONS));
        match self.random.below(6) {
            0 => {
                let (now, limit) = (self.random.time(), self.random.limit());
                let of = receiver(self.number(WEBHOOKS));
                let under_way = [(of, id.into()), (of, workflow(1).into())].into();
                let after = self.random.maybe(2, |_| of);
                let share = self.random.limit();
                let due = DueDeliveries { now, under_way, share, after, limit };
                both!(one, other, due_deliveries(due))
            }
            1 => {
                let receivers = vec![webhook(self.number(WEBHOOKS)).into(), receiver(77)];
                both!(one, other, failing_since(receivers))
            }
            _ => {
                let attempts: Vec<_> = (0..self.random.below(5)).map(|_| self.attempt()).collect();
                both!(one, other, record_attempts(attempts))
            }
        }
    }

    fn attempt(&mut self) -> DeliveryAttempt {
        use DeliveryStatus::{Delivered, Exhausted, Pending};
        DeliveryAttempt {
            id: self.delivery(),
            status: self.random.pick(&[Pending, Delivered, Delivered, Exhausted]),
            next_attempt_at: self.random.time(),
            attempt: AttemptRecord {
                number: u32::try_from(self.random.below(9)).unwrap(),
                at: self.random.time(),
                micros: self.random.below(9),
                url: self.random.maybe(2, |_| "https://example.com".to_owned()),
                response_status: self.random.maybe(2, |_| 503),
                response: "busy".to_owned(),
            },
            health: self.random.pick(&[Health::Well, Health::Failing, Health::Unknown]),
        }
    }
}
