//! Between the bodies about bulk operations and the domain.

use serde_json::Value;
use stepwell_core::definition::parse_duration;
use stepwell_core::execution::Status;
use stepwell_core::ids::{OperationId, WorkflowId};
use stepwell_core::{Map, Problem, Timestamp};
use stepwell_engine::app::{DryRun, Idempotency, NewOperation, OperationFilter};
use stepwell_engine::bulk_operation::{
    BulkAction, BulkCounts, BulkFailure, BulkFilter, BulkOperation, OperationStatus,
};
use stepwell_engine::objects::Object;
use stepwell_store::objects::ObjectSort;

use super::super::ids::{ParseId, creator_id, parse_id};
use super::super::lists::{DATE_FORMS, MAX_LABELS, parse_date};
use super::super::statuses::ExecutionStatus;
use super::wire;
use crate::error::{ApiError, Kind, shorten_text};
use crate::fields::{Field, FieldType, Fields, FromFields as _};
use crate::query::{Params, invalid_parameter};
use crate::respond::Time;

impl ParseId for OperationId {
    fn read(text: &str) -> Result<Self, ApiError> {
        parse_id(text, Kind::NoObject)
    }
}

impl FieldType for wire::OperationConditions {
    fn read(fields: &mut Fields, name: &'static str) -> Option<Self> {
        let mut inner = Fields::of(Value::Object(fields.object(name)?)).ok()?;
        let conditions = <Self as crate::fields::FromFields>::read(&mut inner);
        if let Err(error) = inner.finish() {
            for problem in error.details() {
                let path = format!("{name}.{}", problem.path);
                fields.push(Problem { path, ..problem.clone() });
            }
        }
        Some(conditions)
    }
}

impl Field for wire::OperationConditions {
    fn read(fields: &mut Fields, name: &'static str) -> Self {
        let value = <Self as FieldType>::read(fields, name);
        fields.require(name, value).unwrap_or_default()
    }
}

/// The bulk operation that a request describes.
pub fn new_operation(
    mut fields: Fields,
    idempotency: Option<Idempotency>,
) -> Result<NewOperation, ApiError> {
    let wire::OperationRequest { action, filter, reason } =
        wire::OperationRequest::read(&mut fields);
    let action = read_action(&mut fields, &action);
    let wire::OperationConditions {
        workflow_id,
        status,
        start_date,
        end_date,
        older_than,
        metadata,
    } = filter;
    let mut reader = ConditionReader(&mut fields);
    let workflow = workflow_id.and_then(|id| reader.workflow(&id));
    let statuses = reader.statuses(status);
    let from = start_date.and_then(|text| reader.date("start_date", &text)).map(|(first, _)| first);
    let until = end_date.and_then(|text| reader.date("end_date", &text)).map(|(_, last)| last);
    let older_than = older_than.and_then(|text| reader.age(text));
    let labels = reader.labels(metadata.unwrap_or_default());
    fields.finish()?;
    let filter = BulkFilter { workflow, statuses, from, until, labels };
    let action = action.ok_or_else(|| ApiError::invalid("action", "is required"))?;
    Ok(NewOperation { action, filter, older_than, reason, idempotency })
}

/// The action of that name. One that is missing is reported once.
fn read_action(fields: &mut Fields, name: &str) -> Option<BulkAction> {
    let action = name.parse().ok();
    if action.is_none() && !name.is_empty() {
        let known = BulkAction::ALL.map(BulkAction::name).join(", ");
        let message = format!("must be one of {known}, not `{}`", shorten_text(name));
        fields.push(Problem::new("action", message));
    }
    fields.require("action", action)
}

/// Reads conditions, and adds what is wrong with them to the problems of the request.
struct ConditionReader<'a>(&'a mut Fields);

