//! What was executed: executions of a deployment, one of them with its spans, and the state it
//! ended with.

use axum::extract::{RawPathParams, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use stepwell_core::execution::Status;
use stepwell_core::{Map, Problem};
use stepwell_engine::AppError;
use stepwell_engine::app::{ExecutionDetail, LATEST};
use stepwell_engine::memory::{Hold, PATIENCE, Reservation};
use stepwell_store::lists::{ExecutionFilter, List, Order, Page, Sort};
use stepwell_store::record::ActualRecord;
use utoipa::ToSchema;

use super::deployments::deployment_body;
use super::execute::knows_thinking;
use super::ids::{self, execution_id};
use super::paging::{self, Paged, PagedRequest, page_body};
use super::wire::{EventError, TypedValue};
use super::{convert, outputs, raw, responses};
use crate::authenticated::Authenticated;
use crate::error::ApiError;
use crate::query::{MAX_NUMBER, Params, invalid_parameter};
use crate::respond::{ApiResult, Time};
use crate::state::Api;
use crate::{json, large};

/// An execution, as lists show it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumSlimExecution)]
pub struct SlimExecution<'a> {
    /// The execution.
    span_id: String,
    /// When it was accepted.
    start: Time,
    /// When it ended.
    end: Option<Time>,
    /// What it was given.
    inputs: Vec<TypedValue<'a>>,
    /// What it made; empty unless it was fulfilled.
    outputs: Vec<TypedValue<'a>>,
    /// Why it was rejected.
    error: Option<EventError<'a>>,
    /// Always `null`.
    #[schema(value_type = Option<Vec<Object>>)]
    usage_results: Option<[(); 0]>,
    /// The deployment, release and tag, `external_id` and `metadata`.
    #[schema(value_type = Object)]
    parent_context: Value,
    /// The last feedback on its outputs.
    latest_actual: Option<Actual<'a>>,
    /// Always empty.
    #[schema(value_type = Vec<Object>)]
    metric_results: [(); 0],
}

/// An execution.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumExecution)]
pub struct Execution<'a> {
    /// What lists show.
    #[serde(flatten)]
    slim: SlimExecution<'a>,
    /// The execution and its steps, as far as they have ended, each with its events.
    #[schema(value_type = Vec<Object>)]
    spans: Vec<Value>,
    /// The state, while it runs and as it ended.
    #[schema(value_type = Object)]
    state: &'a Map,
}

/// Feedback on an output.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumLatestActual)]
pub struct Actual<'a> {
    /// The output with the value it should have had; `null` if only its quality was submitted.
    output: TypedValue<'a>,
    /// When it was submitted.
    timestamp: Time,
    /// How good it was, 0 to 1.
    quality: Option<f64>,
    /// Labels.
    #[schema(value_type = Object)]
    metadata: &'a Map,
}

/// The state of an execution.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VellumState)]
pub struct ResolvedFilters<'a> {
    /// The execution.
    trace_id: String,
    /// When it ended; until then, when it began.
    timestamp: Time,
    /// The execution.
    span_id: String,
    /// Its state now; after its end, the last one.
    #[schema(value_type = Object)]
    state: &'a Map,
    /// The execution with whose last state it began.
    previous_span_id: Option<String>,
    /// The same.
    previous_trace_id: Option<String>,
}

fn slim_execution(detail: &ExecutionDetail, thinking: bool) -> SlimExecution<'_> {
    let ExecutionDetail { view, plan, workflow, tag, previous: _, state: _, actuals } = detail;
    let record = &view.record;
    let known = outputs::plan_outputs(plan);
    let error = match record.status {
        Status::Failed | Status::TimedOut | Status::Cancelled => {
            let failure = view.error.as_ref();
            let of_fail_step = convert::is_fail_of(plan, failure);
            Some(convert::rejection_error(record.status, failure, of_fail_step))
        }
        _ => None,
    };
    let latest = actuals.iter().max_by_key(|actual| (actual.at, actual.id));
    let made = view.output.as_deref().filter(|_| record.status == Status::Completed);
    SlimExecution {
        span_id: record.id.to_string(),
        start: Time(record.created_at),
        end: record.ended_at.map(Time),
        inputs: outputs::typed_inputs(record.workflow, plan, &view.input, thinking),
        outputs: made
            .map(|made| outputs::typed_outputs(record.workflow, &known, made, thinking))
            .unwrap_or_default(),
        error,
        usage_results: None,
        parent_context: json!({
            "type": "WORKFLOW_RELEASE_TAG",
            "span_id": ids::parent_span_id(record.id),
            "deployment_id": record.workflow,
            "deployment_name": workflow.name,
            "deployment_history_item_id": ids::release_id(record.workflow, record.release),
            "release_tag_id": ids::tag_id(record.workflow, tag.as_deref().unwrap_or(LATEST)),
            "release_tag_name": tag.as_deref().unwrap_or(LATEST),
            "external_id": record.external_id,
            "metadata": record.metadata,
            "workflow_version_id": ids::version_id(record.workflow, record.release),
            "parent": null,
            "parent_execution_id": record.parent.as_ref().map(|parent| parent.execution),
            "links": null,
        }),
        latest_actual: latest.map(|actual| shown_actual(actual, &known, thinking)),
        metric_results: [],
    }
}

