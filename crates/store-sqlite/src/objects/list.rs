//! Lists of configured objects.
//!
//! A workspace has few objects of a kind, beside its executions. A list walks along an index in
//! the wanted order and reads the documents of its page only.

use rusqlite::{Connection, Row, named_params};
use stepwell_core::ids::SubjectId;
use stepwell_store::lists::{Begin, Listed, Order};
use stepwell_store::objects::{ListObjects, ObjectPlace, ObjectSort, ObjectSortKey, StoredObject};
use stepwell_store::record::has_label;

use crate::fault::{Result, corrupt};
use crate::row::{self, Id};

/// The walk: along the index of the workspace in the wanted order, or that of the parent, which is
/// in the order of creation.
fn walk_sql(sort: ObjectSort, order: Order, of_parent: bool) -> String {
    let (index, column) = match sort {
        ObjectSort::CreatedAt if of_parent => ("objects_parent", "created_at"),
        ObjectSort::CreatedAt => ("objects_created", "created_at"),
        ObjectSort::UpdatedAt => ("objects_updated", "updated_at"),
        ObjectSort::Name => ("objects_name", "name"),
    };
    let direction = match order {
        Order::Ascending => "ASC",
        Order::Descending => "DESC",
    };
    // Every parameter is named in each form.
    let parent = if of_parent { "parent = :parent" } else { ":parent IS NULL" };
    format!(
        "SELECT id, labels, {column} FROM objects INDEXED BY {index}
        WHERE kind = :kind AND workspace = :workspace AND {parent}
        AND (:name IS NULL OR name = :name) AND (:status IS NULL OR status = :status)
        ORDER BY {column} {direction}, id {direction}"
    )
}

/// The queries of the query plan test.
#[cfg(test)]
pub(crate) fn queries() -> Vec<String> {
    let mut all = Vec::new();
    for sort in ObjectSort::ALL {
        for (order, of_parent) in [
            (Order::Ascending, false),
            (Order::Ascending, true),
            (Order::Descending, false),
            (Order::Descending, true),
        ] {
            all.push(walk_sql(sort, order, of_parent));
        }
    }
    all
}

pub(super) fn page(connection: &Connection, list: &ListObjects) -> Result<Listed<StoredObject>> {
    // The walk and the look-ups at the same moment.
    let transaction = connection.unchecked_transaction()?;
    let sql = walk_sql(list.sort, list.order, list.parent.is_some());
    let mut statement = transaction.prepare_cached(&sql)?;
    let mut rows = statement.query(named_params! {
        ":kind": list.kind,
        ":workspace": list.workspace.blob(),
        ":parent": list.parent.map(Id::blob),
        ":name": list.name,
        ":status": list.status,
    })?;
    let mut skip = match list.begin {
        Begin::Skip(skip) => skip,
        Begin::After(_) => 0,
    };
    let (mut ids, mut total) = (Vec::new(), 0);
    while let Some(found) = rows.next()? {
        let is_full = ids.len() >= list.limit;
        if is_full && !list.count {
            break;
        }
        if !has_labels(list, found)? {
            continue;
        }
        total += 1;
        if is_full || !is_after(list, found)? {
            continue;
        }
        match skip.checked_sub(1) {
            Some(rest) => skip = rest,
            None => ids.push(row::id::<SubjectId>(found, 0)?),
        }
    }
    let load = |id| {
        let object = super::find(&transaction, list.kind, id)?;
        object.ok_or_else(|| corrupt("an index names an object that does not exist"))
    };
    let items = ids.into_iter().map(load).collect::<Result<_>>()?;
    Ok(Listed { items, total: list.count.then_some(total) })
}

fn has_labels(list: &ListObjects, found: &Row<'_>) -> Result<bool> {
    if list.labels.is_empty() {
        return Ok(true);
    }
    let labels = row::labels(found, 1)?;
    Ok(list.labels.iter().all(|(name, value)| has_label(&labels, name, value)))
}

/// Whether the row comes after the place that the page begins at.
fn is_after(list: &ListObjects, found: &Row<'_>) -> Result<bool> {
    let Begin::After(begin) = &list.begin else { return Ok(true) };
    let key = match list.sort {
        ObjectSort::CreatedAt | ObjectSort::UpdatedAt => ObjectSortKey::Time(row::time(found, 2)?),
        ObjectSort::Name => ObjectSortKey::Name(row::get(found, 2)?),
    };
    let place = ObjectPlace { key, id: row::id(found, 0)? };
    Ok(match list.order {
        Order::Ascending => place > *begin,
        Order::Descending => place < *begin,
    })
}
