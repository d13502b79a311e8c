//! Building responses.

use std::fmt;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::{Serialize, Serializer};
use stepwell_core::Timestamp;
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::error::ApiError;

/// The result of a handler.
pub type ApiResult = Result<Response, ApiError>;

/// A response with a JSON body.
///
/// # Errors
/// `Internal` where the body cannot be written.
pub fn json_response(status: StatusCode, body: &impl Serialize) -> Result<Response, ApiError> {
    let mut text = Vec::with_capacity(1024);
    serde_json::to_writer(&mut text, body)
        .map_err(|error| ApiError::internal(format!("a response could not be written: {error}")))?;
    Ok(json_text(status, text))
}

/// The text of an error's body.
pub fn json_bytes(body: &impl Serialize) -> Vec<u8> {
    // Texts and lists of texts cannot fail to be written.
    serde_json::to_vec(body).unwrap_or_default()
}

/// JSON text of plain data, which cannot fail to serialise.
pub fn to_text(body: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

/// Marks a response that caches may keep.
#[derive(Debug, Clone, Copy)]
pub struct Cacheable;

/// Allows caches to keep a response that is the same for every caller while the server runs.
pub fn mark_cacheable(mut response: Response) -> Response {
    response.extensions_mut().insert(Cacheable);
    response
}

/// A response whose JSON body is text already.
pub fn json_text(status: StatusCode, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A response without a body.
pub fn empty_response(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Adds the header `Location`.
pub fn with_location(mut response: Response, path: &str) -> Response {
    // Ids are ASCII, so this cannot fail.
    if let Ok(value) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, value);
    }
    response
}

/// A time as the bodies write it: RFC 3339 in UTC with `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.text().as_str())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339, UTC, with `Z`, always six digits of fraction"))
            .examples([serde_json::json!("2026-01-31T09:00:00.123000Z")])
            .into()
    }
}

impl ToSchema for Time {}
