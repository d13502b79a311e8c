//! Pages of a webhook's deliveries.

use rusqlite::{Connection, ToSql};
use stepwell_store::lists::{Begin, Listed, Order};
use stepwell_store::record::DeliveryRecord;
use stepwell_store::webhooks::ListWebhookDeliveries;

use crate::deliveries;
use crate::fault::Result;
use crate::row::{self, Id};

/// What a list is filtered by.
#[derive(Debug, Clone, Copy)]
struct By {
    status: bool,
    event: bool,
}

impl By {
    #[cfg(test)]
    const ALL: [Self; 4] = [
        Self { status: false, event: false },
        Self { status: false, event: true },
        Self { status: true, event: false },
        Self { status: true, event: true },
    ];

    fn conditions(self) -> String {
        let (index, status) = match self.status {
            true => ("deliveries_webhook_status", "AND status = :status"),
            false => ("deliveries_webhook", ""),
        };
        let event = if self.event { "AND event = :event" } else { "" };
        format!("FROM deliveries INDEXED BY {index} WHERE webhook = :webhook {status} {event}")
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
            "SELECT {} {} AND id {behind} :place ORDER BY id {direction} LIMIT :limit OFFSET :skip",
            deliveries::columns!(),
            self.conditions()
        )
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
    let by = By { status: status.is_some(), event: event.is_some() };
    let (webhook, status) = (webhook.blob(), status.map(row::delivery_status_number));
    let mut filters: Vec<(&str, &dyn ToSql)> = vec![(":webhook", &webhook)];
    if by.status {
        filters.push((":status", &status));
    }
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
    let items = row::all(&transaction, &sql, filters.as_slice(), deliveries::record)?;
    Ok(Listed { items, total })
}
