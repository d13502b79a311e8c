//! API keys: authentication with them, and their management.

mod authentication;
mod cache;
mod management;
mod requests;
mod usage;

pub use authentication::CallerInfo;
pub use requests::{ChangeKey, CreateKey, KeySecret, NewKey};

pub(super) use cache::KeyCache;
pub(super) use usage::store_key_use;