impl ConditionReader<'_> {
    fn refuse<T>(&mut self, name: &str, message: String) -> Option<T> {
        self.0.push(Problem::new(format!("filter.{name}"), message));
        None
    }

    fn workflow(&mut self, text: &str) -> Option<WorkflowId> {
        let shown = shorten_text(text);
        text.parse().ok().or_else(|| {
            self.refuse("workflow_id", format!("must be the id of a workflow, not `{shown}`"))
        })
    }

    fn statuses(&mut self, names: Option<Vec<String>>) -> Vec<Status> {
        let Some(names) = names else { return Vec::new() };
        let mut statuses = Vec::new();
        if names.is_empty() {
            self.refuse::<()>("status", "must name at least one status, or be omitted".to_owned());
        }
        for name in names {
            match ExecutionStatus::parse_filter(&name) {
                Some(meant) => statuses.extend(meant),
                None => {
                    let (forms, shown) = (ExecutionStatus::filter_forms(), shorten_text(&name));
                    self.refuse::<()>("status", format!("must be {forms}, not `{shown}`"));
                }
            }
        }
        statuses.sort_unstable();
        statuses.dedup();
        statuses
    }

    fn date(&mut self, name: &str, text: &str) -> Option<(Timestamp, Timestamp)> {
        let shown = shorten_text(text);
        parse_date(text)
            .or_else(|| self.refuse(name, format!("must be {DATE_FORMS}, not `{shown}`")))
    }

    fn age(&mut self, text: String) -> Option<std::time::Duration> {
        parse_duration(&Value::String(text)).map_or_else(|why| self.refuse("older_than", why), Some)
    }

    fn labels(&mut self, metadata: Map) -> Vec<(String, String)> {
        if metadata.len() > MAX_LABELS {
            self.refuse::<()>("metadata", format!("must have at most {MAX_LABELS} labels"));
        }
        let mut labels = Vec::new();
        for (name, value) in metadata {
            let text = match value {
                Value::String(text) => text,
                Value::Array(_) | Value::Object(_) => {
                    let message = "must be a text, a number, true, false or null".to_owned();
                    self.refuse::<()>(&format!("metadata.{}", shorten_text(&name)), message);
                    continue;
                }
                scalar => scalar.to_string(),
            };
            labels.push((name, text));
        }
        labels
    }
}

/// What bulk operations can be sorted by.
pub const SORT_KEYS: [(&str, ObjectSort); 2] =
    [("created_at", ObjectSort::CreatedAt), ("updated_at", ObjectSort::UpdatedAt)];

/// How a list of bulk operations is filtered.
pub fn read_filter(params: &Params) -> Result<OperationFilter, ApiError> {
    Ok(OperationFilter {
        status: read_name(params, "status", &OperationStatus::ALL.map(OperationStatus::name))?,
        action: read_name(params, "action", &BulkAction::ALL.map(BulkAction::name))?,
        workflow: params.one("workflow_id")?.map(WorkflowId::read).transpose()?,
    })
}

/// A parameter that has one of these names.
fn read_name<T: std::str::FromStr>(
    params: &Params,
    name: &str,
    names: &[&str],
) -> Result<Option<T>, ApiError> {
    let Some(text) = params.one(name)? else { return Ok(None) };
    let expected = || format!("one of {}", names.join(", "));
    text.parse().map(Some).map_err(|_| invalid_parameter(name, &expected(), text))
}

/// A bulk operation as it is shown.
pub fn operation_body(object: &Object<BulkOperation>) -> wire::Operation<'_> {
    let Object { id, workspace: _, version: _, created_at, updated_at, document } = object;
    let BulkOperation {
        action,
        filter,
        reason,
        status,
        counts,
        failures,
        creator,
        started_at,
        finished_at,
        position: _,
        due_at: _,
    } = document;
    wire::Operation {
        id: id.abi(),
        action: action.name(),
        status: status.name(),
        filter: shown_conditions(filter),
        reason: reason.as_deref(),
        progress: progress(counts),
        failures: failures.iter().map(failed_item).collect(),
        created_by: creator_id(creator.key),
        created_at: Time(*created_at),
        updated_at: Time(*updated_at),
        started_at: started_at.map(Time),
        completed_at: finished_at.map(Time),
    }
}

/// What an operation would be about.
pub fn dry_run_body(action: BulkAction, dry_run: &DryRun) -> wire::DryRun<'_> {
    let DryRun { filter, counts } = dry_run;
    let (filter, progress) = (shown_conditions(filter), progress(counts));
    wire::DryRun { action: action.name(), filter, progress }
}

fn progress(counts: &BulkCounts) -> wire::Progress {
    let BulkCounts { matched, done, failed, skipped } = *counts;
    wire::Progress { matched, done, failed, skipped }
}

fn shown_conditions(filter: &BulkFilter) -> wire::ShownConditions<'_> {
    let BulkFilter { workflow, statuses, from, until, labels } = filter;
    let names = statuses.iter().map(|status| status.name()).collect();
    wire::ShownConditions {
        workflow_id: workflow.map(WorkflowId::abi),
        status: (!statuses.is_empty()).then_some(names),
        start_date: from.map(Time),
        end_date: until.map(Time),
        metadata: wire::Labels(labels),
    }
}

fn failed_item(failure: &BulkFailure) -> wire::FailedItem<'_> {
    let BulkFailure { execution, message } = failure;
    wire::FailedItem { execution_id: execution.abi(), message }
}
