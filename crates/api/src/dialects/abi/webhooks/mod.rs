//! Webhooks: extract, convert, call the application, convert.

mod convert;
mod deliveries;
mod wire;

use super::lists::ListQuery;
use axum::extract::State;
use axum::http::StatusCode;
use stepwell_core::ids::WebhookId;
use stepwell_engine::Caller;
use stepwell_engine::app::ShownWebhook;
use stepwell_store::lists::Order;
use utoipa::OpenApi;
use utoipa_axum::routes;

use super::envelope::{Envelope, Items, data_text};
use super::ids::PathWebhookId;
use super::{choices, responses};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::endpoints::Endpoints;
use crate::idempotent::{idempotent_secret, respond_once};
use crate::query::Params;
use crate::respond::{self, ApiResult};
use crate::state::Api;
use convert::{WebhookFilter, WebhookOrder};

#[derive(OpenApi)]
#[openapi(tags((name = "webhooks", description = "Notifications of events")))]
struct Document;

/// The endpoints of webhooks.
pub fn webhook_endpoints() -> Endpoints {
    Endpoints::new(Document::openapi())
        .add(routes!(create_webhook, list_webhooks))
        .add(routes!(get_webhook, put_webhook, patch_webhook, delete_webhook))
        .add(routes!(deliveries::test_webhook))
        .add(routes!(rotate_secret))
        .add(routes!(deliveries::list_deliveries))
        .add(routes!(deliveries::get_delivery))
        .add(routes!(deliveries::redeliver_delivery))
}

/// A response that shows a secret, if it was generated here, with a message.
fn webhook_response(api: &Api, status: StatusCode, webhook: &ShownWebhook) -> ApiResult {
    let data = convert::shown_body(webhook, api.app.now());
    let body = match webhook.secret() {
        Some(_) => Envelope::with_message(data, "keep the secret: it is not shown again"),
        None => Envelope::of(data),
    };
    respond::json_response(status, &body)
}

/// Create a webhook
///
/// It is sent the events it names from now on, signed as the Standard Webhooks specification defines.
/// Without `secret` one is generated and shown this once.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks",
    security(("key" = ["write:webhooks"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless; if a secret was generated, a repeated request returns 409, since it is not shown again")),
    request_body = wire::CreateWebhookRequest,
    responses((status = 201, description = "Created", body = Envelope<wire::ShownWebhook>),
        responses::BodyErrors, responses::CommonErrors))]
async fn create_webhook(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    request_body: RequestBody,
) -> ApiResult {
    let new = convert::new_webhook(request_body.fields()?)?;
    if new.secret.is_none() {
        return idempotent_secret(&api.app, &caller, request_body.key, async {
            webhook_response(
                &api,
                StatusCode::CREATED,
                &api.app.create_webhook(&caller, new).await?,
            )
        })
        .await;
    }
    respond_once(&api.app, &caller, request_body.key, async {
        let webhook = api.app.create_webhook(&caller, new).await?;
        data_text(StatusCode::CREATED, convert::shown_body(&webhook, api.app.now()))
    })
    .await
}

/// List the webhooks
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks",
    security(("key" = ["read:webhooks"])),
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortWebhooks>), Query, description = "`created_at` (default), `updated_at`, `url`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`"),
        ("status" = inline(Option<choices::ByWebhookStatus>), Query, description = "`active`, `inactive` or `disabled`"),
        ("event" = Option<String>, Query, description = "Those that get this event")),
    responses((status = 200, description = "A page", body = Envelope<Items<wire::Webhook>>),
        responses::BadRequest, responses::CommonErrors))]
