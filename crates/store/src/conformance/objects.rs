//! Configured objects.

use serde_json::json;
use stepwell_core::Map;
use stepwell_core::ids::SubjectId;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::build::*;
use crate::audit::AuditFilter;
use crate::lists::List;
use crate::objects::{
    DELETIONS_KEPT, DeleteObject, DueObjects, IndexFields, Kind, ObjectBatch, ObjectRef,
    StoredObject,
};
use crate::{Effects, StoreError};

/// A kind of the suites.
pub const FIRST_KIND: Kind = "first";
/// Another one.
pub const OTHER_KIND: Kind = "other";

/// An id from a small number; greater is newer.
pub fn object_id(n: u128) -> SubjectId {
    SubjectId::from_uuid(Uuid::from_u128(n))
}

/// An object in workspace 1 without index fields, created at second 10.
pub fn object(kind: Kind, n: u128) -> StoredObject {
    StoredObject {
        kind,
        id: object_id(n),
        workspace: workspace(1),
        version: 1,
        created_at: at(10),
        updated_at: at(10),
        index: IndexFields::default(),
        document: Map::new(),
    }
}

pub(super) fn map(value: serde_json::Value) -> Map {
    value.as_object().unwrap().clone()
}

fn full(n: u128) -> StoredObject {
    let index = IndexFields {
        unique_key: Some(format!("key {n} \u{1f511}")),
        name: Some("n\u{e4}me".to_owned()),
        parent: Some(workflow(7).into()),
        status: Some("active".to_owned()),
        labels: map(json!({ "team": "sales", "n": 1.5 })),
        due_at: Some(at(99)),
    };
    let document = json!({ "b": [1, null, { "x": 1e300 }], "a": "\u{1f680}", "c": { "": -0.0 } });
    StoredObject { index, document: map(document), ..object(FIRST_KIND, n) }
}

pub(super) async fn put(store: &Shared, object: StoredObject) -> Result<(), StoreError> {
    store.write_objects(ObjectBatch::put(object, Effects::default())).await
}

pub(super) async fn delete(
    store: &Shared,
    n: u128,
    expected: Option<u64>,
) -> Result<(), StoreError> {
    let object = DeleteObject { kind: FIRST_KIND, id: object_id(n), expected };
    store.write_objects(ObjectBatch::delete(object, Effects::default())).await
}

pub(super) async fn find(store: &Shared, n: u128) -> Option<StoredObject> {
    store.find_object(FIRST_KIND, ObjectRef::Id(object_id(n))).await.unwrap()
}

pub(super) fn numbers(objects: &[StoredObject]) -> Vec<u128> {
    objects.iter().map(|object| object.id.uuid().as_u128()).collect()
}

/// Everything comes back as it was given, by id and by unique key, in its own kind only.
pub async fn objects_come_back(store: Shared) {
    let plain = StoredObject { workspace: workspace(2), ..object(FIRST_KIND, 1) };
    for object in [plain.clone(), full(2), object(OTHER_KIND, 2)] {
        put(&store, object).await.unwrap();
    }
    assert_eq!(find(&store, 1).await, Some(plain));
    let found = find(&store, 2).await.unwrap();
    assert_eq!(found, full(2));
    // `==` ignores the order of keys and the sign of a zero.
    assert_eq!(json!(found.document).to_string(), json!(full(2).document).to_string());
    assert_eq!(find(&store, 3).await, None);
    let by = ObjectRef::UniqueKey(full(2).index.unique_key.unwrap());
    let found = store.find_object(FIRST_KIND, by.clone()).await.unwrap();
    assert_eq!(found, Some(full(2)));
    assert_eq!(store.find_object(OTHER_KIND, by).await.unwrap(), None);
    let other = store.find_object(OTHER_KIND, ObjectRef::Id(object_id(2))).await.unwrap();
    assert_eq!(other, Some(object(OTHER_KIND, 2)));
}

