//! Signals outside of executions, as configured objects: the waits for a correlation key, the
//! signals that are kept until an execution waits for them, and the ids that senders have used.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stepwell_core::Timestamp;
use stepwell_core::ids::{ExecutionId, SubjectId, WorkspaceId};
use stepwell_store::objects::{IndexFields, Kind};
use uuid::Uuid;

use crate::objects::{Document, workspace_key};

/// The name of a signal and its correlation key in a workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SignalKey {
    /// The name of the signal.
    pub signal: String,
    /// The correlation key.
    pub key: String,
}

impl SignalKey {
    /// What the objects about this key are found by, as their parent: UUIDv5 of both texts, with
    /// the length of the first, in the workspace.
    pub(crate) fn parent(&self, workspace: WorkspaceId) -> SubjectId {
        let Self { signal, key } = self;
        let text = format!("{}/{signal}/{key}", signal.len());
        SubjectId::from_uuid(Uuid::new_v5(&workspace.uuid(), text.as_bytes()))
    }
}

/// A step that waits for a signal with a correlation key. It is stored and deleted in the
/// transactions of the events that begin and end the wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredWait {
    /// What it waits for.
    #[serde(flatten)]
    pub key: SignalKey,
    /// The execution.
    pub execution: ExecutionId,
}

impl Document for StoredWait {
    type Id = SubjectId;
    const KIND: Kind = "signal_wait";

    fn index(&self, workspace: WorkspaceId) -> IndexFields {
        IndexFields { parent: Some(self.key.parent(workspace)), ..IndexFields::default() }
    }
}

/// A signal that no execution waits for yet. It is deleted in the transaction in which an
/// execution receives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptSignal {
    /// Its name and correlation key.
    #[serde(flatten)]
    pub key: SignalKey,
    /// The id that the sender gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its data.
    pub data: Arc<Value>,
    /// When it is deleted if no execution has waited for it.
    pub expires_at: Timestamp,
}

impl Document for KeptSignal {
    type Id = SubjectId;
    const KIND: Kind = "kept_signal";

    fn index(&self, workspace: WorkspaceId) -> IndexFields {
        IndexFields {
            parent: Some(self.key.parent(workspace)),
            due_at: Some(self.expires_at),
            ..IndexFields::default()
        }
    }
}

/// A signal that was received by its correlation key with an id: another one with this id is
/// ignored as long as this is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalReceipt {
    /// The name of the signal.
    pub signal: String,
    /// The id that the sender gave it.
    pub id: String,
    /// The execution that received it at once; `None`: it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionId>,
    /// When this is deleted.
    pub expires_at: Timestamp,
}

impl SignalReceipt {
    /// The unique key of a receipt.
    pub(crate) fn key(workspace: WorkspaceId, signal: &str, id: &str) -> String {
        workspace_key(workspace, &format!("{}/{signal}/{id}", signal.len()))
    }
}

impl Document for SignalReceipt {
    type Id = SubjectId;
    const KIND: Kind = "signal_receipt";

    fn index(&self, workspace: WorkspaceId) -> IndexFields {
        IndexFields {
            unique_key: Some(Self::key(workspace, &self.signal, &self.id)),
            due_at: Some(self.expires_at),
            ..IndexFields::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_not_run_into_each_other() {
        let of = |workspace, signal: &str, key: &str| {
            let workspace = WorkspaceId::from_uuid(Uuid::from_u128(workspace));
            SignalKey { signal: signal.into(), key: key.into() }.parent(workspace)
        };
        let one = of(1, "a", "b/c");
        assert_eq!(one, of(1, "a", "b/c"));
        for other in [of(1, "a/b", "c"), of(2, "a", "b/c"), of(1, "a", "b"), of(1, "a", "b/c/")] {
            assert_ne!(one, other);
        }
    }
}
