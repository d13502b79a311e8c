//! Workflows and releases.

use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;

use super::build::*;
use super::objects::{FIRST_KIND, OTHER_KIND, object as stored_object, object_id};
use crate::lists::{List, ListFilter, Order, PageStart, WorkflowFilter, WorkflowSort};
use crate::objects::{IndexFields, ObjectBatch, StoredObject};
use crate::record::{DeliveryRecord, IntegrationUse, WorkflowRecord};
use crate::traits::{AddRelease, FindWorkflow, UpdateWorkflow};
use crate::{Effects, StoreError};

/// The next release of a workflow.
pub fn release(n: u128, name: &str, now: i64) -> AddRelease {
    AddRelease {
        workflow: workflow(n),
        expected: None,
        name: name.to_owned(),
        source: Arc::new(json!({ "z": 1, "name": name, "a": [0.1, u64::MAX] })),
        retention_seconds: None,
        parts: new_workflow(n, name).workflow.parts(),
        objects: Vec::new(),
        now: at(now),
        effects: Effects::default(),
    }
}

fn change(n: u128, active: Option<bool>, delete: bool) -> UpdateWorkflow {
    UpdateWorkflow { active, delete, ..UpdateWorkflow::of(workflow(n), at(50)) }
}

fn missing<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Missing(_))), "{result:?}");
}

/// The whole record and the source come back.
pub async fn created_with_its_first_release(store: Shared) {
    let mut create = new_workflow(1, "Grüße 🚀");
    create.workflow.retention_seconds = Some(u64::MAX);
    create.workflow.metadata.insert("z".to_owned(), json!(1));
    create.workflow.metadata.insert("a".to_owned(), json!(null));
    create.workflow.description = Some("what it is for".to_owned());
    create.workflow.kind = "onboarding".to_owned();
    create.workflow.configuration = Some(object(json!({ "z": [0.1], "a": null })));
    create.workflow.integrations =
        vec![IntegrationUse { id: "int_zendesk".to_owned(), required: true }];
    create.workflow.created_by = Some(key(7));
    create.workflow.activated_at = None;
    create.workflow.deactivated_at = Some(at(3));
    store.create_workflow(create.clone()).await.unwrap();
    let found = store.find_workflow(FindWorkflow::Id(workflow(1))).await.unwrap().unwrap();
    assert_eq!(found, create.workflow);
    assert_eq!(found.metadata.keys().collect::<Vec<_>>(), ["z", "a"]);
    assert_eq!(store.find_release(workflow(1), 1).await.unwrap(), Some(create.release));
    assert_eq!(store.find_release(workflow(1), 2).await.unwrap(), None);
    assert_eq!(store.find_workflow(FindWorkflow::Id(workflow(2))).await.unwrap(), None);
    let again = store.create_workflow(new_workflow(1, "again")).await;
    assert!(matches!(again, Err(StoreError::Corrupt(_))), "{again:?}");
}

/// 2, 3, … and the workflow takes on what belongs to the newest; the old ones stay.
pub async fn releases_are_numbered(store: Shared) {
    missing(store.add_release(release(1, "x", 20)).await);
    store.create_workflow(new_workflow(1, "one")).await.unwrap();
    assert_eq!(store.add_release(release(1, "two", 20)).await.unwrap().release, 2);
    let mut third = release(1, "three", 30);
    third.parts.metadata.insert("k".to_owned(), json!("v"));
    third.parts.description = Some("described".to_owned());
    third.retention_seconds = Some(60);
    let released = store.add_release(third.clone()).await.unwrap();
    let expected = WorkflowRecord {
        name: "three".to_owned(),
        release: 3,
        updated_at: at(30),
        metadata: third.parts.metadata,
        description: third.parts.description,
        retention_seconds: Some(60),
        version: 3,
        ..new_workflow(1, "").workflow
    };
    assert_eq!(released, expected);
    assert_eq!(store.find_workflow(FindWorkflow::Id(workflow(1))).await.unwrap(), Some(expected));
    let second = store.find_release(workflow(1), 2).await.unwrap().unwrap();
    let wanted = release(1, "two", 20);
    assert_eq!((second.number, second.created_at), (2, at(20)));
    assert_eq!(second.source.to_string(), wanted.source.to_string());
    let first = store.find_release(workflow(1), 1).await.unwrap();
    assert_eq!(first, Some(new_workflow(1, "one").release));
}

