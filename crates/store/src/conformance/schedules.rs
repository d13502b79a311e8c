//! Schedules.

use serde_json::json;
use stepwell_core::ids::{ScheduleId, WorkflowId};
use stepwell_core::schedule::{
    Misfire, Overlap, SchedulePolicies, ScheduleProgress, ScheduleTiming, SkippedFiring,
    TimingKind, Unit,
};
use stepwell_core::{Map, Timestamp};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::build::*;
use crate::commit::Commit;
use crate::record::DeliveryRecord;
use crate::schedules::{
    CreateSchedule, DeleteSchedule, DueSchedules, ListSchedules, PausedWith, ScheduleRecord,
    ScheduleSort, UpdateSchedule,
};
use crate::traits::UpdateWorkflow;
use crate::{Effects, StoreError};

/// An id from a small number; greater is newer.
pub fn schedule_id(n: u128) -> ScheduleId {
    ScheduleId::from_uuid(Uuid::from_u128(n))
}

/// A schedule of workflow `of` in workspace 1, to be looked at at second 100.
pub fn schedule(n: u128, of: u128) -> ScheduleRecord {
    ScheduleRecord {
        id: schedule_id(n),
        workspace: workspace(1),
        workflow: workflow(of),
        name: format!("schedule {n}"),
        description: None,
        timing: ScheduleTiming::Cron { expression: "0 0 * * *".to_owned() },
        timezone: "UTC".to_owned(),
        parameters: Map::new(),
        enabled: true,
        paused_with: None,
        policies: SchedulePolicies::default(),
        anchor: at(10),
        progress: ScheduleProgress { next_at: Some(at(100)), ..ScheduleProgress::default() },
        look_at: Some(at(100)),
        last_execution: None,
        version: 1,
        created_by: None,
        created_at: at(10),
        updated_at: at(10),
    }
}

/// What may follow: it has started execution `execution_of` and is due again a minute later.
pub fn fired(schedule: &ScheduleRecord, execution_of: u128) -> ScheduleRecord {
    let next = schedule.look_at.map(|at| at.after(std::time::Duration::from_secs(60)));
    ScheduleRecord {
        progress: ScheduleProgress { next_at: next, ..schedule.progress.clone() },
        look_at: next,
        last_execution: Some(execution(execution_of)),
        version: schedule.version + 1,
        ..schedule.clone()
    }
}

/// One in which everything is said.
pub fn full(n: u128, of: u128) -> ScheduleRecord {
    let mut parameters = Map::new();
    parameters.insert("z".to_owned(), json!([0.1, null, u64::MAX]));
    parameters.insert("a".to_owned(), json!("é"));
    ScheduleRecord {
        description: Some("nightly".to_owned()),
        timing: ScheduleTiming::Interval { value: 30, unit: Unit::Minutes },
        timezone: "Australia/Lord_Howe".to_owned(),
        parameters,
        enabled: false,
        paused_with: Some(PausedWith::Workspace),
        policies: SchedulePolicies { misfire: Misfire::RunAll, overlap: Overlap::Queue },
        anchor: Timestamp::from_micros(1_234_567),
        progress: ScheduleProgress {
            next_at: None,
            queued: vec![at(3), at(4)],
            skipped: Some(SkippedFiring {
                scheduled_at: at(1),
                at: at(2),
                code: "OVERLAPPED".to_owned(),
                message: "it was running".to_owned(),
            }),
        },
        look_at: None,
        last_execution: Some(execution(7)),
        created_by: Some(key(3)),
        ..schedule(n, of)
    }
}

async fn create(store: &Shared, schedule: ScheduleRecord) {
    store.create_schedule(quietly(schedule)).await.unwrap();
}

/// One that causes nothing.
pub fn quietly(schedule: ScheduleRecord) -> CreateSchedule {
    CreateSchedule { schedule, effects: Effects::default() }
}

/// Two deliveries about a schedule, the first of them with that id.
fn told(n: u128, of: u128) -> Effects {
    let subject = schedule_id(of).into();
    let deliveries = [1, 2].map(|to| DeliveryRecord { subject, ..hooked(n + to, to, 1) });
    Effects::with_deliveries(deliveries.into())
}

async fn with_workflow(store: &Shared) {
    join(store, 1).await;
    store.create_workflow(new_workflow(1, "one")).await.unwrap();
}

async fn delete_workflow(store: &Shared, id: WorkflowId) {
    let update = UpdateWorkflow { delete: true, ..UpdateWorkflow::of(id, at(50)) };
    store.update_workflow(update).await.unwrap();
}

fn firing(n: u128, schedule: ScheduleRecord) -> Commit {
    Commit { schedule: Some(Box::new(UpdateSchedule::quietly(schedule))), ..queued(n) }
}

