//! Pages of deliveries, in the order of their ids.

use rusqlite::{Connection, Row, ToSql};
use stepwell_core::ids::DeliveryId;
use stepwell_store::lists::{List, Order, Page, PageStart};
use stepwell_store::record::{DeliveryHistory, DeliveryStatus};
use stepwell_store::traits::{DeliveriesOf, DeliveryFilter};

use crate::error::Result;
use crate::row::{self, Id};

/// The filters of a list.
#[derive(Debug, Clone, Copy)]
struct Filters {
    of_subject: bool,
    status: Option<DeliveryStatus>,
    event: bool,
}

impl Filters {
    /// Those of one status; `None`: of every status.
    fn conditions(self, status: Option<DeliveryStatus>) -> String {
        let status = status.map(row::delivery_status_number);
        let status = status.map_or_else(String::new, |n| format!(" AND status = {n}"));
        let event = if self.event { " AND event = :event" } else { "" };
        let source = match self.of_subject {
            true => "INDEXED BY deliveries_subject WHERE subject = :of",
            false => "INDEXED BY deliveries_webhook WHERE webhook = :of",
        };
        format!("FROM deliveries {source}{status}{event}")
    }

    fn count_sql(self) -> String {
        format!("SELECT COUNT(*) {}", self.conditions(self.status))
    }

    /// The ids of a page. The index of webhooks is in the order of ids within a status: several
    /// are merged. The deliveries about one subject are few, and are sorted.
    fn page_sql(self, order: Order) -> String {
        let (direction, behind) = match order {
            Order::Descending => ("DESC", "<"),
            Order::Ascending => ("ASC", ">"),
        };
        let part = |status| format!("SELECT id {} AND id {behind} :place", self.conditions(status));
        let parts: Vec<_> = match self.status {
            None if !self.of_subject => DeliveryStatus::ALL.map(|status| part(Some(status))).into(),
            status => vec![part(status)],
        };
        let parts = parts.join(" UNION ALL ");
        format!("{parts} ORDER BY id {direction} LIMIT :limit OFFSET :skip")
    }
}

/// The queries of the query plan test.
#[cfg(test)]
pub(crate) fn queries() -> Vec<String> {
    let mut all = Vec::new();
    for event in [false, true] {
        for status in [None, Some(DeliveryStatus::Exhausted)] {
            let filters = Filters { of_subject: false, status, event };
            let pages = [Order::Ascending, Order::Descending].map(|order| filters.page_sql(order));
            all.push(filters.count_sql());
            all.extend(pages);
            all.push(Filters { of_subject: true, ..filters }.count_sql());
        }
    }
    all
}

pub(super) fn page(
    connection: &Connection,
    of: DeliveriesOf,
    list: &List<DeliveryFilter>,
) -> Result<Page<DeliveryHistory, DeliveryId>> {
    // Page and count of the same moment.
    let transaction = connection.unchecked_transaction()?;
    let (DeliveryFilter { status, event }, order) = (&list.filter, list.sort.order);
    let (of_subject, of) = match of {
        DeliveriesOf::Subject(subject) => (true, subject.blob()),
        DeliveriesOf::Webhook(webhook) => (false, webhook.blob()),
    };
    let by = Filters { of_subject, status: *status, event: event.is_some() };
    let mut filters: Vec<(&str, &dyn ToSql)> = vec![(":of", &of)];
    if by.event {
        filters.push((":event", event));
    }
    let count = |found: &Row<'_>| row::get_column(found, 0);
    let total = match list.window.count {
        true => row::query_first(&transaction, &by.count_sql(), filters.as_slice(), count)?,
        false => None,
    };
    // A page without a cursor begins before or after every id.
    let place = match (list.window.start, order) {
        (PageStart::After(id), _) => id.blob().to_vec(),
        (PageStart::Skip(_), Order::Descending) => row::AFTER_ALL.to_vec(),
        (PageStart::Skip(_), Order::Ascending) => row::BEFORE_ALL.to_vec(),
    };
    let (limit, skip) = row::limit_and_offset(&list.window);
    filters.extend([(":place", &place as &dyn ToSql), (":limit", &limit), (":skip", &skip)]);
    let sql = by.page_sql(order);
    let id = |found: &Row<'_>| row::get_id::<DeliveryId>(found, 0);
    // Bodies can be large: only those of the page are read.
    let ids = row::query_all(&transaction, &sql, filters.as_slice(), id)?;
    let items = ids.into_iter().filter_map(|id| super::history(&transaction, id).transpose());
    Ok(list.page_of(items.collect::<Result<_>>()?, total))
}
