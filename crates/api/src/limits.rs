//! The headers with the status of a limit.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use stepwell_core::Timestamp;
use stepwell_engine::App;
use stepwell_engine::limits::{BucketStatus, Limits};

use crate::error::ApiError;

const LIMIT: HeaderName = HeaderName::from_static("x-rate-limit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-rate-limit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-rate-limit-reset");

/// Adds the status of the limit that rejected the request, else of the one that is closest to being
/// exhausted. Without limits there are no headers.
pub fn show_limits(app: &App, limits: &Limits, response: &mut Response) {
    let refused = response.extensions().get::<ApiError>().and_then(ApiError::standing);
    let Some(standing) = refused.or_else(|| app.standing(limits)) else { return };
    write_limits(standing, response.headers_mut());
}

/// Where nothing is limited: so much of everything as the clients of every language can read.
const UNLIMITED: u32 = i32::MAX.unsigned_abs();

/// Adds headers for "no limit", if there are none yet.
pub fn insert_unlimited(headers: &mut HeaderMap, now: Timestamp) {
    if !headers.contains_key(LIMIT) {
        write_limits(
            BucketStatus { limit: UNLIMITED, remaining: UNLIMITED, full_at: now },
            headers,
        );
    }
}

fn write_limits(standing: BucketStatus, headers: &mut HeaderMap) {
    let BucketStatus { limit, remaining, full_at } = standing;
    // Rounded up: at that second, all of it is there again.
    let reset = full_at.as_micros().div_euclid(1_000_000)
        + i64::from(full_at.as_micros().rem_euclid(1_000_000) > 0);
    headers.insert(LIMIT, HeaderValue::from(limit));
    headers.insert(REMAINING, HeaderValue::from(remaining));
    headers.insert(RESET, HeaderValue::from(reset));
}
