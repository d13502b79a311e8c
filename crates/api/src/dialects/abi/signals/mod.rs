//! Signals: the handlers.

mod convert;
mod wire;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa::OpenApi;
use utoipa_axum::routes;

use super::envelope::{Envelope, data_text};
use super::ids::{PathExecutionId, PathName};
use super::responses;
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::endpoints::Endpoints;
use crate::idempotent::respond_once;
use crate::respond::ApiResult;
use crate::state::Api;

#[derive(OpenApi)]
#[openapi(tags((name = "signals", description = "Data from outside for the steps that wait for them")))]
struct Document;

/// The endpoints of signals.
pub(super) fn signal_endpoints() -> Endpoints {
    Endpoints::new(Document::openapi()).add(routes!(send_signal)).add(routes!(send_signal_by_key))
}

/// Send a signal to an execution
///
/// The step that waits for it continues with the data as its output; the first one, if several do.
/// If none waits, the execution keeps the signal for the first step that does. When this returns,
/// the signal is stored.
#[utoipa::path(post, path = "/api/v1/workflow_executions/{id}/signals/{name}", tag = "signals",
    operation_id = "abi_send_signal",
    security(("key" = ["execute:workflows"])),
    params(("id" = String, Path, description = "The execution"),
        ("name" = String, Path, description = "The name of the signal, 1 to 255 bytes"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    request_body(content = Option<wire::SignalRequest>, description = "Optional"),
    responses((status = 200, description = "Received", body = Envelope<wire::SentSignal>),
        responses::BodyErrors, responses::NoSignalReceiver, responses::SignalConflict,
        responses::CommonErrors))]
async fn send_signal(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathExecutionId,
    name: PathName,
    request_body: RequestBody,
) -> ApiResult {
    let signal = convert::new_signal(name.0.clone(), request_body.read()?);
    respond_once(&api.app, &caller, request_body.key, async {
        let sent = api.app.send_signal(&caller, id.0, signal).await?;
        data_text(StatusCode::OK, convert::sent_signal(&name.0, &sent))
    })
    .await
}

/// Send a signal by its correlation key
///
/// Goes to the execution that has waited longest for this name and key. If none waits, the signal
/// is kept for the first one that does, for 7 days. When this returns, the signal is stored.
#[utoipa::path(post, path = "/api/v1/signals/{name}", tag = "signals",
    operation_id = "abi_send_signal_by_key",
    security(("key" = ["execute:workflows"])),
    params(("name" = String, Path, description = "The name of the signal, 1 to 255 bytes"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    request_body = wire::KeyedSignalRequest,
    responses((status = 200, description = "Received or kept", body = Envelope<wire::SentSignal>),
        responses::BodyErrors, responses::NoSignalReceiver, responses::SignalConflict,
        responses::CommonErrors))]
async fn send_signal_by_key(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    name: PathName,
    request_body: RequestBody,
) -> ApiResult {
    let signal = convert::keyed_signal(name.0.clone(), request_body.read()?);
    respond_once(&api.app, &caller, request_body.key, async {
        let sent = api.app.send_signal_by_key(&caller, signal).await?;
        data_text(StatusCode::OK, convert::sent_signal(&name.0, &sent))
    })
    .await
}
