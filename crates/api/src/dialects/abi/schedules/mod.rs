//! Schedules: the handlers.

mod convert;
mod wire;

use super::lists::ListQuery;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use stepwell_core::schedule::DEFAULT_ZONE;
use stepwell_engine::Caller;
use stepwell_engine::app::{ScheduleFilter, ScheduleView};
use stepwell_store::lists::Order;
use utoipa::OpenApi;
use utoipa_axum::routes;

use super::envelope::{Envelope, Items, data_text};
use super::ids::{PathScheduleId, PathWorkflowId};
use super::{choices, responses};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::endpoints::Endpoints;
use crate::error::Kind;
use crate::idempotent::respond_once;
use crate::query::{Params, invalid_parameter};
use crate::respond::{self, ApiResult};
use crate::state::Api;
use convert::ChangePurpose;

/// How many firings a preview shows where the request does not say.
const PREVIEWED: usize = 10;
/// The most firings that a preview shows.
const MOST_PREVIEWED: usize = 100;

#[derive(OpenApi)]
#[openapi(tags((name = "schedules", description = "Executions that start by themselves")))]
struct Document;

/// The endpoints of schedules.
pub(super) fn schedule_endpoints() -> Endpoints {
    Endpoints::new(Document::openapi())
        .add(routes!(create_schedule, list_schedules_of))
        .add(routes!(list_schedules))
        .add(routes!(pause_schedules))
        .add(routes!(resume_schedules))
        .add(routes!(get_schedule, put_schedule, patch_schedule, delete_schedule))
        .add(routes!(trigger_schedule))
        .add(routes!(pause_schedule))
        .add(routes!(resume_schedule))
        .add(routes!(preview_schedule))
}

/// A schedule as it is shown.
pub(super) fn shown_schedule(view: &ScheduleView) -> impl Serialize {
    convert::schedule_body(view)
}

/// Schedule a workflow
///
/// It fires from now on, also while the workflow is inactive: such firings start nothing, and the
/// schedule shows that.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/schedules", tag = "schedules",
    security(("key" = ["write:schedules"])),
    params(("id" = String, Path, description = "The workflow, in any form"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body = wire::ScheduleRequest,
    responses((status = 201, description = "Created", body = Envelope<wire::Schedule>),
        responses::ScheduleErrors, responses::InProgress, responses::NotFound,
        responses::CommonErrors))]
async fn create_schedule(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
    request_body: RequestBody,
) -> ApiResult {
    let change = convert::read_change(request_body.fields()?, ChangePurpose::Create)?;
    respond_once(&api.app, &caller, request_body.key, async {
        let made = api.app.create_schedule(&caller, id.0, change).await;
        data_text(
            StatusCode::CREATED,
            convert::schedule_body(&made.map_err(convert::refusal_error)?),
        )
    })
    .await
}

/// List the schedules of a workflow
#[utoipa::path(get, path = "/api/v1/workflows/{id}/schedules", tag = "schedules",
    security(("key" = ["read:schedules"])),
    params(("id" = String, Path, description = "The workflow, in any form"),
        ("enabled" = Option<bool>, Query, description = "Only enabled or only disabled ones"),
        ("schedule_type" = inline(Option<choices::ByScheduleType>), Query, description = "`cron`, `interval` or `fixed_time`"),
        ("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortSchedules>), Query, description = "`created_at` (default), `updated_at`, `name`, `next_execution`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`")),
    responses((status = 200, description = "A page", body = Envelope<Items<wire::ScheduleItem>>),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
async fn list_schedules_of(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
    params: Params,
) -> ApiResult {
    let filter = convert::read_filter(&params)?;
    let filter = ScheduleFilter { workflow: Some(id.0), ..filter };
    list_page(&api, &caller, &params, filter).await
}

/// List schedules
#[utoipa::path(get, path = "/api/v1/workflow_schedules", tag = "schedules",
    security(("key" = ["read:schedules"])),
    params(("workflow_id" = Option<String>, Query, description = "Only this workflow's"),
        ("enabled" = Option<bool>, Query, description = "Only enabled or only disabled ones"),
        ("schedule_type" = inline(Option<choices::ByScheduleType>), Query, description = "`cron`, `interval` or `fixed_time`"),
        ("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortSchedules>), Query, description = "`created_at` (default), `updated_at`, `name`, `next_execution`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`")),
    responses((status = 200, description = "A page", body = Envelope<Items<wire::ScheduleItem>>),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
async fn list_schedules(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    params: Params,
) -> ApiResult {
    let filter = convert::read_filter(&params)?;
    list_page(&api, &caller, &params, filter).await
}

async fn list_page(
    api: &Api,
    caller: &Caller,
    params: &Params,
    filter: ScheduleFilter,
) -> ApiResult {
    let query = ListQuery::read_numbered(params, &convert::SORT_KEYS, Order::Descending)?;
    let page = api.app.schedules(caller, query.list(filter)).await?;
    let page = page.by_ref().map_items(convert::schedule_item);
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}

/// Get a schedule
///
/// With its last execution, and the last firing that started nothing.
#[utoipa::path(get, path = "/api/v1/workflow_schedules/{id}", tag = "schedules",
    security(("key" = ["read:schedules"])),
    params(("id" = String, Path, description = "`sched_…`")),
    responses((status = 200, description = "The schedule", body = Envelope<wire::Schedule>),
        responses::NotFound, responses::CommonErrors))]
async fn get_schedule(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathScheduleId,
) -> ApiResult {
    let view = api.app.schedule(&caller, id.0).await?;
    respond::json_response(StatusCode::OK, &Envelope::of(convert::schedule_body(&view)))
}

/// Change a schedule
///
/// Omitted fields are unchanged. If the change is about time, the next firing is the first one
/// after now.
#[utoipa::path(put, path = "/api/v1/workflow_schedules/{id}", tag = "schedules",
    security(("key" = ["write:schedules"])),
    params(("id" = String, Path, description = "`sched_…`")),
    request_body(content = Option<wire::ScheduleRequest>, description = "Without it nothing changes"),
    responses((status = 200, description = "Changed", body = Envelope<wire::Schedule>),
        responses::ScheduleErrors, responses::NotFound, responses::CommonErrors))]
