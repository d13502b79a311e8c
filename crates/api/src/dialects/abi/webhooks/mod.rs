//! Webhooks: extract, convert, call the application, convert.

mod convert;
mod deliveries;
mod deliveries_convert;
mod deliveries_wire;
mod wire;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use stepwell_core::ids::WebhookId;
use stepwell_engine::Caller;
use stepwell_engine::app::ShownWebhook;
use stepwell_engine::{Clock, SystemClock};

use super::ids::OfWebhook;
use super::wire::{Envelope, Items, written};
use super::{choices, responses};
use crate::body::Posted;
use crate::edge::Who;
use crate::error::ApiError;
use crate::once::{once, once_unseen};
use crate::query::Params;
use crate::respond;
use crate::server::Api;
use convert::WebhookPage;

type Answer = Result<Response, ApiError>;

/// The routes of webhooks.
pub fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/webhooks", post(create_webhook).get(list_webhooks))
        .route(
            "/api/v1/webhooks/{id}",
            get(get_webhook).put(put_webhook).patch(patch_webhook).delete(delete_webhook),
        )
        .route("/api/v1/webhooks/{id}/test", post(deliveries::test_webhook))
        .route("/api/v1/webhooks/{id}/rotate_secret", post(rotate_secret))
        .route("/api/v1/webhooks/{id}/deliveries", get(deliveries::list_deliveries))
        .route("/api/v1/webhooks/deliveries/{id}", get(deliveries::get_delivery))
        .route("/api/v1/webhooks/deliveries/{id}/redeliver", post(deliveries::redeliver))
}

/// An answer that shows a secret, if it was made here, and says so.
fn shown(status: StatusCode, webhook: &ShownWebhook) -> Answer {
    let data = convert::shown(webhook, SystemClock.now());
    let body = match webhook.secret() {
        Some(_) => Envelope::saying(data, "keep the secret: it is not shown again"),
        None => Envelope::of(data),
    };
    respond::json(status, &body)
}

/// Create a webhook
///
/// It is sent the events it names from now on, signed as the Standard Webhooks specification says.
/// Without `secret` one is made and shown this once. Scope `write:webhooks`.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless; where a secret was made, a repeat answers 409, since it is not shown again")),
    request_body = wire::CreateWebhookRequest,
    responses((status = 201, description = "Created", body = Envelope<wire::ShownWebhook>),
        responses::BodyErrors, responses::CommonErrors))]
async fn create_webhook(State(api): State<Api>, Who(caller): Who, posted: Posted) -> Answer {
    let new = convert::new_webhook(posted.fields()?)?;
    if new.secret.is_none() {
        return once_unseen(&api.app, &caller, posted.key, async {
            shown(StatusCode::CREATED, &api.app.create_webhook(&caller, new).await?)
        })
        .await;
    }
    once(&api.app, &caller, posted.key, async {
        let webhook = api.app.create_webhook(&caller, new).await?;
        written(StatusCode::CREATED, convert::shown(&webhook, SystemClock.now()))
    })
    .await
}

/// List the webhooks
///
/// Scope `read:webhooks`.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks",
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortWebhooks>), Query, description = "`created_at` (default), `updated_at`, `url`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`"),
        ("status" = inline(Option<choices::ByWebhookStatus>), Query, description = "`active`, `inactive` or `disabled`"),
        ("event" = Option<String>, Query, description = "Those that are told of this event")),
    responses((status = 200, description = "A page", body = Envelope<Items<wire::Webhook>>),
        responses::BadRequest, responses::CommonErrors))]
async fn list_webhooks(State(api): State<Api>, Who(caller): Who, params: Params) -> Answer {
    let page = WebhookPage::try_from(&params)?;
    let (webhooks, pagination) = page.cut(api.app.webhooks(&caller).await?);
    let now = SystemClock.now();
    let items = webhooks.iter().map(|webhook| convert::webhook(webhook, now)).collect();
    respond::json(StatusCode::OK, &Envelope::of(Items { items, pagination }))
}

