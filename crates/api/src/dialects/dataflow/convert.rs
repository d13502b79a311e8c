//! Between this dialect's bodies and the domain. Domain structs are taken apart field by field, so
//! that a new one breaks the build here on purpose.

use std::collections::HashMap;

use stepwell_core::catalog::StepSpec;
use stepwell_core::definition::model::StepRole;
use stepwell_core::definition::plan::Plan;
use stepwell_core::execution::{Failure, SkipReason, Status, StepRunId};
use stepwell_engine::app::WorkflowView;
use stepwell_engine::view::{
    AttemptFailure, AttemptView, ExecutionView, ExecutionWait, LogLine, StepStatus, StepView,
    StepWait,
};
use stepwell_store::lists::{List, ListFilter, Page, PageStart};
use stepwell_store::record::{ExecutionRecord, WorkflowRecord, WorkflowStats};

use super::errors::warnings_body;
use super::wire;
use crate::error::ApiError;
use crate::large::SharedPlace;
use crate::query::{Params, invalid_parameter};
use crate::respond::Time;

/// The page of a list that `limit` and `cursor` request, newest first.
pub fn read_list<F: ListFilter>(params: &Params, filter: F) -> Result<List<F, String>, ApiError> {
    let start = params.cursor()?.map_or(PageStart::Skip(0), PageStart::After);
    Ok(List::first_page(filter, params.limit()?).starting_at(start))
}

/// `status` of a list of workflows.
pub fn active_filter(params: &Params) -> Result<Option<bool>, ApiError> {
    match params.one("status")? {
        None => Ok(None),
        Some(text) if text.eq_ignore_ascii_case("active") => Ok(Some(true)),
        Some(text) if text.eq_ignore_ascii_case("inactive") => Ok(Some(false)),
        Some(other) => Err(invalid_parameter("status", "active or inactive", other)),
    }
}

/// `status` of a list of executions: one or several, by comma or repeated.
pub fn status_filter(params: &Params) -> Result<Vec<Status>, ApiError> {
    let mut statuses = Vec::new();
    for text in params.all("status").flat_map(|value| value.split(',')) {
        if text.trim().eq_ignore_ascii_case(Status::Waiting.name()) {
            statuses.push(Status::Waiting);
            continue;
        }
        let status: wire::ExecutionStatus = text.trim().parse().map_err(|()| {
            let names = wire::ExecutionStatus::ALL.map(wire::ExecutionStatus::name);
            invalid_parameter("status", &format!("one of {}, WAITING", names.join(", ")), text)
        })?;
        let meant = Status::ALL.into_iter().filter(|s| wire::ExecutionStatus::from(*s) == status);
        statuses.extend(meant);
    }
    Ok(statuses)
}

impl From<Status> for wire::ExecutionStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Queued => Self::Pending,
            Status::Running | Status::Waiting => Self::Running,
            Status::Paused => Self::Paused,
            Status::Completed => Self::Completed,
            Status::Failed | Status::TimedOut => Self::Failed,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

impl From<StepStatus> for wire::TaskStatus {
    fn from(status: StepStatus) -> Self {
        match status {
            StepStatus::Pending => Self::Pending,
            StepStatus::Running | StepStatus::Waiting => Self::Running,
            StepStatus::Completed => Self::Completed,
            StepStatus::Failed => Self::Failed,
            StepStatus::Skipped => Self::Skipped,
            StepStatus::Cancelled => Self::Cancelled,
            StepStatus::NotReached => Self::NotReached,
        }
    }
}

const fn workflow_status(active: bool) -> wire::WorkflowStatus {
    if active { wire::WorkflowStatus::Active } else { wire::WorkflowStatus::Inactive }
}

impl<'a> From<&'a Page<WorkflowRecord>> for wire::WorkflowPage<'a> {
    fn from(page: &'a Page<WorkflowRecord>) -> Self {
        let Page { items, next, total: _ } = page;
        Self { workflows: items.iter().map(Into::into).collect(), next_cursor: next.as_deref() }
    }
}

impl<'a> From<&'a WorkflowRecord> for wire::WorkflowRow<'a> {
    fn from(record: &'a WorkflowRecord) -> Self {
        let WorkflowRecord {
            id,
            workspace: _,
            name,
            active,
            release: _,
            created_at,
            updated_at,
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
        } = record;
        Self {
            workflow_id: id.dataflow(),
            name,
            status: workflow_status(*active),
            created_at: Time(*created_at),
            updated_at: Time(*updated_at),
        }
    }
}

