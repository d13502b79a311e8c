//! Writing down who does what. The entries are stored by whoever stores what is done.

use stepwell_core::Map;
use stepwell_core::audit::{AuditAction, AuditedObject};
use stepwell_core::ids::AuditId;
use stepwell_store::audit::AuditRecord;

use super::engine::{Engine, new_uuid};
use crate::Caller;

impl Engine {
    /// That the caller does this to an object of its workspace now.
    pub(crate) fn noted(
        &self,
        caller: &Caller,
        action: AuditAction,
        object: impl Into<AuditedObject>,
    ) -> AuditRecord {
        self.noted_of(caller, action, Some(object.into()))
    }

    /// The same where there may be no object.
    pub(crate) fn noted_of(
        &self,
        caller: &Caller,
        action: AuditAction,
        object: Option<AuditedObject>,
    ) -> AuditRecord {
        AuditRecord {
            id: AuditId::from_uuid(new_uuid()),
            workspace: caller.workspace,
            at: self.now(),
            actor: caller.actor.clone(),
            origin: caller.origin.clone(),
            action,
            object,
            object_name: None,
            changed: Vec::new(),
            details: Map::new(),
        }
    }
}
