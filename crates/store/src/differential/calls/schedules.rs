//! Schedules.

use stepwell_core::schedule::{ScheduleProgress, TimingKind};

use super::{Answers, Caller, WORKFLOWS};
use crate::Store;
use crate::conformance::build::{execution, workflow, workspace};
use crate::conformance::schedules::{full, schedule, schedule_id};
use crate::schedules::{
    CreateSchedule, DeleteSchedule, DueSchedules, ListSchedules, PausedWith, ScheduleRecord,
    ScheduleSort, UpdateSchedule,
};

/// How many different ids there are.
const SCHEDULES: u64 = 12;

/// No schedule is there.
pub(super) fn none() -> Vec<u64> {
    vec![0; usize::try_from(SCHEDULES).unwrap()]
}

/// Notes that a write was accepted.
pub(super) fn wrote(caller: &mut Caller, schedule: Option<&ScheduleRecord>) {
    if let Some(schedule) = schedule {
        let place = usize::try_from(schedule.id.uuid().as_u128()).unwrap();
        caller.versions[place] = schedule.version;
    }
}

/// What may be written next over a schedule.
pub(super) fn next(caller: &mut Caller) -> ScheduleRecord {
    let n = caller.number(SCHEDULES);
    let known = caller.versions[usize::try_from(n).unwrap()];
    let of = caller.number(WORKFLOWS);
    let made = if caller.random.once_in(3) { full(n, of) } else { schedule(n, of) };
    let version = if caller.random.once_in(8) { caller.random.below(4) } else { known + 1 };
    let last = execution(caller.number(40));
    let random = &mut caller.random;
    let next_at = random.maybe(2, super::Random::time);
    ScheduleRecord {
        workspace: workspace(u128::from(random.below(2))),
        name: random.below(5).to_string(),
        enabled: random.once_in(2),
        paused_with: random.maybe(3, |random| {
            if random.once_in(2) { PausedWith::Workflow } else { PausedWith::Workspace }
        }),
        progress: ScheduleProgress { next_at, ..made.progress.clone() },
        look_at: random.maybe(2, super::Random::time),
        last_execution: random.maybe(2, |_| last),
        version,
        created_at: random.time(),
        updated_at: random.time(),
        ..made
    }
}

/// The same, and what it causes.
pub(super) fn update(caller: &mut Caller) -> UpdateSchedule {
    UpdateSchedule { schedule: next(caller), effects: caller.effects() }
}

/// One call.
pub(super) async fn call(caller: &mut Caller, one: &dyn Store, other: &dyn Store) -> Answers {
    let id = schedule_id(caller.number(SCHEDULES));
    match caller.random.below(8) {
        0 | 1 => {
            let schedule = ScheduleRecord { version: 1, ..next(caller) };
            let create = CreateSchedule { schedule, effects: caller.effects() };
            let answers = both!(one, other, create_schedule(create));
            if answers.1 == "()" {
                wrote(caller, Some(&create.schedule));
            }
            answers
        }
        2 | 3 => {
            let update = update(caller);
            let answers = both!(one, other, update_schedule(update));
            if answers.1 == "()" {
                wrote(caller, Some(&update.schedule));
            }
            answers
        }
        4 if caller.random.once_in(3) => {
            let delete = DeleteSchedule { id, effects: caller.effects() };
            both!(one, other, delete_schedule(delete))
        }
        4 => both!(one, other, find_schedule(id)),
        5 => {
            let due = DueSchedules { now: caller.random.time(), limit: caller.random.limit() };
            both!(one, other, due_schedules(due))
        }
        6 => both!(one, other, next_schedule()),
        _ => {
            let random = &mut caller.random;
            let list = ListSchedules {
                workspace: workspace(u128::from(random.below(2))),
                workflow: random.maybe(2, |random| workflow(u128::from(random.below(WORKFLOWS)))),
                enabled: random.maybe(2, |random| random.once_in(2)),
                kind: random.maybe(3, |random| random.pick(&TimingKind::ALL)),
                sort: random.pick(&ScheduleSort::ALL),
                descending: random.once_in(2),
                skip: random.below(4),
                limit: random.limit(),
            };
            both!(one, other, list_schedules(list))
        }
    }
}

/// All that can be seen.
pub(super) async fn look(one: &dyn Store, other: &dyn Store) -> Vec<Answers> {
    let mut answers = Vec::new();
    for n in 0..u128::from(SCHEDULES) {
        let id = schedule_id(n);
        answers.push(both!(one, other, find_schedule(id)));
    }
    answers.push(both!(one, other, next_schedule()));
    answers
}
