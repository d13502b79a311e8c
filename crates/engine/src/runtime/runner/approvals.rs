//! The approvals of an execution, as stored objects. They are derived from the state and its events,
//! and written in the same commit.

use std::collections::BTreeMap;

use stepwell_core::catalog::StepAction;
use stepwell_core::execution::{AttemptId, Execution, RecordedEvent, StepRunId};
use stepwell_store::StoreError;
use stepwell_store::objects::ObjectBatch;
use stepwell_store::record::ExecutionRecord;

use crate::approval::Approval;
use crate::objects::{self, Object};
use crate::runtime::engine::Engine;

/// The approvals that are stored and pending.
#[derive(Debug, Default)]
pub(crate) struct StoredApprovals {
    stored: BTreeMap<StepRunId, Object<Approval>>,
    /// Those after the commit in progress.
    next: BTreeMap<StepRunId, Object<Approval>>,
}

/// Whether steps of the plan can wait for approvals.
fn has_approvals(execution: &Execution) -> bool {
    execution.origin.plan.steps.iter().any(|step| step.action == StepAction::Approval)
}

impl StoredApprovals {
    /// The pending approvals of an execution, as they are stored.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn load(engine: &Engine, execution: &Execution) -> Result<Self, StoreError> {
        let mut stored = BTreeMap::new();
        if !has_approvals(execution) {
            return Ok(Self::default());
        }
        let waits: Vec<StepRunId> = execution.approval_waits().map(|(id, _)| id).collect();
        for step in waits {
            let attempt = execution.steps.run(&step).attempts;
            let id = AttemptId { step_run: step.clone(), attempt };
            let id = Approval::id_of(execution.origin.id, &id);
            if let Some(found) = objects::find_object(&*engine.store, id).await? {
                stored.insert(step, found);
            }
        }
        Ok(Self { stored, next: BTreeMap::new() })
    }

    /// Adds the changes of the approvals to the objects of a commit.
    pub(super) fn add_changes(
        &mut self,
        execution: &Execution,
        record: &ExecutionRecord,
        events: &[RecordedEvent],
        objects: Option<Box<ObjectBatch>>,
    ) -> Option<Box<ObjectBatch>> {
        if !has_approvals(execution) {
            return objects;
        }
        let workspace = record.workspace;
        let mut puts = Vec::new();
        self.next = BTreeMap::new();
        for (step, wait) in execution.approval_waits() {
            let document = Approval::of_wait(execution, &step, wait);
            let attempt =
                AttemptId { step_run: step.clone(), attempt: execution.steps.run(&step).attempts };
            let id = Approval::id_of(execution.origin.id, &attempt);
            let object = match self.stored.get(&step).filter(|stored| stored.id == id) {
                Some(stored) if stored.document == document => stored.clone(),
                Some(stored) => stored.next(last_change(events, wait.since), document),
                None => Object::new(id, workspace, wait.since, document),
            };
            if self.stored.get(&step) != Some(&object) {
                // An approval is always a JSON object.
                puts.extend(object.to_stored().ok());
            }
            self.next.insert(step, object);
        }
        for (step, stored) in &self.stored {
            if self.next.get(step).is_some_and(|next| next.id == stored.id) {
                continue;
            }
            let mut document = stored.document.clone();
            let of_step = events.iter().filter(|event| event.event.step_run() == Some(step));
            let mut ended = false;
            for event in of_step {
                ended = ended || document.apply_event(&event.event, event.at);
            }
            if ended {
                let at = document.ended_at.unwrap_or(stored.updated_at);
                puts.extend(stored.next(at, document).to_stored().ok());
            }
        }
        if puts.is_empty() {
            return objects;
        }
        let mut batch = objects.unwrap_or_default();
        batch.puts.extend(puts);
        Some(batch)
    }

    /// Takes note that the commit is stored.
    pub(super) fn set_stored(&mut self) {
        self.stored = std::mem::take(&mut self.next);
    }
}

fn last_change(
    events: &[RecordedEvent],
    since: stepwell_core::Timestamp,
) -> stepwell_core::Timestamp {
    events.last().map_or(since, |event| event.at)
}
