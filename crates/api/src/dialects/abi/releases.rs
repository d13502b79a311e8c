//! Our own calls beside the dialect's: releases, release tags, and what users say of outputs.

use axum::extract::{RawPathParams, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use stepwell_core::Problem;
use stepwell_store::record::Traffic;

use super::ids::{OfExecution, OfWorkflow, part};
use super::lists::BY_CURSOR;
use super::releases_wire::{
    Actual, Quality, Release, ReleaseRequest, ReleaseTag, ReleaseTagRequest, Releases,
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
/// Newest first. Scope `read:workflows`.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/releases", tag = "releases",
    params(("id" = String, Path, description = "The workflow"),
        ("limit" = inline(Option<choices::Limit>), Query, description = "1 to 100, default 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page", body = wire::Envelope<Releases>),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn list_releases(
    State(api): State<Api>,
    Who(caller): Who,
    of: OfWorkflow,
    params: Params,
) -> Answer {
    params.only(&[&["limit"], &BY_CURSOR])?;
    let (cursor, limit) = (params.cursor()?, params.limit()?);
    let page = api.app.releases(&caller, of.0, cursor.as_deref(), limit).await?;
    let releases = page.items.into_iter().map(Into::into).collect();
    let data = Releases { releases, next_cursor: page.next_cursor };
    respond::json(StatusCode::OK, &wire::Envelope::of(data))
}

/// List the release tags of a workflow
///
/// Scope `read:workflows`.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/release_tags", tag = "releases",
    params(("id" = String, Path, description = "The workflow")),
    responses((status = 200, description = "All of them", body = wire::Envelope<Vec<ReleaseTag>>),
        responses::NotFound, responses::CommonErrors))]
pub async fn list_release_tags(State(api): State<Api>, Who(caller): Who, of: OfWorkflow) -> Answer {
    let tags = api.app.release_tags(&caller, of.0).await?;
    let tags: Vec<ReleaseTag> = tags.into_iter().map(Into::into).collect();
    respond::json(StatusCode::OK, &wire::Envelope::of(tags))
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
/// Scope `read:workflows`, or `execute:workflows`.
#[utoipa::path(get, path = "/api/v1/workflow_executions/{id}/actuals", tag = "releases",
    params(("id" = String, Path, description = "The execution, in any form")),
    responses((status = 200, description = "In the order it came", body = wire::Envelope<Vec<Actual>>),
        responses::NotFound, responses::CommonErrors))]
pub async fn list_actuals(State(api): State<Api>, Who(caller): Who, of: OfExecution) -> Answer {
    let actuals = api.app.actuals(&caller, of.0).await?;
    let actuals: Vec<Actual> = actuals.into_iter().map(Into::into).collect();
    respond::json(StatusCode::OK, &wire::Envelope::of(actuals))
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
