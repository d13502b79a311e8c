//! The audit log: listing it, and entries for refused requests. Entries for changes are written
//! with the changes.

use std::time::Duration;

use stepwell_core::audit::AuditAction;
use stepwell_core::ids::WorkspaceId;
use stepwell_store::Effects;
use stepwell_store::audit::{AuditFilter, AuditRecord};
use stepwell_store::lists::{List, Page};
use stepwell_store::objects::ObjectBatch;

use super::App;
use super::cursor::{decode_list, encode_page};
use crate::{AppError, Caller};

/// How long the same refusal of the same key gets no further entry.
const REFUSAL_INTERVAL: Duration = Duration::from_secs(60);

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
    /// A page of the audit log of a workspace, by default the caller's. Scope `admin`; for another
    /// workspace, `admin` in the default one.
    ///
    /// # Errors
    /// `Forbidden`, `NotPermitted`; `InvalidRequest` for an invalid limit or cursor, or an unknown
    /// workspace.
    pub async fn audit_log(
        &self,
        caller: &Caller,
        workspace: Option<WorkspaceId>,
        list: List<AuditFilter, String>,
    ) -> Result<Page<AuditRecord>, AppError> {
        caller.require_admin()?;
        let workspace = self.resolve_workspace(caller, workspace).await?;
        let found = self.engine.store.list_audit(workspace, decode_list(list)?).await?;
        Ok(encode_page(found, ()))
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
