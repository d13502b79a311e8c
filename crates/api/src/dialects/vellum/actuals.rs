//! Reading actuals, in the form of the clients and in the older one: one request may hold many,
//! and is good or bad as a whole.

use serde_json::Value;
use stepwell_core::ids::ExecutionId;
use stepwell_core::{Map, Problem, Timestamp};
use stepwell_engine::app::NewActual;
use stepwell_engine::{App, AppError, Caller};

use super::outputs;
use crate::error::{ApiError, Kind};
use crate::json::{Fields, type_name};

/// The most actuals of one request.
const MOST: usize = 1000;

/// What one actual says, its execution and output not looked up yet.
struct Written {
    place: String,
    execution: Option<Of>,
    output_key: Option<String>,
    output_id: Option<String>,
    quality: Option<f64>,
    desired: Option<Value>,
    metadata: Map,
    at: Option<Timestamp>,
}

/// How an execution is named.
#[derive(Clone, PartialEq)]
enum Of {
    Id { field: String, text: String },
    External { field: String, text: String },
}

/// The actuals of a request, looked up.
pub async fn read(
    app: &App,
    caller: &Caller,
    mut fields: Fields,
) -> Result<Vec<NewActual>, ApiError> {
    let whole = of(fields.text("execution_id"), fields.text("external_id"), "");
    let list = fields.list("actuals");
    let list = fields.require("actuals", list).unwrap_or_default();
    if list.len() > MOST {
        let message = format!("has {} entries; send at most {MOST} at a time", list.len());
        fields.push(Problem::new("actuals", message));
    }
    fields.finish_open()?;
    let mut problems = Vec::new();
    let written: Vec<_> = list
        .into_iter()
        .enumerate()
        .map(|(at, item)| one(&mut problems, format!("actuals[{at}]"), item))
        .collect();
    refuse(problems)?;
    let mut found = Vec::with_capacity(written.len());
    for actual in written {
        found.push(look_up(app, caller, whole.as_ref(), actual).await?);
    }
    Ok(found)
}

fn refuse(problems: Vec<Problem>) -> Result<(), ApiError> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(ApiError::with_problems(Kind::InvalidRequest, "the request is not valid", problems))
}

fn of(id: Option<String>, external: Option<String>, place: &str) -> Option<Of> {
    let field = |name: &str| format!("{place}{name}");
    match (id, external) {
        (Some(text), _) => Some(Of::Id { field: field("execution_id"), text }),
        (None, Some(text)) => Some(Of::External { field: field("external_id"), text }),
        (None, None) => None,
    }
}

