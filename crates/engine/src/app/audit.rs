//! The audit log: listing it, and entries for refused requests. Entries for changes are written
//! with the changes.

use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::audit::{AuditAction, ObjectKind};
use stepwell_core::ids::{KeyId, SubjectId, WorkspaceId};
use stepwell_store::Effects;
use stepwell_store::audit::{AuditCursor, AuditRecord, ListAudit};
use stepwell_store::lists::Order;
use stepwell_store::objects::ObjectBatch;

use super::{App, Page, PagePosition, cursor};
use crate::{AppError, Caller};

/// How long the same refusal of the same key gets no further entry.
const REFUSAL_INTERVAL: Duration = Duration::from_secs(60);

/// Lists the audit log.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// The workspace; `None`: the caller's.
    pub workspace: Option<WorkspaceId>,
    /// Only actions with this key.
    pub key: Option<KeyId>,
    /// Only actions of the actor with this name.
    pub actor: Option<String>,
    /// Only this action.
    pub action: Option<AuditAction>,
    /// Only actions on objects of this kind.
    pub kind: Option<ObjectKind>,
    /// Only actions on this object.
    pub object: Option<SubjectId>,
    /// Only actions at this time or later.
    pub from: Option<Timestamp>,
    /// Only actions at this time or earlier.
    pub until: Option<Timestamp>,
    /// The sort order.
    pub order: Order,
    /// The start of the page.
    pub at: PagePosition,
    /// The size of the page, 1 to 100.
    pub limit: usize,
}

/// A request that was refused because a permission is missing.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    /// Its method.
    pub method: &'a str,
    /// The path's pattern, without what a client put in it.
    pub route: &'a str,
    /// The missing permission.
    pub reason: &'a str,
}

impl App {
    /// A page of the audit log, with the total. Scope `admin`; for
    /// another workspace, `admin` in the default one.
    ///
    /// # Errors
    /// `Forbidden`, `NotPermitted`; `InvalidRequest` for an invalid limit or cursor, or an unknown
    /// workspace.
    pub async fn audit_log(
        &self,
        caller: &Caller,
        query: AuditQuery,
    ) -> Result<Page<AuditRecord>, AppError> {
        caller.require_admin()?;
        let workspace = self.resolve_workspace(caller, query.workspace).await?;
        let limit = cursor::check_limit(query.limit)?;
        let AuditQuery { key, actor, action, kind, object, from, until, order, at, .. } = query;
        let begin = cursor::begin(at, limit, read_place)?;
        let list = ListAudit {
            workspace,
            key,
            actor,
            action,
            kind,
            object,
            from,
            until,
            order,
            begin,
            limit: limit + 1,
            count: true,
        };
        let found = self.engine.store.list_audit(list).await?;
        Ok(cursor::listed(found, limit, write_place))
    }

    /// Adds an entry for a refused request; for the same refusal at most once a minute, so that no
    /// caller can fill the audit log. Failures are logged only.
    pub async fn audit_refusal(&self, caller: &Caller, refusal: Refusal<'_>) {
        let engine = &self.engine;
        let (now, known) = (engine.steady_now(), (caller.key(), refusal.reason.to_owned()));
        if engine.refusals.get(&known).is_some_and(|last| now.since(last) < REFUSAL_INTERVAL) {
            return;
        }
        let bytes = size_of_val(&known) + refusal.reason.len();
        engine.refusals.insert(known, now, bytes as u64);
        let entry = engine.audit_entry_without_object(caller, AuditAction::AccessRefused);
        let Refusal { method, route, reason } = refusal;
        let entry = entry.with("method", method).with("route", route).with("reason", reason);
        let batch = ObjectBatch::effects(Effects::with_audit(entry));
        if let Err(error) = engine.store.write_objects(batch).await {
            tracing::warn!(%error, route, reason, "a refusal could not be added to the audit log");
        }
    }
}

/// Encodes the place of an entry in the list as a cursor.
fn write_place(entry: &AuditRecord) -> String {
    format!("{}.{}", entry.at.as_micros(), entry.id)
}

/// Decodes a cursor of [`write_place`].
fn read_place(cursor: &str) -> Option<AuditCursor> {
    let (micros, id) = cursor.split_once('.')?;
    Some(AuditCursor { at: Timestamp::from_micros(micros.parse().ok()?), id: id.parse().ok()? })
}
