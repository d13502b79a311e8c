//! Dry runs: the handlers.

mod convert;
mod wire;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa::OpenApi;
use utoipa_axum::routes;

use super::envelope::{Envelope, data_text};
use super::ids::PathWorkflowId;
use super::responses;
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::endpoints::Endpoints;
use crate::idempotent::respond_once;
use crate::respond::ApiResult;
use crate::state::Api;

#[derive(OpenApi)]
#[openapi(tags((name = "trials", description = "Trying definitions and expressions before they run")))]
struct Document;

/// The endpoints of dry runs.
pub(super) fn dry_run_endpoints() -> Endpoints {
    Endpoints::new(Document::openapi())
        .add(routes!(dry_run_definition))
        .add(routes!(dry_run_workflow))
}

/// Dry run a definition
///
/// Executes a definition that is not stored: in memory, with `mocks` instead of steps that have
/// effects, by a simulated clock that skips all waiting. Nothing is stored or sent. A run that fails
/// is a response with its `status` and `error`, not an error.
#[utoipa::path(post, path = "/api/v1/workflows/dry-run", tag = "trials",
    security(("key" = ["execute:workflows"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    request_body = wire::DryRunDefinition,
    responses((status = 200, description = "What the run did", body = Envelope<wire::DryRun>),
        responses::DryRunErrors, responses::CommonErrors))]
async fn dry_run_definition(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    request_body: RequestBody,
) -> ApiResult {
    let request = convert::definition_request(request_body.fields()?)?;
    respond_once(&api.app, &caller, request_body.key, async {
        let report = api.app.dry_run(&caller, request).await.map_err(convert::dry_run_error)?;
        data_text(StatusCode::OK, convert::report_body(&report))
    })
    .await
}

/// Dry run a workflow
///
/// As for a definition, with the workflow's newest release. The workflow may be inactive.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/dry-run", tag = "trials",
    security(("key" = ["execute:workflows"])),
    params(("id" = String, Path, description = "The workflow"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    request_body(content = Option<wire::DryRunWorkflow>, description = "Optional"),
    responses((status = 200, description = "What the run did", body = Envelope<wire::DryRun>),
        responses::DryRunErrors, responses::NoWorkflow, responses::CommonErrors))]
async fn dry_run_workflow(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
    request_body: RequestBody,
) -> ApiResult {
    let request = convert::workflow_request(request_body.fields()?, id.0)?;
    respond_once(&api.app, &caller, request_body.key, async {
        let report = api.app.dry_run(&caller, request).await.map_err(convert::dry_run_error)?;
        data_text(StatusCode::OK, convert::report_body(&report))
    })
    .await
}
