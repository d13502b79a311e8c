//! API keys as configured objects.

use serde::{Deserialize, Serialize};
use stepwell_core::Timestamp;
use stepwell_core::audit::ObjectKind;
use stepwell_core::ids::{KeyId, WorkspaceId};
use stepwell_core::rate::RateLimits;
use stepwell_store::objects::{IndexFields, Kind};

use crate::objects::Document;

/// An API key. The secret itself is never stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// What people call it.
    pub name: String,
    /// SHA-256 of the secret, in lower-case hexadecimal digits; unique.
    pub hash: String,
    /// The first characters of the secret, to distinguish keys.
    pub hint: String,
    /// What it may do: `admin`, `read:workflows`, …
    pub scopes: Vec<String>,
    /// What it may use.
    #[serde(default)]
    pub limits: RateLimits,
    /// When it stops being accepted.
    pub expires_at: Option<Timestamp>,
    /// When it was last accepted, to about a minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// A SHA-256 digest as [`ApiKey::hash`] has it.
    pub fn hash_text(digest: &[u8; 32]) -> String {
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Document for ApiKey {
    type Id = KeyId;
    const KIND: Kind = ObjectKind::Key.name();

    fn index(&self, _: WorkspaceId) -> IndexFields {
        IndexFields {
            // A token names no workspace.
            unique_key: Some(self.hash.clone()),
            name: Some(self.name.clone()),
            ..IndexFields::default()
        }
    }
}
