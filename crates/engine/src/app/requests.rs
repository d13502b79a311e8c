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

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page; `None`: this was the last.
    pub next_cursor: Option<String>,
    /// The number of items on all pages, if it was requested.
    pub total: Option<u64>,
}

/// The start of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PagePosition {
    /// `next_cursor` of the previous page; `None`: the first page.
    Cursor(Option<String>),
    /// The number of the page, from 1.
    Number(u64),
    /// The number of items before it.
    Skip(u64),
}

impl Default for PagePosition {
    fn default() -> Self {
        Self::Cursor(None)
    }
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
