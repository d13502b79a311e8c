//! Reading actuals, in the form of the clients and in the older one: one request may hold many,
//! and is good or bad as a whole.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_core::{Map, Problem, Timestamp};
use stepwell_engine::app::NewActual;
use stepwell_engine::{App, AppError, Caller};
use utoipa::ToSchema;

use super::types::ValueType;
use super::{outputs, responses, wire};
use crate::authenticated::Authenticated;
use crate::body::RequestBody;
use crate::error::{ApiError, Kind, shorten_text};
use crate::fields::{Fields, FromFields as _};
use crate::idempotent::respond_once;
use crate::json::type_name;
use crate::respond::ApiResult;
use crate::state::Api;

/// The most actuals of one request.
const MOST: usize = 1000;

/// What an actual can say of its output's type.
const OUTPUT_TYPES: [ValueType; 3] = [ValueType::String, ValueType::Json, ValueType::ChatHistory];

/// Say how good the outputs of an execution were
///
/// All of the request is stored, or none.
#[utoipa::path(post, path = "/v1/submit-workflow-execution-actuals", tag = "vellum",
    security(("key" = ["execute:workflows"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat stores nothing again")),
    request_body = wire::ActualsRequest,
    responses((status = 200, description = "Stored", body = Object),
        responses::BadRequest, responses::BodyErrors, responses::NotFound, responses::CommonErrors))]
pub(super) async fn submit_workflow_execution_actuals(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    request_body: RequestBody,
) -> ApiResult {
    let fields = request_body.fields()?;
    respond_once(&api.app, &caller, request_body.key, async {
        let actuals = read(&api.app, &caller, fields).await?;
        api.app.submit_actuals(&caller, actuals).await?;
        Ok((StatusCode::OK, "{}".to_owned()))
    })
    .await
}

/// Feedback on one output.
// Its execution and output are not looked up yet.
#[derive(ToSchema)]
pub struct ActualRequest {
    /// `STRING`, `JSON`, `CHAT_HISTORY`.
    #[schema(value_type = Option<String>)]
    output_type: Option<ValueType>,
    /// The output's name; either this or the id.
    output_key: Option<String>,
    /// The output's id.
    output_id: Option<String>,
    /// What it should have been.
    desired_output_value: Option<Value>,
    /// How good it was, 0 to 1.
    quality: Option<f64>,
    /// Seconds since 1970.
    #[schema(value_type = Option<f64>)]
    timestamp: Option<Timestamp>,
    /// Labels.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map>,
    #[schema(ignore)]
    execution: Option<ExecutionRef>,
    /// The path of the entry, for problems.
    #[schema(ignore)]
    place: String,
}

/// How an execution is named.
#[derive(Clone)]
enum ExecutionRef {
    Id { field: String, text: String },
    External { field: String, text: String },
}

impl ExecutionRef {
    /// Whether both name the same, wherever they stand.
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Id { text: one, .. }, Self::Id { text: two, .. })
            | (Self::External { text: one, .. }, Self::External { text: two, .. }) => one == two,
            _ => false,
        }
    }
}

/// The actuals of a request, looked up.
pub async fn read(
    app: &App,
    caller: &Caller,
    mut fields: Fields,
) -> Result<Vec<NewActual>, ApiError> {
    let wire::ActualsRequest { execution_id, external_id, actuals: list } =
        wire::ActualsRequest::read(&mut fields);
    let whole = execution_ref(execution_id, external_id, "");
    if list.len() > MOST {
        let message = format!("has {} entries; send at most {MOST} at a time", list.len());
        fields.push(Problem::new("actuals", message));
    }
    fields.finish_open()?;
    let mut problems = Vec::new();
    let written: Vec<_> = list
        .into_iter()
        .enumerate()
        .map(|(at, item)| read_actual(&mut problems, format!("actuals[{at}]"), item))
        .collect();
    refuse_problems(problems)?;
    let mut executions = ExecutionLookup { app, caller, found: Vec::new() };
    if let Some(whole) = &whole {
        // It is named for all, so it must be there even where each names its own.
        executions.find(whole).await?;
    } else if written.is_empty() {
        return Err(no_execution_named());
    }
    let mut found = Vec::with_capacity(written.len());
    for actual in written {
        let of = actual.execution.as_ref().or(whole.as_ref()).ok_or_else(no_execution_named)?;
        let of = executions.find(of).await?;
        found.push(complete_actual(of, actual)?);
    }
    Ok(found)
}

