//! The extractor of the authenticated caller.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use stepwell_engine::Caller;

use crate::error::ApiError;

/// The caller that the edge has authenticated.
pub struct Authenticated(pub Caller);

impl<S: Send + Sync> FromRequestParts<S> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // A route without the edge is rejected.
        parts
            .extensions
            .remove::<Caller>()
            .map(Self)
            .ok_or_else(|| ApiError::internal("a handler ran without authentication"))
    }
}