async fn put_schedule(
    State(api): State<Api>,
    who: Authenticated,
    id: PathScheduleId,
    request_body: RequestBody,
) -> ApiResult {
    update_schedule(api, who, id, request_body).await
}

/// Change a part of a schedule
///
/// The same as with `PUT`.
#[utoipa::path(patch, path = "/api/v1/workflow_schedules/{id}", tag = "schedules",
    security(("key" = ["write:schedules"])),
    params(("id" = String, Path, description = "`sched_…`")),
    request_body(content = Option<wire::ScheduleRequest>, description = "Without it nothing changes"),
    responses((status = 200, description = "Changed", body = Envelope<wire::Schedule>),
        responses::ScheduleErrors, responses::NotFound, responses::CommonErrors))]
async fn patch_schedule(
    State(api): State<Api>,
    who: Authenticated,
    id: PathScheduleId,
    request_body: RequestBody,
) -> ApiResult {
    update_schedule(api, who, id, request_body).await
}

async fn update_schedule(
    api: Api,
    Authenticated(caller): Authenticated,
    id: PathScheduleId,
    request_body: RequestBody,
) -> ApiResult {
    let change = convert::read_change(request_body.fields()?, ChangePurpose::Change)?;
    let view = api.app.update_schedule(&caller, id.0, change).await;
    let view = view.map_err(convert::refusal_error)?;
    respond::json_response(StatusCode::OK, &Envelope::of(convert::schedule_body(&view)))
}

/// Delete a schedule
///
/// Its executions stay.
#[utoipa::path(delete, path = "/api/v1/workflow_schedules/{id}", tag = "schedules",
    security(("key" = ["write:schedules"])),
    params(("id" = String, Path, description = "`sched_…`")),
    responses((status = 200, description = "Deleted", body = Envelope<wire::DeletedSchedule>),
        responses::NotFound, responses::CommonErrors))]
async fn delete_schedule(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathScheduleId,
) -> ApiResult {
    api.app.delete_schedule(&caller, id.0).await?;
    let data = wire::DeletedSchedule { id: id.0.abi(), deleted: true };
    respond::json_response(StatusCode::OK, &Envelope::of(data))
}

/// Trigger a schedule
///
/// Starts an execution now, whatever its policies and whether or not it is enabled; the next firing
/// stays where it is.
#[utoipa::path(post, path = "/api/v1/workflow_schedules/{id}/trigger", tag = "schedules",
    security(("key" = ["execute:schedules"])),
    params(("id" = String, Path, description = "`sched_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    responses((status = 202, description = "Started", body = Envelope<wire::TriggeredSchedule>),
        responses::TriggerErrors, responses::NotFound, responses::CommonErrors))]
async fn trigger_schedule(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathScheduleId,
    request_body: RequestBody,
) -> ApiResult {
    request_body.fields()?.finish()?;
    respond_once(&api.app, &caller, request_body.key, async {
        let started = api.app.trigger_schedule(&caller, id.0).await;
        let started = started.map_err(convert::refusal_error)?;
        data_text(StatusCode::ACCEPTED, convert::triggered_body(started))
    })
    .await
}

