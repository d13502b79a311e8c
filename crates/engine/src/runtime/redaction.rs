//! Redaction of data about an execution that leaves the server outside of its journal.

use std::sync::Arc;

use stepwell_core::ids::ExecutionId;
use stepwell_core::redact::Redact;

use super::engine::Engine;

impl Engine {
    /// The redaction of an execution's secrets, whether it is driven or not; `None` if it has none,
    /// or they are no longer known.
    pub(crate) fn find_redact(&self, id: ExecutionId) -> Option<Arc<dyn Redact>> {
        let driven = || self.registry.active_feed(id).and_then(|feed| feed.redact());
        // It may start to be driven between the first two lookups.
        driven().or_else(|| self.vault.look_up(id).redact()).or_else(driven)
    }
}
