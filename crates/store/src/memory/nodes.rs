//! Server processes, and looking after the store.

use std::collections::BTreeMap;

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, NodeId, SubjectId};
use uuid::Uuid;

use super::{MemoryStore, Result, State};
use crate::record::{DeliveryStatus, Destination, ExecutionRecord, NodeRecord};
use crate::traits::{
    ClockCorrection, ClockMark, CountRecoveries, Heartbeat, HeartbeatKind, KEPT_CLOCK_MARKS,
    LastSeen, MAX_COUNTED_DELIVERIES, MaintenanceStore, NodeStore, OldData, Purge, Recovery,
    RecoveryCount, StoreGauges,
};

#[async_trait]
impl NodeStore for MemoryStore {
    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<()> {
        let Heartbeat { node, now, kind } = heartbeat;
        let mut state = self.writable()?;
        match kind {
            HeartbeatKind::Join if !state.nodes.contains_key(&node) => {}
            HeartbeatKind::Join | HeartbeatKind::Renew => state.require_alive(node)?,
            HeartbeatKind::Leave => {
                state.end_lease(node);
                return Ok(());
            }
        }
        state.nodes.insert(node, NodeRecord { id: node, heartbeat_at: now, alive: true });
        Ok(())
    }

    async fn take_over(&self, node: NodeId, before: Timestamp) -> Result<u64> {
        let mut state = self.writable()?;
        state.require_alive(node)?;
        let stale =
            |other: &&NodeRecord| other.id != node && (!other.alive || other.heartbeat_at < before);
        let dead: Vec<_> = state.nodes.values().filter(stale).map(|other| other.id).collect();
        let mut taken = 0;
        for stored in state.executions.values_mut() {
            let record = &mut stored.record;
            if !record.status.is_final() && record.owner.is_some_and(|owner| dead.contains(&owner))
            {
                record.owner = Some(node);
                taken += 1;
            }
        }
        for id in dead {
            state.nodes.remove(&id);
        }
        let State { recoveries, executions, .. } = &mut *state;
        let is_unfinished = |id: &ExecutionId| {
            executions.get(id).is_some_and(|stored| !stored.record.status.is_final())
        };
        recoveries.retain(|id, _| is_unfinished(id));
        Ok(taken)
    }

    async fn last_seen(&self, boot: Option<Uuid>) -> Result<LastSeen> {
        let state = self.state();
        let mark = boot.and_then(|boot| {
            let (offset, _) = state.clocks.get(&boot)?;
            Some(ClockMark { boot, offset: *offset })
        });
        let heartbeat = state.nodes.values().map(|node| node.heartbeat_at).max();
        Ok(LastSeen { heartbeat, mark })
    }

    async fn correct_clock(&self, correction: ClockCorrection) -> Result<bool> {
        let ClockCorrection { node, waits, pauses, limits, now, at_start, mark } = correction;
        let mut state = self.writable()?;
        state.require_alive(node)?;
        for stored in state.executions.values_mut() {
            let record = &mut stored.record;
            if record.owner == Some(node) {
                record.wake_at = record.wake_at.map(|at| shift_time(at, waits));
            }
        }
        let rivals = |other: &NodeRecord| {
            other.alive && other.id < node && (!at_start || other.heartbeat_at <= now)
        };
        let leads = !state.nodes.values().any(rivals);
        for node in state.nodes.values_mut().filter(|node| node.heartbeat_at > now) {
            node.heartbeat_at = shift_time(node.heartbeat_at, waits.min(0));
        }
        if leads {
            for delivery in state.deliveries.values_mut() {
                if delivery.status == DeliveryStatus::Pending {
                    delivery.next_attempt_at = shift_time(delivery.next_attempt_at, pauses);
                    delivery.give_up_at = shift_time(delivery.give_up_at, limits);
                }
            }
            for since in state.failing.values_mut() {
                *since = shift_time(*since, limits);
            }
        }
        if let Some(ClockMark { boot, offset }) = mark {
            state.clocks.insert(boot, (offset, now));
        }
        while state.clocks.len() > KEPT_CLOCK_MARKS {
            let oldest = state.clocks.iter().min_by_key(|(boot, (_, at))| (*at, **boot));
            let Some(oldest) = oldest.map(|(boot, _)| *boot) else { break };
            state.clocks.remove(&oldest);
        }
        Ok(leads)
    }

    async fn count_recoveries(&self, count: CountRecoveries) -> Result<Vec<Recovery>> {
        let CountRecoveries { ids, counted } = count;
        let mut state = self.writable()?;
        let count = |id| match counted {
            RecoveryCount::Recovery => state.count_recovery(id),
            RecoveryCount::Trial => state.count_trial(id),
        };
        Ok(ids.into_iter().filter_map(count).collect())
    }
}

impl State {
    fn end_lease(&mut self, node: NodeId) {
        for stored in self.executions.values_mut() {
            let record = &mut stored.record;
            if record.status == Status::Queued && record.owner == Some(node) {
                record.owner = None;
            }
        }
        if let Some(found) = self.nodes.get_mut(&node) {
            found.alive = false;
        }
    }

