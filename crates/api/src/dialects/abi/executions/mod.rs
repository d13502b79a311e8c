//! Executions: the handlers.

pub(super) mod convert;
pub(super) mod execute;
pub(super) mod wire;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use stepwell_core::execution::Status;
use stepwell_core::ids::WorkflowId;
use stepwell_engine::memory::Hold;
use stepwell_engine::view::{Notice, NoticeKind};
use stepwell_store::lists::{ExecutionFilter, Order};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::envelope::{Envelope, Failure, Items, data_text};
use super::ids::PathExecutionId;
use super::lists::{BY_CREATION, ListQuery, read_labels, read_period};
use super::statuses::ExecutionStatus;
use super::{choices, responses};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::error::ApiError;
use crate::idempotent::respond_once;
use crate::large;
use crate::query::{Params, invalid_parameter};
use crate::respond::{self, ApiResult, Time};
use crate::sse::{EventReader, SseMessage, stream_schema};
use crate::state::Api;
use convert::{execution_body, execution_row, step_body};
use wire::{CancelRequest, Controlled, Execution, ExecutionRow, Line, Step};

/// The filters of a list; any other parameter names a label.
const LIST_FILTERS: [&str; 6] =
    ["workflow_id", "parent_execution_id", "status", "external_id", "start_date", "end_date"];

/// List executions
///
/// Sorted by when they were accepted. `total_items` is exact, and a page costs the same however far
/// it is. Other parameters than these name labels; a name that is nearly that of a parameter is
/// refused.
#[utoipa::path(get, path = "/api/v1/workflow_executions", tag = "runs", operation_id = "abi_list_executions",
    security(("key" = ["read:workflows"])),
    params(("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, instead of `page`"),
        ("sort_by" = inline(Option<choices::SortByCreation>), Query, description = "`created_at`"),
        ("sort_order" = inline(Option<choices::SortOrder>), Query, description = "`desc` (default) or `asc`"),
        ("workflow_id" = Option<String>, Query, description = "Only those of this workflow"),
        ("parent_execution_id" = Option<String>, Query, description = "Only those that steps of this execution started"),
        ("status" = Option<String>, Query, description = "One or several of `queued`, `running`, `waiting`, `paused`, `completed`, `failed`, `timed_out`, `cancelled`, by comma. `waiting`: those that are `running` in which nothing runs before a timer, the next attempt of a step or the end of a sub-workflow"),
        ("external_id" = Option<String>, Query, description = "Only the one with this external id"),
        ("start_date" = Option<String>, Query, description = "Only those accepted at this time or later: RFC 3339, or a date"),
        ("end_date" = Option<String>, Query, description = "Only those accepted at this time or before: RFC 3339, or a date, which is meant as a whole"),
        ("labels" = inline(Option<choices::Labels>), Query, style = Form, explode, description = "Any other parameter is a label that the items must have: `department=sales`. `metadata.NAME` is always the label `NAME`, also where a parameter has that name")),
    responses((status = 200, description = "A page", body = Envelope<Items<ExecutionRow>>),
        responses::BadRequest, responses::NoWorkflow, responses::CommonErrors))]
pub async fn list_executions(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    params: Params,
) -> ApiResult {
    let query = ListQuery::read(&params, &BY_CREATION)?;
    let (from, until) = read_period(&params)?;
    let list = query.list(ExecutionFilter {
        workflow: read_workflow(&params)?,
        parent: params.parent_execution()?,
        statuses: read_statuses(&params)?,
        from,
        until,
        labels: read_labels(&params, &LIST_FILTERS)?,
    });
    let page = match params.one("external_id")? {
        Some(id) => api.app.executions_with_external_id(&caller, id, list).await?,
        None => api.app.executions(&caller, list).await?,
    };
    let workflows: Vec<_> = page.items.iter().map(|item| item.workflow).collect();
    let names = api.app.workflow_names(&workflows).await?;
    let name = |id| names.get(id).map_or("", String::as_str);
    let page = page.by_ref().map_items(|record| execution_row(record, name(&record.workflow)));
    respond::json_response(StatusCode::OK, &Envelope::of(query.render_page(page)))
}

fn read_workflow(params: &Params) -> Result<Option<WorkflowId>, ApiError> {
    let Some(text) = params.one("workflow_id")? else { return Ok(None) };
    text.parse()
        .map(Some)
        .map_err(|_| invalid_parameter("workflow_id", "the id of a workflow", text))
}

fn read_statuses(params: &Params) -> Result<Vec<Status>, ApiError> {
    let mut statuses = Vec::new();
    for text in params.all("status").flat_map(|value| value.split(',')) {
        let meant = ExecutionStatus::parse_filter(text);
        statuses.extend(
            meant.ok_or_else(|| {
                invalid_parameter("status", &ExecutionStatus::filter_forms(), text)
            })?,
        );
    }
    Ok(statuses)
}