/// The whole record comes back.
pub async fn schedules_come_back(store: Shared) {
    with_workflow(&store).await;
    let fixed = ScheduleRecord {
        timing: ScheduleTiming::FixedTime { at: Timestamp::from_micros(1) },
        ..schedule(3, 1)
    };
    for schedule in [schedule(1, 1), full(2, 1), fixed] {
        create(&store, schedule.clone()).await;
        let found = store.find_schedule(schedule.id).await.unwrap().unwrap();
        assert_eq!(found, schedule);
        let text = |map: &Map| serde_json::to_string(map).unwrap();
        assert_eq!(text(&found.parameters), text(&schedule.parameters));
    }
    let twin = store.create_schedule(quietly(schedule(1, 1))).await;
    assert!(matches!(twin, Err(StoreError::Corrupt(_))), "{twin:?}");
    assert_eq!(store.find_schedule(schedule_id(9)).await.unwrap(), None);
}

/// There is none without a workflow, and none outlives it.
pub async fn schedules_need_their_workflow(store: Shared) {
    with_workflow(&store).await;
    store.create_workflow(new_workflow(2, "two")).await.unwrap();
    let refused = store.create_schedule(quietly(schedule(1, 9))).await;
    assert!(matches!(refused, Err(StoreError::Missing("the workflow"))), "{refused:?}");
    create(&store, schedule(1, 1)).await;
    create(&store, schedule(2, 1)).await;
    create(&store, schedule(3, 2)).await;
    delete_workflow(&store, workflow(1)).await;
    assert_eq!(store.find_schedule(schedule_id(1)).await.unwrap(), None);
    let due = store.due_schedules(DueSchedules { now: at(1000), limit: 9 }).await.unwrap();
    assert_eq!(due, [schedule(3, 2)]);
    let refused = store.commit(firing(1, fired(&schedule(1, 1), 1)).into()).await;
    assert!(matches!(refused, Err(StoreError::Missing("the schedule"))), "{refused:?}");
    let refused = store.create_schedule(quietly(schedule(4, 1))).await;
    assert!(matches!(refused, Err(StoreError::Missing("the workflow"))), "{refused:?}");
}

/// Who has not seen the last change changes nothing.
pub async fn written_over_the_version_read(store: Shared) {
    with_workflow(&store).await;
    create(&store, schedule(1, 1)).await;
    let second = ScheduleRecord { version: 2, ..full(1, 1) };
    let update = |schedule: &ScheduleRecord| UpdateSchedule::quietly(schedule.clone());
    store.update_schedule(update(&second)).await.unwrap();
    assert_eq!(store.find_schedule(second.id).await.unwrap(), Some(second.clone()));
    for version in [0, 1, 2, 4] {
        let late = ScheduleRecord { version, ..schedule(1, 1) };
        let refused = store.update_schedule(update(&late)).await;
        assert!(matches!(refused, Err(StoreError::Outdated(_))), "{version} {refused:?}");
    }
    assert_eq!(store.find_schedule(second.id).await.unwrap(), Some(second));
    let nobody = store.update_schedule(update(&schedule(9, 1))).await;
    assert!(matches!(nobody, Err(StoreError::Missing("the schedule"))), "{nobody:?}");
}

/// What is deleted neither fires nor comes back.
pub async fn schedules_are_deleted(store: Shared) {
    with_workflow(&store).await;
    create(&store, schedule(1, 1)).await;
    let delete = || DeleteSchedule { id: schedule_id(1), effects: Effects::default() };
    store.delete_schedule(delete()).await.unwrap();
    let again = store.delete_schedule(delete()).await;
    assert!(matches!(again, Err(StoreError::Missing("the schedule"))), "{again:?}");
    assert_eq!(store.next_schedule().await.unwrap(), None);
    let refused = store.commit(firing(1, fired(&schedule(1, 1), 1)).into()).await;
    assert!(matches!(refused, Err(StoreError::Missing(_))), "{refused:?}");
    assert_eq!(store.load_execution(execution(1)).await.unwrap(), None);
}

