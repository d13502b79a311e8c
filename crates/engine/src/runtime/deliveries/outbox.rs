//! What is put in the outbox as an execution goes on.

use stepwell_core::execution::{Execution, Recorded};
use stepwell_core::ids::DeliveryId;
use stepwell_store::record::{DeliveryRecord, DeliveryStatus, ExecutionRecord};

use super::body;
use crate::runtime::engine::new_uuid;
use crate::view::{Notice, StepStatus, What, observe};

/// Follows one execution's commits and makes a delivery of each status change; does nothing where
/// no URL was given.
pub(crate) struct Outbox(Option<Following>);

struct Following {
    url: String,
    record: ExecutionRecord,
    /// The execution as of the last commit.
    committed: Execution,
}

impl Outbox {
    /// `execution` stands after `uncommitted`, of which no commit has told yet: either these are
    /// its whole journal, or there are none.
    pub(crate) fn new(
        record: &ExecutionRecord,
        execution: &Execution,
        uncommitted: &[Recorded],
    ) -> Self {
        Self(record.webhook_url.clone().map(|url| {
            let committed = if uncommitted.is_empty() {
                execution.clone()
            } else {
                Execution::new(execution.origin.clone())
            };
            Following { url, record: record.clone(), committed }
        }))
    }

    /// The deliveries of the events that are about to be committed.
    pub(crate) fn take(&mut self, events: &[Recorded]) -> Vec<DeliveryRecord> {
        let Some(following) = &mut self.0 else { return Vec::new() };
        let mut deliveries = Vec::new();
        for event in events {
            let before = following.step_status(event);
            if let Some(notice) = observe(&mut following.committed, event)
                && is_change(&notice.what, before)
            {
                deliveries.push(following.delivery(&notice));
            }
        }
        deliveries
    }
}

/// Whether what happened is a change of a status as it is told: a step that waits, or is tried
/// again, is still running.
fn is_change(what: &What, before: Option<&'static str>) -> bool {
    match what {
        What::Status { .. } => true,
        What::Step { step, .. } => before != Some(body::step_status(step.status)),
        What::Delta { .. } | What::Log(_) => false,
    }
}

impl Following {
    /// The status, as it is told, of the step that an event is about.
    fn step_status(&self, event: &Recorded) -> Option<&'static str> {
        let run = self.committed.steps.get(event.event.step()?)?;
        Some(body::step_status(StepStatus::from(&run.state)))
    }

    fn delivery(&self, notice: &Notice) -> DeliveryRecord {
        DeliveryRecord {
            id: DeliveryId::from_uuid(new_uuid()),
            execution: self.record.id,
            sequence: notice.seq,
            workspace: self.record.workspace,
            url: self.url.clone(),
            body: body::status_change(&self.record, self.committed.status(), notice),
            status: DeliveryStatus::Pending,
            attempts: 0,
            created_at: notice.at,
            next_attempt_at: notice.at,
            last_result: None,
        }
    }
}