/// Get an execution
///
/// With every step of the definition.
#[utoipa::path(get, path = "/api/v1/workflow_executions/{id}", tag = "runs", operation_id = "abi_get_execution",
    security(("key" = ["read:workflows"]), ("key" = ["execute:workflows"])),
    params(("id" = String, Path, description = "In any form: `exec_…`, `ex-…`, or a UUID"),
        ("include" = inline(Option<choices::Include>), Query, description = "`io`: the inputs, outputs and resolved configurations of the steps as well")),
    responses((status = 200, description = "The execution", body = Envelope<Execution>),
        responses::BadRequest, responses::NoExecution, responses::CommonErrors))]
pub async fn get_execution(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathExecutionId,
    params: Params,
) -> ApiResult {
    let with_io = match params.one("include")? {
        None => false,
        Some("io") => true,
        Some(other) => return Err(invalid_parameter("include", "io", other)),
    };
    let view = api.app.execution(&caller, None, id.0).await?;
    let names = api.app.workflow_names(&[view.record.workflow]).await?;
    let name = names.get(&view.record.workflow).map_or("", String::as_str);
    let body = Envelope::of(execution_body(&view, name, with_io));
    large::large_json(api.app.memory(), &view.memory, StatusCode::OK, &body).await
}

/// Cancel an execution
///
/// When this returns, it has ended as `cancelled`.
#[utoipa::path(post, path = "/api/v1/workflow_executions/{id}/cancel", tag = "runs", operation_id = "abi_cancel",
    security(("key" = ["execute:workflows"])),
    params(("id" = String, Path, description = "The execution"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    request_body(content = Option<CancelRequest>, description = "Optional"),
    responses((status = 200, description = "Cancelled", body = Envelope<Controlled>),
        responses::BodyErrors, responses::NoExecution, responses::Conflict,
        responses::CommonErrors))]
pub async fn cancel_execution(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathExecutionId,
    request_body: RequestBody,
) -> ApiResult {
    let CancelRequest { reason } = request_body.read()?;
    respond_once(&api.app, &caller, request_body.key, async {
        api.app.cancel(&caller, None, id.0, reason).await?;
        control_response(&id, Status::Cancelled)
    })
    .await
}

/// Pause an execution
///
/// What is under way finishes, and nothing further starts.
#[utoipa::path(post, path = "/api/v1/workflow_executions/{id}/pause", tag = "runs", operation_id = "abi_pause",
    security(("key" = ["execute:workflows"])),
    params(("id" = String, Path, description = "The execution"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    responses((status = 200, description = "Paused", body = Envelope<Controlled>),
        responses::BodyErrors, responses::NoExecution, responses::Conflict,
        responses::CommonErrors))]
pub async fn pause_execution(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathExecutionId,
    request_body: RequestBody,
) -> ApiResult {
    request_body.fields()?.finish()?;
    respond_once(&api.app, &caller, request_body.key, async {
        api.app.pause(&caller, None, id.0).await?;
        control_response(&id, Status::Paused)
    })
    .await
}

/// Resume a paused execution
#[utoipa::path(post, path = "/api/v1/workflow_executions/{id}/resume", tag = "runs", operation_id = "abi_resume",
    security(("key" = ["execute:workflows"])),
    params(("id" = String, Path, description = "The execution"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first response again")),
    responses((status = 200, description = "Resumed", body = Envelope<Controlled>),
        responses::BodyErrors, responses::NoExecution, responses::Conflict,
        responses::CommonErrors))]
pub async fn resume_execution(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathExecutionId,
    request_body: RequestBody,
) -> ApiResult {
    request_body.fields()?.finish()?;
    respond_once(&api.app, &caller, request_body.key, async {
        api.app.resume(&caller, None, id.0).await?;
        control_response(&id, Status::Running)
    })
    .await
}

fn control_response(
    id: &PathExecutionId,
    status: Status,
) -> Result<(StatusCode, String), ApiError> {
    let data = Controlled { execution_id: id.0.abi(), status: status.into() };
    data_text(StatusCode::OK, data)
}

/// Follow an execution
///
/// Server-sent events named `status`, `step` and `log`, from the beginning or from after the last
/// one that was seen, until the execution has ended.
#[utoipa::path(get, path = "/api/v1/workflow_executions/{id}/events", tag = "runs", operation_id = "abi_events",
    security(("key" = ["read:workflows"]), ("key" = ["execute:workflows"])),
    params(("id" = String, Path, description = "The execution"),
        ("Last-Event-ID" = Option<String>, Header, description = "Only what comes after that event"),
        ("after" = Option<String>, Query, description = "The same, for clients that cannot set the header, which takes precedence")),
    responses((status = 200, description = "The events; their `data` is an `abi.ExecutionEvent`", body = inline(EventStream), content_type = "text/event-stream"),
        responses::BadRequest, responses::NoExecution, responses::CommonErrors))]