/// Get a webhook
///
/// Without its secret. Scope `read:webhooks`.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 200, description = "The webhook", body = Envelope<wire::Webhook>),
        responses::NotFound, responses::CommonErrors))]
async fn get_webhook(State(api): State<Api>, Who(caller): Who, of: OfWebhook) -> Answer {
    let webhook = api.app.webhook(&caller, of.0).await?;
    let data = convert::webhook(&webhook, SystemClock.now());
    respond::json(StatusCode::OK, &Envelope::of(data))
}

/// Update a webhook
///
/// What the body leaves out stays. A webhook can be sent back as it was shown, with what is to
/// change. Scope `write:webhooks`.
#[utoipa::path(put, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "`whk_…`")),
    request_body(content = Option<wire::UpdateWebhookRequest>, description = "Without it nothing changes"),
    responses((status = 200, description = "As it is now", body = Envelope<wire::Webhook>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn put_webhook(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWebhook,
    posted: Posted,
) -> Answer {
    change(&api, &caller, of.0, &posted).await
}

/// Update fields of a webhook
///
/// The same as `PUT`. Scope `write:webhooks`.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "`whk_…`")),
    request_body(content = Option<wire::UpdateWebhookRequest>, description = "Without it nothing changes"),
    responses((status = 200, description = "As it is now", body = Envelope<wire::Webhook>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn patch_webhook(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWebhook,
    posted: Posted,
) -> Answer {
    change(&api, &caller, of.0, &posted).await
}

async fn change(api: &Api, caller: &Caller, id: WebhookId, posted: &Posted) -> Answer {
    let change = convert::change_webhook(posted.fields()?, id)?;
    let webhook = api.app.change_webhook(caller, id, change).await?;
    let data = convert::webhook(&webhook, SystemClock.now());
    respond::json(StatusCode::OK, &Envelope::of(data))
}

/// Delete a webhook
///
/// What is still to be sent to it is not sent. Scope `write:webhooks`.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 200, description = "Deleted", body = Envelope<wire::DeletedWebhook>),
        responses::NotFound, responses::CommonErrors))]
async fn delete_webhook(State(api): State<Api>, Who(caller): Who, of: OfWebhook) -> Answer {
    api.app.delete_webhook(&caller, of.0).await?;
    let data = wire::DeletedWebhook { id: of.0.abi(), deleted: true };
    respond::json(StatusCode::OK, &Envelope::of(data))
}

/// Give a webhook another secret
///
/// Until `overlap_seconds` are over deliveries carry the signatures of both. Without `secret` one
/// is made and shown this once. Scope `write:webhooks`.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/rotate_secret", tag = "webhooks",
    params(("id" = String, Path, description = "`whk_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat makes no further secret and answers 409, since the secret is not shown again")),
    request_body = wire::RotateSecretRequest,
    responses((status = 200, description = "The webhook, with the secret that was made", body = Envelope<wire::ShownWebhook>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn rotate_secret(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWebhook,
    posted: Posted,
) -> Answer {
    let rotate = convert::rotate_secret(posted.fields()?)?;
    once_unseen(&api.app, &caller, posted.key, async {
        shown(StatusCode::OK, &api.app.rotate_secret(&caller, of.0, rotate).await?)
    })
    .await
}

/// The part of the API's description that is about webhooks.
#[derive(utoipa::OpenApi)]
#[openapi(
    paths(
        create_webhook,
        list_webhooks,
        get_webhook,
        put_webhook,
        patch_webhook,
        delete_webhook,
        deliveries::test_webhook,
        rotate_secret,
        deliveries::list_deliveries,
        deliveries::get_delivery,
        deliveries::redeliver
    ),
    tags((name = "webhooks", description = "Being told of events"))
)]
pub(crate) struct Doc;
