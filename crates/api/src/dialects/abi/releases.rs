//! Our own calls beside the dialect's: releases, release tags, and what users say of outputs.

use std::cmp::Ordering;

use axum::extract::{RawPathParams, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use stepwell_core::Problem;
use stepwell_engine::app::LATEST;
use stepwell_store::record::{ActualRecord, ReleaseTagRecord, Traffic};

use super::cut::Cut;
use super::ids::{OfExecution, OfWorkflow, part};
use super::lists::{Wanted, by_creation};
use super::releases_wire::{
    Actual, Quality, Release, ReleaseRequest, ReleaseTag, ReleaseTagRequest,
};
use super::{choices, responses, wire};
use crate::body::Posted;
use crate::edge::Who;
use crate::error::{ApiError, Kind};
use crate::once::once;
use crate::query::Params;
use crate::respond;
use crate::server::Api;

type Answer = Result<Response, ApiError>;

/// Release a definition
///
/// It becomes the newest release, which `LATEST` means; `release_tags` are moved to it. Scope `write:workflows`.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/releases", tag = "releases",
    params(("id" = String, Path, description = "The workflow, in any form"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body = ReleaseRequest,
    responses((status = 201, description = "Released", body = wire::Envelope<Release>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn create_release(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWorkflow,
    posted: Posted,
) -> Answer {
    let id = of.0;
    let mut fields = posted.fields()?;
    let definition = fields.value("definition");
    let definition = fields.require("definition", definition).unwrap_or_default();
    let tags = fields.texts("release_tags").unwrap_or_default();
    fields.finish()?;
    once(&api.app, &caller, posted.key, async {
        let release = api.app.add_release(&caller, id, definition, &tags).await;
        let within = |error| ApiError::from(error).within(Kind::InvalidDefinition, "definition");
        let release = release.map_err(within)?;
        wire::written(StatusCode::CREATED, Release::from(release))
    })
    .await
}

/// List the releases of a workflow
///
/// Newest first, unless told otherwise. Scope `read:workflows`.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/releases", tag = "releases",
    params(("id" = String, Path, description = "The workflow"),
        ("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortByCreation>), Query, description = "`created_at`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, instead of `page`")),
    responses((status = 200, description = "A page", body = wire::Envelope<wire::Items<Release>>),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn list_releases(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWorkflow,
    params: Params,
) -> Answer {
    by_creation(&params)?;
    let wanted = Wanted::read(&params)?;
    let at = wanted.at.clone();
    let page = api.app.releases(&caller, of.0, at, wanted.page_size, wanted.order).await?;
    let pagination = wanted.pagination(&page);
    let items: Vec<Release> = page.items.into_iter().map(Into::into).collect();
    respond::json(StatusCode::OK, &wire::Envelope::of(wire::Items { items, pagination }))
}

/// How a list of release tags can be sorted.
#[derive(Clone, Copy)]
enum TagsBy {
    Name,
    UpdatedAt,
}

impl TagsBy {
    const ALL: [(&str, Self); 2] = [("name", Self::Name), ("updated_at", Self::UpdatedAt)];

    /// By name, the one that moves by itself comes before all others.
    fn compare(self, a: &ReleaseTagRecord, b: &ReleaseTagRecord) -> Ordering {
        let by_name = (a.name != LATEST, &a.name).cmp(&(b.name != LATEST, &b.name));
        match self {
            Self::Name => by_name,
            Self::UpdatedAt => a.updated_at.cmp(&b.updated_at).then(by_name),
        }
    }
}

/// List the release tags of a workflow
///
/// By name, `LATEST` first, unless told otherwise. Scope `read:workflows`.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/release_tags", tag = "releases",
    params(("id" = String, Path, description = "The workflow"),
        ("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortReleaseTags>), Query, description = "`name` (default), `updated_at`"),
        ("sort_order" = inline(Option<choices::SortOrderAscending>), Query, description = "`asc` (default) or `desc`")),
    responses((status = 200, description = "A page", body = wire::Envelope<wire::Items<ReleaseTag>>),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn list_release_tags(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWorkflow,
    params: Params,
) -> Answer {
    let page = Cut::read_ascending(&params, &TagsBy::ALL)?;
    let tags = api.app.release_tags(&caller, of.0).await?;
    let (found, pagination) = page.cut(tags, TagsBy::compare);
    let items: Vec<ReleaseTag> = found.into_iter().map(Into::into).collect();
    respond::json(StatusCode::OK, &wire::Envelope::of(wire::Items { items, pagination }))
}

/// Get a release tag
///
/// Scope `read:workflows`.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/release_tags/{tag}", tag = "releases",
    params(("id" = String, Path, description = "The workflow"),
        ("tag" = String, Path, description = "The tag")),
    responses((status = 200, description = "Where it points", body = wire::Envelope<ReleaseTag>),
        responses::NotFound, responses::CommonErrors))]
pub async fn get_release_tag(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWorkflow,
    path: RawPathParams,
) -> Answer {
    let tag = api.app.release_tag(&caller, of.0, part(&path, "tag")).await?;
    respond::json(StatusCode::OK, &wire::Envelope::of(ReleaseTag::from(tag)))
}

/// Make or move a release tag
///
/// At once: what is executed by it from now on runs what it points at. Scope `write:workflows`.
#[utoipa::path(put, path = "/api/v1/workflows/{id}/release_tags/{tag}", tag = "releases",
    params(("id" = String, Path, description = "The workflow"),
        ("tag" = String, Path, description = "The tag")),
    request_body = ReleaseTagRequest,
    responses((status = 200, description = "Where it points now", body = wire::Envelope<ReleaseTag>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn put_release_tag(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWorkflow,
    path: RawPathParams,
    posted: Posted,
) -> Answer {
    let id = of.0;
    let (place, traffic) = traffic(posted)?;
    let tag = api.app.put_release_tag(&caller, id, part(&path, "tag"), traffic).await;
    let tag = tag.map_err(|error| ApiError::from(error).replaced("traffic", place))?;
    respond::json(StatusCode::OK, &wire::Envelope::of(ReleaseTag::from(tag)))
}

/// Where a tag is to point, and the field that says it.
fn traffic(posted: Posted) -> Result<(&'static str, Vec<Traffic>), ApiError> {
    let mut fields = posted.fields()?;
    let release = fields.value("release");
    let list = fields.list("traffic");
    let place = if release.is_some() { "release" } else { "traffic" };
    let mut traffic = Vec::new();
    match (release, list) {
        (Some(_), Some(_)) => {
            fields.push(Problem::new("traffic", "give either release or traffic, not both"));
        }
        (Some(release), None) => match whole(&release) {
            Some(release) => traffic.push(Traffic { release, weight: 1 }),
            None => fields.push(Problem::new("release", "must be the number of a release")),
        },
        (None, Some(list)) => {
            for (at, item) in list.iter().enumerate() {
                match (item.get("release").and_then(whole), item.get("weight").and_then(whole)) {
                    (Some(release), Some(weight)) => traffic.push(Traffic { release, weight }),
                    _ => fields.push(Problem::new(
                        format!("traffic[{at}]"),
                        "must be an object with the whole numbers `release` and `weight`",
                    )),
                }
            }
        }
        (None, None) => {
            fields.require::<()>("release", None);
        }
    }
    fields.finish()?;
    Ok((place, traffic))
}

fn whole(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

/// List the feedback on an execution
///
/// In the order it came, unless told otherwise. Scope `read:workflows`, or `execute:workflows`.
#[utoipa::path(get, path = "/api/v1/workflow_executions/{id}/actuals", tag = "releases",
    params(("id" = String, Path, description = "The execution, in any form"),
        ("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortByCreation>), Query, description = "`created_at`"),
        ("sort_order" = inline(Option<choices::SortOrderAscending>), Query, description = "`asc` (default) or `desc`")),
    responses((status = 200, description = "A page", body = wire::Envelope<wire::Items<Actual>>),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn list_actuals(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfExecution,
    params: Params,
) -> Answer {
    let page = Cut::read_ascending(&params, &[("created_at", ())])?;
    let actuals = api.app.actuals(&caller, of.0).await?;
    // What was submitted together has one time, and ids in its order.
    let came =
        |(), a: &ActualRecord, b: &ActualRecord| (a.created_at, a.id).cmp(&(b.created_at, b.id));
    let (found, pagination) = page.cut(actuals, came);
    let items: Vec<Actual> = found.into_iter().map(Into::into).collect();
    respond::json(StatusCode::OK, &wire::Envelope::of(wire::Items { items, pagination }))
}

/// Sum up the feedback on a workflow
///
/// In all, by release, and by the tag that the executions named. Scope `read:workflows`.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/quality", tag = "releases",
    params(("id" = String, Path, description = "The workflow")),
    responses((status = 200, description = "The sums", body = wire::Envelope<Quality>),
        responses::NotFound, responses::CommonErrors))]
pub async fn get_quality(State(api): State<Api>, Who(caller): Who, of: OfWorkflow) -> Answer {
    let rows = api.app.quality(&caller, of.0).await?;
    respond::json(StatusCode::OK, &wire::Envelope::of(Quality::from(rows)))
}
