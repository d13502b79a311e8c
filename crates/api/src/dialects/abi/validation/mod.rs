//! Validating definitions without storing them: the handler.

mod convert;
mod wire;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::routes;

use super::envelope::{Envelope, data_text};
use super::responses;
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::definition_errors::source_text;
use crate::endpoints::Endpoints;
use crate::idempotent::respond_once;
use crate::respond::ApiResult;
use crate::state::Api;

/// The endpoints that validate.
pub(super) fn validation_endpoints() -> Endpoints {
    Endpoints::default().add(routes!(validate_definition))
}

/// Validate a definition
///
/// The body is a definition, as JSON or YAML. The response has every problem with its path, line and
/// column, or the compiled graph: the steps with their types, the edges, the inferred input schema.
/// An invalid definition is a response with `valid: false`, not an error. Nothing is stored.
#[utoipa::path(post, path = "/api/v1/workflows/validate", tag = "definitions",
    security(("key" = ["read:workflows"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    request_body(description = "A definition: see `/api/v1/schema/definition`", content(
        (wire::Definition = "application/json"),
        (serde_json::Value = "application/yaml"))),
    responses((status = 200, description = "What the definition contains, or what is wrong with it", body = Envelope<wire::Validation>),
        responses::BodyErrors, responses::CommonErrors))]
async fn validate_definition(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    request_body: RequestBody,
) -> ApiResult {
    let (text, format) = source_text(&request_body)?;
    respond_once(&api.app, &caller, request_body.key.clone(), async {
        let validation = api.app.validate_text(&caller, text, format).await?;
        data_text(StatusCode::OK, convert::validation_body(&validation))
    })
    .await
}