pub async fn stream_events(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathExecutionId,
    reader: EventReader,
) -> ApiResult {
    let follow = api.app.follow(&caller, None, id.0, reader.after()).await?;
    let execution_id = id.0.abi();
    Ok(reader.stream(follow, Box::new(move |notice| event_messages(&execution_id, notice))))
}

/// The stream of events, for the API's description.
struct EventStream;

impl PartialSchema for EventStream {
    fn schema() -> RefOr<Schema> {
        stream_schema("abi.ExecutionEvent")
    }
}

impl ToSchema for EventStream {}

/// The data of every event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = abi::ExecutionEvent)]
pub(super) struct ExecutionEvent<'a> {
    /// The execution.
    execution_id: &'a str,
    /// The place in its journal, as the event's id.
    sequence: u64,
    /// When.
    timestamp: Time,
    /// What happened.
    #[serde(flatten)]
    what: EventData<'a>,
}

/// What happened, by the event's name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = abi::Happened)]
enum EventData<'a> {
    /// `status`
    #[schema(title = "abi.StatusEvent")]
    Status {
        status: ExecutionStatus,
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Value, required = false)]
        result: Option<&'a serde_json::Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<Failure<'a>>,
    },
    /// `step`
    #[schema(title = "abi.StepEvent")]
    Step {
        /// The step, with its input and output.
        step: Box<Step<'a>>,
        /// How many steps are settled.
        settled_steps: usize,
        /// How many there are.
        total_steps: usize,
    },
    /// `log`
    #[schema(title = "abi.LogEvent")]
    Log { step: Option<&'a str>, level: &'a str, message: &'a str },
}

fn event_messages(execution_id: &str, notice: &Notice) -> Result<Vec<SseMessage>, ApiError> {
    let Notice { seq, at, kind } = notice;
    let (event, what) = match kind {
        NoticeKind::Status { status, output, error } => (
            "status",
            EventData::Status {
                status: (*status).into(),
                result: output.as_deref(),
                error: error.as_ref().map(Into::into),
            },
        ),
        NoticeKind::Step { step: view, finished, total } => (
            "step",
            EventData::Step {
                step: Box::new(step_body(view, true)),
                settled_steps: *finished,
                total_steps: *total,
            },
        ),
        NoticeKind::Log(line) => {
            let Line { sequence: _, timestamp: _, step, level, message } = line.into();
            ("log", EventData::Log { step, level, message })
        }
        // The stream can be resumed at any event, which pieces of text are not.
        NoticeKind::Delta { .. } => return Ok(Vec::new()),
    };
    let data = ExecutionEvent { execution_id, sequence: *seq, timestamp: Time(*at), what };
    let data = serde_json::to_string(&data)
        .map_err(|error| ApiError::internal(format!("an event could not be written: {error}")))?;
    Ok(vec![SseMessage { event, data }])
}

/// Read an execution's log
///
/// From its first line by default.
#[utoipa::path(get, path = "/api/v1/workflow_executions/{id}/logs", tag = "runs", operation_id = "abi_logs",
    security(("key" = ["read:workflows"]), ("key" = ["execute:workflows"])),
    params(("id" = String, Path, description = "The execution"),
        ("page" = inline(Option<choices::Page>), Query, description = "From 1"),
        ("page_size" = inline(Option<choices::PageSize>), Query, description = "1 to 100, default 10"),
        ("sort_by" = inline(Option<choices::SortLogs>), Query, description = "`sequence`"),
        ("sort_order" = inline(Option<choices::SortOrderAscending>), Query, description = "`asc` (default) or `desc`")),
    responses((status = 200, description = "A page of its lines", body = Envelope<Items<Line>>),
        responses::BadRequest, responses::NoExecution, responses::CommonErrors))]
pub async fn list_logs(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    id: PathExecutionId,
    params: Params,
) -> ApiResult {
    let query = ListQuery::read_numbered(&params, &[("sequence", ())], Order::Ascending)?;
    let lines = api.app.logs(&caller, None, id.0).await?;
    let page = query.cut_page(lines, |(), a, b| a.seq.cmp(&b.seq));
    let body = Envelope::of(query.render_page(page.by_ref().map_items(Line::from)));
    large::large_json(api.app.memory(), &Hold::default(), StatusCode::OK, &body).await
}
