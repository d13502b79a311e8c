//! The audit log.

use async_trait::async_trait;
use stepwell_core::ids::WorkspaceId;

use super::lists::cut_page;
use super::{MemoryStore, Result};
use crate::audit::{AuditCursor, AuditFilter, AuditRecord, AuditStore};
use crate::lists::{List, ListFilter, Page};

#[async_trait]
impl AuditStore for MemoryStore {
    async fn list_audit(
        &self,
        workspace: WorkspaceId,
        list: List<AuditFilter>,
    ) -> Result<Page<AuditRecord, AuditCursor>> {
        let AuditFilter { key, actor, action, kind, object, from, until } = &list.filter;
        let is_listed = |entry: &&AuditRecord| {
            entry.workspace == workspace
                && key.is_none_or(|key| entry.actor.key() == Some(key))
                && actor.as_ref().is_none_or(|actor| entry.actor.name() == actor)
                && action.is_none_or(|action| entry.action == action)
                && kind.is_none_or(|kind| entry.object.is_some_and(|of| of.kind == kind))
                && object.is_none_or(|id| entry.object.is_some_and(|of| of.id == id))
                && from.is_none_or(|from| entry.at >= from)
                && until.is_none_or(|until| entry.at <= until)
        };
        let state = self.state();
        Ok(cut_page(&list, state.audit.values().filter(is_listed).collect()))
    }
}

impl super::State {
    pub(super) fn put_audit(&mut self, entries: Vec<AuditRecord>) {
        self.audit
            .extend(entries.into_iter().map(|entry| (AuditFilter::cursor_of(&entry, ()), entry)));
    }
}
