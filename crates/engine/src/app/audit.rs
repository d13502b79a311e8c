//! The audit log: looking at it, and writing down what was refused. What is done is written down
//! where it is done.

use std::time::Duration;

use stepwell_core::Timestamp;
use stepwell_core::audit::{AuditAction, ObjectKind};
use stepwell_core::ids::{KeyId, SubjectId, WorkspaceId};
use stepwell_store::Effects;
use stepwell_store::audit::{AuditCursor, AuditRecord, ListAudit};
use stepwell_store::lists::Order;
use stepwell_store::objects::ObjectBatch;

use super::{App, Page, PageAt, cursor};
use crate::{AppError, Caller};

/// How long the same refusal of the same key is not written down again.
const REFUSED_AGAIN: Duration = Duration::from_secs(60);

/// Asks for a page of the audit log.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Of which workspace; `None`: the caller's.
    pub workspace: Option<WorkspaceId>,
    /// Only what was done with this key.
    pub key: Option<KeyId>,
    /// Only what was done by somebody of this name.
    pub actor: Option<String>,
    /// Only this.
    pub action: Option<AuditAction>,
    /// Only what was done to objects of this kind.
    pub kind: Option<ObjectKind>,
    /// Only what was done to this one.
    pub object: Option<SubjectId>,
    /// Only what was done at this moment or later.
    pub from: Option<Timestamp>,
    /// Only what was done at this moment or before.
    pub until: Option<Timestamp>,
    /// Which come first.
    pub order: Order,
    /// Which page.
    pub at: PageAt,
    /// At most so many, 1 to 100.
    pub limit: usize,
}

/// A request that was refused for want of a permission.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    /// Its method.
    pub method: &'a str,
    /// The path's pattern, without what a client put in it.
    pub route: &'a str,
    /// What was missing.
    pub reason: &'a str,
}

impl App {
    /// A page of the audit log, and how many entries there are in all. Scope `admin`; for
    /// another workspace, `admin` in the default one.
    ///
    /// # Errors
    /// `Forbidden`, `NotPermitted`; `InvalidRequest` for a limit or cursor that is wrong, or where
    /// there is no such workspace.
    pub async fn audit_log(
        &self,
        caller: &Caller,
        query: AuditQuery,
    ) -> Result<Page<AuditRecord>, AppError> {
        caller.require_admin()?;
        let workspace = self.workspace_meant(caller, query.workspace).await?;
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

    /// Writes down that a request was refused; the same again only once a minute, so that nobody
    /// can fill the log. What cannot be written is told to the server's own log.
    pub async fn note_refusal(&self, caller: &Caller, refusal: Refusal<'_>) {
        let engine = &self.engine;
        let (now, known) = (engine.steady_now(), (caller.key(), refusal.reason.to_owned()));
        if engine.refusals.get(&known).is_some_and(|last| now.since(last) < REFUSED_AGAIN) {
            return;
        }
        let bytes = size_of_val(&known) + refusal.reason.len();
        engine.refusals.insert(known, now, bytes as u64);
        let note = engine.noted_of(caller, AuditAction::AccessRefused, None);
        let Refusal { method, route, reason } = refusal;
        let note = note.with("method", method).with("route", route).with("reason", reason);
        let batch = ObjectBatch::effects(Effects::with_audit(note));
        if let Err(error) = engine.store.write_objects(batch).await {
            tracing::warn!(%error, route, reason, "a refusal could not be written down");
        }
    }
}

/// The place of an entry, as a cursor has it.
fn write_place(entry: &AuditRecord) -> String {
    format!("{}.{}", entry.at.as_micros(), entry.id)
}

/// What [`write_place`] wrote.
fn read_place(cursor: &str) -> Option<AuditCursor> {
    let (micros, id) = cursor.split_once('.')?;
    Some(AuditCursor { at: Timestamp::from_micros(micros.parse().ok()?), id: id.parse().ok()? })
}