/// A write names the version before; a deletion may.
pub async fn objects_are_written_over_the_version_before(store: Shared) {
    let version = |version| StoredObject { version, updated_at: at(20), ..full(1) };
    let missing = put(&store, version(2)).await;
    assert!(matches!(missing, Err(StoreError::Missing(FIRST_KIND))), "{missing:?}");
    put(&store, full(1)).await.unwrap();
    let again = put(&store, full(1)).await;
    assert!(matches!(again, Err(StoreError::Outdated(FIRST_KIND))), "{again:?}");
    put(&store, version(2)).await.unwrap();
    for wrong in [2, 4, u64::MAX, 0] {
        let refused = put(&store, version(wrong)).await;
        assert!(matches!(refused, Err(StoreError::Outdated(FIRST_KIND))), "{wrong}: {refused:?}");
    }
    let changed = StoredObject {
        workspace: workspace(2),
        created_at: at(5),
        index: IndexFields::default(),
        document: map(json!({ "other": true })),
        ..version(3)
    };
    put(&store, changed.clone()).await.unwrap();
    assert_eq!(find(&store, 1).await, Some(changed));
    let refused = delete(&store, 1, Some(2)).await;
    assert!(matches!(refused, Err(StoreError::Outdated(FIRST_KIND))), "{refused:?}");
    delete(&store, 1, Some(3)).await.unwrap();
    assert_eq!(find(&store, 1).await, None);
    let missing = delete(&store, 1, None).await;
    assert!(matches!(missing, Err(StoreError::Missing(FIRST_KIND))), "{missing:?}");
    put(&store, full(1)).await.unwrap();
    delete(&store, 1, None).await.unwrap();
}

fn keyed(kind: Kind, n: u128, key: &str) -> StoredObject {
    let index = IndexFields { unique_key: Some(key.to_owned()), ..IndexFields::default() };
    StoredObject { index, ..object(kind, n) }
}

/// A unique key belongs to one object of its kind, in all workspaces.
pub async fn unique_keys_are_unique_in_their_kind(store: Shared) {
    let taken = |result: Result<(), StoreError>| {
        assert!(matches!(result, Err(StoreError::UniqueKeyTaken(FIRST_KIND))), "{result:?}");
    };
    put(&store, keyed(FIRST_KIND, 1, "a")).await.unwrap();
    put(&store, keyed(OTHER_KIND, 2, "a")).await.unwrap();
    put(&store, keyed(FIRST_KIND, 3, "A")).await.unwrap();
    taken(put(&store, keyed(FIRST_KIND, 4, "a")).await);
    taken(put(&store, StoredObject { workspace: workspace(2), ..keyed(FIRST_KIND, 4, "a") }).await);
    taken(put(&store, StoredObject { version: 2, ..keyed(FIRST_KIND, 3, "a") }).await);
    // Its own key is free for itself, and for others once it has another one.
    put(&store, StoredObject { version: 2, ..keyed(FIRST_KIND, 1, "a") }).await.unwrap();
    let swap = ObjectBatch {
        puts: vec![
            StoredObject { version: 3, ..keyed(FIRST_KIND, 1, "b") },
            keyed(FIRST_KIND, 4, "a"),
        ],
        ..ObjectBatch::default()
    };
    taken(store.write_objects(swap).await);
    put(&store, StoredObject { version: 3, ..keyed(FIRST_KIND, 1, "b") }).await.unwrap();
    put(&store, keyed(FIRST_KIND, 4, "a")).await.unwrap();
    delete(&store, 4, None).await.unwrap();
    put(&store, keyed(FIRST_KIND, 5, "a")).await.unwrap();
    let twice = vec![keyed(FIRST_KIND, 6, "c"), keyed(FIRST_KIND, 7, "c")];
    taken(store.write_objects(ObjectBatch { puts: twice, ..ObjectBatch::default() }).await);
}