impl<'a> From<&'a WorkflowView> for wire::Workflow<'a> {
    fn from(view: &'a WorkflowView) -> Self {
        let WorkflowView { record, source, plan } = view;
        let wire::WorkflowRow { workflow_id, name, status, created_at, updated_at } = record.into();
        Self {
            workflow_id,
            name,
            status,
            release: record.release,
            created_at,
            updated_at,
            metadata: &record.metadata,
            definition: source,
            input_schema: &plan.input_schema,
            steps: workflow_steps(plan),
            warnings: None,
        }
    }
}

fn workflow_steps(plan: &Plan) -> Vec<wire::WorkflowStep<'_>> {
    plan.steps
        .iter()
        .map(|step| wire::WorkflowStep {
            step_id: &step.id,
            type_name: step.type_name,
            after: plan.previous_steps(step).collect(),
            effect: step.effect.name(),
            input_schema: &step.input_schema,
            output_schema: &step.output_schema,
        })
        .collect()
}

impl<'a> From<&'a ExecutionView> for wire::Execution<'a> {
    fn from(view: &'a ExecutionView) -> Self {
        let (completed, total) = view.progress();
        let ExecutionView {
            record,
            input,
            output,
            error,
            release_tag,
            rerun_of,
            variables: _,
            waiting,
            warnings,
            steps,
            memory: _,
        } = view;
        let wire::ExecutionRow {
            execution_id,
            status,
            created_at,
            started_at,
            completed_at,
            parent_execution_id,
        } = record.into();
        Self {
            execution_id,
            workflow_id: record.workflow.dataflow(),
            status,
            tasks: task_tree(steps),
            input: SharedPlace(input),
            output: output.as_ref().map(SharedPlace),
            error: error.as_ref().map(Into::into),
            waiting: waiting.as_ref().map(Into::into),
            progress: wire::Progress { completed, total },
            release: record.release,
            release_tag: release_tag.as_deref(),
            rerun_of: rerun_of.map(|id| id.dataflow()),
            parent_execution_id,
            parent_step_id: record.parent.as_ref().map(|parent| parent.step.as_str()),
            created_at,
            started_at,
            completed_at,
            warnings: warnings_body(warnings),
        }
    }
}

/// The tasks outside of blocks, with those inside as their children.
fn task_tree(steps: &[StepView]) -> Vec<wire::Task<'_>> {
    if steps.iter().all(|step| step.parent.is_none()) {
        return steps.iter().map(Into::into).collect();
    }
    // What is inside a block comes behind it: from the end, all children of a task are known.
    let mut children: HashMap<Option<&StepRunId>, Vec<wire::Task<'_>>> = HashMap::new();
    for step in steps.iter().rev() {
        let mut task = wire::Task::from(step);
        if let Some(mut inside) = children.remove(&Some(&step.step_run)) {
            inside.reverse();
            task.children = inside;
        }
        children.entry(step.parent.as_ref()).or_default().push(task);
    }
    let mut top = children.remove(&None).unwrap_or_default();
    top.reverse();
    top
}

impl<'a> From<&'a StepView> for wire::Task<'a> {
    fn from(view: &'a StepView) -> Self {
        let StepView {
            step_run: _,
            run_id,
            step_id,
            type_name,
            status,
            input,
            output,
            error,
            attempt_count,
            attempts,
            waiting,
            config,
            started_at,
            ended_at,
            skip_reason,
            reused,
            parent: _,
            child,
            role,
        } = view;
        Self {
            children: Vec::new(),
            task_id: run_id.dataflow(),
            type_name,
            status: (*status).into(),
            input: input.as_ref().map(SharedPlace),
            output: output.as_ref().map(SharedPlace),
            // The error of an attempt that is tried again is in `attempts`, not here.
            error: error.as_ref().filter(|_| *status == StepStatus::Failed).map(task_failure),
            step_id,
            attempt: *attempt_count,
            attempts: attempts.iter().map(Into::into).collect(),
            waiting: waiting.as_ref().map(Into::into),
            skip_reason: skip_reason.map(SkipReason::name),
            reused: *reused,
            compensates: match role {
                StepRole::Compensation(step) => Some(step),
                StepRole::Regular | StepRole::FailureHandler => None,
            },
            config: config.as_ref().map(|config| SharedPlace(&config.value)),
            config_truncated: config.as_ref().is_some_and(|config| config.is_shortened),
            child_execution_id: child.as_ref().map(|child| child.execution.dataflow()),
            started_at: started_at.map(Time),
            completed_at: ended_at.map(Time),
        }
    }
}

impl<'a> From<&'a AttemptView> for wire::TaskAttempt<'a> {
    fn from(attempt: &'a AttemptView) -> Self {
        let AttemptView { number, status, started_at, ended_at, error, next_at } = attempt;
        Self {
            attempt: *number,
            status: (*status).into(),
            started_at: Time(*started_at),
            completed_at: ended_at.map(Time),
            error: error.as_ref().map(Into::into),
            next_attempt_at: next_at.map(Time),
        }
    }
}

