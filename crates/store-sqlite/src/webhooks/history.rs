//! Pages of a webhook's deliveries.

use rusqlite::{Connection, ToSql};
use stepwell_core::ids::DeliveryId;
use stepwell_store::lists::{Begin, Listed, Order};
use stepwell_store::record::{DeliveryRecord, DeliveryStatus};
use stepwell_store::webhooks::ListWebhookDeliveries;

use crate::deliveries;
use crate::fault::Result;
use crate::row::{self, Id};

/// What a list is filtered by.
#[derive(Debug, Clone, Copy)]
struct By {
    status: Option<DeliveryStatus>,
    event: bool,
}

impl By {
    #[cfg(test)]
    const ALL: [Self; 4] = [
        Self { status: None, event: false },
        Self { status: None, event: true },
        Self { status: Some(DeliveryStatus::Exhausted), event: false },
        Self { status: Some(DeliveryStatus::Exhausted), event: true },
    ];

    /// Those of a status; without one, of whichever.
    fn conditions(self, status: Option<DeliveryStatus>) -> String {
        let status = status.map(row::delivery_status_number);
        let status = status.map_or_else(String::new, |n| format!(" AND status = {n}"));
        let event = if self.event { " AND event = :event" } else { "" };
        format!(
            "FROM deliveries INDEXED BY deliveries_webhook WHERE webhook = :webhook{status}{event}"
        )
    }

    fn count_sql(self) -> String {
        format!("SELECT COUNT(*) {}", self.conditions(self.status))
    }

    /// Answers ids. The index is in the order of ids within a status: several are merged.
    fn page_sql(self, order: Order) -> String {
        let (direction, behind) = match order {
            Order::Descending => ("DESC", "<"),
            Order::Ascending => ("ASC", ">"),
        };
        let part =
            |status| format!("SELECT id {} AND id {behind} :place", self.conditions(Some(status)));
        let parts: Vec<_> = match self.status {
            Some(status) => vec![part(status)],
            None => DeliveryStatus::ALL.map(part).into(),
        };
        let parts = parts.join(" UNION ALL ");
        format!("{parts} ORDER BY id {direction} LIMIT :limit OFFSET :skip")
    }
}

/// Those that the query plan test looks at.
#[cfg(test)]
pub(crate) fn queries() -> Vec<String> {
    let of =
        |by: By| [by.count_sql(), by.page_sql(Order::Ascending), by.page_sql(Order::Descending)];
    By::ALL.into_iter().flat_map(of).collect()
}

pub(super) fn page(
    connection: &Connection,
    list: &ListWebhookDeliveries,
) -> Result<Listed<DeliveryRecord>> {
    // Page and count of the same moment.
    let transaction = connection.unchecked_transaction()?;
    let ListWebhookDeliveries { webhook, status, event, order, begin, limit } = list;
    let by = By { status: *status, event: event.is_some() };
    let webhook = webhook.blob();
    let mut filters: Vec<(&str, &dyn ToSql)> = vec![(":webhook", &webhook)];
    if by.event {
        filters.push((":event", event));
    }
    let total = |found: &rusqlite::Row<'_>| row::get(found, 0);
    let total = row::first(&transaction, &by.count_sql(), filters.as_slice(), total)?;
    // Without a place, that before all others.
    let (place, skip) = match (begin, order) {
        (Begin::After(id), _) => (id.blob().to_vec(), 0),
        (Begin::Skip(skip), Order::Descending) => (row::AFTER_ALL.to_vec(), *skip),
        (Begin::Skip(skip), Order::Ascending) => (row::BEFORE_ALL.to_vec(), *skip),
    };
    let (limit, skip) = (row::limit(*limit), i64::try_from(skip).unwrap_or(i64::MAX));
    filters.extend([(":place", &place as &dyn ToSql), (":limit", &limit), (":skip", &skip)]);
    let sql = by.page_sql(*order);
    let id = |found: &rusqlite::Row<'_>| row::id::<DeliveryId>(found, 0);
    // Bodies can be large, and only those of the page are read.
    let ids = row::all(&transaction, &sql, filters.as_slice(), id)?;
    let read = |id: DeliveryId| {
        row::first(&transaction, deliveries::FIND, [id.blob()], deliveries::record)
    };
    let items = ids.into_iter().filter_map(|id| read(id).transpose()).collect::<Result<_>>()?;
    Ok(Listed { items, total })
}
