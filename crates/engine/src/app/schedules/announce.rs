//! What webhooks are told of schedules. Nothing here stores anything.
//!
//! Those that go with a workflow that is deleted are not told of one by one: there can be many, and
//! `workflow.deleted` says it.

use stepwell_core::{Timestamp, Topic};
use stepwell_store::Effects;
use stepwell_store::record::ExecutionRecord;
use stepwell_store::schedules::ScheduleRecord;

use super::{App, ScheduleView};
use crate::AppError;
use crate::runtime::deliveries::EventContext;

impl App {
    /// What it causes that somebody made, changed or deleted a schedule, which stands so now.
    pub(super) async fn tell_of_schedule(
        &self,
        topic: Topic,
        schedule: &ScheduleRecord,
        at: Timestamp,
    ) -> Result<Effects, AppError> {
        if !self.engine.hooks.want(schedule.workspace, &[topic]) {
            return Ok(Effects::default());
        }
        let view = self.schedule_view(schedule.clone()).await?;
        Ok(self.announce_schedule(topic, &view, at))
    }

    /// What it causes that a schedule starts an execution.
    pub(super) fn tell_of_firing(
        &self,
        schedule: &ScheduleRecord,
        workflow_name: &str,
        execution: &ExecutionRecord,
    ) -> Effects {
        let topic = Topic::ScheduleTriggered;
        if !self.engine.hooks.want(schedule.workspace, &[topic]) {
            return Effects::default();
        }
        let view = ScheduleView {
            record: schedule.clone(),
            workflow_name: workflow_name.to_owned(),
            last: Some(execution.clone()),
        };
        self.announce_schedule(topic, &view, schedule.updated_at)
    }

    fn announce_schedule(&self, topic: Topic, view: &ScheduleView, at: Timestamp) -> Effects {
        let ScheduleRecord { id, workspace, version, .. } = view.record;
        // Versions have no ties, as times can.
        let context = EventContext { sequence: version, ..EventContext::new(workspace, id, at) };
        let data = || self.engine.payloads.render_schedule(view);
        Effects::with_deliveries(self.engine.build_webhook_deliveries(topic, context, data))
    }
}
