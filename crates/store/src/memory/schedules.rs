//! Schedules.

use std::cmp::Ordering;

use async_trait::async_trait;
use stepwell_core::Timestamp;
use stepwell_core::ids::ScheduleId;

use super::{MemoryStore, Result, State};
use crate::StoreError;
use crate::schedules::{
    CreateSchedule, DeleteSchedule, DueSchedules, ListSchedules, ScheduleRecord, ScheduleSort,
    ScheduleStore, UpdateSchedule,
};

const MISSING: StoreError = StoreError::Missing("the schedule");

#[async_trait]
impl ScheduleStore for MemoryStore {
    async fn create_schedule(&self, create: CreateSchedule) -> Result<()> {
        let CreateSchedule { schedule, effects } = create;
        let mut state = self.writable()?;
        state.live_workflow(schedule.workflow, None)?;
        if state.schedules.contains_key(&schedule.id) {
            return Err(StoreError::Corrupt(format!("schedule {} is already there", schedule.id)));
        }
        state.put_schedule(UpdateSchedule { schedule, effects });
        Ok(())
    }

    async fn update_schedule(&self, update: UpdateSchedule) -> Result<()> {
        let mut state = self.writable()?;
        state.require_schedule(Some(&update))?;
        state.put_schedule(update);
        Ok(())
    }

    async fn delete_schedule(&self, delete: DeleteSchedule) -> Result<()> {
        let mut state = self.writable()?;
        state.schedules.remove(&delete.id).ok_or(MISSING)?;
        state.take_effects(delete.effects);
        Ok(())
    }

    async fn find_schedule(&self, id: ScheduleId) -> Result<Option<ScheduleRecord>> {
        Ok(self.state().schedules.get(&id).cloned())
    }

    async fn list_schedules(&self, list: ListSchedules) -> Result<(Vec<ScheduleRecord>, u64)> {
        let wanted = |schedule: &&ScheduleRecord| {
            schedule.workspace == list.workspace
                && list.workflow.is_none_or(|workflow| schedule.workflow == workflow)
                && list.enabled.is_none_or(|enabled| schedule.enabled == enabled)
                && list.kind.is_none_or(|kind| schedule.timing.kind() == kind)
        };
        let state = self.state();
        let mut found: Vec<_> = state.schedules.values().filter(wanted).collect();
        found.sort_by(|a, b| {
            let order = compare(list.sort, a, b).then(a.id.cmp(&b.id));
            if list.descending { order.reverse() } else { order }
        });
        let total = found.len() as u64;
        let skip = usize::try_from(list.skip).unwrap_or(usize::MAX);
        Ok((found.into_iter().skip(skip).take(list.limit).cloned().collect(), total))
    }

    async fn due_schedules(&self, due: DueSchedules) -> Result<Vec<ScheduleRecord>> {
        let state = self.state();
        let is_due = |schedule: &&ScheduleRecord| schedule.look_at.is_some_and(|at| at <= due.now);
        let mut found: Vec<_> = state.schedules.values().filter(is_due).collect();
        found.sort_by_key(|schedule| (schedule.look_at, schedule.id));
        Ok(found.into_iter().take(due.limit).cloned().collect())
    }

    async fn pending_schedules(
        &self,
        after: Option<ScheduleId>,
        limit: usize,
    ) -> Result<Vec<ScheduleRecord>> {
        let state = self.state();
        let pending = |schedule: &&ScheduleRecord| {
            schedule.look_at.is_some() && after.is_none_or(|after| schedule.id > after)
        };
        Ok(state.schedules.values().filter(pending).take(limit).cloned().collect())
    }

    async fn next_schedule(&self) -> Result<Option<Timestamp>> {
        Ok(self.state().schedules.values().filter_map(|schedule| schedule.look_at).min())
    }
}

fn compare(sort: ScheduleSort, a: &ScheduleRecord, b: &ScheduleRecord) -> Ordering {
    match sort {
        ScheduleSort::CreatedAt => a.created_at.cmp(&b.created_at),
        ScheduleSort::UpdatedAt => a.updated_at.cmp(&b.updated_at),
        ScheduleSort::Name => a.name.cmp(&b.name),
        ScheduleSort::NextFiring => a.progress.next_at.cmp(&b.progress.next_at),
    }
}

impl State {
    /// Refuses to write a schedule over another version than the one before.
    pub(super) fn require_schedule(&self, new: Option<&UpdateSchedule>) -> Result<()> {
        let Some(UpdateSchedule { schedule: new, .. }) = new else { return Ok(()) };
        match self.schedules.get(&new.id) {
            None => Err(MISSING),
            Some(found) if found.version.checked_add(1) == Some(new.version) => Ok(()),
            Some(_) => Err(StoreError::Outdated("the schedule")),
        }
    }

    pub(super) fn put_schedule(&mut self, new: UpdateSchedule) {
        let UpdateSchedule { schedule, effects } = new;
        self.schedules.insert(schedule.id, schedule);
        self.take_effects(effects);
    }
}