/// What a change causes is stored with it; of one that is refused nothing is.
pub async fn schedules_change_with_their_effects(store: Shared) {
    with_workflow(&store).await;
    let create = |n: u128| CreateSchedule { schedule: schedule(1, 1), effects: told(n, 1) };
    store.create_schedule(create(10)).await.unwrap();
    store.create_schedule(create(20)).await.unwrap_err();
    let update = |version: u64, n: u128| UpdateSchedule {
        schedule: ScheduleRecord { version, ..full(1, 1) },
        effects: told(n, 1),
    };
    store.update_schedule(update(2, 30)).await.unwrap();
    store.update_schedule(update(2, 40)).await.unwrap_err();
    let fire = |of: u128, version: u64, n: u128| Commit {
        schedule: Some(Box::new(update(version, n))),
        deliveries: vec![pending(n + 3, of, 1)],
        ..queued(of)
    };
    store.commit(fire(101, 3, 50).into()).await.unwrap();
    store.commit(fire(102, 3, 60).into()).await.unwrap_err();
    let delete = |n: u128| DeleteSchedule { id: schedule_id(1), effects: told(n, 1) };
    store.delete_schedule(delete(70)).await.unwrap();
    store.delete_schedule(delete(80)).await.unwrap_err();
    let all = store.list_deliveries(schedule_id(1).into()).await.unwrap();
    let all: Vec<_> = all.iter().map(|delivery| delivery.id.uuid().as_u128()).collect();
    assert_eq!(all, [11, 12, 31, 32, 51, 52, 71, 72]);
    assert_eq!(store.list_deliveries(execution(101).into()).await.unwrap().len(), 1);
}

/// The execution and the progress of its schedule are stored together, or neither is.
pub async fn a_firing_is_committed_with_its_execution(store: Shared) {
    with_workflow(&store).await;
    create(&store, schedule(1, 1)).await;
    let after = fired(&schedule(1, 1), 1);
    let mut stale = firing(1, after.clone());
    stale.node = node(9);
    let refused = store.commit(stale.into()).await;
    assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    assert_eq!(store.find_schedule(after.id).await.unwrap(), Some(schedule(1, 1)));
    let commit = firing(1, after.clone());
    store.commit(commit.clone().into()).await.unwrap();
    has(&store, &commit.record, &commit.events).await;
    assert_eq!(store.find_schedule(after.id).await.unwrap(), Some(after.clone()));
    // Only the acceptance is a firing.
    let next = then(
        &commit,
        stepwell_core::execution::Status::Running,
        vec![stepwell_core::execution::Event::Started],
    );
    let schedule = UpdateSchedule::quietly(fired(&after, 1));
    let next = Commit { schedule: Some(Box::new(schedule)), ..next };
    let refused = store.commit(next.into()).await;
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
}

/// The second execution for the same firing is refused without a trace.
pub async fn a_firing_is_committed_once(store: Shared) {
    with_workflow(&store).await;
    create(&store, schedule(1, 1)).await;
    store.commit(firing(1, fired(&schedule(1, 1), 1)).into()).await.unwrap();
    let mut twin = firing(2, fired(&schedule(1, 1), 2));
    twin.idempotency = Some(idempotent("twin", "x"));
    twin.deliveries = vec![pending(2, 2, 1)];
    let refused = store.commit(twin.into()).await;
    assert!(matches!(refused, Err(StoreError::Outdated("the schedule"))), "{refused:?}");
    assert_eq!(store.load_execution(execution(2)).await.unwrap(), None);
    assert_eq!(store.find_idempotent(workspace(1), "twin").await.unwrap(), None);
    assert_eq!(store.list_deliveries(execution(2).into()).await.unwrap(), []);
    assert_eq!(store.workflow_stats(workflow(1)).await.unwrap().active, 1);
}

/// Of many that see the same firing at once, exactly one has it.
pub async fn one_node_gets_the_firing(store: Shared) {
    with_workflow(&store).await;
    create(&store, schedule(1, 1)).await;
    let mut current = schedule(1, 1);
    for round in 0..5_u128 {
        let mut tasks = JoinSet::new();
        for n in 0..20 {
            let store = store.clone();
            let id = 100 * (round + 1) + n;
            let commit = firing(id, fired(&current, id));
            tasks
                .spawn(async move { (commit.schedule.clone(), store.commit(commit.into()).await) });
        }
        let answers = tasks.join_all().await;
        let won: Vec<_> = answers.into_iter().filter(|(_, answer)| answer.is_ok()).collect();
        assert_eq!(won.len(), 1, "round {round}");
        current = won.into_iter().next().unwrap().0.unwrap().schedule;
        assert_eq!(store.find_schedule(current.id).await.unwrap(), Some(current.clone()));
    }
    assert_eq!(store.workflow_stats(workflow(1)).await.unwrap().active, 5);
}