/// Without gaps and without twins.
pub async fn releases_under_concurrency(store: Shared) {
    store.create_workflow(new_workflow(1, "one")).await.unwrap();
    let mut tasks = JoinSet::new();
    for n in 0..20 {
        let store = store.clone();
        tasks.spawn(async move {
            let name = format!("release {n}");
            (store.add_release(release(1, &name, 20)).await.unwrap().release, name)
        });
    }
    let mut made = tasks.join_all().await;
    made.sort_unstable();
    for (expected, (number, name)) in (2..).zip(made) {
        assert_eq!(number, expected);
        let stored = store.find_release(workflow(1), number).await.unwrap().unwrap();
        assert_eq!(stored.source["name"], json!(name));
    }
}

/// A deleted workflow can be found by id, and is nowhere else.
pub async fn changed_and_deleted(store: Shared) {
    missing(store.update_workflow(change(1, Some(true), false)).await);
    store.create_workflow(new_workflow(1, "one")).await.unwrap();
    store.update_workflow(change(1, Some(false), false)).await.unwrap();
    let found = store.find_workflow(FindWorkflow::Id(workflow(1))).await.unwrap().unwrap();
    assert_eq!((found.active, found.updated_at, found.deleted_at), (false, at(50), None));
    assert_eq!((found.activated_at, found.deactivated_at), (Some(at(10)), Some(at(50))));
    store.update_workflow(change(1, None, true)).await.unwrap();
    let found = store.find_workflow(FindWorkflow::Id(workflow(1))).await.unwrap().unwrap();
    assert_eq!((found.active, found.deleted_at), (false, Some(at(50))));
    missing(store.update_workflow(change(1, Some(true), false)).await);
    missing(store.update_workflow(change(1, None, true)).await);
    missing(store.add_release(release(1, "x", 20)).await);
    assert_eq!(
        store.find_workflow(FindWorkflow::Name(workspace(1), "one".to_owned())).await.unwrap(),
        None
    );
    assert!(store.find_release(workflow(1), 1).await.unwrap().is_some());
    let all = List::first_page(WorkflowFilter::default(), 9).with_total();
    let listed = store.list_workflows(workspace(1), all).await.unwrap();
    assert_eq!((listed.items, listed.total), (vec![], Some(0)));
}

/// The newest of that name in the workspace.
pub async fn found_by_name(store: Shared) {
    for n in [2, 3, 1] {
        store.create_workflow(new_workflow(n, "same")).await.unwrap();
    }
    let mut elsewhere = new_workflow(9, "same");
    elsewhere.workflow.workspace = workspace(2);
    store.create_workflow(elsewhere).await.unwrap();
    let found = async |name: &str| {
        let found =
            store.find_workflow(FindWorkflow::Name(workspace(1), name.to_owned())).await.unwrap();
        found.map(|workflow| workflow.id)
    };
    assert_eq!(found("same").await, Some(workflow(3)));
    assert_eq!(found("Same").await, None);
    store.update_workflow(change(3, None, true)).await.unwrap();
    assert_eq!(found("same").await, Some(workflow(2)));
    store.add_release(release(2, "renamed", 20)).await.unwrap();
    assert_eq!(found("same").await, Some(workflow(1)));
    assert_eq!(found("renamed").await, Some(workflow(2)));
}

