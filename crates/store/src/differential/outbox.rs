//! The calls about the outbox and webhooks.

use stepwell_core::audit::{AuditAction, AuditedObject, ObjectKind};
use stepwell_core::ids::{DeliveryId, SubjectId};

use super::calls::{Answers, Caller, EXECUTIONS, KEYS, WEBHOOKS, WORKFLOWS, both};
use super::random::Random;
use crate::audit::{Actor, AuditPlace, AuditRecord, ListAudit};
use crate::conformance::build::{
    audit, delivery, execution, hooked, key, new_webhook, noted, pending, receiver, webhook,
    workflow, workspace,
};
use crate::lists::{Begin, Order};
use crate::record::{AttemptRecord, DeliveryRecord, DeliveryStatus};
use crate::traits::{DeliveryAttempt, DueDeliveries, Health};
use crate::webhooks::{
    ListWebhookDeliveries, Redeliver, UpdateWebhook, WebhookRecord, WebhookStatus,
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
        Effects { deliveries: made, audit }
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
    pub(super) async fn audit(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        let (of, id) = (workspace(self.number(2)), workflow(self.number(WORKFLOWS)));
        let (by, n) = (self.number(KEYS), self.number(100_003));
        let random = &mut self.random;
        let list = ListAudit {
            key: random.maybe(4, |_| key(by)),
            actor: random.maybe(4, |_| "system".to_owned()),
            action: random.maybe(4, |random| random.pick(&AuditAction::ALL)),
            kind: random.maybe(4, |random| random.pick(&ObjectKind::ALL)),
            object: random.maybe(4, |_| id.into()),
            from: random.maybe(3, Random::time),
            until: random.maybe(3, Random::time),
            order: random.pick(&[Order::Ascending, Order::Descending]),
            begin: match random.maybe(3, Random::time) {
                Some(at) => Begin::After(AuditPlace { at, id: audit(n) }),
                None => Begin::Skip(random.below(4)),
            },
            count: random.once_in(2),
            ..ListAudit::newest(of, random.limit())
        };
        both!(one, other, list_audit(list))
    }

    /// A delivery that was made, or will be.
    fn delivery(&mut self) -> DeliveryId {
        let made = u64::try_from(self.deliveries + 2).unwrap();
        delivery(self.number(made) * 7919 % 100_003)
    }

    pub(super) async fn webhooks(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
        let n = self.number(WEBHOOKS);
        let (id, of) = (webhook(n), workspace(self.number(2)));
        match self.random.below(10) {
            0..=2 => {
                let new = WebhookRecord { workspace: of, ..new_webhook(n) };
                let effects = self.effects();
                both!(one, other, create_webhook(new, effects))
            }
            3 => {
                let status = self.random.pick(&[
                    WebhookStatus::Active,
                    WebhookStatus::Inactive,
                    WebhookStatus::Disabled { reason: "x".to_owned() },
                ]);
                let (updated_at, begun) = (self.random.time(), new_webhook(n).updated_at);
                let expected = self.random.pick(&[begun, begun, updated_at]);
                let old = |random: &mut Random| ("whsec_".to_owned(), random.time());
                let old = (0..self.random.below(3)).map(|_| old(&mut self.random)).collect();
                let new = WebhookRecord {
                    workspace: of,
                    status,
                    // Mostly such that it can be changed again.
                    updated_at: self.random.pick(&[begun, begun, updated_at]),
                    previous_secrets: old,
                    failing_since: self.random.maybe(2, Random::time),
                    ..new_webhook(n)
                };
                let effects = self.effects();
                let update = UpdateWebhook { webhook: new, expected, effects };
                both!(one, other, update_webhook(update))
            }
            4 => {
                let effects = self.effects();
                both!(one, other, delete_webhook(id, effects))
            }
            5 => {
                let of = self.random.maybe(2, |_| of);
                both!(one, other, list_webhooks(of))
            }
            6 => both!(one, other, webhook_changes()),
            7 => {
                let status = self.random.maybe(2, |random| random.pick(&DeliveryStatus::ALL));
                let (after, event) = (self.delivery(), hooked(1, 1, 1).event);
                let random = &mut self.random;
                let list = ListWebhookDeliveries {
                    status,
                    event: random.maybe(3, |random| random.pick(&[event.clone(), "no".into()])),
                    order: random.pick(&[Order::Ascending, Order::Descending]),
                    begin: match random.once_in(2) {
                        true => Begin::After(after),
                        false => Begin::Skip(random.below(4)),
                    },
                    ..ListWebhookDeliveries::newest(id, random.limit())
                };
                both!(one, other, webhook_deliveries(list))
            }
            8 => {
                let ids = vec![self.delivery(), self.delivery()];
                both!(one, other, list_attempts(ids))
            }
            _ => {
                let (now, give_up_at) = (self.random.time(), self.random.time());
                let (id, effects) = (self.delivery(), self.effects());
                let redeliver = Redeliver { id, now, give_up_at, effects };
                both!(one, other, redeliver(redeliver))
            }
        }
    }

    pub(super) async fn outbox(&mut self, one: &dyn Store, other: &dyn Store) -> Answers {
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
            1 => both!(one, other, next_delivery()),
            2 => {
                let of = SubjectId::from(id);
                both!(one, other, list_deliveries(of))
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
