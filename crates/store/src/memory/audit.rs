//! The audit log.

use async_trait::async_trait;

use super::{MemoryStore, Result};
use crate::audit::{AuditCursor, AuditRecord, AuditStore, ListAudit};
use crate::lists::{ListPage, Order, PageStart};

#[async_trait]
impl AuditStore for MemoryStore {
    async fn list_audit(&self, list: ListAudit) -> Result<ListPage<AuditRecord>> {
        let wanted = |entry: &&AuditRecord| {
            entry.workspace == list.workspace
                && list.key.is_none_or(|key| entry.actor.key() == Some(key))
                && list.actor.as_ref().is_none_or(|actor| entry.actor.name() == actor)
                && list.action.is_none_or(|action| entry.action == action)
                && list.kind.is_none_or(|kind| entry.object.is_some_and(|of| of.kind == kind))
                && list.object.is_none_or(|id| entry.object.is_some_and(|of| of.id == id))
                && list.from.is_none_or(|from| entry.at >= from)
                && list.until.is_none_or(|until| entry.at <= until)
        };
        let state = self.state();
        let mut found: Vec<_> = state.audit.values().filter(wanted).collect();
        if list.order == Order::Descending {
            found.reverse();
        }
        let total = list.count.then_some(found.len() as u64);
        let begin = match list.begin {
            PageStart::Skip(skip) => usize::try_from(skip).unwrap_or(usize::MAX),
            PageStart::After(after) => found.partition_point(|entry| match list.order {
                Order::Descending => place(entry) >= after,
                Order::Ascending => place(entry) <= after,
            }),
        };
        let page = found.into_iter().skip(begin).take(list.limit);
        Ok(ListPage { items: page.cloned().collect(), total })
    }
}

pub(super) const fn place(entry: &AuditRecord) -> AuditCursor {
    AuditCursor { at: entry.at, id: entry.id }
}

impl super::State {
    pub(super) fn put_audit(&mut self, entries: Vec<AuditRecord>) {
        self.audit.extend(entries.into_iter().map(|entry| (place(&entry), entry)));
    }
}
