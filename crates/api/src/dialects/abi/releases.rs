//! Our own calls beside the dialect's: releases, release tags, and what users say of outputs.

use axum::extract::{RawPathParams, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use stepwell_core::Problem;
use stepwell_core::ids::WorkflowId;
use stepwell_store::record::{ActualRecord, QualityRow, ReleaseRecord, ReleaseTagRecord, Traffic};
use utoipa::ToSchema;

use super::{responses, wire};
use crate::body::Posted;
use crate::edge::Who;
use crate::error::{ApiError, Kind};
use crate::once::once;
use crate::query::Params;
use crate::respond::{self, Time};
use crate::server::Api;

type Answer = Result<Response, ApiError>;

/// A new release.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the API's description")]
pub struct ReleaseRequest {
    /// A definition: see `/api/v1/schema/definition`.
    #[schema(value_type = Object)]
    pub definition: Value,
    /// Tags that are moved to it.
    pub release_tags: Option<Vec<String>>,
}

/// Where a tag points: `release`, or `traffic`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the API's description")]
pub struct ReleaseTagRequest {
    /// One release.
    pub release: Option<u32>,
    /// Several, by weight.
    pub traffic: Option<Vec<Share>>,
}

/// A release.
#[derive(Debug, Serialize, ToSchema)]
pub struct Release {
    /// 1, 2, 3…
    number: u32,
    /// When it was released.
    created_at: Time,
    /// The definition as it was given.
    #[schema(value_type = Object)]
    definition: std::sync::Arc<Value>,
}

/// Releases, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Releases {
    /// A page of them.
    releases: Vec<Release>,
    /// Where the next page begins.
    next_cursor: Option<String>,
}

/// A release tag.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseTag {
    /// Its name.
    name: String,
    /// Where it points.
    traffic: Vec<Share>,
    /// When it was last moved.
    updated_at: Time,
}

/// A share of the executions that name a tag.
#[derive(Debug, Serialize, ToSchema)]
pub struct Share {
    /// The release that they run.
    release: u32,
    /// How many, beside the other weights.
    weight: u32,
}

/// Feedback on an output.
#[derive(Debug, Serialize, ToSchema)]
pub struct Actual {
    /// Its id.
    id: String,
    /// The output's name.
    output_name: String,
    /// The output's id in the vellum dialect.
    output_id: String,
    /// How good it was, 0 to 1.
    quality: Option<f64>,
    /// What it should have been.
    desired_output_value: Option<Value>,
    /// Whether that is exactly what it was.
    matched: Option<bool>,
    /// Labels.
    #[schema(value_type = Object)]
    metadata: stepwell_core::Map,
    /// When it was said.
    timestamp: Time,
    /// When it was submitted.
    created_at: Time,
}

/// The feedback on a workflow.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Quality {
    /// All of it.
    #[serde(flatten)]
    total: Sum,
    /// By release.
    releases: Vec<OfRelease>,
    /// By the tag that executions named.
    tags: Vec<OfTag>,
}

/// Feedback summed up.
#[derive(Debug, Default, Clone, Serialize, ToSchema)]
pub struct Sum {
    /// How many actuals.
    count: u64,
    /// The mean of those that have a quality.
    mean_quality: Option<f64>,
    /// The share of outputs that were exactly what they should have been, of those of which that
    /// is known.
    exact_match_rate: Option<f64>,
}

/// Of one release.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfRelease {
    release: u32,
    #[serde(flatten)]
    sum: Sum,
}

/// Of one tag.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfTag {
    tag: String,
    #[serde(flatten)]
    sum: Sum,
}

fn part<'a>(path: &'a RawPathParams, name: &str) -> &'a str {
    path.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}

fn workflow(path: &RawPathParams) -> Result<WorkflowId, ApiError> {
    let read = part(path, "id").parse();
    read.map_err(|error: stepwell_core::ids::BadId| {
        ApiError::new(Kind::NoWorkflow, error.to_string())
    })
}

fn written(status: StatusCode, data: impl Serialize) -> Result<(StatusCode, String), ApiError> {
    let text = serde_json::to_string(&wire::Envelope::of(data));
    let text = text
        .map_err(|error| ApiError::internal(format!("an answer could not be written: {error}")))?;
    Ok((status, text))
}

