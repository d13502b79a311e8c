//! The start of a step run: its condition, its input and configuration, then its action.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value;

use super::advance::Transition;
use super::bind;
use super::blocks::{BlockProgress, choose_body};
use super::compensation::MAX_COMPENSATIONS;
use super::event::{Event, SkipReason};
use super::failure::{Failure, codes};
use super::flow::{StepReadiness, step_readiness};
use super::input::{Command, TransitionError};
use super::scope::ExecutionScope;
use super::step_run::StepState;
use super::step_run_id::{AttemptId, StepRunId};
use crate::catalog::StepAction;
use crate::definition::concurrency::{ConcurrencyPlace, KeyError};
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
        if planned.compensation.is_some() && self.execution.compensations.is_full() {
            let message = format!(
                "at most {MAX_COMPENSATIONS} completed steps of an execution can have a \
                 compensation; split the work into several executions"
            );
            return self.settle_failed(id, Failure::new(codes::COMPENSATION_LIMIT, message));
        }
        if planned.join_count.is_some()
            && let Err(failure) = self.execution.computed_join(planned)
        {
            return self.settle_failed(id, failure);
        }
        let scope = self.decision_scope().of_step(id);
        if let Some(when) = &planned.when {
            match when.eval_bool(&scope) {
                Ok(true) => {}
                Ok(false) => return self.skip_step(id, SkipReason::Condition),
                Err(error) => {
                    return self.not_prepared(id, EvaluationError::from_eval_error("when", &error));
                }
            }
        }
        let given = self.execution.given.as_ref().filter(|given| given.step == *id);
        let given = given.map(|given| given.input.clone());
        match prepare_step(planned, &scope, given) {
            Ok(PreparedStep { body: None, .. }) => self.skip_step(id, SkipReason::Condition),
            Ok(prepared) => {
                self.cancel_rest(plan, id);
                self.start_prepared(planned, id, prepared);
            }
            Err(unprepared) => self.not_prepared(id, unprepared),
        }
    }

    fn start_prepared(&mut self, planned: &PlanStep, id: &StepRunId, prepared: PreparedStep) {
        let PreparedStep { input, config, secrets, body, place } = prepared;
        self.record_event(Event::StepStarted {
            step: id.clone(),
            attempt: 1,
            input: Some(input.clone()),
            config: (!planned.config.is_static()).then(|| config.clone()),
            secrets,
        });
        if let Some(place) = place {
            return self.await_place(AttemptId { step_run: id.clone(), attempt: 1 }, place);
        }
        match planned.action {
            StepAction::Block => self.start_block(planned, id, body.unwrap_or_default()),
            _ => self.start_action(planned, id, input, &config),
        }
    }

    fn not_prepared(&mut self, id: &StepRunId, why: EvaluationError) {
        match why {
            EvaluationError::Failed(failure) => self.settle_failed(id, failure),
            // The step stays pending, so that a later input can start it.
            EvaluationError::NeedsFullBudget => {
                self.push_command(Command::Evaluate { step: Some(id.clone()) });
            }
            EvaluationError::Interrupted => self.is_interrupted = true,
        }
    }

    /// Starts a step, or completes the execution, with the full budget for its evaluation.
    pub(super) fn evaluate_pending(
        &mut self,
        step: Option<StepRunId>,
    ) -> Result<(), TransitionError> {
        self.is_single_evaluation = true;
        match step {
            Some(id) if self.execution.steps.block(&id).is_some() => self.continue_block(&id),
            Some(id) => {
                let plan = self.execution.origin.plan.clone();
                self.require_startable(&plan, &id)?;
                self.begin_step(&plan, &id);
            }
            None if !self.execution.steps.are_settled() || self.execution.ending.is_some() => {
                return Err(TransitionError::Stale);
            }
            None => self.complete_if_settled(),
        }
        if self.is_interrupted {
            return Err(TransitionError::Interrupted);
        }
        self.is_single_evaluation = false;
        self.budget = RefCell::new(EvalBudget::inline());
        self.start_reached();
        Ok(())
    }

    /// Fails the step, or the execution, whose evaluation failed.
    pub(super) fn evaluation_failed(
        &mut self,
        step: Option<StepRunId>,
        progress: Option<BlockProgress>,
        failure: Failure,
    ) -> Result<(), TransitionError> {
        // A block was evaluated before it started, or for what has been decided since.
        if self.execution.block_progress(step.as_ref()) != progress {
            return Err(TransitionError::Stale);
        }
        let Some(id) = step else {
            if self.execution.ending.is_some() {
                return Err(TransitionError::Stale);
            }
            self.end_execution(Event::Failed { error: failure });
            return Ok(());
        };
        if let Some(block) = self.execution.steps.block(&id) {
            if !self.execution.is_block_pending(&id, block) {
                return Err(TransitionError::Stale);
            }
            self.fail_block(&id, failure);
        } else {
            let plan = self.execution.origin.plan.clone();
            self.require_startable(&plan, &id)?;
            self.settle_failed(&id, failure);
        }
        self.start_reached();
        Ok(())
    }

    fn require_startable(&self, plan: &Plan, id: &StepRunId) -> Result<(), TransitionError> {
        let steps = &self.execution.steps;
        let is_known = plan.step(id.step).is_some() && steps.is_reachable(plan, id);
        let is_pending =
            is_known && steps.run(id).state == StepState::Pending && self.execution.may_start(id);
        // Compensations and the block of `on_failure` have no place in the graph.
        let is_ready = is_pending
            && (!plan[id.step].role.is_regular()
                || step_readiness(plan, self.execution, id) == StepReadiness::Start);
        match is_ready {
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
    /// The body with which a block begins; 0 for other steps. `None`: the block is bypassed.
    body: Option<u32>,
    /// The place that its attempts need; `None`: none.
    place: Option<ConcurrencyPlace>,
}

/// Why expressions could not be evaluated, or their values cannot be used.
pub(super) enum EvaluationError {
    /// A permanent error: the step fails.
    Failed(Failure),
    /// Its evaluation does not fit in the inline budget.
    NeedsFullBudget,
    /// Its evaluation was interrupted.
    Interrupted,
}

impl EvaluationError {
    pub(super) fn from_eval_error(field: &str, error: &EvalError) -> Self {
        match error.kind {
            EvalErrorKind::NeedsFullBudget => Self::NeedsFullBudget,
            EvalErrorKind::Interrupted => Self::Interrupted,
            kind => Self::failed_with(evaluation_code(kind), format!("{field}: {error}")),
        }
    }

    pub(super) fn failed_with(code: &str, message: String) -> Self {
        Self::Failed(Failure::new(code, message))
    }
}

/// Evaluates and checks input and configuration. `given` replaces the input of the binding; it was
/// checked when the rerun was requested.
fn prepare_step(
    planned: &PlanStep,
    scope: &ExecutionScope<'_>,
    given: Option<Arc<Value>>,
) -> Result<PreparedStep, EvaluationError> {
    let mut input = match given {
        Some(given) => RenderedValue { value: given, insertions: Vec::new() },
        None => bind::bind_input(planned, scope)
            .map_err(|error| EvaluationError::from_eval_error("input", &error))?,
    };
    let mut config = planned
        .config
        .render_value(scope)
        .map_err(|error| EvaluationError::from_eval_error("config", &error))?;
    let secrets = (!planned.secrets.is_empty()).then(|| {
        place_under(&mut input.insertions, "input");
        place_under(&mut config.insertions, "config");
        [input.insertions, config.insertions].concat()
    });
    let (input, config) = (input.value, config.value);
    for (field, value) in [("input", &input), ("config", &config)] {
        if nests_deeper(value, MAX_VALUE_DEPTH) {
            return Err(EvaluationError::failed_with(codes::VALUE_TOO_DEEP, too_deep(field)));
        }
    }
    let mut left = scope.budget().inline_left();
    let checks = planned.check_values(&input, &config, left.as_mut());
    if let (Some(left), Some(before)) = (left, scope.budget().inline_left()) {
        scope.spend_units(before - left);
    }
    let checks = checks.ok_or(EvaluationError::NeedsFullBudget)?;
    checks.map_err(|problems| {
        EvaluationError::failed_with(codes::STEP_INPUT, problems.to_string())
    })?;
    let body = match &planned.block {
        Some(block) => choose_body(block, scope, &input)
            .map_err(|error| EvaluationError::from_eval_error("cases", &error))?,
        None => Some(0),
    };
    let place = planned.concurrency.as_ref().map(|limits| limits.place_in(scope));
    let place = place.transpose().map_err(|error| match error {
        KeyError::Evaluation(error) => EvaluationError::from_eval_error("concurrency.key", &error),
        error => EvaluationError::failed_with(codes::CONCURRENCY_KEY, error.to_string()),
    })?;
    Ok(PreparedStep { input, config, secrets, body, place })
}

/// The error message for a value that is nested too deeply.
pub(super) fn too_deep(field: &str) -> String {
    format!(
        "{field}: the value is nested deeper than the {MAX_VALUE_DEPTH} levels that are allowed"
    )
}

/// The code with which a failed evaluation is reported.
pub(super) fn evaluation_code(kind: EvalErrorKind) -> &'static str {
    match kind {
        EvalErrorKind::Internal => codes::INTERNAL,
        EvalErrorKind::UnknownVariable => codes::UNKNOWN_VARIABLE,
        _ => codes::EXPRESSION,
    }
}
