//! Between the bodies about schedules and the domain.

use stepwell_core::execution::Status;
use stepwell_core::ids::{ScheduleId, WorkflowId};
use stepwell_core::schedule::{
    SchedulePolicies, ScheduleProgress, ScheduleTiming, SkippedFiring, TimingKind, TimingRequest,
};
use stepwell_core::{Problem, Timestamp};
use stepwell_engine::AppError;
use stepwell_engine::app::{
    ScheduleChange, ScheduleFilter, ScheduleSelection, ScheduleView, SelectionChanged, Triggered,
};
use stepwell_engine::objects::Object;
use stepwell_engine::schedule::Schedule;
use stepwell_store::objects::ObjectSort;
use stepwell_store::record::ExecutionRecord;

use super::super::ids::{ParseId, creator_id};
use super::super::warnings::warnings_body;
use super::wire;
use crate::error::{ApiError, Kind};
use crate::fields::{Fields, FromFields as _};
use crate::query::{Params, invalid_parameter};
use crate::respond::Time;

/// The most schedules that can be named in one request.
const MAX_NAMED: usize = 1_000;

/// Fields of a response that a change may send back, without effect.
const SHOWN_ONLY: [&str; 11] = [
    "id",
    "workflow_id",
    "workflow_name",
    "next_execution",
    "last_execution",
    "last_skipped",
    "queued_executions",
    "created_at",
    "updated_at",
    "created_by",
    "warnings",
];

/// Whether a request makes a schedule or changes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangePurpose {
    /// It makes one.
    Create,
    /// It changes one; a response may be sent back as it is.
    Change,
}

/// Reads a new schedule or a change.
pub fn read_change(mut fields: Fields, purpose: ChangePurpose) -> Result<ScheduleChange, ApiError> {
    let wire::ScheduleRequest {
        name,
        description,
        schedule_type,
        cron_expression,
        interval_value,
        interval_unit,
        execution_time,
        timezone,
        parameters,
        release_tag,
        enabled,
        misfire_policy,
        overlap_policy,
    } = wire::ScheduleRequest::read(&mut fields);
    if purpose == ChangePurpose::Change {
        fields.ignore(&SHOWN_ONLY);
    }
    fields.finish().map_err(|error| error.into_kind(Kind::InvalidSchedule))?;
    Ok(ScheduleChange {
        name,
        description: description.nullable(),
        timing: TimingRequest {
            schedule_type,
            cron_expression,
            interval_value,
            interval_unit,
            execution_time,
            timezone,
        },
        parameters: parameters.or_empty(),
        release_tag: release_tag.nullable(),
        enabled,
        misfire_policy,
        overlap_policy,
    })
}

/// Reads which schedules a request is about.
pub fn read_selection(mut fields: Fields) -> Result<ScheduleSelection, ApiError> {
    let wire::SelectionRequest { workflow_id, schedule_ids, all } =
        wire::SelectionRequest::read(&mut fields);
    let given = [workflow_id.is_some(), schedule_ids.is_some(), all.is_some()];
    if given.into_iter().filter(|is_given| *is_given).count() != 1 {
        let message = "select schedules by exactly one of workflow_id, schedule_ids, all";
        fields.push(Problem::new("", message));
    }
    if all == Some(false) {
        fields.push(Problem::new("all", "must be true, or omitted"));
    }
    if schedule_ids.as_ref().is_some_and(|ids| ids.is_empty() || ids.len() > MAX_NAMED) {
        fields.push(Problem::new("schedule_ids", format!("must have 1 to {MAX_NAMED} ids")));
    }
    fields.finish()?;
    Ok(match (workflow_id, schedule_ids) {
        (Some(id), _) => ScheduleSelection::OfWorkflow(WorkflowId::read(&id)?),
        (None, Some(ids)) => ScheduleSelection::These(
            ids.iter().map(|id| ScheduleId::read(id)).collect::<Result<_, _>>()?,
        ),
        (None, None) => ScheduleSelection::All,
    })
}

/// What schedules can be sorted by.
pub const SORT_KEYS: [(&str, ObjectSort); 4] = [
    ("created_at", ObjectSort::CreatedAt),
    ("updated_at", ObjectSort::UpdatedAt),
    ("name", ObjectSort::Name),
    ("next_execution", ObjectSort::DueAt),
];

/// How a list of schedules is filtered.
pub fn read_filter(params: &Params) -> Result<ScheduleFilter, ApiError> {
    let enabled = match params.one("enabled")? {
        None => None,
        Some(_) => Some(params.flag("enabled")?),
    };
    let kind = params.one("schedule_type")?.map(timing_kind).transpose()?;
    let workflow = params.one("workflow_id")?.map(WorkflowId::read).transpose()?;
    Ok(ScheduleFilter { workflow, enabled, kind })
}

