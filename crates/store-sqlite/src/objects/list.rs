//! Lists of configured objects.
//!
//! A list reads along an index in the requested order, and the documents of its page only. It is
//! counted along an index that has all fields of the filters. Labels are in no index: a list
//! filtered by labels reads those of all objects that the other filters select.

use rusqlite::{Connection, Row, ToSql};
use stepwell_core::ids::{SubjectId, WorkspaceId};
use stepwell_store::lists::{List, Order, Page, PageStart};
use stepwell_store::objects::{
    Kind, ObjectCursor, ObjectFilter, ObjectSort, ObjectSortKey, StoredObject,
};

use crate::error::{Result, corrupt_row};
use crate::row::{self, Id};

/// The filters of a list that are index fields.
#[derive(Debug, Clone, Copy)]
struct Filters {
    parent: bool,
    name: bool,
    status: bool,
}

impl Filters {
    /// The index of the workspace in the requested order, or that of the parent, which is in the
    /// order of creation.
    fn conditions(self, sort: ObjectSort) -> String {
        let index = match sort {
            ObjectSort::CreatedAt if self.parent => "objects_parent",
            ObjectSort::CreatedAt => "objects_created",
            ObjectSort::UpdatedAt => "objects_updated",
            ObjectSort::Name => "objects_name",
            ObjectSort::DueAt => "objects_next",
        };
        let filter = |is_set, sql| if is_set { sql } else { "" };
        format!(
            "FROM objects INDEXED BY {index} WHERE kind = :kind AND workspace = :workspace{}{}{}",
            filter(self.parent, " AND parent = :parent"),
            filter(self.name, " AND name = :name"),
            filter(self.status, " AND status = :status"),
        )
    }

    fn count_sql(self) -> String {
        format!("SELECT COUNT(*) {}", self.conditions(ObjectSort::CreatedAt))
    }

    /// All rows in order, with what decides whether a row is on the page.
    fn walk_sql(self, sort: ObjectSort, order: Order) -> String {
        let (column, direction) = (sort_column(sort), sort_direction(order));
        format!(
            "SELECT id, {column}, labels {} ORDER BY {column} {direction}, id {direction}",
            self.conditions(sort)
        )
    }

    /// The ids of a page that begins after a number of items.
    fn page_sql(self, sort: ObjectSort, order: Order) -> String {
        let (column, direction) = (sort_column(sort), sort_direction(order));
        format!(
            "SELECT id {} ORDER BY {column} {direction}, id {direction} LIMIT :limit OFFSET :skip",
            self.conditions(sort)
        )
    }
}

const fn sort_column(sort: ObjectSort) -> &'static str {
    match sort {
        ObjectSort::CreatedAt => "created_at",
        ObjectSort::UpdatedAt => "updated_at",
        ObjectSort::Name => "name",
        ObjectSort::DueAt => "due_at",
    }
}

const fn sort_direction(order: Order) -> &'static str {
    match order {
        Order::Ascending => "ASC",
        Order::Descending => "DESC",
    }
}

/// The queries of the query plan test.
#[cfg(test)]
pub(crate) fn queries() -> Vec<String> {
    let mut all = Vec::new();
    for bits in 0..8 {
        let filters = Filters { parent: bits & 1 > 0, name: bits & 2 > 0, status: bits & 4 > 0 };
        all.push(filters.count_sql());
        for sort in ObjectSort::ALL {
            for order in [Order::Ascending, Order::Descending] {
                all.extend([filters.walk_sql(sort, order), filters.page_sql(sort, order)]);
            }
        }
    }
    all
}

pub(super) fn page(
    connection: &Connection,
    kind: Kind,
    workspace: WorkspaceId,
    list: &List<ObjectFilter>,
) -> Result<Page<StoredObject, ObjectCursor>> {
    // Page, count and documents of the same moment.
    let transaction = connection.unchecked_transaction()?;
    let ObjectFilter { name, parent, status, labels } = &list.filter;
    let (workspace, parent) = (workspace.blob(), parent.map(Id::blob));
    let filters =
        Filters { parent: parent.is_some(), name: name.is_some(), status: status.is_some() };
    let all: [(&str, &dyn ToSql, bool); 5] = [
        (":kind", &kind, true),
        (":workspace", &workspace, true),
        (":parent", &parent, filters.parent),
        (":name", name, filters.name),
        (":status", status, filters.status),
    ];
    let set = all.into_iter().filter(|(.., is_set)| *is_set);
    let mut params: Vec<(&str, &dyn ToSql)> = set.map(|(name, value, _)| (name, value)).collect();
    let (ids, total) = match list.window.start {
        PageStart::Skip(_) if labels.is_empty() => {
            let count = |found: &Row<'_>| row::get_column(found, 0);
            let total = match list.window.count {
                true => row::query_first(&transaction, &filters.count_sql(), &*params, count)?,
                false => None,
            };
            let (limit, skip) = row::limit_and_offset(&list.window);
            params.extend([(":limit", &limit as &dyn ToSql), (":skip", &skip)]);
            let sql = filters.page_sql(list.sort.key, list.sort.order);
            (row::query_all(&transaction, &sql, &*params, |found| row::get_id(found, 0))?, total)
        }
        _ => walk(&transaction, list, filters, &params)?,
    };
    let load = |id| {
        let object = super::find(&transaction, kind, id)?;
        object.ok_or_else(|| corrupt_row("an index names an object that does not exist"))
    };
    let items = ids.into_iter().map(load).collect::<Result<_>>()?;
    Ok(list.page_of(items, total))
}

/// Reads all rows for what no index has: labels, and the place to begin after.
fn walk(
    connection: &Connection,
    list: &List<ObjectFilter>,
    filters: Filters,
    params: &[(&str, &dyn ToSql)],
) -> Result<(Vec<SubjectId>, Option<u64>)> {
    let sql = filters.walk_sql(list.sort.key, list.sort.order);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params)?;
    let window = &list.window;
    let (mut skip, limit) = (window.skipped(), window.read_limit());
    let (mut ids, mut total) = (Vec::new(), 0);
    while let Some(found) = rows.next()? {
        let is_full = ids.len() >= limit;
        if is_full && !window.count {
            break;
        }
        if !row::has_labels(found, 2, &list.filter.labels)? {
            continue;
        }
        total += 1;
        if is_full || !list.is_after_start(&cursor(found, list.sort.key)?) {
            continue;
        }
        match skip.checked_sub(1) {
            Some(rest) => skip = rest,
            None => ids.push(row::get_id::<SubjectId>(found, 0)?),
        }
    }
    Ok((ids, window.count.then_some(total)))
}

/// The position of a row in the list.
fn cursor(found: &Row<'_>, sort: ObjectSort) -> Result<ObjectCursor> {
    let key = match sort {
        ObjectSort::CreatedAt | ObjectSort::UpdatedAt => {
            ObjectSortKey::Time(row::get_time(found, 1)?)
        }
        ObjectSort::Name => ObjectSortKey::Name(row::get_column(found, 1)?),
        ObjectSort::DueAt => ObjectSortKey::Due(row::maybe_time(found, 1)?),
    };
    Ok(ObjectCursor { key, id: row::get_id(found, 0)? })
}
