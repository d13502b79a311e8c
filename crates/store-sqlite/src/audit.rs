//! The audit log.

use async_trait::async_trait;
use rusqlite::{Connection, Row, named_params, params};
use serde_json::json;
use stepwell_core::Timestamp;
use stepwell_core::audit::{AuditedObject, UnknownName};
use stepwell_core::ids::WorkspaceId;
use stepwell_store::AuditStore;
use stepwell_store::audit::{Actor, AuditCursor, AuditFilter, AuditRecord, Origin};
use stepwell_store::codec;
use stepwell_store::lists::{List, Order, Page, PageStart};

use crate::SqliteStore;
use crate::error::{Result, StoreResult, corrupt_row};
use crate::row::{self, Id};

/// The columns that [`entry`] reads.
macro_rules! columns {
    () => {
        "id, workspace, at, key, actor, address, request_id, action, object_kind, object, \
         object_name, changed, details"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO audit (",
    columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
);
const DELETE_OLD: &str =
    "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ?1 LIMIT ?2)";

/// The filter that selects the index: the most selective one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Object,
    Key,
    Action,
    Time,
}

impl By {
    #[cfg(test)]
    const ALL: [Self; 4] = [Self::Object, Self::Key, Self::Action, Self::Time];

    const fn of(filter: &AuditFilter) -> Self {
        if filter.object.is_some() {
            Self::Object
        } else if filter.key.is_some() {
            Self::Key
        } else if filter.action.is_some() {
            Self::Action
        } else {
            Self::Time
        }
    }

    /// The index, and the condition that it is searched by.
    const fn index(self) -> (&'static str, &'static str) {
        match self {
            Self::Object => ("audit_object", "AND object = :object"),
            Self::Key => ("audit_key", "AND key = :key"),
            Self::Action => ("audit_action", "AND action = :action"),
            Self::Time => ("audit_listed", ""),
        }
    }

    /// Which entries are meant. Every parameter is named in each form.
    fn conditions(self) -> String {
        let (index, condition) = self.index();
        format!(
            "FROM audit INDEXED BY {index} WHERE workspace = :workspace {condition}
            AND at BETWEEN :from AND :until
            AND (:object IS NULL OR object = :object) AND (:key IS NULL OR key = :key)
            AND (:action IS NULL OR action = :action) AND (:actor IS NULL OR actor = :actor)
            AND (:kind IS NULL OR object_kind = :kind)"
        )
    }

    fn count_sql(self) -> String {
        format!("SELECT COUNT(*) {}", self.conditions())
    }

    fn page_sql(self, order: Order) -> String {
        let (direction, behind) = match order {
            Order::Descending => ("DESC", "<"),
            Order::Ascending => ("ASC", ">"),
        };
        format!(
            "SELECT {} {} AND (at, id) {behind} (:place, :place_id)
            ORDER BY at {direction}, id {direction} LIMIT :limit OFFSET :skip",
            columns!(),
            self.conditions()
        )
    }
}

/// The queries of the query plan test.
#[cfg(test)]
pub(crate) fn queries() -> Vec<String> {
    let mut all = vec![DELETE_OLD.to_owned()];
    for by in By::ALL {
        let pages = [Order::Ascending, Order::Descending].map(|order| by.page_sql(order));
        all.push(by.count_sql());
        all.extend(pages);
    }
    all
}

#[async_trait]
impl AuditStore for SqliteStore {
    async fn list_audit(
        &self,
        workspace: WorkspaceId,
        list: List<AuditFilter>,
    ) -> StoreResult<Page<AuditRecord, AuditCursor>> {
        self.readers.read(move |connection| page(connection, workspace, &list)).await
    }
}

/// Adds entries.
pub(crate) fn insert(connection: &Connection, entries: &[AuditRecord]) -> Result<()> {
    for one in entries {
        // Writing these cannot fail, as nothing may here.
        let changed = (!one.changed.is_empty()).then(|| json!(one.changed).to_string());
        let details = (!one.details.is_empty()).then(|| json!(one.details).to_string());
        let params = params![
            one.id.blob(),
            one.workspace.blob(),
            one.at.as_micros(),
            one.actor.key().map(Id::blob),
            one.actor.name(),
            one.origin.address.map(|address| address.to_string()),
            one.origin.request_id.as_deref(),
            one.action.name(),
            one.object.map(|object| object.kind.name()),
            one.object.map(|object| object.id.blob()),
            one.object_name,
            changed,
            details,
        ];
        row::execute_sql(connection, INSERT, params)?;
    }
    Ok(())
}

/// Deletes some older entries; returns how many.
pub(crate) fn purge_old(connection: &Connection, before: Timestamp, most: usize) -> Result<usize> {
    row::execute_sql(connection, DELETE_OLD, params![before.as_micros(), row::sql_limit(most)])
}

fn page(
    connection: &Connection,
    workspace: WorkspaceId,
    list: &List<AuditFilter>,
) -> Result<Page<AuditRecord, AuditCursor>> {
    // Page and count of the same moment.
    let transaction = connection.unchecked_transaction()?;
    let by = By::of(&list.filter);
    let AuditFilter { key, actor, action, kind, object, from, until } = &list.filter;
    let (workspace, key, object) = (workspace.blob(), key.map(Id::blob), object.map(Id::blob));
    let (kind, action) = (kind.map(|kind| kind.name()), action.map(|action| action.name()));
    let from = from.map_or(i64::MIN, Timestamp::as_micros);
    let until = until.map_or(i64::MAX, Timestamp::as_micros);
    let count = named_params! {
        ":workspace": workspace, ":key": key, ":object": object, ":kind": kind, ":action": action,
        ":actor": actor, ":from": from, ":until": until,
    };
    let total = match list.window.count {
        true => row::query_first(&transaction, &by.count_sql(), count, |found| {
            row::get_column(found, 0)
        })?,
        false => None,
    };
    // A page without a cursor begins before or after every entry.
    let (place, place_id) = match (list.window.start, list.sort.order) {
        (PageStart::After(after), _) => (after.at.as_micros(), after.id.blob().to_vec()),
        (PageStart::Skip(_), Order::Descending) => (i64::MAX, row::AFTER_ALL.to_vec()),
        (PageStart::Skip(_), Order::Ascending) => (i64::MIN, row::BEFORE_ALL.to_vec()),
    };
    let (limit, skip) = row::limit_and_offset(&list.window);
    let params = named_params! {
        ":workspace": workspace, ":key": key, ":object": object, ":kind": kind, ":action": action,
        ":actor": actor, ":from": from, ":until": until, ":place": place,
        ":place_id": place_id, ":limit": limit, ":skip": skip,
    };
    let items = row::query_all(&transaction, &by.page_sql(list.sort.order), params, entry)?;
    Ok(list.page_of(items, total))
}

/// Reads the columns of [`columns`].
fn entry(found: &Row<'_>) -> Result<AuditRecord> {
    let text = |column| row::get_column::<Option<String>>(found, column);
    let object = match (text(8)?, row::maybe_id(found, 9)?) {
        (Some(kind), Some(id)) => Some(AuditedObject { kind: kind.parse().map_err(unknown)?, id }),
        (None, None) => None,
        _ => return Err(corrupt_row("half of what an audit entry is about is stored")),
    };
    let address = text(5)?.map(|text| text.parse());
    let address =
        address.transpose().map_err(|_| corrupt_row("an audit entry has a wrong address"))?;
    let changed = text(11)?.map(|text| codec::read_json(&text)).transpose()?;
    Ok(AuditRecord {
        id: row::get_id(found, 0)?,
        workspace: row::get_id(found, 1)?,
        at: row::get_time(found, 2)?,
        actor: Actor::of(row::maybe_id(found, 3)?, row::get_column(found, 4)?)?,
        origin: Origin { address, request_id: text(6)?.map(Into::into) },
        action: row::get_column::<String>(found, 7)?.parse().map_err(unknown)?,
        object,
        object_name: text(10)?,
        changed: changed.unwrap_or_default(),
        details: row::get_labels(found, 12)?,
    })
}

fn unknown(_: UnknownName) -> crate::error::QueryError {
    corrupt_row("an audit entry has an unknown action or kind of object")
}
