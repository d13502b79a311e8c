//! What is put in the outbox as an execution goes on.

use stepwell_core::execution::{Execution, Recorded};
use stepwell_core::ids::DeliveryId;
use stepwell_store::record::{DeliveryRecord, DeliveryStatus, ExecutionRecord};

use super::{body, ended};
use crate::runtime::engine::new_uuid;
use crate::view::{Notice, StepStatus, What, observe};

/// Follows one execution's commits and makes a delivery of each status change, and one of its end;
/// does nothing where no URL was given.
pub(crate) struct Outbox(Option<Following>);

struct Following {
    /// Where every change of a status goes.
    webhook_url: Option<String>,
    /// Where the ended execution goes.
    callback_url: Option<String>,
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
        let (webhook_url, callback_url) = (record.webhook_url.clone(), record.callback_url.clone());
        if webhook_url.is_none() && callback_url.is_none() {
            return Self(None);
        }
        Self(Some({
            let committed = if uncommitted.is_empty() {
                execution.clone()
            } else {
                Execution::new(execution.origin.clone())
            };
            Following { webhook_url, callback_url, record: record.clone(), committed }
        }))
    }

    /// The deliveries of the events that are about to be committed.
    pub(crate) fn take(&mut self, events: &[Recorded]) -> Vec<DeliveryRecord> {
        let Some(following) = &mut self.0 else { return Vec::new() };
        let mut deliveries = Vec::new();
        for event in events {
            let before = following.step_status(event);
            let Some(notice) = observe(&mut following.committed, event) else { continue };
            if let Some(url) = &following.webhook_url
                && is_change(&notice.what, before)
            {
                let status = following.committed.status();
                let body = body::status_change(&following.record, status, &notice);
                deliveries.push(following.delivery(new_id(), url, body, &notice));
            }
            if let Some(url) = &following.callback_url
                && event.event.is_final()
            {
                let id = new_id();
                let body = ended::body(id, &following.committed, &following.record);
                deliveries.push(following.delivery(id, url, body, &notice));
            }
        }
        deliveries
    }
}

fn new_id() -> DeliveryId {
    DeliveryId::from_uuid(new_uuid())
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

    fn delivery(&self, id: DeliveryId, url: &str, body: String, notice: &Notice) -> DeliveryRecord {
        DeliveryRecord {
            id,
            execution: self.record.id,
            sequence: notice.seq,
            workspace: self.record.workspace,
            url: url.to_owned(),
            body,
            status: DeliveryStatus::Pending,
            attempts: 0,
            created_at: notice.at,
            next_attempt_at: notice.at,
            last_result: None,
        }
    }
}