/// One write that is refused refuses the others.
pub async fn a_batch_is_written_whole_or_not_at_all(store: Shared) {
    put(&store, object(FIRST_KIND, 1)).await.unwrap();
    put(&store, object(FIRST_KIND, 2)).await.unwrap();
    let revision = store.object_changes(FIRST_KIND, 0).await.unwrap().revision;
    let second = StoredObject { version: 2, updated_at: at(20), ..object(FIRST_KIND, 1) };
    let gone =
        |n, expected| DeleteObject { kind: FIRST_KIND, id: object_id(n), expected: Some(expected) };
    let batch = |puts, deletes| ObjectBatch {
        puts,
        deletes,
        effects: Effects::with_audit(noted(1)),
        idempotency: Some(idempotent("k", "x")),
        live_workflow: None,
    };
    for refused in [
        batch(vec![second.clone(), object(FIRST_KIND, 2)], vec![]),
        batch(vec![second.clone(), object(FIRST_KIND, 3)], vec![gone(2, 9)]),
        batch(vec![second.clone(), object(FIRST_KIND, 3)], vec![gone(4, 1)]),
        batch(vec![second.clone(), object(FIRST_KIND, 3)], vec![gone(3, 1)]),
        batch(vec![second.clone(), second.clone()], vec![]),
        batch(vec![second.clone()], vec![gone(1, 1)]),
    ] {
        store.write_objects(refused).await.unwrap_err();
    }
    assert_eq!(find(&store, 1).await, Some(object(FIRST_KIND, 1)));
    assert_eq!(find(&store, 3).await, None);
    let log = List::first_page(AuditFilter::default(), 9);
    let log = store.list_audit(workspace(1), log).await.unwrap();
    assert_eq!(log.items, []);
    assert_eq!(store.find_idempotent(workspace(1), "k").await.unwrap(), None);
    assert_eq!(store.object_changes(FIRST_KIND, 0).await.unwrap().revision, revision);
    let all = batch(vec![second.clone(), object(OTHER_KIND, 1)], vec![gone(2, 1)]);
    store.write_objects(all).await.unwrap();
    assert_eq!((find(&store, 1).await, find(&store, 2).await), (Some(second), None));
}

/// The key goes with the objects; where it is taken, none is written.
pub async fn objects_for_an_idempotency_key(store: Shared) {
    let batch = |n| {
        let idempotency = Some(idempotent("k", "first"));
        ObjectBatch { idempotency, ..ObjectBatch::put(object(FIRST_KIND, n), Effects::default()) }
    };
    store.write_objects(batch(1)).await.unwrap();
    for n in [1, 2] {
        let refused = store.write_objects(batch(n)).await;
        let Err(StoreError::Replayed(found)) = refused else { panic!("{refused:?}") };
        assert_eq!(found.outcome, stored_response("first"));
    }
    assert_eq!((find(&store, 1).await, find(&store, 2).await), (Some(object(FIRST_KIND, 1)), None));
}

/// Deliveries and audit entries are written with the change.
pub async fn objects_change_with_their_effects(store: Shared) {
    let effects =
        Effects { deliveries: vec![hooked(1, 1, 1)], audit: vec![noted(1)], ..Effects::default() };
    store.write_objects(ObjectBatch::put(object(FIRST_KIND, 1), effects)).await.unwrap();
    assert_eq!(deliveries_about(&store, execution(1)).await, [hooked(1, 1, 1)]);
    let log = List::first_page(AuditFilter::default(), 9);
    let log = store.list_audit(workspace(1), log).await.unwrap();
    assert_eq!(log.items, [noted(1)]);
}

/// Of writers over the same version one succeeds.
pub async fn of_rivals_one_writes_the_object(store: Shared) {
    put(&store, object(FIRST_KIND, 1)).await.unwrap();
    let mut tasks = JoinSet::new();
    for n in 0..16 {
        let store = store.clone();
        tasks.spawn(async move {
            let document = map(json!({ "n": n }));
            put(&store, StoredObject { version: 2, document, ..object(FIRST_KIND, 1) }).await
        });
    }
    let written = tasks.join_all().await.into_iter().filter(Result::is_ok).count();
    assert_eq!((written, find(&store, 1).await.unwrap().version), (1, 2));
}