/// Release a definition
///
/// It becomes the newest release, which `LATEST` means; `release_tags` are moved to it.
#[utoipa::path(post, path = "/api/v1/workflows/{id}/releases", tag = "releases",
    params(("id" = String, Path, description = "The workflow, in any form"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless")),
    request_body = ReleaseRequest,
    responses((status = 201, description = "Released", body = wire::Envelope<Release>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn create_release(
    State(api): State<Api>,
    Who(caller): Who,
    path: RawPathParams,
    posted: Posted,
) -> Answer {
    let id = workflow(&path)?;
    let mut fields = posted.fields()?;
    let definition = fields.value("definition");
    let definition = fields.require("definition", definition).unwrap_or_default();
    let tags = fields.texts("release_tags").unwrap_or_default();
    fields.finish()?;
    once(&api.app, &caller, posted.key, async {
        let view = api.app.update_workflow(&caller, id, definition).await?;
        let number = view.record.release;
        for tag in &tags {
            let traffic = vec![Traffic { release: number, weight: 1 }];
            api.app.put_release_tag(&caller, id, (tag, traffic)).await?;
        }
        let release = api.app.release(&caller, id, number).await?;
        written(StatusCode::CREATED, Release::from(release))
    })
    .await
}

/// List the releases of a workflow
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/releases", tag = "releases",
    params(("id" = String, Path, description = "The workflow"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page", body = wire::Envelope<Releases>),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn list_releases(
    State(api): State<Api>,
    Who(caller): Who,
    path: RawPathParams,
    params: Params,
) -> Answer {
    let (cursor, limit) = (params.cursor()?, params.limit()?);
    let page = api.app.releases(&caller, workflow(&path)?, (cursor.as_deref(), limit)).await?;
    let releases = page.items.into_iter().map(Into::into).collect();
    let data = Releases { releases, next_cursor: page.next_cursor };
    respond::json(StatusCode::OK, &wire::Envelope::of(data))
}

/// List the release tags of a workflow
#[utoipa::path(get, path = "/api/v1/workflows/{id}/release_tags", tag = "releases",
    params(("id" = String, Path, description = "The workflow")),
    responses((status = 200, description = "All of them", body = wire::Envelope<Vec<ReleaseTag>>),
        responses::NotFound, responses::CommonErrors))]
pub async fn list_release_tags(
    State(api): State<Api>,
    Who(caller): Who,
    path: RawPathParams,
) -> Answer {
    let tags = api.app.release_tags(&caller, workflow(&path)?).await?;
    let tags: Vec<ReleaseTag> = tags.into_iter().map(Into::into).collect();
    respond::json(StatusCode::OK, &wire::Envelope::of(tags))
}

/// Get a release tag
#[utoipa::path(get, path = "/api/v1/workflows/{id}/release_tags/{tag}", tag = "releases",
    params(("id" = String, Path, description = "The workflow"),
        ("tag" = String, Path, description = "The tag")),
    responses((status = 200, description = "Where it points", body = wire::Envelope<ReleaseTag>),
        responses::NotFound, responses::CommonErrors))]
pub async fn get_release_tag(
    State(api): State<Api>,
    Who(caller): Who,
    path: RawPathParams,
) -> Answer {
    let tag = api.app.release_tag(&caller, workflow(&path)?, part(&path, "tag")).await?;
    respond::json(StatusCode::OK, &wire::Envelope::of(ReleaseTag::from(tag)))
}

/// Make or move a release tag
///
/// At once: what is executed by it from now on runs what it points at.
#[utoipa::path(put, path = "/api/v1/workflows/{id}/release_tags/{tag}", tag = "releases",
    params(("id" = String, Path, description = "The workflow"),
        ("tag" = String, Path, description = "The tag")),
    request_body = ReleaseTagRequest,
    responses((status = 200, description = "Where it points now", body = wire::Envelope<ReleaseTag>),
        responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn put_release_tag(
    State(api): State<Api>,
    Who(caller): Who,
    path: RawPathParams,
    posted: Posted,
) -> Answer {
    let id = workflow(&path)?;
    let traffic = traffic(posted)?;
    let tag = api.app.put_release_tag(&caller, id, (part(&path, "tag"), traffic)).await?;
    respond::json(StatusCode::OK, &wire::Envelope::of(ReleaseTag::from(tag)))
}

fn traffic(posted: Posted) -> Result<Vec<Traffic>, ApiError> {
    let mut fields = posted.fields()?;
    let release = fields.value("release");
    let list = fields.list("traffic");
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
    Ok(traffic)
}

fn whole(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

/// List the feedback on an execution
#[utoipa::path(get, path = "/api/v1/workflow_executions/{id}/actuals", tag = "releases",
    params(("id" = String, Path, description = "The execution, in any form")),
    responses((status = 200, description = "In the order it came", body = wire::Envelope<Vec<Actual>>),
        responses::NotFound, responses::CommonErrors))]
pub async fn list_actuals(State(api): State<Api>, Who(caller): Who, path: RawPathParams) -> Answer {
    let id = part(&path, "id").parse();
    let id = id.map_err(|error: stepwell_core::ids::BadId| {
        ApiError::new(Kind::NoExecution, error.to_string())
    })?;
    let actuals = api.app.actuals(&caller, id).await?;
    let actuals: Vec<Actual> = actuals.into_iter().map(Into::into).collect();
    respond::json(StatusCode::OK, &wire::Envelope::of(actuals))
}

/// Sum up the feedback on a workflow
///
/// In all, by release, and by the tag that the executions named.
#[utoipa::path(get, path = "/api/v1/workflows/{id}/quality", tag = "releases",
    params(("id" = String, Path, description = "The workflow")),
    responses((status = 200, description = "The sums", body = wire::Envelope<Quality>),
        responses::NotFound, responses::CommonErrors))]