fn timing_kind(name: &str) -> Result<TimingKind, ApiError> {
    let kind = TimingKind::ALL.into_iter().find(|kind| kind.name() == name);
    kind.ok_or_else(|| {
        let all = TimingKind::ALL.map(TimingKind::name).join(", ");
        invalid_parameter("schedule_type", &format!("one of {all}"), name)
    })
}

/// Errors of the application, in the terms of this dialect: what the core calls the input are the
/// parameters here.
pub fn refusal_error(error: AppError) -> ApiError {
    let AppError::InvalidInput(problems) = error else { return error.into() };
    ApiError::with_problems(
        Kind::InvalidInput,
        "the parameters do not fit the workflow's input schema",
        problems.moved_to("input", "parameters").0,
    )
}

/// A schedule with all that there is to it.
pub fn schedule_body(view: &ScheduleView) -> wire::Schedule<'_> {
    let ScheduleView { record, workflow_name, last, warnings } = view;
    let Object { id, workspace: _, version: _, created_at, updated_at, document } = record;
    let Schedule {
        workflow,
        name,
        description,
        timing: when,
        timezone,
        parameters,
        release_tag,
        enabled,
        paused_with: _,
        policies: SchedulePolicies { misfire, overlap },
        anchor: _,
        progress: ScheduleProgress { next_at, queued, skipped },
        due_at: _,
        last_execution: _,
        created_by,
    } = document;
    wire::Schedule {
        id: id.abi(),
        workflow_id: workflow.abi(),
        workflow_name,
        name,
        description: description.as_deref(),
        timing: timing_body(when),
        parameters,
        release_tag: release_tag.as_deref(),
        enabled: *enabled,
        timezone,
        misfire_policy: misfire.name(),
        overlap_policy: overlap.name(),
        next_execution: next_at.map(Time),
        last_execution: last.as_ref().map(last_execution),
        last_skipped: skipped.as_ref().map(last_skipped),
        queued_executions: queued.len(),
        created_at: Time(*created_at),
        updated_at: Time(*updated_at),
        created_by: creator_id(*created_by),
        warnings: warnings_body(warnings),
    }
}

/// A schedule in a list.
pub fn schedule_item(view: &ScheduleView) -> wire::ScheduleItem<'_> {
    let ScheduleView { record, workflow_name, last: _, warnings: _ } = view;
    let schedule = &record.document;
    wire::ScheduleItem {
        id: record.id.abi(),
        workflow_id: schedule.workflow.abi(),
        workflow_name,
        name: &schedule.name,
        description: schedule.description.as_deref(),
        timing: timing_body(&schedule.timing),
        enabled: schedule.enabled,
        timezone: &schedule.timezone,
        next_execution: schedule.progress.next_at.map(Time),
        created_at: Time(record.created_at),
        updated_at: Time(record.updated_at),
    }
}

fn timing_body(timing: &ScheduleTiming) -> wire::Timing<'_> {
    let schedule_type = timing.type_name();
    let none = wire::Timing { schedule_type, ..wire::Timing::default() };
    match timing {
        ScheduleTiming::Cron { expression } => {
            wire::Timing { cron_expression: Some(expression), ..none }
        }
        ScheduleTiming::Interval { value, unit } => {
            wire::Timing { interval_value: Some(*value), interval_unit: Some(unit.name()), ..none }
        }
        ScheduleTiming::FixedTime { at } => {
            wire::Timing { execution_time: Some(Time(*at)), ..none }
        }
    }
}

fn last_execution(record: &ExecutionRecord) -> wire::LastExecution {
    wire::LastExecution {
        execution_id: record.id.abi(),
        status: record.status.into(),
        started_at: record.started_at.map(Time),
        completed_at: record.ended_at.map(Time),
    }
}

fn last_skipped(skipped: &SkippedFiring) -> wire::Skipped<'_> {
    let SkippedFiring { scheduled_at, at, code, message } = skipped;
    wire::Skipped { scheduled_at: Time(*scheduled_at), skipped_at: Time(*at), code, message }
}

pub fn triggered_body(triggered: Triggered) -> wire::TriggeredSchedule {
    let Triggered { execution, schedule } = triggered;
    wire::TriggeredSchedule {
        execution_id: execution.abi(),
        workflow_id: schedule.document.workflow.abi(),
        schedule_id: schedule.id.abi(),
        status: Status::Running.into(),
        parameters: schedule.document.parameters,
    }
}

/// What became of many.
pub fn selection_body(changed: SelectionChanged) -> wire::SelectionChanged {
    let SelectionChanged { matched, changed } = changed;
    wire::SelectionChanged { matched, changed }
}

/// A firing.
pub fn firing_body(at: Timestamp, local_time: String) -> wire::Firing {
    wire::Firing { time: Time(at), local_time }
}