async fn list_webhooks(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    params: Params,
) -> ApiResult {
    let query = ListQuery::read_numbered(&params, &WebhookOrder::ALL, Order::Descending)?;
    let filter = WebhookFilter::read(&params)?;
    // A workspace has few webhooks: they are in memory as a whole.
    let mut webhooks = api.app.webhooks(&caller).await?;
    webhooks.retain(|webhook| filter.selects(webhook));
    let page = query.cut_page(webhooks, WebhookOrder::compare);
    let now = api.app.now();
    let page = page.by_ref().map_items(|webhook| convert::webhook_body(webhook, now));
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}

/// Get a webhook
///
/// Without its secret.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    security(("key" = ["read:webhooks"])),
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 200, description = "The webhook", body = Envelope<wire::Webhook>),
        responses::NotFound, responses::CommonErrors))]
async fn get_webhook(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWebhookId,
) -> ApiResult {
    let webhook = api.app.webhook(&caller, id.0).await?;
    let data = convert::webhook_body(&webhook, api.app.now());
    respond::json_response(StatusCode::OK, &Envelope::of(data))
}

/// Update a webhook
///
/// Omitted fields are unchanged. A webhook can be sent back as it was shown, with what is to
/// change.
#[utoipa::path(put, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    security(("key" = ["write:webhooks"])),
    params(("id" = String, Path, description = "`whk_…`")),
    request_body(content = Option<wire::UpdateWebhookRequest>, description = "Without it nothing changes"),
    responses((status = 200, description = "As it is now", body = Envelope<wire::Webhook>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn put_webhook(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWebhookId,
    request_body: RequestBody,
) -> ApiResult {
    change_webhook(&api, &caller, id.0, &request_body).await
}

/// Update fields of a webhook
///
/// The same as `PUT`.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    security(("key" = ["write:webhooks"])),
    params(("id" = String, Path, description = "`whk_…`")),
    request_body(content = Option<wire::UpdateWebhookRequest>, description = "Without it nothing changes"),
    responses((status = 200, description = "As it is now", body = Envelope<wire::Webhook>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn patch_webhook(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWebhookId,
    request_body: RequestBody,
) -> ApiResult {
    change_webhook(&api, &caller, id.0, &request_body).await
}

async fn change_webhook(
    api: &Api,
    caller: &Caller,
    id: WebhookId,
    request_body: &RequestBody,
) -> ApiResult {
    let change = convert::change_webhook(request_body.fields()?, id)?;
    let webhook = api.app.change_webhook(caller, id, change).await?;
    let data = convert::webhook_body(&webhook, api.app.now());
    respond::json_response(StatusCode::OK, &Envelope::of(data))
}

/// Delete a webhook
///
/// What is still to be sent to it is not sent.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    security(("key" = ["write:webhooks"])),
    params(("id" = String, Path, description = "`whk_…`")),
    responses((status = 200, description = "Deleted", body = Envelope<wire::DeletedWebhook>),
        responses::NotFound, responses::CommonErrors))]
async fn delete_webhook(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWebhookId,
) -> ApiResult {
    api.app.delete_webhook(&caller, id.0).await?;
    let data = wire::DeletedWebhook { id: id.0.abi(), deleted: true };
    respond::json_response(StatusCode::OK, &Envelope::of(data))
}

/// Give a webhook another secret
///
/// Until `overlap_seconds` are over deliveries carry the signatures of both. Without `secret` one
/// is generated and shown this once.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/rotate_secret", tag = "webhooks",
    security(("key" = ["write:webhooks"])),
    params(("id" = String, Path, description = "`whk_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request creates no further secret and returns 409, since the secret is not shown again")),
    request_body = wire::RotateSecretRequest,
    responses((status = 200, description = "The webhook, with the secret that was generated", body = Envelope<wire::ShownWebhook>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn rotate_secret(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWebhookId,
    request_body: RequestBody,
) -> ApiResult {
    let rotate = convert::rotate_secret(request_body.fields()?)?;
    idempotent_secret(&api.app, &caller, request_body.key, async {
        webhook_response(&api, StatusCode::OK, &api.app.rotate_secret(&caller, id.0, rotate).await?)
    })
    .await
}
