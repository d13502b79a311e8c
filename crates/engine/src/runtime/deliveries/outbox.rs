//! The deliveries of an execution's events: status changes for its `webhook_url`, its end for its
//! `callback_url`, events for subscribed webhooks.

use stepwell_core::execution::{ApprovalEvent, AttemptId, Event, Execution, RecordedEvent};
use stepwell_core::ids::{DeliveryId, ReceiverId};
use stepwell_core::{Timestamp, Topic};
use stepwell_store::record::{DeliveryRecord, DeliveryStatus, Destination, ExecutionRecord};

use super::webhook_events::EventContext;
use crate::approval::Approval;
use crate::egress::url_origin;
use crate::memory::Hold;
use crate::objects::Object;
use crate::payload::{SignalPayload, StatusChange, StepPayload};
use crate::runtime::engine::{Engine, new_uuid};
use crate::view::{self, ExecutionView, Notice, NoticeKind, StepStatus, observe_event};

/// The topics of executions that webhooks can subscribe to.
const TOPICS: [Topic; 12] = [
    Topic::WorkflowExecuted,
    Topic::StepCompleted,
    Topic::ExecutionCompleted,
    Topic::ExecutionFailed,
    Topic::ExecutionCancelled,
    Topic::ExecutionPaused,
    Topic::ExecutionResumed,
    Topic::SignalReceived,
    Topic::ApprovalRequested,
    Topic::ApprovalReminded,
    Topic::ApprovalDecided,
    Topic::ApprovalExpired,
];

/// The event names of status changes for an execution's `webhook_url`: of the execution, and of a
/// task. Deliveries stored by earlier versions have the first one for both.
pub(super) const EXECUTION_STATUS: &str = "execution.status";
pub(super) const TASK_STATUS: &str = "task.status";

/// Follows the commits of one execution while it has receivers; without receivers it costs nothing.
#[derive(Default)]
pub(crate) struct Outbox {
    /// The execution as of the last commit; `None`: that one had no receivers.
    committed: Option<Box<Execution>>,
}

/// Events that are about to be committed.
pub(crate) struct Uncommitted<'a> {
    /// The execution's record.
    pub(crate) record: &'a ExecutionRecord,
    /// The execution after these events.
    pub(crate) execution: &'a Execution,
    /// The events.
    pub(crate) events: &'a [RecordedEvent],
}

impl Outbox {
    /// The deliveries of events that are about to be committed. `journal` returns the events that
    /// were committed before; it is called if they were not followed.
    pub(crate) fn build_deliveries(
        &mut self,
        engine: &Engine,
        uncommitted: &Uncommitted<'_>,
        journal: impl FnOnce() -> Vec<RecordedEvent>,
    ) -> Vec<DeliveryRecord> {
        let Uncommitted { record, execution, events } = uncommitted;
        let is_subscribed = engine.subscriptions.want(record.workspace, &TOPICS);
        if record.webhook_url.is_none() && record.callback_url.is_none() && !is_subscribed {
            self.committed = None;
            return Vec::new();
        }
        let committed = self.committed.get_or_insert_with(|| {
            let mut start = Execution::new(execution.origin.clone());
            journal().iter().for_each(|event| start.apply_event(event));
            Box::new(start)
        });
        let mut builder = DeliveryBuilder { engine, record, committed, deliveries: Vec::new() };
        for event in *events {
            builder.add_event(event);
        }
        builder.deliveries
    }
}

/// Builds the deliveries of consecutive events of an execution.
struct DeliveryBuilder<'a> {
    engine: &'a Engine,
    record: &'a ExecutionRecord,
    /// The execution after the events so far.
    committed: &'a mut Execution,
    deliveries: Vec<DeliveryRecord>,
}

