//! The headers that tell how a limit stands.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use stepwell_engine::App;
use stepwell_engine::limits::{Limits, Standing};

use crate::error::ApiError;

const LIMIT: HeaderName = HeaderName::from_static("x-rate-limit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-rate-limit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-rate-limit-reset");

/// Shows how the limit stands that refused the request, else the one that matters most to the next
/// one. Where nothing is limited there is nothing to show.
pub fn show(app: &App, limits: &Limits, response: &mut Response) {
    let refused = response.extensions().get::<ApiError>().and_then(ApiError::standing);
    let Some(standing) = refused.or_else(|| app.standing(limits)) else { return };
    let Standing { limit, remaining, full_at } = standing;
    // Rounded up: at that second, all of it is there again.
    let reset = full_at.as_micros().div_euclid(1_000_000)
        + i64::from(full_at.as_micros().rem_euclid(1_000_000) > 0);
    let headers = response.headers_mut();
    headers.insert(LIMIT, HeaderValue::from(limit));
    headers.insert(REMAINING, HeaderValue::from(remaining));
    headers.insert(RESET, HeaderValue::from(reset));
}