/// Pause a schedule
///
/// It fires no more; firings that wait are dropped.
#[utoipa::path(post, path = "/api/v1/workflow_schedules/{id}/pause", tag = "schedules",
    security(("key" = ["write:schedules"])),
    params(("id" = String, Path, description = "`sched_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    responses((status = 200, description = "Paused", body = Envelope<wire::Schedule>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn pause_schedule(
    State(api): State<Api>,
    who: Authenticated,
    id: PathScheduleId,
    request_body: RequestBody,
) -> ApiResult {
    enable_schedule(api, who, id, request_body, false).await
}

/// Resume a schedule
///
/// It fires from now on; what it has missed is not made up for.
#[utoipa::path(post, path = "/api/v1/workflow_schedules/{id}/resume", tag = "schedules",
    security(("key" = ["write:schedules"])),
    params(("id" = String, Path, description = "`sched_…`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    responses((status = 200, description = "Resumed", body = Envelope<wire::Schedule>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn resume_schedule(
    State(api): State<Api>,
    who: Authenticated,
    id: PathScheduleId,
    request_body: RequestBody,
) -> ApiResult {
    enable_schedule(api, who, id, request_body, true).await
}

async fn enable_schedule(
    api: Api,
    Authenticated(caller): Authenticated,
    id: PathScheduleId,
    request_body: RequestBody,
    enabled: bool,
) -> ApiResult {
    request_body.fields()?.finish()?;
    respond_once(&api.app, &caller, request_body.key, async {
        let view = api.app.enable_schedule(&caller, id.0, enabled).await?;
        data_text(StatusCode::OK, convert::schedule_body(&view))
    })
    .await
}

/// Pause schedules
///
/// All of a workflow, all of the workspace, or those that are named.
#[utoipa::path(post, path = "/api/v1/workflow_schedules/pause", tag = "schedules",
    security(("key" = ["write:schedules"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    request_body = wire::SelectionRequest,
    responses((status = 200, description = "Paused", body = Envelope<wire::SelectionChanged>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn pause_schedules(
    State(api): State<Api>,
    who: Authenticated,
    request_body: RequestBody,
) -> ApiResult {
    enable_many(api, who, request_body, false).await
}

/// Resume schedules
///
/// All of a workflow, all of the workspace, or those that are named. Where they are not named, only
/// those that were paused so: one that was paused by itself before stays paused.
#[utoipa::path(post, path = "/api/v1/workflow_schedules/resume", tag = "schedules",
    security(("key" = ["write:schedules"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    request_body = wire::SelectionRequest,
    responses((status = 200, description = "Resumed", body = Envelope<wire::SelectionChanged>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
async fn resume_schedules(
    State(api): State<Api>,
    who: Authenticated,
    request_body: RequestBody,
) -> ApiResult {
    enable_many(api, who, request_body, true).await
}

async fn enable_many(
    api: Api,
    Authenticated(caller): Authenticated,
    request_body: RequestBody,
    enabled: bool,
) -> ApiResult {
    let selection = convert::read_selection(request_body.fields()?)?;
    respond_once(&api.app, &caller, request_body.key, async {
        let changed = api.app.enable_schedules(&caller, selection, enabled).await?;
        data_text(StatusCode::OK, convert::selection_body(changed))
    })
    .await
}

/// Preview a cron expression
///
/// When it will fire, on the clocks of the time zone too.
#[utoipa::path(get, path = "/api/v1/schedules/preview", tag = "schedules",
    security(("key" = ["read:schedules"])),
    params(("cron" = String, Query, description = "Five fields, six with seconds first, or a form such as `@daily`"),
        ("timezone" = Option<String>, Query, description = "An IANA time zone, default `UTC`"),
        ("count" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10")),
    responses((status = 200, description = "Its next firings", body = Envelope<wire::Preview>),
        responses::SchedulePreviewErrors, responses::CommonErrors))]
async fn preview_schedule(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    params: Params,
) -> ApiResult {
    let count = params.number("count", 1..=MOST_PREVIEWED, PREVIEWED)?;
    let Some(cron) = params.one("cron")? else {
        return Err(invalid_parameter("cron", "a cron expression", "nothing")
            .into_kind(Kind::InvalidSchedule));
    };
    let timezone = params.one("timezone")?;
    let firings = api.app.preview_cron(&caller, cron, timezone, count)?;
    let next_executions =
        firings.into_iter().map(|(at, local_time)| convert::firing_body(at, local_time)).collect();
    let timezone = timezone.unwrap_or(DEFAULT_ZONE);
    let data = wire::Preview { cron, timezone, next_executions };
    respond::json_response(StatusCode::OK, &Envelope::of(data))
}