impl DeliveryBuilder<'_> {
    fn add_event(&mut self, event: &RecordedEvent) {
        match &self.record.webhook_url {
            // Without a URL, status changes need not be found.
            None => self.committed.apply_event(event),
            Some(url) => {
                let before = self.step_status(event);
                if let Some(notice) = observe_event(self.committed, event)
                    && is_status_change(&notice.kind, before)
                {
                    self.deliveries.push(self.status_delivery(url, &notice));
                }
            }
        }
        if let Some(url) = &self.record.callback_url
            && event.event.is_final()
        {
            self.deliveries.push(self.callback_delivery(url, event));
        }
        if let Some(topic) = topic_of(&event.event) {
            let context = EventContext {
                sequence: event.seq,
                sensitive: self.is_sensitive(),
                ..EventContext::new(self.record.workspace, self.record.id, event.at)
            };
            let data = || self.event_data(event);
            let deliveries = self.engine.build_webhook_deliveries(topic, context, data);
            self.deliveries.extend(deliveries);
        }
    }

    /// Whether receivers may know secrets of the execution. Old journals do not record whether it
    /// came with secrets; then the plan decides.
    fn is_sensitive(&self) -> bool {
        let steps = &self.committed.origin.plan.steps;
        self.committed.has_secrets || steps.iter().any(|step| !step.secrets.is_empty())
    }

    /// The data of an event for webhooks; the execution is the one after it.
    fn event_data(&self, event: &RecordedEvent) -> String {
        let workflow_name = &self.committed.origin.plan.name;
        if let Event::SignalReceived { signal, key, id, data } = &event.event {
            let (key, id) = (key.as_deref(), id.as_deref());
            return self.engine.payloads.render_signal(SignalPayload {
                execution: self.record,
                workflow_name,
                name: signal,
                key,
                id,
                data,
            });
        }
        if let Some(approval) = self.approval_of(event) {
            return self.engine.payloads.render_approval(&approval, workflow_name);
        }
        let step = event.event.step_run().and_then(|id| view::step_view(self.committed, id));
        match step {
            Some(step) => self.engine.payloads.render_step(StepPayload {
                execution: self.record,
                status: self.committed.status(),
                workflow_name,
                step: &step,
            }),
            None => {
                let view = ExecutionView::new(self.committed, self.record, Hold::default());
                self.engine.payloads.render_execution(&view, workflow_name)
            }
        }
    }

    /// The approval that an event is about, as it is after the event.
    fn approval_of(&self, event: &RecordedEvent) -> Option<Object<Approval>> {
        let Event::Approval { step: id, .. } = &event.event else { return None };
        let attempt = self.committed.steps.run(id).attempts;
        let attempt = AttemptId { step_run: id.clone(), attempt };
        let wait = self.committed.approval(&attempt)?;
        let mut approval = Approval::of_wait(self.committed, id, wait);
        approval.apply_event(&event.event, event.at);
        let id = Approval::id_of(self.record.id, &attempt);
        let object = Object::new(id, self.record.workspace, wait.since, approval);
        Some(Object { updated_at: event.at, ..object })
    }

    /// The status that receivers know of the step that an event is about.
    fn step_status(&self, event: &RecordedEvent) -> Option<StepStatus> {
        let run = self.committed.steps.get(event.event.step_run()?)?;
        Some(as_reported(StepStatus::from(&run.state)))
    }

    fn status_delivery(&self, url: &str, notice: &Notice) -> DeliveryRecord {
        let change =
            StatusChange { execution: self.record, status: self.committed.status(), notice };
        let body = self.engine.payloads.render_status_change(change);
        let name = match &notice.kind {
            NoticeKind::Step { .. } => TASK_STATUS,
            _ => EXECUTION_STATUS,
        };
        self.new_delivery(url, notice.seq, notice.at, DeliveryContent { name, body })
    }

    /// The delivery of the execution's end, whichever it is, to the `callback_url`.
    fn callback_delivery(&self, url: &str, event: &RecordedEvent) -> DeliveryRecord {
        // These two names are all that receivers of a `callback_url` know; `data` has the status.
        let topic = match event.event {
            Event::Completed { .. } => Topic::ExecutionCompleted,
            _ => Topic::ExecutionFailed,
        };
        let name = topic.name();
        let body = self.engine.event_body(name, event.at, self.event_data(event));
        self.new_delivery(url, event.seq, event.at, DeliveryContent { name, body })
    }

    fn new_delivery(
        &self,
        url: &str,
        sequence: u64,
        at: Timestamp,
        content: DeliveryContent<'_>,
    ) -> DeliveryRecord {
        let DeliveryContent { name, body } = content;
        DeliveryRecord {
            id: DeliveryId::from_uuid(new_uuid()),
            destination: Destination::Url(url.to_owned()),
            receiver: ReceiverId::of_origin(&url_origin(url)),
            subject: self.record.id.into(),
            sequence,
            workspace: self.record.workspace,
            event: name.to_owned(),
            body: body.into(),
            status: DeliveryStatus::Pending,
            attempts: 0,
            created_at: at,
            next_attempt_at: at,
            give_up_at: self.engine.config().give_up_at(at),
            sensitive: self.is_sensitive(),
        }
    }
}

/// What a receiver is sent.
struct DeliveryContent<'a> {
    /// The name of the event.
    name: &'a str,
    body: String,
}

/// The topic of an event of the journal, if webhooks can subscribe to it.
const fn topic_of(event: &Event) -> Option<Topic> {
    match event {
        Event::Started => Some(Topic::WorkflowExecuted),
        Event::StepCompleted { .. } => Some(Topic::StepCompleted),
        Event::Completed { .. } => Some(Topic::ExecutionCompleted),
        Event::SignalReceived { .. } => Some(Topic::SignalReceived),
        Event::Approval { event, .. } => approval_topic(event),
        Event::Failed { .. } | Event::TimedOut { .. } => Some(Topic::ExecutionFailed),
        Event::Cancelled { .. } => Some(Topic::ExecutionCancelled),
        Event::Paused => Some(Topic::ExecutionPaused),
        Event::Resumed => Some(Topic::ExecutionResumed),
        _ => None,
    }
}

const fn approval_topic(event: &ApprovalEvent) -> Option<Topic> {
    match event {
        ApprovalEvent::Requested { .. } => Some(Topic::ApprovalRequested),
        ApprovalEvent::Reminded { .. } | ApprovalEvent::Escalated { .. } => {
            Some(Topic::ApprovalReminded)
        }
        ApprovalEvent::Ended { outcome } if outcome.is_expired() => Some(Topic::ApprovalExpired),
        ApprovalEvent::Ended { .. } => Some(Topic::ApprovalDecided),
        ApprovalEvent::Voted { .. } | ApprovalEvent::Delegated { .. } => None,
    }
}

/// Whether a notice changes a status that receivers know.
fn is_status_change(kind: &NoticeKind, before: Option<StepStatus>) -> bool {
    match kind {
        NoticeKind::Status { .. } => true,
        NoticeKind::Step { step, .. } => before != Some(as_reported(step.status)),
        NoticeKind::Delta { .. } | NoticeKind::Log(_) => false,
    }
}

/// The status as receivers know it: a waiting step is reported as running.
const fn as_reported(status: StepStatus) -> StepStatus {
    match status {
        StepStatus::Waiting => StepStatus::Running,
        other => other,
    }
}
