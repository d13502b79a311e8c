//! The deliveries of webhooks, tests among them.

use axum::extract::State;
use axum::http::StatusCode;

use super::super::ids::{OfDelivery, OfWebhook};
use super::super::lists::Wanted;
use super::super::wire::{Envelope, Items, written};
use super::super::{choices, responses};
use super::Answer;
use super::deliveries_convert as convert;
use super::deliveries_wire as wire;
use crate::body::Posted;
use crate::edge::Who;
use crate::once::once;
use crate::query::Params;
use crate::respond;
use crate::server::Api;

/// Test a webhook
///
/// Sends it the event `webhook.test`; its delivery tells what came back. Scope
/// `execute:webhooks`.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks",
    params(("id" = String, Path, description = "`whk_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    responses((status = 202, description = "On its way", body = Envelope<wire::Delivery>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn test_webhook(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWebhook,
    posted: Posted,
) -> Answer {
    posted.fields()?.finish()?;
    once(&api.app, &caller, posted.key, async {
        let delivery = api.app.test_webhook(&caller, of.0).await?;
        written(StatusCode::ACCEPTED, wire::Delivery::from(&delivery))
    })
    .await
}

/// List the deliveries of a webhook
///
/// With what was sent, what came back and how long it took. Scope `read:webhooks`.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", tag = "webhooks",
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
    Who(caller): Who,
    of: OfWebhook,
    params: Params,
) -> Answer {
    let wanted = Wanted::read(&params)?;
    let query = convert::query(&params, &wanted)?;
    let page = api.app.webhook_deliveries(&caller, of.0, query).await?;
    let items: Vec<wire::Delivery<'_>> = page.items.iter().map(Into::into).collect();
    let pagination = wanted.pagination(&page);
    respond::json(StatusCode::OK, &Envelope::of(Items { items, pagination }))
}

/// Get a delivery
///
/// With what was sent, what came back and how long it took. Scope `read:webhooks`.
#[utoipa::path(get, path = "/api/v1/webhooks/deliveries/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "`msg_…`")),
    responses((status = 200, description = "The delivery", body = Envelope<wire::Delivery>),
        responses::NotFound, responses::CommonErrors))]
pub async fn get_delivery(State(api): State<Api>, Who(caller): Who, of: OfDelivery) -> Answer {
    let delivery = api.app.webhook_delivery(&caller, of.0).await?;
    respond::json(StatusCode::OK, &Envelope::of(wire::Delivery::from(&delivery)))
}

/// Send a delivery again
///
/// With the same `webhook-id` and body, and retried as the first time. Scope `execute:webhooks`.
#[utoipa::path(post, path = "/api/v1/webhooks/deliveries/{id}/redeliver", tag = "webhooks",
    params(("id" = String, Path, description = "`msg_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    responses((status = 202, description = "On its way", body = Envelope<wire::Delivery>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn redeliver(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfDelivery,
    posted: Posted,
) -> Answer {
    posted.fields()?.finish()?;
    once(&api.app, &caller, posted.key, async {
        let delivery = api.app.redeliver(&caller, of.0).await?;
        written(StatusCode::ACCEPTED, wire::Delivery::from(&delivery))
    })
    .await
}
