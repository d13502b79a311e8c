//! The waits of an execution for signals with a correlation key, as stored objects. They are
//! derived from the state: what a commit changes is the difference to what is stored.

use std::collections::BTreeMap;

use stepwell_core::Timestamp;
use stepwell_core::catalog::StepAction;
use stepwell_core::execution::{Execution, RecordedEvent};
use stepwell_core::ids::SubjectId;
use stepwell_store::Effects;
use stepwell_store::commit::Commit;
use stepwell_store::objects::{DeleteObject, ObjectBatch};
use stepwell_store::record::ExecutionRecord;
use uuid::Uuid;

use crate::approval::Approval;
use crate::objects::{Document, Object};
use crate::signal::{SignalKey, StoredWait};

/// A wait and when it began.
#[derive(Debug, Clone)]
struct KeyedWait {
    key: SignalKey,
    since: Timestamp,
}

/// The waits that are stored.
#[derive(Debug, Default)]
pub(super) struct SignalWaits {
    /// Whether the plan has steps that wait for signals.
    can_wait: bool,
    stored: BTreeMap<SubjectId, KeyedWait>,
    /// The waits after the commit in progress.
    next: BTreeMap<SubjectId, KeyedWait>,
}

impl SignalWaits {
    /// Those of an execution, all but `uncommitted` of whose events are stored.
    pub(super) fn of(execution: &Execution, uncommitted: &[RecordedEvent]) -> Self {
        let steps = &execution.origin.plan.steps;
        let can_wait = steps.iter().any(|step| step.action == StepAction::WaitForSignal);
        let mut waits = Self { can_wait, ..Self::default() };
        // A new execution has not begun to wait.
        if uncommitted.is_empty() {
            waits.stored = waits.of_state(execution);
        }
        waits
    }

    fn of_state(&self, execution: &Execution) -> BTreeMap<SubjectId, KeyedWait> {
        if !self.can_wait || execution.status().is_final() {
            return BTreeMap::new();
        }
        let keyed = execution.signal_waits().filter_map(|(step, wait)| {
            let key = SignalKey { signal: wait.name.clone(), key: wait.key.clone()? };
            let attempt = execution.steps.run(&step).attempts;
            let name = format!("{}/{}/{attempt}", step.step.number(), step.path);
            let id = Uuid::new_v5(&execution.origin.id.uuid(), name.as_bytes());
            Some((SubjectId::from_uuid(id), KeyedWait { key, since: wait.since }))
        });
        keyed.collect()
    }

    /// Adds the changes of the waits to the objects of a commit.
    pub(super) fn add_changes(
        &mut self,
        execution: &Execution,
        record: &ExecutionRecord,
        objects: Option<Box<ObjectBatch>>,
    ) -> Option<Box<ObjectBatch>> {
        if !self.can_wait {
            return objects;
        }
        self.next = self.of_state(execution);
        let mut batch = objects.unwrap_or_default();
        let begun = self.next.iter().filter(|(id, _)| !self.stored.contains_key(*id));
        batch.puts.extend(begun.filter_map(|(id, KeyedWait { key, since })| {
            let document = StoredWait { key: key.clone(), execution: record.id };
            // A document of texts is always a JSON object.
            Object::new(*id, record.workspace, *since, document).to_stored().ok()
        }));
        let ended = self.stored.keys().filter(|id| !self.next.contains_key(*id));
        let deleted =
            |id: &SubjectId| DeleteObject { kind: StoredWait::KIND, id: *id, expected: None };
        batch.deletes.extend(ended.map(deleted));
        let is_empty = batch.has_no_changes() && batch.effects == Effects::default();
        (!is_empty).then_some(batch)
    }

    /// Takes note that the commit is stored, and returns the waits that began with it.
    pub(super) fn set_stored(&mut self, commit: &Commit) -> Vec<SignalKey> {
        if !self.can_wait || commit.objects.is_none() {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.stored, self.next.clone());
        let begun = self.stored.iter().filter(|(id, _)| !before.contains_key(*id));
        begun.map(|(_, wait)| wait.key.clone()).collect()
    }

    /// The objects of a commit that failed, without the waits and approvals, which are derived again.
    pub(super) fn without_waits(mut objects: Box<ObjectBatch>) -> Option<Box<ObjectBatch>> {
        let is_derived = |kind| kind == StoredWait::KIND || kind == Approval::KIND;
        objects.puts.retain(|object| !is_derived(object.kind));
        objects.deletes.retain(|object| object.kind != StoredWait::KIND);
        Some(objects)
    }
}
