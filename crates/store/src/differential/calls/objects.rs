//! Calls about configured objects.

use std::fmt::Debug;

use serde_json::json;

use stepwell_core::ids::SubjectId;

use super::{CallResults, Caller, WORKFLOWS, labels};
use crate::Store;
use crate::conformance::build::{workflow, workspace};
use crate::conformance::objects::{FIRST_KIND, OTHER_KIND, object, object_id};
use crate::lists::{List, Page, PageStart};
use crate::objects::{
    DeleteObject, DueObjects, IndexFields, Kind, ObjectBatch, ObjectChanges, ObjectCursor,
    ObjectFilter, ObjectRef, ObjectSort, ObjectSortKey, StoredObject,
};

/// How many different ids there are.
const OBJECTS: u64 = 10;

/// No object is there.
pub(super) fn none() -> Vec<u64> {
    vec![0; usize::try_from(OBJECTS).unwrap()]
}

/// Calls both stores and shows what they return, documents included.
macro_rules! both {
    ($one:ident, $other:ident, $show:expr, $method:ident($($argument:expr),*)) => {{
        let left = $crate::differential::shown($one.$method($($argument.clone()),*).await.map($show));
        let right = $crate::differential::shown($other.$method($($argument.clone()),*).await.map($show));
        let arguments: Vec<String> = vec![$(format!("{:?}", $argument)),*];
        (format!("{}({})", stringify!($method), arguments.join(", ")), left, right)
    }};
}

fn whole(object: &StoredObject) -> impl Debug + use<> {
    format!("{object:?} {}", json!(object.document))
}

fn whole_maybe(object: Option<StoredObject>) -> impl Debug {
    object.as_ref().map(whole)
}

fn whole_page(page: Page<StoredObject, ObjectCursor>) -> impl Debug {
    (page.items.iter().map(whole).collect::<Vec<_>>(), page.total, page.next)
}

fn whole_all(objects: Vec<StoredObject>) -> impl Debug {
    objects.iter().map(whole).collect::<Vec<_>>()
}

fn whole_changes(changes: ObjectChanges) -> impl Debug {
    let ObjectChanges { revision, all, puts, deleted } = changes;
    (revision, all, whole_all(puts), deleted)
}

/// Ids below the half are of one kind, the others of the other.
const fn kind(n: u128) -> Kind {
    if n < OBJECTS as u128 / 2 { FIRST_KIND } else { OTHER_KIND }
}

/// An object that often fits what went before.
pub(super) fn next(caller: &mut Caller) -> StoredObject {
    let n = caller.number(OBJECTS);
    let known = caller.object_versions[usize::try_from(n).unwrap()];
    let random = &mut caller.random;
    let version = if random.once_in(8) { random.below(4) } else { known + 1 };
    let index = IndexFields {
        unique_key: random.maybe(2, |random| random.below(6).to_string()),
        name: random.maybe(2, |random| random.below(4).to_string()),
        parent: random.maybe(2, |random| workflow(u128::from(random.below(2))).into()),
        status: random.maybe(2, |random| random.below(2).to_string()),
        labels: labels(random.pick(&[json!({}), json!({"a": 1}), json!({"a": "1", "b": true})])),
        due_at: random.maybe(2, super::Random::time),
    };
    StoredObject {
        workspace: workspace(u128::from(random.below(2))),
        version,
        created_at: random.time(),
        updated_at: random.time(),
        index,
        document: labels(json!({ "value": random.value() })),
        ..object(kind(n), n)
    }
}

fn delete(caller: &mut Caller) -> DeleteObject {
    let n = caller.number(OBJECTS);
    let known = caller.object_versions[usize::try_from(n).unwrap()];
    let expected = caller.random.pick(&[None, Some(known), Some(1)]);
    DeleteObject { kind: kind(n), id: object_id(n), expected }
}

