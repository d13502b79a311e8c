//! Places under the concurrency limits of workflows.

use std::collections::BTreeMap;

use stepwell_core::execution::{OutgoingMessage, Status};
use stepwell_core::ids::{ExecutionId, WorkflowId};

use super::{Result, State};
use crate::StoreError;
use crate::commit::{Admission, Displaced};
use crate::record::{ExecutionRecord, PlaceRecord};
use crate::traits::{ConcurrencyKey, MAX_COUNTED_WORKFLOWS, WorkflowPlaces};

/// The executions that share places.
pub(super) struct PlaceKey {
    workflow: WorkflowId,
    key: String,
}

impl PlaceKey {
    pub(super) fn of(record: &ExecutionRecord) -> Option<Self> {
        let place = record.concurrency.as_ref()?;
        Some(Self { workflow: record.workflow, key: place.needed.key.clone() })
    }
}

/// Whether an execution shares the places of a key.
pub(super) fn shares_place(record: &ExecutionRecord, of: &ConcurrencyKey) -> bool {
    let place = record.concurrency.as_ref();
    record.workflow == of.workflow && place.is_some_and(|place| place.needed.key == of.key)
}

impl State {
    /// The executions with the key that have not ended, in order of id.
    fn sharing<'a>(
        &'a self,
        key: &'a PlaceKey,
    ) -> impl Iterator<Item = (&'a ExecutionRecord, &'a PlaceRecord)> {
        let records = self.executions.values().map(|stored| &stored.record);
        let sharing = records.filter_map(|record| Some((record, record.concurrency.as_deref()?)));
        sharing.filter(|(record, place)| {
            record.workflow == key.workflow
                && place.needed.key == key.key
                && !record.status.is_final()
        })
    }

    /// The places of each workflow that are taken or waited for.
    pub(super) fn count_places(&self) -> Vec<WorkflowPlaces> {
        let mut counts: BTreeMap<WorkflowId, (u64, u64)> = BTreeMap::new();
        for record in self.executions.values().map(|stored| &stored.record) {
            let Some(place) = record.concurrency.as_deref() else { continue };
            match (place.is_granted, record.status) {
                (_, status) if status.is_final() => {}
                (true, _) => counts.entry(record.workflow).or_default().0 += 1,
                (false, Status::Queued) => counts.entry(record.workflow).or_default().1 += 1,
                (false, _) => {}
            }
        }
        let counts = counts.into_iter().take(MAX_COUNTED_WORKFLOWS);
        counts
            .map(|(workflow, (taken, waiting))| WorkflowPlaces { workflow, taken, waiting })
            .collect()
    }

    fn taken_places(&self, key: &PlaceKey) -> usize {
        self.sharing(key).filter(|(_, place)| place.is_granted).count()
    }

    /// Gives places to the oldest queued executions with the key, as long as there are some.
    pub(super) fn grant_places(&mut self, key: &PlaceKey) {
        loop {
            let mut waiting = self
                .sharing(key)
                .filter(|(record, place)| !place.is_granted && record.status == Status::Queued);
            let Some((record, place)) = waiting.next() else { return };
            let (id, limit) = (record.id, place.needed.limit as usize);
            drop(waiting);
            if self.taken_places(key) >= limit {
                return;
            }
            let stored = self.executions.get_mut(&id);
            if let Some(place) = stored.and_then(|stored| stored.record.concurrency.as_mut()) {
                place.is_granted = true;
            }
        }
    }

    /// Rejects a new execution that requires a place at once.
    pub(super) fn require_place(
        &self,
        record: &ExecutionRecord,
        admission: &Admission,
    ) -> Result<()> {
        match self.missing_place(record).filter(|_| *admission == Admission::RequirePlace) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Why a new execution would not get its place at once; `None`: it would, or needs none.
    pub(super) fn missing_place(&self, record: &ExecutionRecord) -> Option<StoreError> {
        let key = PlaceKey::of(record)?;
        let limit = record.concurrency.as_ref()?.needed.limit;
        let taken = self.taken_places(&key);
        (taken >= limit as usize).then_some(StoreError::NoPlace { taken: taken as u64, limit })
    }

    /// Sends the messages that the acceptance of an execution causes.
    pub(super) fn admit(&mut self, id: ExecutionId, admission: Admission) {
        let Admission::Displace(displaced, message) = admission else { return };
        let record = self.executions.get(&id).map(|stored| &stored.record);
        let Some((key, limit)) = record.and_then(|record| {
            let limit = record.concurrency.as_ref()?.needed.limit as usize;
            Some((PlaceKey::of(record)?, limit))
        }) else {
            return;
        };
        let others = self.sharing(&key).filter(|(record, _)| record.id != id);
        let others: Vec<ExecutionId> = match displaced {
            Displaced::Waiting => {
                others.filter(|(_, place)| !place.is_granted).map(|(record, _)| record.id).collect()
            }
            Displaced::Oldest => {
                let mut all: Vec<_> = others.collect();
                all.sort_by_key(|(_, place)| !place.is_granted);
                all.truncate((all.len() + 1).saturating_sub(limit));
                all.into_iter().map(|(record, _)| record.id).collect()
            }
        };
        let message = |to| OutgoingMessage { to, message: message.clone() };
        self.send_messages(others.into_iter().map(message).collect());
    }
}
