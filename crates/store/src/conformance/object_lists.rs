//! Lists of configured objects.

use serde_json::json;

use super::build::*;
use super::objects::{FIRST_KIND, OTHER_KIND, delete, find, map, numbers, object, put};
use crate::lists::{List, ListFilter, Order, PageStart};
use crate::objects::{IndexFields, ObjectFilter, ObjectSort, StoredObject};

async fn listed(store: &Shared, list: List<ObjectFilter>) -> (Vec<u128>, Option<u64>) {
    let page = store.list_objects(FIRST_KIND, workspace(1), list).await.unwrap();
    (numbers(&page.items), page.total)
}

fn newest(limit: usize) -> List<ObjectFilter> {
    List::first_page(ObjectFilter::default(), limit).with_total()
}

/// Sorted by every field in both directions, page by page, by number and by place.
pub async fn objects_in_every_order(store: Shared) {
    for (n, created, updated, name, due) in [
        (1, 10, 40, Some("b"), Some(9)),
        (2, 30, 30, None, Some(7)),
        (3, 20, 30, Some("a"), None),
        (4, 20, 50, Some("B"), Some(8)),
        (5, 40, 60, Some(""), Some(7)),
    ] {
        let index = IndexFields {
            name: name.map(str::to_owned),
            due_at: due.map(at),
            ..IndexFields::default()
        };
        let object = StoredObject {
            created_at: at(created),
            updated_at: at(updated),
            index,
            ..object(FIRST_KIND, n)
        };
        put(&store, object).await.unwrap();
    }
    put(&store, object(OTHER_KIND, 6)).await.unwrap();
    put(&store, StoredObject { workspace: workspace(2), ..object(FIRST_KIND, 7) }).await.unwrap();
    for (sort, expect) in [
        (ObjectSort::CreatedAt, vec![1, 3, 4, 2, 5]),
        (ObjectSort::UpdatedAt, vec![2, 3, 1, 4, 5]),
        (ObjectSort::Name, vec![2, 5, 4, 3, 1]),
        (ObjectSort::DueAt, vec![3, 2, 5, 4, 1]),
    ] {
        for order in [Order::Ascending, Order::Descending] {
            let mut expect: Vec<u128> = expect.clone();
            if order == Order::Descending {
                expect.reverse();
            }
            let list = newest(2).sorted_by(sort, order);
            let mut begin = PageStart::Skip(0);
            for (page, skip) in expect.chunks(2).zip([0, 2, 4]) {
                let here = list.clone().starting_at(PageStart::Skip(skip));
                assert_eq!(listed(&store, here).await, (page.to_vec(), Some(5)), "{sort:?}");
                let mut here = list.clone().starting_at(begin);
                here.window.count = false;
                assert_eq!(listed(&store, here).await, (page.to_vec(), None), "{sort:?}");
                let last = find(&store, *page.last().unwrap()).await.unwrap();
                begin = PageStart::After(ObjectFilter::cursor_of(&last, sort));
            }
            let rest = list.starting_at(begin);
            assert_eq!(listed(&store, rest).await, (vec![], Some(5)), "{sort:?} {order:?}");
        }
    }
    // The place of an object that is gone is still a place.
    let place = ObjectFilter::cursor_of(&find(&store, 4).await.unwrap(), ObjectSort::CreatedAt);
    delete(&store, 4, None).await.unwrap();
    let list = newest(9).starting_at(PageStart::After(place));
    assert_eq!(listed(&store, list).await, (vec![3, 1], Some(4)));
}

/// Filtered by each index field.
pub async fn objects_by_index_fields(store: Shared) {
    for (n, name, parent, status, labels) in [
        (1, "a", 1, "on", json!({ "team": "sales", "n": 1 })),
        (2, "a", 2, "off", json!({ "team": "sales" })),
        (3, "b", 1, "off", json!({ "team": ["sales"] })),
    ] {
        let index = IndexFields {
            name: Some(name.to_owned()),
            parent: Some(workflow(parent).into()),
            status: Some(status.to_owned()),
            labels: map(labels),
            ..IndexFields::default()
        };
        put(&store, StoredObject { index, ..object(FIRST_KIND, n) }).await.unwrap();
    }
    put(&store, object(FIRST_KIND, 4)).await.unwrap();
    let text = |text: &str| Some(text.to_owned());
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let list = |change: &dyn Fn(&mut List<ObjectFilter>)| {
        let mut list = newest(9);
        change(&mut list);
        listed(&store, list)
    };
    assert_eq!(list(&|list| list.filter.name = text("a")).await, (vec![2, 1], Some(2)));
    assert_eq!(list(&|list| list.filter.name = text("A")).await, (vec![], Some(0)));
    let parent = |list: &mut List<ObjectFilter>| list.filter.parent = Some(workflow(1).into());
    assert_eq!(list(&parent).await, (vec![3, 1], Some(2)));
    let sorted = |list: &mut List<ObjectFilter>| {
        parent(list);
        list.sort.key = ObjectSort::Name;
        list.sort.order = Order::Ascending;
    };
    assert_eq!(list(&sorted).await, (vec![1, 3], Some(2)));
    assert_eq!(list(&|list| list.filter.status = text("off")).await, (vec![3, 2], Some(2)));
    let sales = |list: &mut List<ObjectFilter>| list.filter.labels = vec![label("team", "sales")];
    assert_eq!(list(&sales).await, (vec![2, 1], Some(2)));
    let both = |list: &mut List<ObjectFilter>| {
        list.filter.labels = vec![label("team", "sales"), label("n", "1")];
        list.filter.name = text("a");
    };
    assert_eq!(list(&both).await, (vec![1], Some(1)));
    let second = |list: &mut List<ObjectFilter>| {
        sales(list);
        list.window.start = PageStart::Skip(1);
        list.window.size = 1;
    };
    assert_eq!(list(&second).await, (vec![1], Some(2)));
    for sort in ObjectSort::ALL {
        let off_of_first = |list: &mut List<ObjectFilter>| {
            parent(list);
            list.filter.status = text("off");
            list.sort.key = sort;
        };
        assert_eq!(list(&off_of_first).await, (vec![3], Some(1)), "{sort:?}");
    }
}
