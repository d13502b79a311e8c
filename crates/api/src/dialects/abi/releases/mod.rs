//! Our own calls beside the dialect's: releases, release tags, and what users say of outputs.

mod convert;

mod wire;

use axum::extract::{RawPathParams, State};
use axum::http::StatusCode;
use stepwell_engine::app::ReleaseFilter;
use stepwell_store::lists::Order;
use stepwell_store::record::ActualRecord;

use super::envelope::{Envelope, Items, data_text};
use super::ids::{PathExecutionId, PathWorkflowId, path_part};
use super::lists::{BY_CREATION, ListQuery};
use super::{choices, responses};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::error::{ApiError, Kind};
use crate::idempotent::respond_once;
use crate::query::Params;
use crate::respond::{self, ApiResult};
use crate::state::Api;
use convert::{ReleaseTagOrder, read_traffic};
use wire::{
    Actual, DeletedReleaseTag, Quality, Release, ReleaseRequest, ReleaseTag, ReleaseTagRequest,
};

/// Release a definition
///
/// It becomes the newest release, which `LATEST` means; `release_tags` are moved to it.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/releases", tag = "releases",
    security(("key" = ["write:workflows"])),
    params(("id" = String, Path, description = "The workflow, in any form"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body = ReleaseRequest,
    responses((status = 201, description = "Released", body = Envelope<Release>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn create_release(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
    request_body: RequestBody,
) -> ApiResult {
    let id = id.0;
    let ReleaseRequest { definition, release_tags } = request_body.read()?;
    let tags = release_tags.unwrap_or_default();
    respond_once(&api.app, &caller, request_body.key, async {
        let release = api.app.add_release(&caller, id, definition, &tags).await;
        let within = |error| ApiError::from(error).within(Kind::InvalidDefinition, "definition");
        let release = release.map_err(within)?;
        data_text(StatusCode::CREATED, Release::from(release))
    })
    .await
}

/// List the releases of a workflow
///
/// Newest first by default.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/releases", tag = "releases",
    security(("key" = ["read:workflows"])),
    params(("id" = String, Path, description = "The workflow"),
        ("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortByCreation>), Query, description = "`created_at`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, instead of `page`")),
    responses((status = 200, description = "A page", body = Envelope<Items<Release>>),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn list_releases(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
    params: Params,
) -> ApiResult {
    let query = ListQuery::read(&params, &BY_CREATION)?;
    let page = api.app.releases(&caller, id.0, query.list(ReleaseFilter)).await?;
    let page = page.map_items(Release::from);
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}

/// List the release tags of a workflow
///
/// By name with `LATEST` first by default.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/release_tags", tag = "releases",
    security(("key" = ["read:workflows"])),
    params(("id" = String, Path, description = "The workflow"),
        ("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortReleaseTags>), Query, description = "`name` (default), `updated_at`"),
        ("sort_order" = inline(Option<choices::SortOrderAscending>), Query, description = "`asc` (default) or `desc`")),
    responses((status = 200, description = "A page", body = Envelope<Items<ReleaseTag>>),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn list_release_tags(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
    params: Params,
) -> ApiResult {
    let query = ListQuery::read_numbered(&params, &ReleaseTagOrder::ALL, Order::Ascending)?;
    let tags = api.app.release_tags(&caller, id.0).await?;
    let page = query.cut_page(tags, ReleaseTagOrder::compare).map_items(ReleaseTag::from);
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}

/// Get a release tag
#[utoipa::path(get, path = "/api/v1/workflows/{id}/release_tags/{tag}", tag = "releases",
    security(("key" = ["read:workflows"])),
    params(("id" = String, Path, description = "The workflow"),
        ("tag" = String, Path, description = "The tag")),
    responses((status = 200, description = "Where it points", body = Envelope<ReleaseTag>),
        responses::NotFound, responses::CommonErrors))]
pub async fn get_release_tag(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
    path: RawPathParams,
) -> ApiResult {
    let tag = api.app.release_tag(&caller, id.0, path_part(&path, "tag")).await?;
    respond::json_response(StatusCode::OK, &Envelope::of(ReleaseTag::from(tag)))
}

/// Make or move a release tag
///
/// At once: what is executed by it from now on runs what it points at.
#[utoipa::path(put, path = "/api/v1/workflows/{id}/release_tags/{tag}", tag = "releases",
    security(("key" = ["write:workflows"])),
    params(("id" = String, Path, description = "The workflow"),
        ("tag" = String, Path, description = "The tag")),
    request_body = ReleaseTagRequest,
    responses((status = 200, description = "Where it points now", body = Envelope<ReleaseTag>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn put_release_tag(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
    path: RawPathParams,
    request_body: RequestBody,
) -> ApiResult {
    let id = id.0;
    let (place, traffic) = read_traffic(request_body.fields()?)?;
    let tag = api.app.put_release_tag(&caller, id, path_part(&path, "tag"), traffic).await;
    let tag = tag.map_err(|error| ApiError::from(error).replaced("traffic", place))?;
    respond::json_response(StatusCode::OK, &Envelope::of(ReleaseTag::from(tag)))
}

/// Delete a release tag
///
/// Executions that named it are unchanged. Requests that name it return 400 from now on, and firings
/// of schedules that name it are skipped.
#[utoipa::path(delete, path = "/api/v1/workflows/{id}/release_tags/{tag}", tag = "releases",
    security(("key" = ["write:workflows"])),
    params(("id" = String, Path, description = "The workflow"),
        ("tag" = String, Path, description = "The tag")),
    responses((status = 200, description = "Deleted", body = Envelope<DeletedReleaseTag>),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn delete_release_tag(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
    path: RawPathParams,
) -> ApiResult {
    let name = path_part(&path, "tag");
    api.app.delete_release_tag(&caller, id.0, name).await?;
    let data = DeletedReleaseTag { name: name.to_owned(), deleted: true };
    respond::json_response(StatusCode::OK, &Envelope::of(data))
}

/// List the feedback on an execution
///
/// In the order of arrival by default.
#[utoipa::path(get, path = "/api/v1/workflow_executions/{id}/actuals", tag = "releases",
    security(("key" = ["read:workflows"]), ("key" = ["execute:workflows"])),
    params(("id" = String, Path, description = "The execution, in any form"),
        ("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortByCreation>), Query, description = "`created_at`"),
        ("sort_order" = inline(Option<choices::SortOrderAscending>), Query, description = "`asc` (default) or `desc`")),
    responses((status = 200, description = "A page", body = Envelope<Items<Actual>>),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn list_actuals(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathExecutionId,
    params: Params,
) -> ApiResult {
    let query = ListQuery::read_numbered(&params, &BY_CREATION, Order::Ascending)?;
    let actuals = api.app.actuals(&caller, id.0).await?;
    // What was submitted together has one time, and ids in its order.
    let came =
        |(), a: &ActualRecord, b: &ActualRecord| (a.created_at, a.id).cmp(&(b.created_at, b.id));
    let page = query.cut_page(actuals, came).map_items(Actual::from);
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}

/// Sum up the feedback on a workflow
///
/// In all, by release, and by the tag that the executions named.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/quality", tag = "releases",
    security(("key" = ["read:workflows"])),
    params(("id" = String, Path, description = "The workflow")),
    responses((status = 200, description = "The sums", body = Envelope<Quality>),
        responses::NotFound, responses::CommonErrors))]
pub async fn get_quality(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathWorkflowId,
) -> ApiResult {
    let rows = api.app.quality(&caller, id.0).await?;
    respond::json_response(StatusCode::OK, &Envelope::of(Quality::from(rows)))
}
