//! Parameters and results of the services for keys.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::RngExt;
use stepwell_core::Timestamp;
use stepwell_core::ids::WorkspaceId;
use stepwell_core::rate::RateLimits;

use crate::api_key::ApiKey;
use crate::objects::Object;

/// The prefix of every secret.
pub(super) const PREFIX: &str = "sk_live_";

/// Creates a key.
#[derive(Debug, Clone)]
pub struct CreateKey {
    /// A display name, 1 to 100 characters.
    pub name: String,
    /// Its scopes; not empty.
    pub scopes: Vec<String>,
    /// When it expires; in the future.
    pub expires_at: Option<Timestamp>,
    /// Its rate limits.
    pub limits: RateLimits,
    /// Its workspace; `None`: that of the caller.
    pub workspace: Option<WorkspaceId>,
}

impl CreateKey {
    /// A key for the caller's workspace with these scopes, without expiry and limits.
    pub fn new(name: impl Into<String>, scopes: &[&str]) -> Self {
        Self {
            name: name.into(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            expires_at: None,
            limits: RateLimits::NONE,
            workspace: None,
        }
    }
}

/// A key that was just created, with its secret, which is not stored.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The stored key.
    pub record: Object<ApiKey>,
    /// `sk_live_…`.
    pub secret: String,
}

/// Changes a key; fields that are `None` are unchanged. Scopes cannot be changed.
#[derive(Debug, Clone, Default)]
pub struct ChangeKey {
    /// A display name, 1 to 100 characters.
    pub name: Option<String>,
    /// Its rate limits.
    pub limits: Option<RateLimits>,
}

/// A secret that no key has yet. It is not shown by `Debug`.
pub struct KeySecret(String);

impl KeySecret {
    /// A new one, from 192 random bits.
    pub fn new() -> Self {
        let bytes: [u8; 24] = rand::rng().random();
        Self(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// `sk_live_…`.
    pub fn text(&self) -> &str {
        &self.0
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl Default for KeySecret {
    fn default() -> Self {
        Self::new()
    }
}