fn shown_actual<'a>(
    actual: &'a ActualRecord,
    known: &[outputs::WorkflowOutput],
    thinking: bool,
) -> Actual<'a> {
    let wanted = known.iter().find(|output| output.name == actual.output);
    let wanted = wanted.and_then(|output| output.value_type);
    let id = outputs::output_id(actual.workflow, &actual.output);
    let value = actual.desired.as_ref().unwrap_or(&Value::Null);
    Actual {
        output: outputs::typed_output(id, &actual.output, wanted, value, thinking),
        timestamp: Time(actual.at),
        quality: actual.quality,
        metadata: &actual.metadata,
    }
}

const FILTERS: &str =
    "a JSON object with any of `status` and `external_id`, such as {\"status\": \"REJECTED\"}";

/// Which executions are wanted.
#[derive(Debug, Default, PartialEq, Eq)]
struct HistoryFilters {
    statuses: Vec<Status>,
    external_id: Option<String>,
}

impl HistoryFilters {
    fn read(params: &Params) -> Result<Self, ApiError> {
        let Some(text) = params.one("filters")? else { return Ok(Self::default()) };
        let Ok(Value::Object(fields)) = json::parse_json(text.as_bytes(), 4) else {
            return Err(invalid_parameter("filters", FILTERS, text));
        };
        let mut filters = Self::default();
        for (name, value) in fields {
            let refuse = |expected: &str| {
                let problem =
                    Problem::new(format!("filters.{name}"), format!("must be {expected}"));
                let found: String = value.to_string().chars().take(100).collect();
                Err(ApiError::problem(problem.with_expectation(expected, found)))
            };
            match (name.as_str(), &value) {
                (_, Value::Null) => {}
                ("status", wanted) => match read_statuses(wanted) {
                    Some(statuses) => filters.statuses = statuses,
                    None => {
                        return refuse("one or a list of PENDING, INITIATED, FULFILLED, REJECTED");
                    }
                },
                ("external_id", Value::String(id)) => filters.external_id = Some(id.clone()),
                ("external_id", _) => return refuse("a text"),
                _ => {
                    return refuse("omitted: it is unknown; known are status and external_id");
                }
            }
        }
        Ok(filters)
    }
}

fn read_statuses(wanted: &Value) -> Option<Vec<Status>> {
    let of = |name: &Value| -> Option<&[Status]> {
        match name.as_str()? {
            "PENDING" => Some(&[Status::Queued]),
            "INITIATED" => Some(&[Status::Running, Status::Waiting, Status::Paused]),
            "FULFILLED" => Some(&[Status::Completed]),
            "REJECTED" => Some(&[Status::Failed, Status::TimedOut, Status::Cancelled]),
            _ => None,
        }
    };
    let names = match wanted {
        Value::Array(names) if !names.is_empty() => names.as_slice(),
        Value::String(_) => std::slice::from_ref(wanted),
        _ => return None,
    };
    let found: Option<Vec<_>> = names.iter().map(of).collect();
    found.map(|found| found.concat())
}