fn no_execution_named() -> ApiError {
    ApiError::invalid("execution_id", "is required; give execution_id or external_id")
}

fn refuse_problems(problems: Vec<Problem>) -> Result<(), ApiError> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(ApiError::with_problems(Kind::InvalidRequest, "the request is not valid", problems))
}

fn execution_ref(
    id: Option<String>,
    external: Option<String>,
    place: &str,
) -> Option<ExecutionRef> {
    let field = |name: &str| format!("{place}{name}");
    match (id, external) {
        (Some(text), _) => Some(ExecutionRef::Id { field: field("execution_id"), text }),
        (None, Some(text)) => Some(ExecutionRef::External { field: field("external_id"), text }),
        (None, None) => None,
    }
}

/// An actual, its fields taken one by one; what is wrong is added to the problems of all.
struct EntryReader<'a> {
    place: &'a str,
    left: Map,
    problems: &'a mut Vec<Problem>,
}

impl EntryReader<'_> {
    /// A field of any type; `null` is as if it were not there.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.left.shift_remove(name).filter(|value| !value.is_null())
    }

    fn wrong(&mut self, name: &str, expected: &str, found: &Value) {
        let place = format!("{}.{name}", self.place);
        let problem = Problem::new(place, format!("must be {expected}"));
        self.problems.push(problem.with_expectation(expected, shown_value(found)));
    }

    /// A field that `read` makes something of.
    fn read<T>(&mut self, name: &str, expected: &str, read: fn(&Value) -> Option<T>) -> Option<T> {
        let value = self.take(name)?;
        let made = read(&value);
        if made.is_none() {
            self.wrong(name, expected, &value);
        }
        made
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.read(name, "a text", |value| value.as_str().map(str::to_owned))
    }

    /// What the output should have been, and the name of its field.
    fn desired(&mut self) -> Option<(&'static str, Value)> {
        let mut names = ["desired_output_value", "value"].into_iter();
        names.find_map(|name| Some((name, self.take(name)?)))
    }

    /// Checks that the desired value has the type of the output.
    fn check_type(&mut self, field: &str, actual: &ActualRequest) {
        if let (Some(wanted), Some(value)) = (actual.output_type, &actual.desired_output_value)
            && !wanted.fits(value)
        {
            self.wrong(field, &format!("a {}", wanted.name()), value);
        }
    }
}

fn read_output_type(value: &Value) -> Option<ValueType> {
    value.as_str().and_then(ValueType::named).filter(|named| OUTPUT_TYPES.contains(named))
}

fn read_actual(problems: &mut Vec<Problem>, place: String, item: Value) -> ActualRequest {
    let mut entry = EntryReader { place: &place, left: Map::new(), problems };
    match item {
        Value::Object(fields) => entry.left = fields,
        other => entry.problems.push(
            Problem::new(&place, "must be an object").with_expectation("object", type_name(&other)),
        ),
    }
    let (id, external) = (entry.text("execution_id"), entry.text("external_id"));
    let execution = execution_ref(id, external, &format!("{place}."));
    let output_key = entry.text("output_key").or_else(|| entry.text("output_name"));
    let output_id = entry.text("output_id");
    let expected = "one of STRING, JSON, CHAT_HISTORY";
    let output_type = entry.read("output_type", expected, read_output_type);
    let (desired_field, desired_output_value) = entry.desired().unzip();
    let quality = entry.read("quality", "a number from 0 to 1", read_quality);
    let timestamp = entry.read("timestamp", "a number of seconds since 1970", read_timestamp);
    let metadata = entry.read("metadata", "an object", |value| value.as_object().cloned());
    let actual = ActualRequest {
        output_type,
        output_key,
        output_id,
        desired_output_value,
        quality,
        timestamp,
        metadata,
        execution,
        place: place.clone(),
    };
    entry.check_type(desired_field.unwrap_or_default(), &actual);
    if actual.output_key.is_none() && actual.output_id.is_none() {
        let message = "is required; name the output by its key or give its output_id";
        problems.push(Problem::new(format!("{place}.output_key"), message));
    }
    actual
}