impl<'a> From<&'a AttemptFailure> for wire::AttemptFailure<'a> {
    fn from(AttemptFailure { code, message }: &'a AttemptFailure) -> Self {
        Self { code, message }
    }
}

impl<'a> From<&'a ExecutionWait> for wire::ExecutionWait<'a> {
    fn from(wait: &'a ExecutionWait) -> Self {
        let ExecutionWait { reason, step_id, until, signal, place } = wait;
        let key_of_place = place.as_ref().and_then(|place| place.key.as_deref());
        Self {
            reason: reason.name(),
            step_id: step_id.as_deref(),
            until: until.map(Time),
            signal: signal.as_ref().map(|signal| signal.name.as_str()),
            key: signal.as_ref().and_then(|signal| signal.key.as_deref()).or(key_of_place),
            limit: place.as_ref().map(|place| place.limit),
            position: place.as_ref().and_then(|place| place.position),
        }
    }
}

impl<'a> From<&'a StepWait> for wire::TaskWait<'a> {
    fn from(StepWait { reason, until, signal, place }: &'a StepWait) -> Self {
        let key_of_place = place.as_ref().and_then(|place| place.key.as_deref());
        Self {
            reason: reason.name(),
            until: until.map(Time),
            signal: signal.as_ref().map(|signal| signal.name.as_str()),
            key: signal.as_ref().and_then(|signal| signal.key.as_deref()).or(key_of_place),
            limit: place.as_ref().map(|place| place.limit),
            position: place.as_ref().and_then(|place| place.position),
        }
    }
}

impl<'a> From<&'a Failure> for wire::Failure<'a> {
    fn from(failure: &'a Failure) -> Self {
        let Failure { code, message, step, attempt, details } = failure;
        Self { code, message, step_id: step.as_deref(), attempt: *attempt, details }
    }
}

/// A task's failure: its step and attempt are the task's own.
fn task_failure(failure: &Failure) -> wire::Failure<'_> {
    wire::Failure { step_id: None, attempt: None, ..failure.into() }
}

impl<'a> From<&'a Page<ExecutionRecord>> for wire::ExecutionPage<'a> {
    fn from(page: &'a Page<ExecutionRecord>) -> Self {
        let Page { items, next, total: _ } = page;
        Self { executions: items.iter().map(Into::into).collect(), next_cursor: next.as_deref() }
    }
}

impl From<&ExecutionRecord> for wire::ExecutionRow {
    fn from(record: &ExecutionRecord) -> Self {
        let ExecutionRecord {
            id,
            workspace: _,
            workflow: _,
            release: _,
            status,
            seq: _,
            created_at,
            started_at,
            ended_at,
            wake_at: _,
            owner: _,
            external_id: _,
            metadata: _,
            webhook_url: _,
            callback_url: _,
            started_by: _,
            parent,
            concurrency: _,
        } = record;
        Self {
            execution_id: id.dataflow(),
            status: (*status).into(),
            created_at: Time(*created_at),
            started_at: started_at.map(Time),
            completed_at: ended_at.map(Time),
            parent_execution_id: parent.as_ref().map(|parent| parent.execution.dataflow()),
        }
    }
}

impl<'a> From<&'a LogLine> for wire::LogLine<'a> {
    fn from(line: &'a LogLine) -> Self {
        let LogLine { seq, at, step_id, level, message } = line;
        Self { sequence: *seq, timestamp: Time(*at), step_id: step_id.as_deref(), level, message }
    }
}

/// A workflow's counts, under its id.
pub fn stats_body(workflow_id: String, stats: &WorkflowStats) -> wire::Stats {
    let WorkflowStats { completed, failed, timed_out, cancelled, active, total_micros, timed } =
        *stats;
    let ended = completed + failed + timed_out + cancelled;
    wire::Stats {
        workflow_id,
        total: ended + active,
        active,
        completed,
        failed,
        timed_out,
        cancelled,
        success_rate: (ended > 0).then(|| completed as f64 / ended as f64),
        average_duration_ms: (timed > 0).then(|| total_micros as f64 / timed as f64 / 1000.0),
    }
}

impl<'a> From<&'a StepSpec> for wire::StepType<'a> {
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
            is_source: _,
            check: _,
            check_input: _,
            effect,
            effect_of: _,
            action: _,
            block,
            sensitive,
            ports,
            examples,
        } = spec;
        Self {
            type_name: name,
            aliases,
            description: summary,
            documentation: doc,
            category,
            effect: effect.name(),
            configuration_schema: config,
            input_schema: input,
            output_schema: output,
            block_schema: block.as_ref(),
            default_input: *default_input,
            default_output: *default_output,
            ports,
            secret_fields: sensitive,
            examples,
        }
    }
}
