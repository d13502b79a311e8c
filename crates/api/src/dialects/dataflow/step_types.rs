//! The list of step types.

use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use stepwell_core::catalog::StepCatalog;

use super::{responses, wire};
use crate::respond;

/// List the step types
///
/// With their schemas, effects and examples.
#[utoipa::path(get, path = "/step-types", tag = "step types",
    security(("key" = [])),
    responses((status = 200, description = "All of them", body = wire::StepTypes),
        responses::CommonErrors))]
pub(super) async fn step_types() -> Response {
    // They do not change while the server runs.
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| {
        let specs = stepwell_steps::step_registry().all_types();
        let step_types = specs.into_iter().map(Into::into).collect();
        serde_json::to_vec(&wire::StepTypes { step_types }).unwrap_or_default().into()
    });
    respond::json_text(StatusCode::OK, TEXT.clone())
}
