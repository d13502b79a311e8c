//! The router of a running server.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;

/// A router that can be replaced while the server runs: requests that have begun keep the previous
/// one.
#[derive(Clone)]
pub struct SharedRouter(Arc<RwLock<Router>>);

impl SharedRouter {
    /// Uses the router for all requests that begin from now on.
    pub fn replace(&self, router: Router) {
        // As `Router::into_make_service` does: once, not for every request.
        let router = router.with_state(());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = router;
    }

    /// The router for a request. The lock is held only while its reference is copied.
    pub(crate) fn current(&self) -> Router {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl From<Router> for SharedRouter {
    fn from(router: Router) -> Self {
        Self(Arc::new(RwLock::new(router.with_state(()))))
    }
}
