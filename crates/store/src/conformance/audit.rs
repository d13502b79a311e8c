//! The audit log.

use std::sync::Arc;

use stepwell_core::Map;
use stepwell_core::audit::{AuditAction, AuditedObject, ObjectKind};
use stepwell_core::execution::{Event, Status};
use stepwell_core::ids::{ScheduleId, SubjectId};
use uuid::Uuid;

use super::build::*;
use super::objects::{FIRST_KIND, object, object_id};
use super::workflows::release;
use crate::audit::{Actor, AuditCursor, AuditFilter, AuditRecord, Origin};
use crate::lists::{List, Order, Page, PageStart};
use crate::objects::{DeleteObject, ObjectBatch, StoredObject};
use crate::traits::{AddRelease, OldData, Redeliver, UpdateWorkflow};
use crate::{Effects, StoreError};

async fn listed(store: &Shared, list: List<AuditFilter>) -> (Vec<u128>, u64) {
    listed_in(store, 1, list).await
}

async fn listed_in(store: &Shared, space: u128, list: List<AuditFilter>) -> (Vec<u128>, u64) {
    let page = store.list_audit(workspace(space), list).await.unwrap();
    let Page { items, total, next: _ } = page;
    let total = total.unwrap_or_default();
    (items.iter().map(|entry| entry.id.uuid().as_u128()).collect(), total)
}

fn all() -> List<AuditFilter> {
    List::first_page(AuditFilter::default(), 1000).with_total()
}

/// The whole entry comes back.
pub async fn audit_entries_come_back(store: Shared) {
    let subject = |n: u128| SubjectId::from(workflow(n));
    let full = AuditRecord {
        actor: Actor::Key { id: key(3), name: "ci é".into() },
        origin: Origin {
            address: Some("2001:db8::7".parse().unwrap()),
            request_id: Some(Arc::from("r-1")),
        },
        ..noted(1)
    }
    .named("greet \"you\"")
    .changing(["name", "definition"])
    .with("release", 7)
    .with("tag", "prod");
    let bare = AuditRecord {
        actor: Actor::Anonymous,
        origin: Origin { address: Some([10, 0, 0, 1].into()), request_id: None },
        object: None,
        ..noted(2)
    };
    let mut entries = vec![full, bare];
    for (n, action) in (10..).zip(AuditAction::ALL) {
        entries.push(AuditRecord { action, actor: Actor::Cli, ..noted(n) });
    }
    for (n, kind) in (100..).zip(ObjectKind::ALL) {
        // A key can have the name of an actor without a key.
        let actor = Actor::Key { id: key(1), name: "system".into() };
        let object = Some(AuditedObject { kind, id: subject(n) });
        entries.push(AuditRecord { object, actor, ..noted(n) });
    }
    let effects = Effects { audit: entries.clone(), ..Effects::default() };
    add_effects(&store, effects).await;
    let found = store.list_audit(workspace(1), all()).await.unwrap();
    entries.reverse();
    assert_eq!(found.total, Some(entries.len() as u64));
    let found = found.items;
    assert_eq!(found, entries);
    let uncounted = List::first_page(AuditFilter::default(), 1000);
    let uncounted = store.list_audit(workspace(1), uncounted).await.unwrap();
    assert_eq!((uncounted.items, uncounted.total), (entries.clone(), None));
    let order = |map: &Map| serde_json::to_string(map).unwrap();
    let (last, given) = (found.last().unwrap(), entries.last().unwrap());
    assert_eq!(order(&last.details), order(&given.details));
}

/// Pages by place and behind a place, in both directions, and each filter.
pub async fn the_audit_log_is_listed(store: Shared) {
    let entries = (1..=20).map(various).collect();
    add_effects(&store, Effects { audit: entries, ..Effects::default() }).await;
    pages_are_cut(&store).await;
    for (filter, expect) in filters() {
        let (total, list) = (expect.len() as u64, List { filter, ..all() });
        assert_eq!(listed(&store, list.clone()).await, (expect, total), "{list:?}");
    }
    assert_eq!(listed_in(&store, 2, all()).await, (vec![20], 1));
    assert_eq!(listed_in(&store, 3, all()).await, (vec![], 0));
}

