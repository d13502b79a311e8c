//! The audit log: who did what to what, when and from where.
//!
//! An entry is written in the transaction of what it tells of, by way of
//! [`Effects`](crate::Effects), and never changed. It must never hold a secret: it tells the names
//! of fields, not what is in them.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use stepwell_core::audit::{AuditAction, AuditedObject, ObjectKind};
use stepwell_core::ids::{AuditId, KeyId, SubjectId, WorkspaceId};
use stepwell_core::{Map, Timestamp};

use crate::StoreError;
use crate::lists::{Begin, Listed, Order};

type Result<T> = std::result::Result<T, StoreError>;

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// Its id; sorts by when it was written.
    pub id: AuditId,
    /// Whose log it belongs to.
    pub workspace: WorkspaceId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// From where.
    pub origin: Origin,
    /// What.
    pub action: AuditAction,
    /// To what; `None`: to nothing that there is.
    pub object: Option<AuditedObject>,
    /// What that was called then.
    pub object_name: Option<String>,
    /// The names of the fields that were changed.
    pub changed: Vec<String>,
    /// What else there is to tell.
    pub details: Map,
}

impl AuditRecord {
    /// With what the object is called.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.object_name = Some(name.into());
        self
    }

    /// With the names of what was changed.
    #[must_use]
    pub fn changing<'a>(mut self, fields: impl IntoIterator<Item = &'a str>) -> Self {
        self.changed.extend(fields.into_iter().map(str::to_owned));
        self
    }

    /// With something else to tell; never a secret.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// Roughly how many bytes are written for it.
    pub fn bytes(&self) -> usize {
        let texts: usize = self.changed.iter().map(String::len).sum();
        256 + texts + self.object_name.as_ref().map_or(0, String::len)
    }
}

/// Who does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Whoever has that key.
    Key {
        /// The key.
        id: KeyId,
        /// What it is called.
        name: Arc<str>,
    },
    /// The server itself.
    System,
    /// Whoever works on the data folder with the command line.
    Cli,
    /// Somebody without a key, where the server asks for none.
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

    /// Whoever has that key and name.
    ///
    /// # Errors
    /// `Corrupt` where there is no key and the name is none of the others.
    pub fn of(key: Option<KeyId>, name: String) -> Result<Self> {
        if let Some(id) = key {
            return Ok(Self::Key { id, name: name.into() });
        }
        let others = [Self::System, Self::Cli, Self::Anonymous];
        let found = others.into_iter().find(|other| other.name() == name);
        found.ok_or_else(|| StoreError::Corrupt(format!("`{name}` did something without a key")))
    }
}

/// From where something is asked.
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
    /// Entries, sorted by when they were written.
    async fn list_audit(&self, list: ListAudit) -> Result<Listed<AuditRecord>>;
}

/// Parameters of [`AuditStore::list_audit`].
#[derive(Debug, Clone)]
pub struct ListAudit {
    /// Only this workspace's.
    pub workspace: WorkspaceId,
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
    /// Where the page begins.
    pub begin: Begin<AuditPlace>,
    /// At most so many.
    pub limit: usize,
    /// Whether to tell how many there are in all.
    pub count: bool,
}

impl ListAudit {
    /// The newest of a workspace, counted.
    pub const fn newest(workspace: WorkspaceId, limit: usize) -> Self {
        Self {
            workspace,
            key: None,
            actor: None,
            action: None,
            kind: None,
            object: None,
            from: None,
            until: None,
            order: Order::Descending,
            begin: Begin::Skip(0),
            limit,
            count: true,
        }
    }
}

/// The place of an entry in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPlace {
    /// When it was.
    pub at: Timestamp,
    /// Its id.
    pub id: AuditId,
}