fn one(problems: &mut Vec<Problem>, place: String, item: Value) -> Written {
    let mut entry = Map::new();
    match item {
        Value::Object(fields) => entry = fields,
        other => problems
            .push(Problem::new(&place, "must be an object").expecting("object", type_name(&other))),
    }
    let mut take = |name: &str| entry.shift_remove(name).filter(|value| !value.is_null());
    let mut wrong = |name: &str, expected: &str, found: &Value| {
        let problem = Problem::new(format!("{place}.{name}"), format!("must be {expected}"));
        problems.push(problem.expecting(expected, type_name(found)));
    };
    let mut text = |name: &str, value: Option<Value>| match value {
        Some(Value::String(text)) => Some(text),
        Some(other) => {
            wrong(name, "a text", &other);
            None
        }
        None => None,
    };
    let id = text("execution_id", take("execution_id"));
    let external = text("external_id", take("external_id"));
    let output_key =
        text("output_key", take("output_key")).or_else(|| text("output_name", take("output_name")));
    let output_id = text("output_id", take("output_id"));
    let output_type = text("output_type", take("output_type"));
    let desired = take("desired_output_value").or_else(|| take("value"));
    let fits = match (output_type.as_deref(), &desired) {
        (Some("STRING"), Some(value)) => value.is_string(),
        (Some("CHAT_HISTORY"), Some(value)) => value.is_array(),
        _ => true,
    };
    if let (false, Some(value)) = (fits, &desired) {
        wrong("desired_output_value", output_type.as_deref().unwrap_or_default(), value);
    }
    if let Some(other) =
        output_type.as_deref().filter(|t| !["STRING", "JSON", "CHAT_HISTORY"].contains(t))
    {
        let found = Value::from(other);
        wrong("output_type", "one of STRING, JSON, CHAT_HISTORY", &found);
    }
    let quality = take("quality").and_then(|value| {
        let quality = value.as_f64();
        if !quality.is_some_and(|quality| (0.0..=1.0).contains(&quality)) {
            wrong("quality", "a number from 0 to 1", &value);
        }
        quality
    });
    let at = take("timestamp").and_then(|value| {
        let at = timestamp(&value);
        if at.is_none() {
            wrong("timestamp", "a number of seconds since 1970", &value);
        }
        at
    });
    let metadata = match take("metadata") {
        Some(Value::Object(labels)) => labels,
        Some(other) => {
            wrong("metadata", "an object", &other);
            Map::new()
        }
        None => Map::new(),
    };
    if output_key.is_none() && output_id.is_none() {
        let message = "is required; name the output by its key or give its output_id";
        problems.push(Problem::new(format!("{place}.output_key"), message));
    }
    let execution = of(id, external, &format!("{place}."));
    Written { place, execution, output_key, output_id, quality, desired, metadata, at }
}

/// Seconds since 1970 with fractions, or a time as text.
fn timestamp(value: &Value) -> Option<Timestamp> {
    if let Some(text) = value.as_str() {
        return Timestamp::parse(text);
    }
    let seconds = value.as_f64().filter(|s| s.abs() < 1e11)?;
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let micros = (seconds * 1e6).round() as i64;
    Some(Timestamp::from_micros(micros))
}

async fn look_up(
    app: &App,
    caller: &Caller,
    whole: Option<&Of>,
    written: Written,
) -> Result<NewActual, ApiError> {
    let Written { place, execution, output_key, output_id, quality, desired, metadata, at } =
        written;
    let Some(of) = execution.as_ref().or(whole) else {
        let message = "is required; give execution_id or external_id";
        return Err(ApiError::invalid("execution_id", message));
    };
    let execution = find(app, caller, of).await?;
    let output = match output_key {
        Some(key) => key,
        None => {
            let id = output_id.unwrap_or_default();
            let (workflow, names) =
                app.output_names(caller, execution).await.map_err(|e| gone(of, e))?;
            let found = names
                .into_iter()
                .find(|name| outputs::id(workflow, name).to_string().eq_ignore_ascii_case(&id));
            found.ok_or_else(|| {
                let message = format!("there is no output with the id `{id}`");
                ApiError::invalid(&format!("{place}.output_id"), message)
            })?
        }
    };
    // Whether it is there for this caller is told by the field that named it.
    app.output_names(caller, execution).await.map_err(|error| gone(of, error))?;
    Ok(NewActual { place, execution, output, quality, desired, metadata, at })
}

async fn find(app: &App, caller: &Caller, of: &Of) -> Result<ExecutionId, ApiError> {
    match of {
        Of::Id { field, text } => text.parse().map_err(|_| {
            let shown: String = text.chars().take(64).collect();
            let problem = Problem::new(field, "is not a UUID");
            ApiError::problem(problem.expecting("UUID", format!("`{shown}`")))
        }),
        Of::External { text, .. } => {
            let found = app.execution_by_external_id(caller, text).await;
            found.map_err(|error| gone(of, error))
        }
    }
}

fn gone(of: &Of, error: AppError) -> ApiError {
    let (Of::Id { field, text } | Of::External { field, text }) = of;
    match error {
        AppError::NotFound { kind: "execution", .. } => {
            let problem = Problem::new(field, format!("execution `{text}` was not found"));
            ApiError::with_problems(Kind::NoExecution, "not found", vec![problem])
        }
        other => other.into(),
    }
}
