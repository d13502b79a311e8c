//! Evaluating expressions to try them: the handler.

mod convert;
mod wire;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::routes;

use super::envelope::{Envelope, data_text};
use super::responses;
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::endpoints::Endpoints;
use crate::idempotent::respond_once;
use crate::respond::ApiResult;
use crate::state::Api;

/// The endpoints of expressions.
pub(super) fn expression_endpoints() -> Endpoints {
    Endpoints::default().add(routes!(evaluate_expression))
}

/// Evaluate an expression
///
/// Returns its value and type, or why it cannot be evaluated and where: an expression that fails is a
/// response with an `error`. It is bounded as in an execution.
#[utoipa::path(post, path = "/api/v1/expressions/evaluate", tag = "trials",
    security(("key" = ["read:workflows"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    request_body = wire::EvaluationRequest,
    responses((status = 200, description = "Its value, or why it has none", body = Envelope<wire::Evaluation>),
        responses::BodyErrors, responses::CommonErrors))]
async fn evaluate_expression(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    request_body: RequestBody,
) -> ApiResult {
    let request = convert::evaluation_request(request_body.fields()?)?;
    respond_once(&api.app, &caller, request_body.key, async {
        let result = api.app.evaluate_expression(&caller, request).await?;
        data_text(StatusCode::OK, convert::evaluation_body(&result))
    })
    .await
}
