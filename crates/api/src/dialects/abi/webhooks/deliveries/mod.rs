//! The deliveries of webhooks, tests among them.

mod convert;
mod wire;

use axum::extract::State;
use axum::http::StatusCode;

use super::super::envelope::{Envelope, Items, data_text};
use super::super::ids::{PathDeliveryId, PathWebhookId};
use super::super::lists::{BY_CREATION, ListQuery};
use super::super::{choices, responses};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::idempotent::respond_once;
use crate::query::Params;
use crate::respond::{self, ApiResult};
use crate::state::Api;

/// Test a webhook
///
/// Sends it the event `webhook.test`; its delivery shows the response.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks",
    security(("key" = ["execute:webhooks"])),
    params(("id" = String, Path, description = "`whk_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    responses((status = 202, description = "On its way", body = Envelope<wire::Delivery>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn test_webhook(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWebhookId,
    request_body: RequestBody,
) -> ApiResult {
    request_body.fields()?.finish()?;
    respond_once(&api.app, &caller, request_body.key, async {
        let delivery = api.app.test_webhook(&caller, id.0).await?;
        data_text(StatusCode::ACCEPTED, wire::Delivery::from(&delivery))
    })
    .await
}

/// List the deliveries of a webhook
///
/// With what was sent, what came back and how long it took.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", tag = "webhooks",
    security(("key" = ["read:webhooks"])),
    params(("id" = String, Path, description = "`whk_…`"),
        ("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortByCreation>), Query, description = "`created_at`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, instead of `page`"),
        ("status" = inline(Option<choices::ByDeliveryStatus>), Query, description = "`pending`, `delivered` or `exhausted`"),
        ("event" = Option<String>, Query, description = "Such as `execution.completed`, or `webhook.test`")),
    responses((status = 200, description = "A page", body = Envelope<Items<wire::Delivery>>),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn list_deliveries(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWebhookId,
    params: Params,
) -> ApiResult {
    let query = ListQuery::read(&params, &BY_CREATION)?;
    let list = query.list(convert::read_filter(&params)?);
    let page = api.app.webhook_deliveries(&caller, id.0, list).await?;
    let page = page.by_ref().map_items(wire::Delivery::from);
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}

/// Get a delivery
///
/// With what was sent, what came back and how long it took.
#[utoipa::path(get, path = "/api/v1/webhooks/deliveries/{id}", tag = "webhooks",
    security(("key" = ["read:webhooks"])),
    params(("id" = String, Path, description = "`msg_…`")),
    responses((status = 200, description = "The delivery", body = Envelope<wire::Delivery>),
        responses::NotFound, responses::CommonErrors))]
pub async fn get_delivery(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathDeliveryId,
) -> ApiResult {
    let delivery = api.app.webhook_delivery(&caller, id.0).await?;
    respond::json_response(StatusCode::OK, &Envelope::of(wire::Delivery::from(&delivery)))
}

/// Send a delivery again
///
/// With the same `webhook-id` and body, and retried as the first time.
#[utoipa::path(post, path = "/api/v1/webhooks/deliveries/{id}/redeliver", tag = "webhooks",
    operation_id = "redeliver",
    security(("key" = ["execute:webhooks"])),
    params(("id" = String, Path, description = "`msg_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    responses((status = 202, description = "On its way", body = Envelope<wire::Delivery>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn redeliver_delivery(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathDeliveryId,
    request_body: RequestBody,
) -> ApiResult {
    request_body.fields()?.finish()?;
    respond_once(&api.app, &caller, request_body.key, async {
        let delivery = api.app.redeliver(&caller, id.0).await?;
        data_text(StatusCode::ACCEPTED, wire::Delivery::from(&delivery))
    })
    .await
}
