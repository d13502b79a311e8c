//! Parameters and results that several services share.

use crate::AppError;

/// An `Idempotency-Key` with the digest of the request that it came with.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The key as sent, at most 255 characters.
    pub key: String,
    /// A digest of method, path and body.
    pub fingerprint: Vec<u8>,
}

/// The versions that an object may have for a change to be made.
#[derive(Debug, Clone, Default)]
pub enum Expected {
    /// Any.
    #[default]
    Any,
    /// One of these.
    OneOf(Vec<u64>),
}

impl Expected {
    /// The version to pass to the store, if the object has one of those expected.
    ///
    /// # Errors
    /// `Changed`.
    pub(super) fn check(&self, version: u64) -> Result<Option<u64>, AppError> {
        match self {
            Self::Any => Ok(None),
            Self::OneOf(versions) if versions.contains(&version) => Ok(Some(version)),
            Self::OneOf(_) => Err(AppError::Changed(version)),
        }
    }
}
