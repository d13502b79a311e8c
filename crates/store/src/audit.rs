//! The audit log: actors, actions and objects, with time and origin.
//!
//! An entry is written in the transaction of the action, as one of its
//! [`Effects`](crate::Effects), and never changed. It must never contain a secret: it has the names of
//! fields, not their values.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use stepwell_core::audit::{AuditAction, AuditedObject, ObjectKind};
use stepwell_core::ids::{AuditId, KeyId, SubjectId, WorkspaceId};
use stepwell_core::{Map, Timestamp};

use crate::error::{Result, StoreError};
use crate::lists::{List, ListFilter, Page};

/// An action of an actor.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// Its id; sorts by when it was written.
    pub id: AuditId,
    /// The workspace in whose log it is.
    pub workspace: WorkspaceId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// From where.
    pub origin: Origin,
    /// What.
    pub action: AuditAction,
    /// The object; `None`: none that exists.
    pub object: Option<AuditedObject>,
    /// Its name at that time.
    pub object_name: Option<String>,
    /// The names of the fields that were changed.
    pub changed: Vec<String>,
    /// Further details.
    pub details: Map,
}

impl AuditRecord {
    /// Adds the name of the object.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.object_name = Some(name.into());
        self
    }

    /// Adds the names of changed fields.
    #[must_use]
    pub fn changing<'a>(mut self, fields: impl IntoIterator<Item = &'a str>) -> Self {
        self.changed.extend(fields.into_iter().map(str::to_owned));
        self
    }

    /// Adds a detail; never a secret.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// An estimate of the bytes that are written.
    pub fn bytes(&self) -> usize {
        let texts: usize = self.changed.iter().map(String::len).sum();
        256 + texts + self.object_name.as_ref().map_or(0, String::len)
    }
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A caller with this key.
    Key {
        /// The key.
        id: KeyId,
        /// Its name.
        name: Arc<str>,
    },
    /// The server itself.
    System,
    /// The command line, directly on the data folder.
    Cli,
    /// A caller without a key, if the server requires none.
    Anonymous,
}

impl Actor {
    /// The key's name, else `system`, `cli` or `anonymous`.
    pub fn name(&self) -> &str {
        match self {
            Self::Key { name, .. } => name,
            Self::System => "system",
            Self::Cli => "cli",
            Self::Anonymous => "anonymous",
        }
    }

    /// The key, if it is one.
    pub const fn key(&self) -> Option<KeyId> {
        match self {
            Self::Key { id, .. } => Some(*id),
            Self::System | Self::Cli | Self::Anonymous => None,
        }
    }

    /// The actor with this key and name.
    ///
    /// # Errors
    /// `Corrupt` where there is no key and the name is none of the others.
    pub fn of(key: Option<KeyId>, name: String) -> Result<Self> {
        if let Some(id) = key {
            return Ok(Self::Key { id, name: name.into() });
        }
        let others = [Self::System, Self::Cli, Self::Anonymous];
        let found = others.into_iter().find(|other| other.name() == name);
        found.ok_or_else(|| StoreError::Corrupt(format!("`{name}` is no actor without a key")))
    }
}

/// The origin of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The address of the client; `None`: it is this process.
    pub address: Option<IpAddr>,
    /// The request.
    pub request_id: Option<Arc<str>>,
}

/// The audit log.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// A page of the log of a workspace, sorted by when entries were written.
    async fn list_audit(
        &self,
        workspace: WorkspaceId,
        list: List<AuditFilter>,
    ) -> Result<Page<AuditRecord, AuditCursor>>;
}

/// Which entries of the audit log are listed.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only actions with this key.
    pub key: Option<KeyId>,
    /// Only actions of actors with this name.
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
}

impl ListFilter for AuditFilter {
    type Item = AuditRecord;
    type SortKey = ();
    type Cursor = AuditCursor;

    fn cursor_of(entry: &AuditRecord, (): ()) -> AuditCursor {
        AuditCursor { at: entry.at, id: entry.id }
    }
}

/// The position of an entry in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditCursor {
    /// When it was.
    pub at: Timestamp,
    /// Its id.
    pub id: AuditId,
}
