//! Dry runs: from requests, and to bodies.

use std::time::Duration;

use serde_json::Value;
use stepwell_core::ids::WorkflowId;
use stepwell_core::{Map, Problem, Timestamp};
use stepwell_engine::AppError;
use stepwell_engine::app::{BranchTrace, DryRunReport, DryRunRequest, DryRunTarget, StepTrace};

use super::wire;
use crate::error::{ApiError, Kind};
use crate::fields::{Fields, FromFields as _};

/// Reads a dry run of a definition.
pub(super) fn definition_request(mut fields: Fields) -> Result<DryRunRequest, ApiError> {
    let wire::DryRunDefinition { definition, parameters, mocks, vars, now } =
        wire::DryRunDefinition::read(&mut fields);
    let options = DryRunOptions { parameters, mocks, vars, now };
    let target = DryRunTarget::Definition(Value::Object(definition));
    options.into_request(fields, target)
}

/// Reads a dry run of a workflow.
pub(super) fn workflow_request(
    mut fields: Fields,
    id: WorkflowId,
) -> Result<DryRunRequest, ApiError> {
    let wire::DryRunWorkflow { parameters, mocks, vars, now } =
        wire::DryRunWorkflow::read(&mut fields);
    let options = DryRunOptions { parameters, mocks, vars, now };
    options.into_request(fields, DryRunTarget::Workflow(id))
}

/// What both requests have.
struct DryRunOptions {
    parameters: Option<Map>,
    mocks: Option<Map>,
    vars: Option<Map>,
    now: Option<String>,
}

impl DryRunOptions {
    fn into_request(
        self,
        mut fields: Fields,
        target: DryRunTarget,
    ) -> Result<DryRunRequest, ApiError> {
        let Self { parameters, mocks, vars, now } = self;
        let parsed = now.as_deref().map(Timestamp::parse);
        if parsed == Some(None) {
            let message = "must be an RFC 3339 time, such as 2026-01-31T09:00:00Z";
            fields.push(Problem::new("now", message));
        }
        fields.finish()?;
        Ok(DryRunRequest {
            target,
            input: parameters.map(Value::Object),
            mocks: mocks.unwrap_or_default(),
            variables: vars.unwrap_or_default(),
            now: parsed.flatten(),
        })
    }
}

/// Errors in the terms of the request.
pub(super) fn dry_run_error(error: AppError) -> ApiError {
    match error {
        AppError::InvalidDefinition(_) => {
            ApiError::from(error).within(Kind::InvalidDefinition, "definition")
        }
        other => ApiError::from(other).replaced("input", "parameters"),
    }
}

/// The body about a dry run.
pub(super) fn report_body(report: &DryRunReport) -> wire::DryRun<'_> {
    let DryRunReport { status, output, error, elapsed, steps, branches, memory: _ } = report;
    wire::DryRun {
        status: (*status).into(),
        output: output.as_deref(),
        error: error.as_ref().map(Into::into),
        elapsed_ms: milliseconds(*elapsed),
        steps: steps.iter().map(step_body).collect(),
        branches: branches.iter().map(branch_body).collect(),
    }
}

fn step_body(trace: &StepTrace) -> wire::DryRunStep<'_> {
    let StepTrace {
        step,
        step_id,
        type_name,
        status,
        mocked,
        attempts,
        input,
        output,
        port,
        error,
        started,
        ended,
    } = trace;
    wire::DryRunStep {
        step,
        step_id,
        step_type: type_name,
        status: (*status).into(),
        mocked: *mocked,
        attempts: *attempts,
        input: input.as_deref(),
        output: output.as_deref(),
        port: port.as_deref(),
        error: error.as_ref().map(Into::into),
        started_after_ms: milliseconds(*started),
        ended_after_ms: ended.map(milliseconds),
    }
}

fn branch_body(trace: &BranchTrace) -> wire::DryRunBranch<'_> {
    let BranchTrace { step, branch } = trace;
    wire::DryRunBranch { step, branch }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