pub async fn get_quality(State(api): State<Api>, Who(caller): Who, path: RawPathParams) -> Answer {
    let rows = api.app.quality(&caller, workflow(&path)?).await?;
    respond::json(StatusCode::OK, &wire::Envelope::of(Quality::from(rows)))
}

impl From<ReleaseRecord> for Release {
    fn from(record: ReleaseRecord) -> Self {
        let ReleaseRecord { workflow: _, number, source, created_at } = record;
        Self { number, created_at: Time(created_at), definition: source }
    }
}

impl From<ReleaseTagRecord> for ReleaseTag {
    fn from(record: ReleaseTagRecord) -> Self {
        let ReleaseTagRecord { workflow: _, name, traffic, updated_at } = record;
        let share = |Traffic { release, weight }| Share { release, weight };
        let traffic = traffic.into_iter().map(share).collect();
        Self { name, traffic, updated_at: Time(updated_at) }
    }
}

impl From<ActualRecord> for Actual {
    fn from(record: ActualRecord) -> Self {
        let ActualRecord {
            id,
            execution: _,
            workflow,
            release: _,
            tag: _,
            output,
            quality,
            desired,
            matched,
            metadata,
            at,
            created_at,
        } = record;
        Self {
            id: id.to_string(),
            output_id: uuid::Uuid::new_v5(&workflow.uuid(), output.as_bytes()).to_string(),
            output_name: output,
            quality,
            desired_output_value: desired,
            matched,
            metadata,
            timestamp: Time(at),
            created_at: Time(created_at),
        }
    }
}

impl From<Vec<QualityRow>> for Quality {
    fn from(rows: Vec<QualityRow>) -> Self {
        let mut by_release = std::collections::BTreeMap::<u32, Vec<&QualityRow>>::new();
        let mut by_tag = std::collections::BTreeMap::<&str, Vec<&QualityRow>>::new();
        for row in &rows {
            by_release.entry(row.release).or_default().push(row);
            if let Some(tag) = &row.tag {
                by_tag.entry(tag).or_default().push(row);
            }
        }
        let of_release = |(release, rows): (u32, Vec<_>)| OfRelease { release, sum: sum(rows) };
        let of_tag = |(tag, rows): (&str, Vec<_>)| OfTag { tag: tag.to_owned(), sum: sum(rows) };
        Self {
            total: sum(rows.iter()),
            releases: by_release.into_iter().map(of_release).collect(),
            tags: by_tag.into_iter().map(of_tag).collect(),
        }
    }
}

fn sum<'a>(rows: impl IntoIterator<Item = &'a QualityRow>) -> Sum {
    let mut all = QualityRow::default();
    for row in rows {
        all.count += row.count;
        all.rated += row.rated;
        all.quality_sum += row.quality_sum;
        all.compared += row.compared;
        all.matched += row.matched;
    }
    Sum {
        count: all.count,
        mean_quality: (all.rated > 0).then(|| all.quality_sum / all.rated as f64),
        exact_match_rate: (all.compared > 0).then(|| all.matched as f64 / all.compared as f64),
    }
}
