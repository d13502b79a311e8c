//! Deployments, their releases and release tags. A deployment is a workflow, however it was
//! created.

use std::sync::Arc;

use axum::extract::{RawPathParams, State};
use axum::http::StatusCode;
use stepwell_core::definition::SharedPlan;
use stepwell_engine::app::WorkflowRef;
use stepwell_engine::{App, AppError, Caller};
use stepwell_store::lists::{List, Order, Page, Sort, WorkflowFilter, WorkflowSort};
use stepwell_store::record::{ReleaseRecord, WorkflowRecord};
use uuid::Uuid;

use super::deployment_bodies::{Deployment, HistoryItem, Name, Release, SlimDeployment, Version};
use super::paging::{self, Paged, PagedRequest, page_body};
use super::release_tags::{TagObject, main_release, tag_name};
use super::variables::{self, Variable};
use super::{identity, ids, responses};
use crate::authenticated::Authenticated;
use crate::error::{ApiError, Kind};
use crate::query::invalid_parameter;
use crate::respond::{self, ApiResult, Time};
use crate::state::Api;

/// A part of the path, decoded.
pub fn path_part<'a>(path: &'a RawPathParams, name: &str) -> &'a str {
    path.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}

/// The workflow that a path names by its id or name.
///
/// # Errors
/// `NoWorkflow`.
pub async fn deployment_body(
    app: &App,
    caller: &Caller,
    path: &RawPathParams,
) -> Result<Arc<WorkflowRecord>, ApiError> {
    let text = path_part(path, "id");
    if let Ok(id) = text.parse() {
        match app.find_workflow(caller, WorkflowRef::Id(id)).await {
            // A name may look like an id.
            Err(AppError::NotFound { .. }) => {}
            found => return Ok(found?),
        }
    }
    Ok(app.find_workflow(caller, WorkflowRef::Name(text)).await?)
}

/// A release with what is known of it.
struct ReleasedDeployment {
    record: ReleaseRecord,
    plan: SharedPlan,
}

impl ReleasedDeployment {
    async fn find(
        api: &Api,
        caller: &Caller,
        of: &WorkflowRecord,
        number: u32,
    ) -> Result<Self, ApiError> {
        let record = api.app.release(caller, of.id, number).await?;
        let plan = api.app.plan_of_release(of.id, number).await?;
        Ok(Self { record, plan })
    }

    fn description(&self) -> Option<String> {
        Some(self.record.source.get("description")?.as_str()?.to_owned())
    }

    fn inputs(&self) -> Vec<Variable> {
        variables::input_variables(self.record.workflow, &self.plan)
    }

    fn outputs(&self) -> Vec<Variable> {
        variables::output_variables(self.record.workflow, &self.plan)
    }

    fn id(&self) -> String {
        ids::release_id(self.record.workflow, self.record.number).to_string()
    }
}

async fn slim_deployment(
    api: &Api,
    caller: &Caller,
    workflow: &WorkflowRecord,
) -> Result<SlimDeployment, ApiError> {
    let released = ReleasedDeployment::find(api, caller, workflow, workflow.release).await?;
    let WorkflowRecord {
        id,
        workspace: _,
        name,
        active,
        release: _,
        created_at,
        updated_at: _,
        deleted_at: _,
        metadata: _,
        retention_seconds: _,
        description: _,
        kind: _,
        configuration: _,
        integrations: _,
        created_by: _,
        activated_at: _,
        deactivated_at: _,
        version: _,
    } = workflow;
    Ok(SlimDeployment {
        id: id.to_string(),
        name: name.clone(),
        label: name.clone(),
        status: if *active { "ACTIVE" } else { "ARCHIVED" },
        environment: "PRODUCTION",
        created: Time(*created_at),
        last_deployed_on: Time(released.record.created_at),
        input_variables: released.inputs(),
        output_variables: released.outputs(),
        description: released.description(),
    })
}

