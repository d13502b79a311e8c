//! Release tags of deployments: where they point, and moving them.

use axum::extract::{RawPathParams, State};
use axum::http::StatusCode;
use stepwell_core::Problem;
use stepwell_engine::Caller;
use stepwell_engine::app::LATEST;
use stepwell_engine::objects::Object;
use stepwell_engine::release_tag::{self, Traffic};
use stepwell_store::lists::Page;
use uuid::Uuid;

use super::deployment_bodies::{ReleaseTag, ReleaseTagRequest, Share, TagName, TagTarget};
use super::deployments::{deployment_body, path_part};
use super::paging::{self, Paged, PagedRequest, page_body};
use super::{ids, request, responses};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::error::{ApiError, Kind};
use crate::fields::FromFields as _;
use crate::query::invalid_parameter;
use crate::respond::{self, ApiResult, Time};
use crate::state::Api;

/// A stored release tag.
pub type TagObject = Object<release_tag::ReleaseTag>;

/// A tag's name and source.
pub fn tag_name(name: &str) -> TagName {
    let source = if name == LATEST { "SYSTEM" } else { "USER" };
    TagName { name: name.to_owned(), source }
}

/// Of several releases, the first with the greatest weight.
///
/// # Errors
/// `Internal` for a tag that points nowhere.
pub fn main_release(tag: &TagObject) -> Result<u32, ApiError> {
    let main = tag.document.traffic.iter().rev().max_by_key(|share| share.weight);
    let none = || ApiError::internal(format!("tag {} has no release", tag.document.name));
    let main = main.ok_or_else(none)?;
    Ok(main.release)
}

async fn tag_body(api: &Api, caller: &Caller, tag: &TagObject) -> Result<ReleaseTag, ApiError> {
    let release_tag::ReleaseTag { workflow, name, traffic } = &tag.document;
    let main = api.app.release(caller, *workflow, main_release(tag)?).await?;
    let release = TagTarget {
        id: ids::release_id(*workflow, main.number).to_string(),
        timestamp: Time(main.created_at),
    };
    let share = |Traffic { release, weight }: &Traffic| Share {
        history_item_id: ids::release_id(*workflow, *release).to_string(),
        release: *release,
        weight: *weight,
    };
    let traffic = traffic.iter().map(share).collect();
    Ok(ReleaseTag { name: tag_name(name), history_item: release.clone(), release, traffic })
}

/// List the release tags of a deployment
#[utoipa::path(get, path = "/v1/workflow-deployments/{id}/release-tags", tag = "vellum",
    security(("key" = ["read:workflows"])),
    params(("id" = String, Path, description = "The deployment's id or name"),
        ("source" = Option<String>, Query, description = "`SYSTEM` (only `LATEST`) or `USER`"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 50"),
        ("offset" = Option<u32>, Query, description = "How many come before the page"),
        ("ordering" = Option<String>, Query, description = "`name`, `-name`; default: `LATEST`, then by name")),
    responses((status = 200, description = "A page", body = Paged<ReleaseTag>),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn list_deployment_tags(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path: RawPathParams,
    PagedRequest { uri, params }: PagedRequest,
) -> ApiResult {
    let workflow = deployment_body(&api.app, &caller, &path).await?;
    let window = paging::read_window(&params)?;
    let ordering = paging::read_ordering(&params, &["name"])?;
    let source = match params.one("source")? {
        None => None,
        Some(source @ ("SYSTEM" | "USER")) => Some(source),
        Some(other) => return Err(invalid_parameter("source", "SYSTEM or USER", other)),
    };
    // A workflow has few tags: they come whole.
    let mut tags = api.app.release_tags(&caller, workflow.id).await?;
    tags.retain(|tag| source.is_none_or(|source| tag_name(&tag.document.name).source == source));
    if let Some((_, backwards)) = ordering {
        tags.sort_by(|a, b| {
            let order = a.document.name.cmp(&b.document.name);
            if backwards { order.reverse() } else { order }
        });
    }
    let Page { items: tags, total, next } = paging::cut_page(&window, tags.iter());
    let mut items = Vec::with_capacity(tags.len());
    for record in tags {
        items.push(tag_body(&api, &caller, record).await?);
    }
    respond::json_response(StatusCode::OK, &page_body(&uri, &window, Page { items, total, next }))
}

/// Get a release tag of a deployment
#[utoipa::path(get, path = "/v1/workflow-deployments/{id}/release-tags/{name}", tag = "vellum",
    security(("key" = ["read:workflows"])),
    params(("id" = String, Path, description = "The deployment's id or name"),
        ("name" = String, Path, description = "The tag")),
    responses((status = 200, description = "Where it points", body = ReleaseTag),
        responses::NotFound, responses::CommonErrors))]
pub async fn retrieve_deployment_tag(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path: RawPathParams,
) -> ApiResult {
    let workflow = deployment_body(&api.app, &caller, &path).await?;
    let record = api.app.release_tag(&caller, workflow.id, path_part(&path, "name")).await?;
    respond::json_response(StatusCode::OK, &tag_body(&api, &caller, &record).await?)
}

/// Move a release tag of a deployment
///
/// At once: what is executed by it from now on runs that release, all of it.
#[utoipa::path(patch, path = "/v1/workflow-deployments/{id}/release-tags/{name}", tag = "vellum",
    security(("key" = ["write:workflows"])),
    params(("id" = String, Path, description = "The deployment's id or name"),
        ("name" = String, Path, description = "The tag")),
    request_body(content = Option<ReleaseTagRequest>, description = "Without it nothing changes"),
    responses((status = 200, description = "Where it points now", body = ReleaseTag),
        responses::BadRequest, responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub async fn update_deployment_tag(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path: RawPathParams,
    request_body: RequestBody,
) -> ApiResult {
    let workflow = deployment_body(&api.app, &caller, &path).await?;
    let mut record = api.app.release_tag(&caller, workflow.id, path_part(&path, "name")).await?;
    let mut fields = request_body.fields()?;
    let ReleaseTagRequest { history_item_id } = ReleaseTagRequest::read(&mut fields);
    let wanted: Option<Uuid> = request::read_id(&mut fields, "history_item_id", history_item_id);
    fields.finish_open()?;
    if let Some(wanted) = wanted {
        let number = ids::release_number(workflow.id, workflow.release, wanted);
        let release = number.ok_or_else(|| no_release(wanted))?;
        let traffic = vec![Traffic { release, weight: 1 }];
        let name = &record.document.name;
        record = api.app.put_release_tag(&caller, workflow.id, name, traffic).await?;
    }
    respond::json_response(StatusCode::OK, &tag_body(&api, &caller, &record).await?)
}

fn no_release(id: Uuid) -> ApiError {
    let message = format!("there is no history item `{id}` of this deployment");
    let problem = Problem::new("history_item_id", message);
    ApiError::with_problems(Kind::NoObject, "the request names what is not there", vec![problem])
}