fn read_quality(value: &Value) -> Option<f64> {
    value.as_f64().filter(|quality| (0.0..=1.0).contains(quality))
}

/// Seconds since 1970 with fractions, or a time as text.
fn read_timestamp(value: &Value) -> Option<Timestamp> {
    if let Some(text) = value.as_str() {
        return Timestamp::parse(text);
    }
    let seconds = value.as_f64().filter(|s| s.abs() < 1e11)?;
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let micros = (seconds * 1e6).round() as i64;
    Some(Timestamp::from_micros(micros))
}

/// A value as a message shows it: short ones as they are.
fn shown_value(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("`{}`", shorten_text(text)),
        other => type_name(other).to_owned(),
    }
}

/// The executions that a request names, each looked up once.
struct ExecutionLookup<'a> {
    app: &'a App,
    caller: &'a Caller,
    found: Vec<(ExecutionRef, FoundExecution)>,
}

/// An execution that is there.
#[derive(Clone)]
struct FoundExecution {
    id: ExecutionId,
    workflow: WorkflowId,
    outputs: Arc<[String]>,
}

impl ExecutionLookup<'_> {
    async fn find(&mut self, of: &ExecutionRef) -> Result<FoundExecution, ApiError> {
        // Batches name few executions, mostly the same one after another.
        if let Some((_, found)) = self.found.iter().rev().find(|(known, _)| known.same(of)) {
            return Ok(found.clone());
        }
        let id = match of {
            ExecutionRef::Id { field, text } => text.parse().map_err(|_| not_an_id(field, text))?,
            ExecutionRef::External { text, .. } => {
                let found = self.app.execution_by_external_id(self.caller, text).await;
                found.map_err(|error| missing_execution(of, error))?
            }
        };
        let names = self.app.output_names(self.caller, id).await;
        let (workflow, outputs) = names.map_err(|error| missing_execution(of, error))?;
        let found = FoundExecution { id, workflow, outputs: outputs.into() };
        self.found.push((of.clone(), found.clone()));
        Ok(found)
    }
}

/// An actual with its execution and the name of its output.
fn complete_actual(of: FoundExecution, actual: ActualRequest) -> Result<NewActual, ApiError> {
    let ActualRequest {
        output_type: _,
        output_key,
        output_id,
        desired_output_value: desired,
        quality,
        timestamp: at,
        metadata,
        execution: _,
        place,
    } = actual;
    let by_id = |id: &str| {
        let is_it = |name: &&String| {
            outputs::output_id(of.workflow, name).to_string().eq_ignore_ascii_case(id)
        };
        of.outputs.iter().find(is_it).cloned()
    };
    let output = match (output_key, output_id.unwrap_or_default()) {
        (Some(key), _) => key,
        (None, id) => by_id(&id).ok_or_else(|| {
            let shown = shorten_text(&id);
            let message = format!("there is no output with the id `{shown}`");
            ApiError::invalid(&format!("{place}.output_id"), message)
        })?,
    };
    let metadata = metadata.unwrap_or_default();
    Ok(NewActual { place, execution: of.id, output, quality, desired, metadata, at })
}

fn not_an_id(field: &str, text: &str) -> ApiError {
    let shown = shorten_text(text);
    let problem = Problem::new(field, "is not a UUID");
    ApiError::problem(problem.with_expectation("UUID", format!("`{shown}`")))
}

fn missing_execution(of: &ExecutionRef, error: AppError) -> ApiError {
    let (ExecutionRef::Id { field, text } | ExecutionRef::External { field, text }) = of;
    match error {
        AppError::NotFound { kind: "execution", .. } => {
            let shown = shorten_text(text);
            let problem = Problem::new(field, format!("execution `{shown}` was not found"));
            ApiError::with_problems(Kind::NoExecution, "not found", vec![problem])
        }
        other => other.into(),
    }
}
