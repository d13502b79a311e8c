//! Who may come in, and to what.

use stepwell_core::Timestamp;
use stepwell_core::ids::{KeyId, WorkspaceId};
use stepwell_core::rate::RateLimits;

/// An API key. The secret itself is never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its id.
    pub id: KeyId,
    /// Whose objects it opens.
    pub workspace: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// The first characters of the secret, to tell keys apart.
    pub hint: String,
    /// What it may do: `admin`, `read:workflows`, …
    pub scopes: Vec<String>,
    /// What it may use.
    pub limits: RateLimits,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops being accepted.
    pub expires_at: Option<Timestamp>,
    /// When it was last accepted, to about a minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}
