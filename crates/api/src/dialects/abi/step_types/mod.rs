//! What steps a definition can have: extract, call the application, convert.

mod convert;
mod wire;

use axum::extract::{RawPathParams, State};
use axum::http::StatusCode;
use stepwell_store::lists::Order;
use utoipa::OpenApi;
use utoipa_axum::routes;

use super::envelope::{Envelope, Items};
use super::ids::path_part;
use super::lists::ListQuery;
use super::{choices, responses};
use crate::endpoints::Endpoints;
use crate::query::Params;
use crate::respond::{self, ApiResult};
use crate::state::Api;
use convert::StepTypeOrder;
use wire::StepType;

#[derive(OpenApi)]
#[openapi(tags((name = "definitions", description = "The parts of definitions")))]
struct Document;

/// The endpoints of the step types.
pub fn step_type_endpoints() -> Endpoints {
    Endpoints::new(Document::openapi()).add(routes!(list_step_types)).add(routes!(get_step_type))
}

/// List the step types
///
/// What steps a definition can have, with their schemas, effects and examples. They are those of
/// the server, the same for all workspaces, so every key may read them.
#[utoipa::path(get, path = "/api/v1/step_types", tag = "definitions",
    security(("key" = [])),
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortStepTypes>), Query, description = "`type` (default), `category`"),
        ("sort_order" = inline(Option<choices::SortOrderAscending>), Query, description = "`asc` (default) or `desc`"),
        ("category" = Option<String>, Query, description = "Only those of this group, such as `Text`")),
    responses((status = 200, description = "A page", body = Envelope<Items<StepType>>),
        responses::BadRequest, responses::CommonErrors))]
async fn list_step_types(State(api): State<Api>, params: Params) -> ApiResult {
    let query = ListQuery::read_numbered(&params, &StepTypeOrder::ALL, Order::Ascending)?;
    let category = params.one("category")?;
    let mut found = api.app.step_types();
    found.retain(|spec| category.is_none_or(|wanted| spec.category.eq_ignore_ascii_case(wanted)));
    let page = query.cut_page(found, |by, a, b| by.compare(a, b)).map_items(StepType::from);
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}

/// Get a step type
///
/// By its name or an alias. Every key may read it.
#[utoipa::path(get, path = "/api/v1/step_types/{type}", tag = "definitions",
    security(("key" = [])),
    params(("type" = String, Path, description = "Such as `TextOperation.Reverse`")),
    responses((status = 200, description = "The step type", body = Envelope<StepType>),
        responses::NoStepType, responses::CommonErrors))]
async fn get_step_type(State(api): State<Api>, path: RawPathParams) -> ApiResult {
    let spec = api.app.step_type(path_part(&path, "type"))?;
    respond::json_response(StatusCode::OK, &Envelope::of(StepType::from(spec)))
}
