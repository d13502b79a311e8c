//! The start of a step run: its condition, its input and configuration, then its action.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value;

use super::advance::Transition;
use super::bind;
use super::event::{Event, SkipReason};
use super::failure::{Failure, codes};
use super::flow::{StepReadiness, step_readiness};
use super::input::{Command, TransitionError};
use super::scope::ExecutionScope;
use super::step_run_id::StepRunId;
use super::step_runs::StepState;
use crate::definition::plan::{Plan, PlanStep};
use crate::expr::{
    EvalBudget, EvalError, EvalErrorKind, EvalScope as _, RenderedValue, SecretInsertion,
    place_under,
};
use crate::{MAX_VALUE_DEPTH, nests_deeper};

impl Transition<'_> {
    /// Starts a step run that is ready.
    pub(super) fn begin_step(&mut self, plan: &Plan, id: &StepRunId) {
        let planned = &plan[id.step];
        let scope = ExecutionScope::with_budget(self.execution, &self.budget);
        if let Some(when) = &planned.when {
            match when.eval_bool(&scope) {
                Ok(true) => {}
                Ok(false) => return self.skip_step(id, SkipReason::Condition),
                Err(error) => {
                    return self
                        .not_prepared(id, PreparationError::from_eval_error("when", &error));
                }
            }
        }
        let given = self.execution.given.as_ref().filter(|given| given.step == *id);
        let given = given.map(|given| given.input.clone());
        match prepare_step(planned, &scope, given) {
            Ok(prepared) => self.start_prepared(planned, id, prepared),
            Err(unprepared) => self.not_prepared(id, unprepared),
        }
    }

    fn start_prepared(&mut self, planned: &PlanStep, id: &StepRunId, prepared: PreparedStep) {
        let PreparedStep { input, config, secrets } = prepared;
        self.record_event(Event::StepStarted {
            step: id.clone(),
            attempt: 1,
            input: Some(input.clone()),
            config: (!planned.config.is_static()).then(|| config.clone()),
            secrets,
        });
        self.start_action(planned, id, input, &config);
    }

    fn not_prepared(&mut self, id: &StepRunId, why: PreparationError) {
        match why {
            PreparationError::Failed(failure) => self.settle_failed(id, failure),
            // The step stays pending, so that a later input can start it.
            PreparationError::NeedsFullBudget => {
                self.push_command(Command::Evaluate { step: Some(id.clone()) });
            }
            PreparationError::Interrupted => self.is_interrupted = true,
        }
    }

    /// Starts a step, or completes the execution, with the full budget for its evaluation.
    pub(super) fn evaluate_pending(
        &mut self,
        step: Option<StepRunId>,
    ) -> Result<(), TransitionError> {
        match step {
            Some(id) => {
                let plan = self.execution.origin.plan.clone();
                self.require_startable(&plan, &id)?;
                self.begin_step(&plan, &id);
            }
            None if !self.execution.steps.are_settled() => return Err(TransitionError::Stale),
            None => self.complete_if_settled(),
        }
        if self.is_interrupted {
            return Err(TransitionError::Interrupted);
        }
        // The full budget is for this evaluation alone; the others run inline.
        self.budget = RefCell::new(EvalBudget::inline());
        self.start_reached();
        Ok(())
    }

    /// Fails the step, or the execution, whose evaluation failed.
    pub(super) fn evaluation_failed(
        &mut self,
        step: Option<StepRunId>,
        failure: Failure,
    ) -> Result<(), TransitionError> {
        let Some(id) = step else {
            self.end_execution(Event::Failed { error: failure });
            return Ok(());
        };
        let plan = self.execution.origin.plan.clone();
        self.require_startable(&plan, &id)?;
        self.settle_failed(&id, failure);
        self.start_reached();
        Ok(())
    }

    fn require_startable(&self, plan: &Plan, id: &StepRunId) -> Result<(), TransitionError> {
        let run = self.execution.steps.get(id);
        let is_pending = run.is_some_and(|run| run.state == StepState::Pending);
        match is_pending && step_readiness(plan, self.execution, id) == StepReadiness::Start {
            true => Ok(()),
            false => Err(TransitionError::Stale),
        }
    }
}

/// The evaluated input and configuration of a step.
struct PreparedStep {
    input: Arc<Value>,
    config: Arc<Value>,
    /// The secrets that are inserted into both; `None`: the definition refers to none.
    secrets: Option<Vec<SecretInsertion>>,
}

/// Why a step could not be prepared.
enum PreparationError {
    /// A permanent error: the step fails.
    Failed(Failure),
    /// Its evaluation does not fit in the inline budget.
    NeedsFullBudget,
    /// Its evaluation was interrupted.
    Interrupted,
}

impl PreparationError {
    fn from_eval_error(field: &str, error: &EvalError) -> Self {
        match error.kind {
            EvalErrorKind::NeedsFullBudget => Self::NeedsFullBudget,
            EvalErrorKind::Interrupted => Self::Interrupted,
            kind => Self::failed_with(evaluation_code(kind), format!("{field}: {error}")),
        }
    }

    fn failed_with(code: &str, message: String) -> Self {
        Self::Failed(Failure::new(code, message))
    }
}

/// Evaluates and checks input and configuration. `given` replaces the input of the binding; it was
/// checked when the rerun was requested.
fn prepare_step(
    planned: &PlanStep,
    scope: &ExecutionScope<'_>,
    given: Option<Arc<Value>>,
) -> Result<PreparedStep, PreparationError> {
    let mut input = match given {
        Some(given) => RenderedValue { value: given, insertions: Vec::new() },
        None => bind::bind_input(planned, scope)
            .map_err(|error| PreparationError::from_eval_error("input", &error))?,
    };
    let mut config = planned
        .config
        .render_value(scope)
        .map_err(|error| PreparationError::from_eval_error("config", &error))?;
    let secrets = (!planned.secrets.is_empty()).then(|| {
        place_under(&mut input.insertions, "input");
        place_under(&mut config.insertions, "config");
        [input.insertions, config.insertions].concat()
    });
    let (input, config) = (input.value, config.value);
    for (field, value) in [("input", &input), ("config", &config)] {
        if nests_deeper(value, MAX_VALUE_DEPTH) {
            return Err(PreparationError::failed_with(codes::VALUE_TOO_DEEP, too_deep(field)));
        }
    }
    let mut left = scope.budget().inline_left();
    let checks = planned.check_values(&input, &config, left.as_mut());
    if let (Some(left), Some(before)) = (left, scope.budget().inline_left()) {
        scope.spend_units(before - left);
    }
    let checks = checks.ok_or(PreparationError::NeedsFullBudget)?;
    checks.map_err(|problems| {
        PreparationError::failed_with(codes::STEP_INPUT, problems.to_string())
    })?;
    Ok(PreparedStep { input, config, secrets })
}

/// The error message for a value that is nested too deeply.
pub(super) fn too_deep(field: &str) -> String {
    format!(
        "{field}: the value is nested deeper than the {MAX_VALUE_DEPTH} levels that are allowed"
    )
}

/// The code with which a failed evaluation is reported.
pub(super) fn evaluation_code(kind: EvalErrorKind) -> &'static str {
    if kind == EvalErrorKind::Internal { codes::INTERNAL } else { codes::EXPRESSION }
}