/// Earliest first, those of the same moment by their ids.
pub async fn objects_that_are_due(store: Shared) {
    for (n, due) in [(1, Some(30)), (2, Some(20)), (3, Some(30)), (4, None), (5, Some(31))] {
        let index = IndexFields { due_at: due.map(at), ..IndexFields::default() };
        put(&store, StoredObject { index, ..object(FIRST_KIND, n) }).await.unwrap();
    }
    let index = IndexFields { due_at: Some(at(1)), ..IndexFields::default() };
    put(&store, StoredObject { index, ..object(OTHER_KIND, 6) }).await.unwrap();
    for (now, limit, expect) in
        [(19, 9, vec![]), (20, 9, vec![2]), (30, 9, vec![2, 1, 3]), (40, 2, vec![2, 1])]
    {
        let due = DueObjects { kind: FIRST_KIND, now: at(now), after: None, limit };
        assert_eq!(numbers(&store.due_objects(due).await.unwrap()), expect, "{now}");
    }
    let first = store.due_objects(DueObjects::first(FIRST_KIND)).await.unwrap();
    assert_eq!(numbers(&first), [2]);
    for (after, id, expect) in [(20, 2, vec![1, 3]), (30, 1, vec![3, 5]), (31, 5, vec![])] {
        let after = Some((at(after), object_id(id)));
        let due = DueObjects { after, limit: 2, ..DueObjects::first(FIRST_KIND) };
        assert_eq!(numbers(&store.due_objects(due).await.unwrap()), expect, "{id}");
    }
}

/// A cache that reads what changed has the same objects as a new one.
pub async fn changes_for_caches(store: Shared) {
    let changes = async |since| {
        let changes = store.object_changes(FIRST_KIND, since).await.unwrap();
        let deleted: Vec<_> = changes.deleted.iter().map(|id| id.uuid().as_u128()).collect();
        (changes.revision, changes.all, numbers(&changes.puts), deleted)
    };
    assert_eq!(changes(0).await, (0, true, vec![], vec![]));
    for n in [2, 1, 3] {
        put(&store, object(FIRST_KIND, n)).await.unwrap();
    }
    let (first, ..) = changes(0).await;
    assert_eq!(changes(0).await, (first, true, vec![2, 1, 3], vec![]));
    assert_eq!(changes(first).await, (first, false, vec![], vec![]));
    put(&store, object(OTHER_KIND, 4)).await.unwrap();
    let (second, ..) = changes(first).await;
    assert!(second > first);
    assert_eq!(changes(first).await, (second, false, vec![], vec![]), "of another kind");
    put(&store, StoredObject { version: 2, ..object(FIRST_KIND, 2) }).await.unwrap();
    delete(&store, 3, None).await.unwrap();
    delete(&store, 1, None).await.unwrap();
    let (third, ..) = changes(second).await;
    assert_eq!(changes(first).await, (third, false, vec![2], vec![1, 3]));
    assert_eq!(changes(0).await, (third, true, vec![2], vec![]));
    // One that is created again under its id is there.
    put(&store, object(FIRST_KIND, 3)).await.unwrap();
    let (fourth, ..) = changes(third).await;
    assert_eq!(changes(second).await, (fourth, false, vec![2, 3], vec![1]));
    // The store is an older copy than the one that the cache was read from.
    assert_eq!(changes(fourth + 1).await, (fourth, true, vec![2, 3], vec![]));
}

/// A cache that is far behind reads everything again.
pub async fn forgotten_deletions(store: Shared) {
    put(&store, object(FIRST_KIND, 1)).await.unwrap();
    put(&store, object(FIRST_KIND, 2)).await.unwrap();
    let start = store.object_changes(FIRST_KIND, 0).await.unwrap().revision;
    delete(&store, 1, None).await.unwrap();
    let mut tasks = JoinSet::new();
    for n in 1..DELETIONS_KEPT {
        let store = store.clone();
        tasks.spawn(async move { put(&store, object(OTHER_KIND, n.into())).await.unwrap() });
    }
    tasks.join_all().await;
    let changes = store.object_changes(FIRST_KIND, start).await.unwrap();
    assert_eq!((changes.all, changes.deleted), (false, vec![object_id(1)]));
    delete(&store, 2, None).await.unwrap();
    let changes = store.object_changes(FIRST_KIND, start).await.unwrap();
    assert_eq!((changes.all, changes.puts, changes.deleted), (true, vec![], vec![]));
    let changes = store.object_changes(FIRST_KIND, start + 1).await.unwrap();
    assert_eq!((changes.all, changes.deleted), (false, vec![object_id(2)]));
}