/// The release that a path names by its id or by a tag.
async fn release_number(
    api: &Api,
    caller: &Caller,
    of: &WorkflowRecord,
    text: &str,
) -> Result<u32, ApiError> {
    let by_id = Uuid::parse_str(text).ok();
    if let Some(number) = by_id.and_then(|id| ids::release_number(of.id, of.release, id)) {
        return Ok(number);
    }
    let missing = |error| match error {
        AppError::NotFound { kind: "release tag", .. } => {
            let shown: String = text.chars().take(100).collect();
            ApiError::new(Kind::NoObject, format!("there is no release or release tag `{shown}`"))
        }
        other => other.into(),
    };
    let tag = api.app.release_tag(caller, of.id, text).await.map_err(missing)?;
    main_release(&tag)
}

fn release_body(
    caller: &Caller,
    of: &WorkflowRecord,
    released: &ReleasedDeployment,
    tags: &[TagObject],
) -> Release {
    let number = released.record.number;
    let points = |tag: &&TagObject| {
        tag.document.traffic.iter().any(|share| share.release == number && share.weight > 0)
    };
    Release {
        id: released.id(),
        number,
        created: Time(released.record.created_at),
        environment: identity::environment_body(caller.workspace),
        created_by: None,
        workflow_version: Version {
            id: ids::version_id(of.id, number).to_string(),
            input_variables: released.inputs(),
            output_variables: released.outputs(),
        },
        deployment: Name { id: of.id.to_string(), name: of.name.clone() },
        description: released.description(),
        release_tags: tags.iter().filter(points).map(|tag| tag_name(&tag.document.name)).collect(),
        reviews: [],
    }
}

/// List deployments
///
/// Every workflow is one.
#[utoipa::path(get, path = "/v1/workflow-deployments", tag = "vellum",
    security(("key" = ["read:workflows"])),
    params(("status" = Option<String>, Query, description = "`ACTIVE`, `ARCHIVED`, `PENDING_DELETION` (there are none)"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 50"),
        ("offset" = Option<u32>, Query, description = "How many come before the page"),
        ("ordering" = Option<String>, Query, description = "`-created` (default), `created`, `name`, `-name`"),
        ("is_public" = Option<String>, Query, description = "Accepted from the published clients and ignored"),
        ("owned_by" = Option<String>, Query, description = "Accepted from the published clients and ignored"),
        ("has_story_config" = Option<String>, Query, description = "Accepted from the published clients and ignored")),
    responses((status = 200, description = "A page", body = Paged<SlimDeployment>),
        responses::BadRequest, responses::CommonErrors))]
pub async fn list_deployments(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PagedRequest { uri, params }: PagedRequest,
) -> ApiResult {
    let window = paging::read_window(&params)?;
    let (key, order) = match paging::read_ordering(&params, &["created", "name"])? {
        None | Some(("created", true)) => (WorkflowSort::CreatedAt, Order::Descending),
        Some(("name", false)) => (WorkflowSort::Name, Order::Ascending),
        Some(("name", true)) => (WorkflowSort::Name, Order::Descending),
        Some(_) => (WorkflowSort::CreatedAt, Order::Ascending),
    };
    let active = match params.one("status")? {
        None => None,
        Some("ACTIVE") => Some(true),
        Some("ARCHIVED") => Some(false),
        Some("PENDING_DELETION") => {
            let none = Page { items: Vec::<SlimDeployment>::new(), total: Some(0), next: None };
            return respond::json_response(StatusCode::OK, &page_body(&uri, &window, none));
        }
        Some(other) => {
            return Err(invalid_parameter(
                "status",
                "one of ACTIVE, ARCHIVED, PENDING_DELETION",
                other,
            ));
        }
    };
    let filter = WorkflowFilter { active, ..WorkflowFilter::default() };
    let list = List { filter, sort: Sort { key, order }, window: window.clone() };
    let Page { items: workflows, total, next } = api.app.workflows(&caller, list).await?;
    let mut items = Vec::with_capacity(workflows.len());
    for workflow in &workflows {
        items.push(slim_deployment(&api, &caller, workflow).await?);
    }
    respond::json_response(StatusCode::OK, &page_body(&uri, &window, Page { items, total, next }))
}

/// Get a deployment
#[utoipa::path(get, path = "/v1/workflow-deployments/{id}", tag = "vellum",
    security(("key" = ["read:workflows"])),
    params(("id" = String, Path, description = "Its id or name")),
    responses((status = 200, description = "The deployment", body = Deployment),
        responses::NotFound, responses::CommonErrors))]