/// Newest first, active or not, page by page.
pub async fn listed_in_pages(store: Shared) {
    for n in [3, 1, 4, 6, 5, 2] {
        store.create_workflow(new_workflow(n, "w")).await.unwrap();
    }
    for n in [2, 5] {
        store.update_workflow(change(n, Some(false), false)).await.unwrap();
    }
    store.update_workflow(change(4, None, true)).await.unwrap();
    let listed = async |active, after: Option<u128>, limit| {
        let begin = match after {
            Some(after) => {
                let last =
                    store.find_workflow(FindWorkflow::Id(workflow(after))).await.unwrap().unwrap();
                PageStart::After(WorkflowFilter::cursor_of(&last, WorkflowSort::CreatedAt))
            }
            None => PageStart::Skip(0),
        };
        let filter = WorkflowFilter { active, ..WorkflowFilter::default() };
        let list = List::first_page(filter, limit).starting_at(begin);
        let found = store.list_workflows(workspace(1), list).await.unwrap().items;
        found.iter().map(|found| found.id.uuid().as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(listed(None, None, 9).await, [6, 5, 3, 2, 1]);
    assert_eq!(listed(None, None, 2).await, [6, 5]);
    assert_eq!(listed(None, Some(5), 2).await, [3, 2]);
    assert_eq!(listed(None, Some(4), 9).await, [3, 2, 1]);
    assert_eq!(listed(Some(true), None, 9).await, [6, 3, 1]);
    assert_eq!(listed(Some(false), Some(5), 9).await, [2]);
    let other = List::first_page(WorkflowFilter::default(), 9);
    assert_eq!(store.list_workflows(workspace(2), other).await.unwrap().items, []);
}

/// A page begins at the place where the one before ended, also where the workflow that was there
/// has moved on or is gone.
pub async fn places_stay(store: Shared) {
    for (n, name) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
        store.create_workflow(new_workflow(n, name)).await.unwrap();
    }
    let second = store.find_workflow(FindWorkflow::Id(workflow(2))).await.unwrap().unwrap();
    store.add_release(release(2, "z", 20)).await.unwrap();
    store.update_workflow(change(3, None, true)).await.unwrap();
    for (sort, expected) in [
        (WorkflowSort::Name, &[4, 2][..]),
        (WorkflowSort::UpdatedAt, &[4, 2]),
        (WorkflowSort::CreatedAt, &[4]),
    ] {
        let begin = PageStart::After(WorkflowFilter::cursor_of(&second, sort));
        let newest = List::first_page(WorkflowFilter::default(), 9);
        let list = newest.sorted_by(sort, Order::Ascending).starting_at(begin);
        let found = store.list_workflows(workspace(1), list).await.unwrap().items;
        let found: Vec<_> = found.iter().map(|found| found.id.uuid().as_u128()).collect();
        assert_eq!(found, expected, "{sort:?}");
    }
}

/// A change names the version that it replaces; of two for the same one only one succeeds.
pub async fn of_rivals_one_changes_it(store: Shared) {
    store.create_workflow(new_workflow(1, "one")).await.unwrap();
    let update = |expected| UpdateWorkflow { expected, ..change(1, Some(true), false) };
    assert_eq!(store.update_workflow(update(Some(1))).await.unwrap().version, 2);
    let late = store.update_workflow(update(Some(1))).await;
    assert!(matches!(late, Err(StoreError::Changed(2))), "{late:?}");
    let add = |expected| AddRelease { expected, ..release(1, "two", 20) };
    let late = store.add_release(add(Some(1))).await;
    assert!(matches!(late, Err(StoreError::Changed(2))), "{late:?}");
    assert_eq!(store.find_release(workflow(1), 2).await.unwrap(), None);
    let mut tasks = JoinSet::new();
    for n in 0..8 {
        let (store, update, add) = (store.clone(), update(Some(2)), add(Some(2)));
        tasks.spawn(async move {
            match n % 2 {
                0 => store.update_workflow(update).await.is_ok(),
                _ => store.add_release(add).await.is_ok(),
            }
        });
    }
    let won = tasks.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(won, 1);
    let deleted = UpdateWorkflow { expected: Some(3), ..change(1, None, true) };
    assert_eq!(store.update_workflow(deleted).await.unwrap().version, 4);
}

/// By type and label; in the order of any of their parts, from any page on.
pub async fn listed_by_what_they_are(store: Shared) {
    for n in 1..=6_u128 {
        let mut create = new_workflow(n, ["b", "a", "c"][(n % 3) as usize]);
        create.workflow.kind = ["custom", "onboarding"][(n % 2) as usize].to_owned();
        create.workflow.updated_at = at(100 - i64::try_from(n).unwrap());
        create.workflow.active = n > 3;
        create.workflow.metadata = object(json!({ "team": if n > 4 { "ops" } else { "dev" } }));
        store.create_workflow(create).await.unwrap();
    }
    let listed = async |list: List<WorkflowFilter>| {
        let found = store.list_workflows(workspace(1), list.with_total()).await.unwrap();
        let ids: Vec<_> = found.items.iter().map(|found| found.id.uuid().as_u128()).collect();
        (ids, found.total)
    };
    let kind = Some("onboarding".to_owned());
    let mut filter = WorkflowFilter { kind, ..WorkflowFilter::default() };
    assert_eq!(listed(List::first_page(filter.clone(), 9)).await, (vec![5, 3, 1], Some(3)));
    filter.labels = vec![("team".to_owned(), "dev".to_owned())];
    assert_eq!(listed(List::first_page(filter, 9)).await, (vec![3, 1], Some(2)));
    for (sort, expected) in [
        (WorkflowSort::CreatedAt, [1, 2, 3, 4, 5, 6]),
        (WorkflowSort::UpdatedAt, [6, 5, 4, 3, 2, 1]),
        (WorkflowSort::Name, [1, 4, 3, 6, 2, 5]),
        (WorkflowSort::Kind, [2, 4, 6, 1, 3, 5]),
        (WorkflowSort::Active, [1, 2, 3, 4, 5, 6]),
    ] {
        for (order, expected) in [
            (Order::Ascending, expected.to_vec()),
            (Order::Descending, expected.iter().rev().copied().collect()),
        ] {
            for at in 0..=6 {
                let begin = PageStart::Skip(at as u64);
                let page = List::first_page(WorkflowFilter::default(), 2).sorted_by(sort, order);
                let page = page.starting_at(begin);
                let wanted: Vec<_> = expected.iter().skip(at).take(2).copied().collect();
                assert_eq!(listed(page.clone()).await, (wanted.clone(), Some(6)), "{sort:?} {at}");
                if let Some(last) = at.checked_sub(1) {
                    let last = store
                        .find_workflow(FindWorkflow::Id(workflow(expected[last])))
                        .await
                        .unwrap();
                    let begin = PageStart::After(WorkflowFilter::cursor_of(&last.unwrap(), sort));
                    let page = page.starting_at(begin);
                    assert_eq!(listed(page).await, (wanted, Some(6)), "{sort:?} {at}");
                }
            }
        }
    }
}

fn object(value: serde_json::Value) -> stepwell_core::Map {
    value.as_object().cloned().unwrap()
}

/// The key is taken with the workflow; the second request makes nothing.
pub async fn idempotent_creation(store: Shared) {
    let keyed = |n| {
        let mut create = new_workflow(n, "w");
        create.idempotency = Some(idempotent("k", &format!("workflow {n}")));
        create
    };
    store.create_workflow(keyed(1)).await.unwrap();
    match store.create_workflow(keyed(2)).await {
        Err(StoreError::Replayed(record)) => assert_eq!(*record, idempotent("k", "workflow 1")),
        other => panic!("expected a replay, not {other:?}"),
    }
    assert_eq!(store.find_workflow(FindWorkflow::Id(workflow(2))).await.unwrap(), None);
    assert_eq!(store.find_release(workflow(2), 1).await.unwrap(), None);
}

/// Objects of a release are written with it, or neither is.
pub async fn releases_with_their_objects(store: Shared) {
    store.create_workflow(new_workflow(1, "w")).await.unwrap();
    let tag = |n, version| StoredObject { version, ..stored_object(FIRST_KIND, n) };
    let tagged = |of, expected, objects| AddRelease { expected, objects, ..release(of, "w", 50) };
    store.add_release(tagged(1, Some(1), vec![tag(1, 1)])).await.unwrap();
    let late = store.add_release(tagged(1, Some(1), vec![tag(1, 2), tag(2, 1)])).await;
    assert!(matches!(late, Err(StoreError::Changed(2))), "{late:?}");
    let outdated = store.add_release(tagged(1, Some(2), vec![tag(2, 1), tag(1, 1)])).await;
    assert!(matches!(outdated, Err(StoreError::Outdated(FIRST_KIND))), "{outdated:?}");
    missing(store.add_release(tagged(2, None, vec![tag(2, 1)])).await);
    assert_eq!(
        store.find_workflow(FindWorkflow::Id(workflow(1))).await.unwrap().unwrap().release,
        2
    );
    store.add_release(tagged(1, Some(2), vec![tag(1, 2), tag(2, 1)])).await.unwrap();
    let found = store.object_changes(FIRST_KIND, 0).await.unwrap();
    assert_eq!(found.puts, [tag(1, 2), tag(2, 1)]);
    assert_eq!(found.revision, 2);
}

/// Objects of the named kinds are deleted with the workflow that is their parent.
pub async fn children_are_deleted_with_their_workflow(store: Shared) {
    store.create_workflow(new_workflow(1, "w")).await.unwrap();
    let child = |kind, n, of| {
        let parent = Some(workflow(of).into());
        let index = IndexFields { parent, ..IndexFields::default() };
        StoredObject { index, ..stored_object(kind, n) }
    };
    let puts = vec![child(FIRST_KIND, 1, 1), child(FIRST_KIND, 2, 2), child(OTHER_KIND, 1, 1)];
    let create =
        |puts| ObjectBatch { puts, live_workflow: Some(workflow(1)), ..ObjectBatch::default() };
    store.write_objects(create(puts)).await.unwrap();
    let delete_children = vec![FIRST_KIND];
    let delete = UpdateWorkflow { delete_children, ..change(1, None, true) };
    store.update_workflow(delete).await.unwrap();
    let left = store.object_changes(FIRST_KIND, 1).await.unwrap();
    assert_eq!((left.puts, left.deleted), (vec![], vec![object_id(1)]));
    let all = store.object_changes(FIRST_KIND, 0).await.unwrap();
    assert_eq!(all.puts, [child(FIRST_KIND, 2, 2)]);
    assert_eq!(store.object_changes(OTHER_KIND, 0).await.unwrap().puts.len(), 1);
    let late = store.write_objects(create(vec![child(FIRST_KIND, 3, 1)])).await;
    assert!(matches!(late, Err(StoreError::Missing("the workflow"))), "{late:?}");
}

/// What a change causes is stored with it; of one that is refused nothing is.
pub async fn changes_with_their_effects(store: Shared) {
    let effects = |n: u128, of: u128| {
        let subject = workflow(of).into();
        let deliveries = [1, 2].map(|to| DeliveryRecord { subject, ..hooked(n + to, to, 1) });
        Effects::with_deliveries(deliveries.into())
    };
    let keyed = |n: u128| {
        let mut create = new_workflow(n, "w");
        create.idempotency = Some(idempotent("k", "w"));
        create.effects = effects(10 * n, n);
        create
    };
    store.create_workflow(keyed(1)).await.unwrap();
    store.create_workflow(keyed(2)).await.unwrap_err();
    store.add_release(AddRelease { effects: effects(30, 1), ..release(1, "w", 20) }).await.unwrap();
    missing(store.add_release(AddRelease { effects: effects(40, 2), ..release(2, "w", 20) }).await);
    let update = UpdateWorkflow { effects: effects(50, 1), ..change(1, None, true) };
    store.update_workflow(update).await.unwrap();
    let update = UpdateWorkflow { effects: effects(60, 1), ..change(1, None, true) };
    missing(store.update_workflow(update).await);
    let all = deliveries_about(&store, workflow(1)).await;
    let all: Vec<_> = all.iter().map(|delivery| delivery.id.uuid().as_u128()).collect();
    assert_eq!(all, [11, 12, 31, 32, 51, 52]);
    assert_eq!(deliveries_about(&store, workflow(2)).await, []);
    // One at a time for each webhook.
    assert_eq!(store.due_deliveries(all_due(at(10), 9)).await.unwrap().deliveries.len(), 2);
}