/// List the executions of a deployment
#[utoipa::path(get, path = "/v1/workflow-deployments/{id}/execution-events", tag = "vellum",
    security(("key" = ["read:workflows"])),
    params(("id" = String, Path, description = "The deployment's id or name"),
        ("filters" = Option<String>, Query, description = "A JSON object: `status` (one or a list), `external_id`"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 50"),
        ("offset" = Option<u32>, Query, description = "How many come before the page"),
        ("ordering" = Option<String>, Query, description = "`-start` (default), `start`")),
    responses((status = 200, description = "A page", body = Paged<SlimExecution>),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn list_execution_events(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    path: RawPathParams,
    PagedRequest { uri, params }: PagedRequest,
) -> ApiResult {
    let workflow = deployment_body(&api.app, &caller, &path).await?;
    let window = paging::read_window(&params)?;
    let order = match paging::read_ordering(&params, &["start"])? {
        Some((_, false)) => Order::Ascending,
        _ => Order::Descending,
    };
    let HistoryFilters { statuses, external_id } = HistoryFilters::read(&params)?;
    let workflow = workflow.id;
    let filter =
        ExecutionFilter { workflow: Some(workflow), statuses, ..ExecutionFilter::default() };
    let list = List { filter, sort: Sort { key: (), order }, window: window.clone() };
    let Page { items, total, next } = match external_id {
        Some(id) => api.app.executions_with_external_id(&caller, &id, list).await?,
        None => api.app.executions(&caller, list).await?,
    };
    let mut details = Vec::with_capacity(items.len());
    for record in &items {
        match api.app.execution_detail(&caller, Some(workflow), record.id).await {
            Ok(detail) => details.push(detail),
            // Purged since.
            Err(AppError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let thinking = knows_thinking(&headers);
    let items = details.iter().map(|detail| slim_execution(detail, thinking)).collect();
    let body = page_body(&uri, &window, Page { items, total, next });
    let holds: Vec<Hold> = details.iter().map(|detail| detail.view.memory.clone()).collect();
    large::large_json(api.app.memory(), &Hold::new(holds), StatusCode::OK, &body).await
}

/// Get an execution of a deployment
#[utoipa::path(get, path = "/v1/workflow-deployments/{id}/execution-events/{execution_id}", tag = "vellum",
    security(("key" = ["read:workflows"])),
    params(("id" = String, Path, description = "The deployment's id or name"),
        ("execution_id" = String, Path, description = "The execution")),
    responses((status = 200, description = "The execution", body = Execution),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn retrieve_execution_event(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    path: RawPathParams,
) -> ApiResult {
    let workflow = deployment_body(&api.app, &caller, &path).await?;
    let id = execution_id(&path, "execution_id")?;
    let detail = api.app.execution_detail(&caller, Some(workflow.id), id).await?;
    let copies = room_for_spans(&api, &detail).await?;
    let slim = slim_execution(&detail, knows_thinking(&headers));
    let body = Execution { slim, spans: raw::execution_spans(&detail), state: &detail.state };
    let response =
        large::large_json(api.app.memory(), &detail.view.memory, StatusCode::OK, &body).await;
    drop((body, copies));
    response
}

/// Reserves memory for the spans: they have copies of the values, and are put together of copies.
async fn room_for_spans(api: &Api, detail: &ExecutionDetail) -> Result<Reservation, ApiError> {
    let held = detail.view.value_bytes();
    let mut room = api.app.memory().empty_with_held(held);
    room.grow_to(3 * held, PATIENCE).await.map_err(AppError::from)?;
    Ok(room)
}

/// Get an execution with its spans
#[utoipa::path(get, path = "/v1/workflow-executions/{execution_id}/detail", tag = "vellum",
    security(("key" = ["read:workflows"]), ("key" = ["execute:workflows"])),
    params(("execution_id" = String, Path, description = "The execution"),
        ("prev_span_id" = Option<String>, Query, description = "Only the spans after this one"),
        ("span_limit" = Option<u32>, Query, description = "At most so many spans")),
    responses((status = 200, description = "The execution", body = Execution),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn retrieve_execution_detail(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    path: RawPathParams,
    params: Params,
) -> ApiResult {
    let id = execution_id(&path, "execution_id")?;
    let limit = params.number("span_limit", 1..=MAX_NUMBER, MAX_NUMBER)?;
    let previous = params.one("prev_span_id")?;
    let detail = api.app.execution_detail(&caller, None, id).await?;
    let copies = room_for_spans(&api, &detail).await?;
    let mut spans = raw::execution_spans(&detail);
    if let Some(previous) = previous {
        let place = spans.iter().position(|span| span["span_id"] == previous);
        let place = place.ok_or_else(|| {
            invalid_parameter("prev_span_id", "the id of a span of this execution", previous)
        })?;
        spans.drain(..=place);
    }
    spans.truncate(limit);
    let slim = slim_execution(&detail, knows_thinking(&headers));
    let body = Execution { slim, spans, state: &detail.state };
    let response =
        large::large_json(api.app.memory(), &detail.view.memory, StatusCode::OK, &body).await;
    drop((body, copies));
    response
}

/// Get the state of an execution
///
/// After its end: the state it ended with, with which another may begin.
#[utoipa::path(get, path = "/v1/workflows/{span_id}/state", tag = "vellum",
    security(("key" = ["read:workflows"]), ("key" = ["execute:workflows"])),
    params(("span_id" = String, Path, description = "The execution")),
    responses((status = 200, description = "The state", body = ResolvedFilters),
        responses::BadRequest, responses::NotFound, responses::CommonErrors))]
pub async fn retrieve_state(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    path: RawPathParams,
) -> ApiResult {
    let id = execution_id(&path, "span_id")?;
    let detail = api.app.execution_detail(&caller, None, id).await?;
    let record = &detail.view.record;
    let previous = detail.previous.map(|previous| previous.to_string());
    let body = ResolvedFilters {
        trace_id: id.to_string(),
        timestamp: Time(record.ended_at.or(record.started_at).unwrap_or(record.created_at)),
        span_id: id.to_string(),
        state: &detail.state,
        previous_span_id: previous.clone(),
        previous_trace_id: previous,
    };
    large::large_json(api.app.memory(), &detail.view.memory, StatusCode::OK, &body).await
}
