//! What steps a definition can have: extract, call the application, convert.

use std::cmp::Ordering;

use axum::Router;
use axum::extract::{RawPathParams, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use serde_json::Value;
use stepwell_core::catalog::{Effect, StepSpec};
use utoipa::{OpenApi, ToSchema};

use super::cut::Cut;
use super::ids::part;
use super::{choices, responses, wire};
use crate::error::ApiError;
use crate::query::Params;
use crate::respond;
use crate::server::Api;

type Answer = Result<Response, ApiError>;

/// The routes of the step types.
pub fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/step_types", get(list_step_types))
        .route("/api/v1/step_types/{type}", get(get_step_type))
}

/// A step type.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::StepType)]
pub struct StepType<'a> {
    /// Its name in definitions.
    #[serde(rename = "type")]
    #[schema(example = "TextOperation.Reverse")]
    pub name: &'a str,
    /// Other names under which it is accepted.
    pub aliases: &'a [&'a str],
    /// What it does.
    pub description: &'a str,
    /// What a user needs to know beyond that, in Markdown.
    pub documentation: &'a str,
    /// Its group.
    #[schema(example = "Text")]
    pub category: &'a str,
    /// What running it does to the world, and with that what a crash means for it.
    pub effect: StepEffect,
    /// Whether its configuration can make the effect a lesser one: a request that only reads is
    /// not `external`.
    pub effect_varies: bool,
    /// The JSON Schema of `config`.
    #[schema(value_type = Object)]
    pub configuration_schema: &'a Value,
    /// The JSON Schema of `input`.
    #[schema(value_type = Value)]
    pub input_schema: &'a Value,
    /// The JSON Schema of its output; `false` where it never makes one.
    #[schema(value_type = Value)]
    pub output_schema: &'a Value,
    /// The input property that a bare value binds to; `null`: the whole input.
    pub default_input: Option<&'a str>,
    /// The output property that feeds the next step; `null`: the whole output.
    pub default_output: Option<&'a str>,
    /// Whether it goes without an input where none is given, instead of taking the output of the
    /// step before.
    pub is_source: bool,
    /// Ports it can leave by besides the usual one and `error`.
    pub ports: &'a [&'a str],
    /// The fields in which `secrets.NAME` may be used.
    pub secret_fields: &'a [&'a str],
    /// Example steps.
    #[schema(value_type = Vec<Object>)]
    pub examples: &'a [Value],
}

/// What running a step does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = abi::StepEffect)]
pub enum StepEffect {
    /// Nothing: it is computed again after a crash.
    Pure,
    /// It may be repeated after a crash.
    Idempotent,
    /// It changes something outside: it is repeated after a crash with the same idempotency key.
    External,
}

impl From<Effect> for StepEffect {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Pure => Self::Pure,
            Effect::Idempotent => Self::Idempotent,
            Effect::External => Self::External,
        }
    }
}

impl<'a> From<&'a StepSpec> for StepType<'a> {
    fn from(spec: &'a StepSpec) -> Self {
        let StepSpec {
            name,
            aliases,
            summary,
            doc,
            category,
            config,
            input,
            output,
            default_input,
            default_output,
            is_source,
            check: _,
            check_input: _,
            effect,
            effect_of,
            action: _,
            sensitive,
            ports,
            examples,
        } = spec;
        Self {
            name,
            aliases,
            description: summary,
            documentation: doc,
            category,
            effect: (*effect).into(),
            effect_varies: effect_of.is_some(),
            configuration_schema: config,
            input_schema: input,
            output_schema: output,
            default_input: *default_input,
            default_output: *default_output,
            is_source: *is_source,
            ports,
            secret_fields: sensitive,
            examples,
        }
    }
}

/// How the step types can be sorted.
#[derive(Clone, Copy)]
enum By {
    Name,
    Category,
}

impl By {
    const ALL: [(&str, Self); 2] = [("type", Self::Name), ("category", Self::Category)];

    fn compare(self, a: &StepSpec, b: &StepSpec) -> Ordering {
        let order = match self {
            Self::Name => Ordering::Equal,
            Self::Category => a.category.cmp(b.category),
        };
        order.then(a.name.cmp(b.name))
    }
}

/// List the step types
///
/// What steps a definition can have, with their schemas, effects and examples. They are those of
/// the server, the same for all workspaces, so every key may read them.
#[utoipa::path(get, path = "/api/v1/step_types", tag = "definitions",
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortStepTypes>), Query, description = "`type` (default), `category`"),
        ("sort_order" = inline(Option<choices::SortOrderAscending>), Query, description = "`asc` (default) or `desc`"),
        ("category" = Option<String>, Query, description = "Only those of this group, such as `Text`")),
    responses((status = 200, description = "A page", body = wire::Envelope<wire::Items<StepType>>),
        responses::BadRequest, responses::CommonErrors))]
async fn list_step_types(State(api): State<Api>, params: Params) -> Answer {
    let page = Cut::read_ascending(&params, &By::ALL)?;
    let category = params.one("category")?;
    let mut found = api.app.step_types();
    found.retain(|spec| category.is_none_or(|wanted| spec.category.eq_ignore_ascii_case(wanted)));
    let (found, pagination) = page.cut(found, |by, a, b| by.compare(a, b));
    let items = found.into_iter().map(StepType::from).collect();
    respond::json(StatusCode::OK, &wire::Envelope::of(wire::Items { items, pagination }))
}

/// Get a step type
///
/// By its name or an alias. Every key may read it.
#[utoipa::path(get, path = "/api/v1/step_types/{type}", tag = "definitions",
    params(("type" = String, Path, description = "Such as `TextOperation.Reverse`")),
    responses((status = 200, description = "The step type", body = wire::Envelope<StepType>),
        responses::NoStepType, responses::CommonErrors))]
async fn get_step_type(State(api): State<Api>, path: RawPathParams) -> Answer {
    let spec = api.app.step_type(part(&path, "type"))?;
    respond::json(StatusCode::OK, &wire::Envelope::of(StepType::from(spec)))
}

/// The description of these calls.
#[derive(OpenApi)]
#[openapi(
    paths(list_step_types, get_step_type),
    tags((name = "definitions", description = "What definitions are made of"))
)]
pub(crate) struct Doc;