/// Entries that differ in every field of the filters; two of the same moment each.
fn various(n: u128) -> AuditRecord {
    let mut entry = noted(n);
    entry.at = at(i64::try_from(n / 2).unwrap());
    entry.workspace = workspace(if n == 20 { 2 } else { 1 });
    entry.actor = if n.is_multiple_of(3) { Actor::System } else { entry.actor };
    entry.object = Some(match n % 4 {
        0 => workflow(n).into(),
        1 => workflow(1).into(),
        2 => ScheduleId::from_uuid(Uuid::from_u128(1)).into(),
        _ => return AuditRecord { object: None, action: AuditAction::AccessRefused, ..entry },
    });
    entry
}

async fn pages_are_cut(store: &Shared) {
    let newest: Vec<u128> = (1..=19).rev().collect();
    assert_eq!(listed(store, all()).await, (newest, 19));
    let page = |order, skip, limit| {
        let list = List::first_page(AuditFilter::default(), limit).with_total();
        list.sorted_by((), order).starting_at(PageStart::Skip(skip))
    };
    assert_eq!(listed(store, page(Order::Descending, 0, 3)).await, (vec![19, 18, 17], 19));
    assert_eq!(listed(store, page(Order::Descending, 17, 3)).await, (vec![2, 1], 19));
    assert_eq!(listed(store, page(Order::Ascending, 2, 2)).await, (vec![3, 4], 19));
    assert_eq!(listed(store, page(Order::Ascending, 99, 2)).await, (vec![], 19));
    // Whether or not there is an entry at the place.
    let behind = |second, n| PageStart::After(AuditCursor { at: at(second), id: audit(n) });
    let after = |begin, order| page(order, 0, 3).starting_at(begin);
    assert_eq!(
        listed(store, after(behind(8, 17), Order::Descending)).await,
        (vec![16, 15, 14], 19)
    );
    assert_eq!(
        listed(store, after(behind(8, 99), Order::Descending)).await,
        (vec![17, 16, 15], 19)
    );
    assert_eq!(listed(store, after(behind(8, 17), Order::Ascending)).await, (vec![18, 19], 19));
}

/// Filters, and which of the various entries they have.
fn filters() -> Vec<(AuditFilter, Vec<u128>)> {
    vec![
        (
            AuditFilter { key: Some(key(1)), ..AuditFilter::default() },
            vec![19, 17, 16, 14, 13, 11, 10, 8, 7, 5, 4, 2, 1],
        ),
        (AuditFilter { key: Some(key(9)), ..AuditFilter::default() }, vec![]),
        (
            AuditFilter { actor: Some("system".into()), ..AuditFilter::default() },
            vec![18, 15, 12, 9, 6, 3],
        ),
        (AuditFilter { actor: Some("sys".into()), ..AuditFilter::default() }, vec![]),
        (
            AuditFilter { action: Some(AuditAction::AccessRefused), ..AuditFilter::default() },
            vec![19, 15, 11, 7, 3],
        ),
        (
            AuditFilter { kind: Some(ObjectKind::Schedule), ..AuditFilter::default() },
            vec![18, 14, 10, 6, 2],
        ),
        (AuditFilter { object: Some(workflow(8).into()), ..AuditFilter::default() }, vec![8]),
        (
            // Of two things that happen to have the same number.
            AuditFilter {
                object: Some(workflow(1).into()),
                kind: Some(ObjectKind::Workflow),
                ..AuditFilter::default()
            },
            vec![17, 13, 9, 5, 1],
        ),
        (AuditFilter { from: Some(at(9)), ..AuditFilter::default() }, vec![19, 18]),
        (AuditFilter { until: Some(at(1)), ..AuditFilter::default() }, vec![3, 2, 1]),
        (
            AuditFilter { from: Some(at(3)), until: Some(at(3)), ..AuditFilter::default() },
            vec![7, 6],
        ),
        (AuditFilter { from: Some(at(4)), until: Some(at(3)), ..AuditFilter::default() }, vec![]),
        (
            AuditFilter {
                key: Some(key(1)),
                action: Some(AuditAction::AccessRefused),
                until: Some(at(6)),
                ..AuditFilter::default()
            },
            vec![11, 7],
        ),
    ]
}