pub async fn retrieve_deployment(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path: RawPathParams,
) -> ApiResult {
    let workflow = deployment_body(&api.app, &caller, &path).await?;
    let slim = slim_deployment(&api, &caller, &workflow).await?;
    let newest = ids::release_id(workflow.id, workflow.release).to_string();
    let body = Deployment { slim, last_deployed_history_item_id: newest };
    respond::json_response(StatusCode::OK, &body)
}

/// List the releases of a deployment
#[utoipa::path(get, path = "/v1/workflow-deployments/{id}/releases", tag = "vellum",
    security(("key" = ["read:workflows"])),
    params(("id" = String, Path, description = "The deployment's id or name"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 50"),
        ("offset" = Option<u32>, Query, description = "How many come before the page"),
        ("ordering" = Option<String>, Query, description = "`-created` (default), `created`")),
    responses((status = 200, description = "A page", body = Paged<Release>),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn list_deployment_releases(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path: RawPathParams,
    PagedRequest { uri, params }: PagedRequest,
) -> ApiResult {
    let workflow = deployment_body(&api.app, &caller, &path).await?;
    let window = paging::read_window(&params)?;
    let oldest_first = matches!(paging::read_ordering(&params, &["created"])?, Some((_, false)));
    let tags = api.app.release_tags(&caller, workflow.id).await?;
    let newest = workflow.release;
    let numbers = (0..newest).map(|n| if oldest_first { n + 1 } else { newest - n });
    let Page { items: numbers, total, next } = paging::cut_page(&window, numbers);
    let mut items = Vec::with_capacity(numbers.len());
    for number in numbers {
        let released = ReleasedDeployment::find(&api, &caller, &workflow, number).await?;
        items.push(release_body(&caller, &workflow, &released, &tags));
    }
    respond::json_response(StatusCode::OK, &page_body(&uri, &window, Page { items, total, next }))
}

/// Get a release of a deployment
#[utoipa::path(get, path = "/v1/workflow-deployments/{id}/releases/{release}", tag = "vellum",
    security(("key" = ["read:workflows"])),
    params(("id" = String, Path, description = "The deployment's id or name"),
        ("release" = String, Path, description = "The release's id, or a release tag")),
    responses((status = 200, description = "The release", body = Release),
        responses::NotFound, responses::CommonErrors))]
pub async fn retrieve_deployment_release(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path: RawPathParams,
) -> ApiResult {
    let workflow = deployment_body(&api.app, &caller, &path).await?;
    let number = release_number(&api, &caller, &workflow, path_part(&path, "release")).await?;
    let released = ReleasedDeployment::find(&api, &caller, &workflow, number).await?;
    let tags = api.app.release_tags(&caller, workflow.id).await?;
    respond::json_response(StatusCode::OK, &release_body(&caller, &workflow, &released, &tags))
}

/// Get a history item of a deployment
///
/// The older name of a release.
#[utoipa::path(get, path = "/v1/workflow-deployments/{id}/history/{release}", tag = "vellum",
    security(("key" = ["read:workflows"])),
    params(("id" = String, Path, description = "The deployment's id or name"),
        ("release" = String, Path, description = "The history item's id, or a release tag")),
    responses((status = 200, description = "The history item", body = HistoryItem),
        responses::NotFound, responses::CommonErrors))]
pub async fn retrieve_history_item(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path: RawPathParams,
) -> ApiResult {
    let workflow = deployment_body(&api.app, &caller, &path).await?;
    let number = release_number(&api, &caller, &workflow, path_part(&path, "release")).await?;
    let released = ReleasedDeployment::find(&api, &caller, &workflow, number).await?;
    let body = HistoryItem {
        id: released.id(),
        workflow_deployment_id: workflow.id.to_string(),
        timestamp: Time(released.record.created_at),
        label: released.plan.name.clone(),
        name: released.plan.name.clone(),
        input_variables: released.inputs(),
        output_variables: released.outputs(),
        description: released.description(),
    };
    respond::json_response(StatusCode::OK, &body)
}
