//! Deliveries to webhooks about schedules. Nothing here stores anything.
//!
//! Schedules that are deleted with their workflow have no deliveries of their own: there can be
//! many, and `workflow.deleted` implies it.

use stepwell_core::{Timestamp, Topic};
use stepwell_store::Effects;
use stepwell_store::record::ExecutionRecord;

use super::{App, ScheduleView};
use crate::AppError;
use crate::objects::Object;
use crate::runtime::deliveries::EventContext;
use crate::schedule::Schedule;

impl App {
    /// Effects of creating, changing or deleting a schedule.
    pub(super) async fn schedule_effects(
        &self,
        topic: Topic,
        schedule: &Object<Schedule>,
        at: Timestamp,
    ) -> Result<Effects, AppError> {
        if !self.engine.subscriptions.want(schedule.workspace, &[topic]) {
            return Ok(Effects::default());
        }
        let view = self.schedule_view(schedule.clone()).await?;
        Ok(self.announce_schedule(topic, &view, at))
    }

    /// Effects of starting an execution.
    pub(super) fn firing_effects(
        &self,
        schedule: &Object<Schedule>,
        workflow_name: &str,
        execution: &ExecutionRecord,
    ) -> Effects {
        let topic = Topic::ScheduleTriggered;
        if !self.engine.subscriptions.want(schedule.workspace, &[topic]) {
            return Effects::default();
        }
        let view = ScheduleView {
            record: schedule.clone(),
            workflow_name: workflow_name.to_owned(),
            last: Some(execution.clone()),
            warnings: Vec::new(),
        };
        self.announce_schedule(topic, &view, schedule.updated_at)
    }

    fn announce_schedule(&self, topic: Topic, view: &ScheduleView, at: Timestamp) -> Effects {
        let Object { id, workspace, version, .. } = view.record;
        // Versions have no ties, as times can.
        let happened = EventContext { sequence: version, ..EventContext::new(workspace, id, at) };
        let data = || self.engine.payloads.render_schedule(view);
        Effects::with_deliveries(self.engine.build_webhook_deliveries(topic, happened, data))
    }
}