/// By the moment at which they must be looked at.
pub async fn due_in_order(store: Shared) {
    with_workflow(&store).await;
    assert_eq!(store.next_schedule().await.unwrap(), None);
    for (n, seconds) in [(1, Some(30)), (2, None), (3, Some(20)), (4, Some(30)), (5, Some(40))] {
        create(&store, ScheduleRecord { look_at: seconds.map(at), ..schedule(n, 1) }).await;
    }
    assert_eq!(store.next_schedule().await.unwrap(), Some(at(20)));
    for (now, limit, expect) in [
        (19, 9, vec![]),
        (20, 9, vec![3]),
        (39, 9, vec![3, 1, 4]),
        (100, 2, vec![3, 1]),
        (100, 9, vec![3, 1, 4, 5]),
    ] {
        let due = store.due_schedules(DueSchedules { now: at(now), limit }).await.unwrap();
        let expect: Vec<_> = expect.into_iter().map(schedule_id).collect();
        assert_eq!(due.iter().map(|s| s.id).collect::<Vec<_>>(), expect, "{now} {limit}");
    }
}

/// Sorted, filtered and cut, with the count of all.
pub async fn listed_in_every_order(store: Shared) {
    with_workflow(&store).await;
    store.create_workflow(new_workflow(2, "two")).await.unwrap();
    let with = |n, of, name: &str, updated, next: Option<i64>, enabled| ScheduleRecord {
        name: name.to_owned(),
        updated_at: at(updated),
        progress: ScheduleProgress { next_at: next.map(at), ..ScheduleProgress::default() },
        enabled,
        ..schedule(n, of)
    };
    create(&store, with(1, 1, "b", 30, Some(9), true)).await;
    let once = ScheduleTiming::FixedTime { at: at(5) };
    create(&store, ScheduleRecord { timing: once, ..with(2, 1, "a", 20, None, false) }).await;
    create(&store, with(3, 2, "b", 40, Some(7), true)).await;
    let timing = ScheduleTiming::Interval { value: 2, unit: Unit::Hours };
    create(&store, ScheduleRecord { timing, ..with(4, 1, "C", 20, Some(8), true) }).await;
    create(&store, ScheduleRecord { workspace: workspace(2), ..schedule(5, 1) }).await;
    let list = |sort, descending| ListSchedules {
        workspace: workspace(1),
        workflow: None,
        enabled: None,
        kind: None,
        sort,
        descending,
        skip: 0,
        limit: 9,
    };
    for (sort, expect) in [
        (ScheduleSort::CreatedAt, [1, 2, 3, 4]),
        (ScheduleSort::UpdatedAt, [2, 4, 1, 3]),
        (ScheduleSort::Name, [4, 2, 1, 3]),
        (ScheduleSort::NextFiring, [2, 3, 4, 1]),
    ] {
        for descending in [false, true] {
            let mut expect = expect.map(schedule_id).to_vec();
            if descending {
                expect.reverse();
            }
            let (found, total) = store.list_schedules(list(sort, descending)).await.unwrap();
            let found: Vec<_> = found.iter().map(|s| s.id).collect();
            assert_eq!((found, total), (expect.clone(), 4), "{sort:?} {descending}");
            let page = ListSchedules { skip: 1, limit: 2, ..list(sort, descending) };
            let (found, total) = store.list_schedules(page).await.unwrap();
            let found: Vec<_> = found.iter().map(|s| s.id).collect();
            assert_eq!((found.as_slice(), total), (&expect[1..3], 4), "{sort:?} {descending}");
        }
        for (workflow_of, enabled, count) in [
            (Some(1), None, 3),
            (None, Some(true), 3),
            (Some(1), Some(false), 1),
            (Some(9), None, 0),
        ] {
            let workflow = workflow_of.map(workflow);
            let filtered = ListSchedules { workflow, enabled, ..list(sort, true) };
            let (found, total) = store.list_schedules(filtered).await.unwrap();
            assert_eq!((found.len() as u64, total), (count, count), "{sort:?} {workflow_of:?}");
        }
    }
    for (workflow_of, kind, expect) in [
        (None, TimingKind::Cron, &[1, 3][..]),
        (Some(1), TimingKind::Cron, &[1]),
        (None, TimingKind::FixedTime, &[2]),
        (Some(1), TimingKind::Interval, &[4]),
        (Some(2), TimingKind::Interval, &[]),
    ] {
        for sort in ScheduleSort::ALL {
            let workflow = workflow_of.map(workflow);
            let filtered = ListSchedules { workflow, kind: Some(kind), ..list(sort, false) };
            let (found, total) = store.list_schedules(filtered).await.unwrap();
            let mut found: Vec<_> = found.iter().map(|s| s.id).collect();
            found.sort();
            let expect: Vec<_> = expect.iter().map(|n| schedule_id(*n)).collect();
            assert_eq!((total, found), (expect.len() as u64, expect), "{sort:?} {kind:?}");
        }
    }
    let beyond = ListSchedules { skip: u64::MAX, ..list(ScheduleSort::Name, true) };
    assert_eq!(store.list_schedules(beyond).await.unwrap(), (vec![], 4));
}