/// A batch that often fits what went before.
pub(super) fn batch(caller: &mut Caller) -> ObjectBatch {
    let deletes = caller.random.below(2).min(caller.random.below(3));
    let of = caller.number(WORKFLOWS);
    ObjectBatch {
        puts: (0..caller.random.below(3)).map(|_| next(caller)).collect(),
        deletes: (0..deletes).map(|_| delete(caller)).collect(),
        effects: caller.effects(),
        idempotency: caller.random.once_in(3).then(|| caller.idempotency_key()),
        live_workflow: caller.random.maybe(4, |_| workflow(of)),
    }
}

/// Remembers the versions of a batch that was written.
pub(super) fn wrote(caller: &mut Caller, batch: Option<&ObjectBatch>) {
    let place = |id: SubjectId| usize::try_from(id.uuid().as_u128()).unwrap();
    let Some(batch) = batch else { return };
    for object in &batch.puts {
        caller.object_versions[place(object.id)] = object.version;
    }
    for delete in &batch.deletes {
        caller.object_versions[place(delete.id)] = 0;
    }
}

async fn write(caller: &mut Caller, one: &dyn Store, other: &dyn Store) -> CallResults {
    let batch = batch(caller);
    let results = both!(one, other, |done: ()| done, write_objects(batch));
    if results.1 == "()" {
        wrote(caller, Some(&batch));
    }
    results
}

fn list(caller: &mut Caller) -> List<ObjectFilter> {
    let random = &mut caller.random;
    let sort = random.pick(&ObjectSort::ALL);
    let place = |random: &mut super::Random| ObjectCursor {
        key: match sort {
            ObjectSort::CreatedAt | ObjectSort::UpdatedAt => ObjectSortKey::Time(random.time()),
            ObjectSort::Name => {
                ObjectSortKey::Name(random.maybe(2, |random| random.below(4).to_string()))
            }
            ObjectSort::DueAt => ObjectSortKey::Due(random.maybe(2, super::Random::time)),
        },
        id: object_id(u128::from(random.below(OBJECTS))),
    };
    let start = match random.once_in(2) {
        true => PageStart::After(place(random)),
        false => PageStart::Skip(random.below(4)),
    };
    let filter = ObjectFilter {
        name: random.maybe(4, |random| random.below(4).to_string()),
        parent: random.maybe(3, |random| workflow(u128::from(random.below(2))).into()),
        status: random.maybe(4, |random| random.below(2).to_string()),
        labels: random.pick(&[vec![], vec![], vec![("a".to_owned(), "1".to_owned())]]),
    };
    super::random_list(random, filter, sort, start)
}

/// A call that often fits what went before.
pub(super) async fn call(caller: &mut Caller, one: &dyn Store, other: &dyn Store) -> CallResults {
    let n = caller.number(OBJECTS);
    let kind = kind(n);
    match caller.random.below(10) {
        0..=4 => write(caller, one, other).await,
        5 => {
            let by = match caller.random.once_in(2) {
                true => ObjectRef::Id(object_id(n)),
                false => ObjectRef::UniqueKey(caller.random.below(6).to_string()),
            };
            both!(one, other, whole_maybe, find_object(kind, by))
        }
        6 | 7 => {
            let kind = caller.random.pick(&[FIRST_KIND, OTHER_KIND]);
            let of = workspace(u128::from(caller.random.below(2)));
            let list = list(caller);
            both!(one, other, whole_page, list_objects(kind, of, list))
        }
        8 => {
            let (now, limit) = (caller.random.time(), caller.random.limit());
            let place = |random: &mut super::Random| (random.time(), object_id(n));
            let after = caller.random.maybe(2, place);
            let due = DueObjects { kind, now, after, limit };
            both!(one, other, whole_all, due_objects(due))
        }
        _ => {
            let since = caller.random.below(60);
            both!(one, other, whole_changes, object_changes(kind, since))
        }
    }
}

/// All that can be seen.
pub(super) async fn look(one: &dyn Store, other: &dyn Store) -> Vec<CallResults> {
    let mut results = Vec::new();
    for kind in [FIRST_KIND, OTHER_KIND] {
        for since in [0, 1, 50] {
            results.push(both!(one, other, whole_changes, object_changes(kind, since)));
        }
    }
    results
}
