//! What is put in the outbox as an execution goes on: changes of status for the URL that it was
//! given, events for the webhooks that want them.

use stepwell_core::execution::{Event, Execution, RecordedEvent};
use stepwell_core::ids::{DeliveryId, ReceiverId};
use stepwell_core::{Timestamp, Topic};
use stepwell_store::record::{DeliveryRecord, DeliveryStatus, Destination, ExecutionRecord};

use super::announce::Happened;
use crate::egress::origin;
use crate::memory::Hold;
use crate::runtime::engine::{Engine, new_uuid};
use crate::tell::{StatusChange, StepOf};
use crate::view::{self, ExecutionView, Notice, StepStatus, What, observe};

/// What webhooks can be told of an execution.
const TOPICS: [Topic; 4] = [
    Topic::WorkflowExecuted,
    Topic::StepCompleted,
    Topic::ExecutionCompleted,
    Topic::ExecutionFailed,
];

/// What an execution was given as the place for its changes of status is called.
pub(super) const STATUS: &str = "execution.status";

/// Follows one execution's commits while somebody is to be told of them; costs nothing while
/// nobody is.
#[derive(Default)]
pub(crate) struct Outbox {
    /// The execution as of the last commit; `None`: nobody was told of that one.
    committed: Option<Box<Execution>>,
}

/// What is about to be committed.
pub(crate) struct Uncommitted<'a> {
    /// The execution's identity.
    pub(crate) record: &'a ExecutionRecord,
    /// The execution after these events.
    pub(crate) execution: &'a Execution,
    /// The events.
    pub(crate) events: &'a [RecordedEvent],
}

impl Outbox {
    /// The deliveries of the events that are about to be committed. `before` gives the journal
    /// that was committed before; it is asked for where that was not followed.
    pub(crate) fn take(
        &mut self,
        engine: &Engine,
        uncommitted: &Uncommitted<'_>,
        before: impl FnOnce() -> Vec<RecordedEvent>,
    ) -> Vec<DeliveryRecord> {
        let Uncommitted { record, execution, events } = uncommitted;
        let wanted = engine.hooks.want(record.workspace, &TOPICS);
        if record.webhook_url.is_none() && record.callback_url.is_none() && !wanted {
            self.committed = None;
            return Vec::new();
        }
        let committed = self.committed.get_or_insert_with(|| {
            let mut start = Execution::new(execution.origin.clone());
            before().iter().for_each(|event| start.apply_event(event));
            Box::new(start)
        });
        let mut telling = Telling { engine, record, committed, deliveries: Vec::new() };
        for event in *events {
            telling.tell(event);
        }
        telling.deliveries
    }
}

struct Telling<'a> {
    engine: &'a Engine,
    record: &'a ExecutionRecord,
    committed: &'a mut Execution,
    deliveries: Vec<DeliveryRecord>,
}

impl Telling<'_> {
    fn tell(&mut self, event: &RecordedEvent) {
        match &self.record.webhook_url {
            // Nobody looks at each change.
            None => self.committed.apply_event(event),
            Some(url) => {
                let before = self.step_status(event);
                if let Some(notice) = observe(self.committed, event)
                    && is_change(&notice.what, before)
                {
                    self.deliveries.push(self.to_url(url, &notice));
                }
            }
        }
        if let Some(url) = &self.record.callback_url
            && event.event.is_final()
        {
            self.deliveries.push(self.to_callback(url, event));
        }
        if let Some(topic) = topic(&event.event) {
            let happened = Happened {
                sequence: event.seq,
                sensitive: self.is_sensitive(),
                ..Happened::to(self.record.workspace, self.record.id, event.at)
            };
            let told = self.engine.announce(topic, happened, || self.data(event));
            self.deliveries.extend(told);
        }
    }

    /// Whether receivers may know secrets of the execution. Journals of before it was noted there
    /// do not show whether it came with some.
    fn is_sensitive(&self) -> bool {
        let steps = &self.committed.origin.plan.steps;
        self.committed.has_secrets || steps.iter().any(|step| !step.secrets.is_empty())
    }

    /// The data of an event for webhooks; the execution stands after it.
    fn data(&self, event: &RecordedEvent) -> String {
        let workflow_name = &self.committed.origin.plan.name;
        let step = event.event.step_run().and_then(|id| view::step(self.committed, id));
        match step {
            Some(step) => self.engine.tell.step(StepOf {
                execution: self.record,
                status: self.committed.status(),
                workflow_name,
                step: &step,
            }),
            None => {
                let view = ExecutionView::new(self.committed, self.record, Hold::default());
                self.engine.tell.execution(&view, workflow_name)
            }
        }
    }

    /// The status, as it is told, of the step that an event is about.
    fn step_status(&self, event: &RecordedEvent) -> Option<StepStatus> {
        let run = self.committed.steps.get(event.event.step_run()?)?;
        Some(told(StepStatus::from(&run.state)))
    }

    fn to_url(&self, url: &str, notice: &Notice) -> DeliveryRecord {
        let change =
            StatusChange { execution: self.record, status: self.committed.status(), notice };
        let body = self.engine.tell.status_change(change);
        self.to(url, (notice.seq, notice.at), STATUS, body)
    }

    /// Whoever waits for the end is told of every one, also of a cancelled execution.
    fn to_callback(&self, url: &str, event: &RecordedEvent) -> DeliveryRecord {
        let name = topic(&event.event).unwrap_or(Topic::ExecutionFailed).name();
        let body = self.engine.body(name, event.at, self.data(event));
        self.to(url, (event.seq, event.at), name, body)
    }

    fn to(
        &self,
        url: &str,
        (sequence, at): (u64, Timestamp),
        name: &str,
        body: String,
    ) -> DeliveryRecord {
        DeliveryRecord {
            id: DeliveryId::from_uuid(new_uuid()),
            destination: Destination::Url(url.to_owned()),
            receiver: ReceiverId::of_origin(&origin(url)),
            subject: self.record.id.into(),
            sequence,
            workspace: self.record.workspace,
            event: name.to_owned(),
            body: body.into(),
            status: DeliveryStatus::Pending,
            attempts: 0,
            created_at: at,
            next_attempt_at: at,
            give_up_at: self.engine.config.give_up_at(at),
            sensitive: self.is_sensitive(),
        }
    }
}

/// What webhooks are told by an event of the journal. Nobody is told that an execution was
/// cancelled: that is neither success nor failure, and whoever did it knows.
const fn topic(event: &Event) -> Option<Topic> {
    match event {
        Event::Started => Some(Topic::WorkflowExecuted),
        Event::StepCompleted { .. } => Some(Topic::StepCompleted),
        Event::Completed { .. } => Some(Topic::ExecutionCompleted),
        Event::Failed { .. } | Event::TimedOut { .. } => Some(Topic::ExecutionFailed),
        _ => None,
    }
}

/// Whether what happened is a change of a status as it is told.
fn is_change(what: &What, before: Option<StepStatus>) -> bool {
    match what {
        What::Status { .. } => true,
        What::Step { step, .. } => before != Some(told(step.status)),
        What::Delta { .. } | What::Log(_) => false,
    }
}

/// A step that waits, or is tried again, is still running for whoever is told.
const fn told(status: StepStatus) -> StepStatus {
    match status {
        StepStatus::Waiting => StepStatus::Running,
        other => other,
    }
}