/// Every change has its entry, and one that is refused has none.
pub async fn changes_are_noted_with_them(store: Shared) {
    workflows_are_noted(&store).await;
    objects_are_noted(&store).await;
    deliveries_are_noted(&store).await;
    deletions_are_noted(&store).await;
    assert_eq!(listed(&store, all()).await, (vec![16, 15, 14, 6, 4, 3, 2, 1], 8));
}

/// An entry of its own number; that of what must be refused is 99.
fn note(n: u128) -> Effects {
    Effects::with_audit(noted(n))
}

async fn workflows_are_noted(store: &Shared) {
    let created = crate::traits::CreateWorkflow { effects: note(1), ..new_workflow(1, "w") };
    store.create_workflow(created.clone()).await.unwrap();
    store
        .create_workflow(crate::traits::CreateWorkflow { effects: note(99), ..created })
        .await
        .unwrap_err();
    let release = |of: u128, n: u128| AddRelease { effects: note(n), ..release(of, "w", 20) };
    store.add_release(release(1, 2)).await.unwrap();
    store.add_release(release(9, 99)).await.unwrap_err();
}

async fn objects_are_noted(store: &Shared) {
    let put = |version, n| {
        let object = StoredObject { version, ..object(FIRST_KIND, 1) };
        ObjectBatch::put(object, note(n))
    };
    store.write_objects(put(1, 14)).await.unwrap();
    store.write_objects(put(1, 99)).await.unwrap_err();
    store.write_objects(put(2, 15)).await.unwrap();
    store.write_objects(put(2, 99)).await.unwrap_err();
    let delete = |n| {
        let object = DeleteObject { kind: FIRST_KIND, id: object_id(1), expected: None };
        ObjectBatch::delete(object, note(n))
    };
    store.write_objects(delete(4)).await.unwrap();
    store.write_objects(delete(99)).await.unwrap_err();
}

async fn deliveries_are_noted(store: &Shared) {
    let tested = Effects { deliveries: vec![hooked(1, 1, 1)], ..note(3) };
    add_effects(store, tested).await;
    let again = |of: u128, n| Redeliver {
        id: delivery(of),
        now: at(20),
        give_up_at: at(30),
        effects: note(n),
    };
    store.redeliver(again(1, 6)).await.unwrap();
    store.redeliver(again(2, 99)).await.unwrap_err();
}

async fn deletions_are_noted(store: &Shared) {
    let update = |of, n| UpdateWorkflow {
        delete: true,
        effects: note(n),
        ..UpdateWorkflow::of(workflow(of), at(20))
    };
    store.update_workflow(update(1, 16)).await.unwrap();
    store.update_workflow(update(9, 99)).await.unwrap_err();
}

/// What users do to an execution is noted with the events by which it happens.
pub async fn controls_are_noted_with_their_events(store: Shared) {
    join(&store, 1).await;
    let first = queued(1);
    store.commit(first.clone().into()).await.unwrap();
    let mut paused = then(&first, Status::Paused, vec![Event::Paused]);
    paused.audit = vec![noted(1), noted(2)];
    let mut stale = paused.clone();
    stale.expected_seq = 7;
    for event in &mut stale.events {
        event.seq = 8;
    }
    stale.record.seq = 8;
    let refused = store.commit(stale.into()).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    assert_eq!(listed(&store, all()).await, (vec![], 0));
    store.commit(paused.into()).await.unwrap();
    assert_eq!(listed(&store, all()).await, (vec![2, 1], 2));
}

/// Old entries are deleted if that is requested.
pub async fn old_audit_entries(store: Shared) {
    let entries =
        (1..=150).map(|n: u128| AuditRecord { at: at(i64::try_from(n).unwrap()), ..noted(n) });
    add_effects(&store, Effects { audit: entries.collect(), ..Effects::default() }).await;
    let purge = OldData {
        now: at(200),
        default_before: None,
        idempotency_before: at(0),
        deliveries_before: at(0),
        audit_before: None,
        limit: 0,
    };
    store.purge(purge.into()).await.unwrap();
    assert_eq!(listed(&store, all()).await.1, 150);
    store.purge(OldData { audit_before: Some(at(147)), ..purge }.into()).await.unwrap();
    assert_eq!(listed(&store, all()).await, (vec![150, 149, 148, 147], 4));
}