    fn count_recovery(&mut self, id: ExecutionId) -> Option<Recovery> {
        let seq = self.executions.get(&id)?.record.seq;
        let before = self.recoveries.get(&id).filter(|(at, _)| *at == seq);
        let (recoveries, trials) = before.map_or((0, 0), |(_, r)| (r.recoveries, r.trials));
        let recovery = Recovery { id, recoveries: recoveries + 1, trials };
        self.recoveries.insert(id, (seq, recovery));
        Some(recovery)
    }

    fn count_trial(&mut self, id: ExecutionId) -> Option<Recovery> {
        let (_, recovery) = self.recoveries.get_mut(&id)?;
        recovery.trials += 1;
        Some(*recovery)
    }
}

/// A moment so many microseconds later.
fn shift_time(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(at.as_micros().saturating_add(micros))
}

#[async_trait]
impl MaintenanceStore for MemoryStore {
    async fn purge(&self, purge: Purge) -> Result<u64> {
        let mut state = self.writable()?;
        Ok(match purge {
            Purge::Old(old) => state.purge_old(&old),
            Purge::Ended(ids) => state.purge_ended(ids),
        })
    }

    async fn gauges(&self) -> Result<StoreGauges> {
        let state = self.state();
        let records = state.executions.values().map(|stored| &stored.record);
        let oldest_execution = records.clone().map(|record| (record.id, record.created_at)).min();
        let count = |status| records.clone().filter(|record| record.status == status).count();
        let by_status = Status::ALL.map(|status| count(status) as u64);
        let queued = records.filter(|record| record.status == Status::Queued);
        let queued: BTreeMap<_, _> = queued
            .filter(|record| record.owner.is_none() && !record.waits_for_place())
            .map(|record| (record.id, record.created_at))
            .collect();
        let pending = state.deliveries.values();
        let pending = pending.filter(|delivery| delivery.status == DeliveryStatus::Pending);
        let mut heads = BTreeMap::new();
        for delivery in pending.clone() {
            let place = (delivery.sequence, delivery.id, delivery.created_at);
            let head = heads.entry((delivery.receiver, delivery.subject)).or_insert(place);
            *head = place.min(*head);
        }
        let oldest = heads.values().min_by_key(|(_, id, _)| *id);
        Ok(StoreGauges {
            by_status,
            queued: queued.len() as u64,
            oldest_queued: queued.values().next().copied(),
            pending_deliveries: pending.take(MAX_COUNTED_DELIVERIES).count() as u64,
            oldest_delivery: oldest.map(|(_, _, created_at)| *created_at),
            database_bytes: 0,
            free_bytes: 0,
            oldest_execution: oldest_execution.map(|(_, created_at)| created_at),
            log_bytes: 0,
            places: state.count_places(),
        })
    }
}

impl State {
    /// Deletes executions with everything that belongs to them.
    fn delete_executions(&mut self, ids: &[ExecutionId]) {
        for id in ids {
            self.executions.remove(id);
        }
        let subjects: Vec<SubjectId> = ids.iter().map(|id| (*id).into()).collect();
        self.deliveries.retain(|_, delivery| match delivery.destination {
            Destination::Url(_) => !subjects.contains(&delivery.subject),
            Destination::Webhook(_) => true,
        });
        let Self { attempts, deliveries, .. } = self;
        attempts.retain(|(delivery, _), _| deliveries.contains_key(delivery));
        self.actuals.retain(|_, actual| !ids.contains(&actual.execution));
    }

    /// Returns the number of deleted executions.
    fn purge_old(&mut self, old: &OldData) -> u64 {
        let records = self.executions.values().map(|stored| &stored.record);
        let over = records.filter(|record| self.is_over(record, old));
        let ids: Vec<ExecutionId> = over.take(old.limit).map(|record| record.id).collect();
        self.delete_executions(&ids);
        self.deliveries.retain(|_, delivery| match delivery.destination {
            Destination::Url(_) => true,
            Destination::Webhook(_) => {
                delivery.status == DeliveryStatus::Pending
                    || delivery.created_at >= old.deliveries_before
            }
        });
        let Self { attempts, deliveries, .. } = self;
        attempts.retain(|(delivery, _), _| deliveries.contains_key(delivery));
        self.idempotent.retain(|_, record| record.created_at >= old.idempotency_before);
        if let Some(before) = old.audit_before {
            self.audit.retain(|place, _| place.at >= before);
        }
        ids.len() as u64
    }

    /// Returns the number of deleted executions.
    fn purge_ended(&mut self, mut ids: Vec<ExecutionId>) -> u64 {
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| {
            self.executions.get(id).is_some_and(|stored| stored.record.status.is_final())
        });
        self.delete_executions(&ids);
        ids.len() as u64
    }

    /// Whether the execution has ended and been kept long enough.
    fn is_over(&self, record: &ExecutionRecord, purge: &OldData) -> bool {
        let workflow = self.workflows.get(&record.workflow);
        let own = workflow.and_then(|workflow| workflow.retention_seconds);
        let before = match own {
            Some(seconds) => Some(purge.now.before(std::time::Duration::from_secs(seconds))),
            None => purge.default_before,
        };
        match (record.ended_at, before) {
            (Some(ended), Some(before)) => record.status.is_final() && ended < before,
            _ => false,
        }
    }
}
