//! The JSON Schema of definitions.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;

use super::responses;
use crate::respond;

/// Get the JSON Schema of definitions
///
/// Bare, for editors and validators; needs no key.
#[utoipa::path(get, path = "/api/v1/schema/definition", tag = "definitions", security(()),
    responses((status = 200, description = "A JSON Schema", body = Object, content_type = "application/schema+json"),
        responses::OpenErrors))]
pub(super) async fn definition_schema() -> Response {
    // It does not change while the server runs.
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| {
        let schema = stepwell_core::definition::format_schema(stepwell_steps::step_registry());
        Bytes::from(schema.to_string())
    });
    let mut response = respond::json_text(StatusCode::OK, TEXT.clone());
    let media = HeaderValue::from_static("application/schema+json");
    response.headers_mut().insert(CONTENT_TYPE, media);
    respond::mark_cacheable(response)
}
