//! How a step run begins: its condition, its input and configuration, then its action.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value;

use super::advance::Transition;
use super::bind;
use super::event::{Event, SkipReason};
use super::failure::{Failure, codes};
use super::flow::{Readiness, readiness};
use super::input::{Command, Refused};
use super::scope::ExecutionScope;
use super::step_run_id::StepRunId;
use super::step_runs::StepState;
use crate::definition::plan::{Plan, PlanStep};
use crate::expr::{
    Budget, EvalError, EvalErrorKind, Rendered, Scope as _, SecretInsertion, place_under,
};
use crate::{MAX_VALUE_DEPTH, nests_deeper};

impl Transition<'_> {
    /// Begins a step run that is ready.
    pub(super) fn begin(&mut self, plan: &Plan, id: &StepRunId) {
        let planned = &plan[id.step];
        let scope = ExecutionScope::within(self.execution, &self.budget);
        if let Some(when) = &planned.when {
            match when.eval_bool(&scope) {
                Ok(true) => {}
                Ok(false) => return self.skip(id, SkipReason::Condition),
                Err(error) => return self.not_prepared(id, Unprepared::of("when", &error)),
            }
        }
        let given = self.execution.given.as_ref().filter(|given| given.step == *id);
        let given = given.map(|given| given.input.clone());
        match prepare(planned, &scope, given) {
            Ok(prepared) => self.act(planned, id, prepared),
            Err(unprepared) => self.not_prepared(id, unprepared),
        }
    }

    fn act(&mut self, planned: &PlanStep, id: &StepRunId, prepared: Prepared) {
        let Prepared { input, config, secrets } = prepared;
        self.record(Event::StepStarted {
            step: id.clone(),
            attempt: 1,
            input: Some(input.clone()),
            config: (!planned.config.is_static()).then(|| config.clone()),
            secrets,
        });
        self.start_action(planned, id, input, &config);
    }

    fn not_prepared(&mut self, id: &StepRunId, why: Unprepared) {
        match why {
            Unprepared::Failed(failure) => self.settle_failed(id, failure),
            // The step stays as it is, so that a later input can begin it.
            Unprepared::NeedsFullBudget => {
                self.command(Command::Evaluate { step: Some(id.clone()) });
            }
            Unprepared::Interrupted => self.is_interrupted = true,
        }
    }

    /// Starts a step, or completes the execution, with the whole budget for its evaluation.
    pub(super) fn evaluate(&mut self, step: Option<StepRunId>) -> Result<(), Refused> {
        match step {
            Some(id) => {
                let plan = self.execution.origin.plan.clone();
                self.require_startable(&plan, &id)?;
                self.begin(&plan, &id);
            }
            None if !self.execution.steps.are_settled() => return Err(Refused::Stale),
            None => self.complete_if_settled(),
        }
        if self.is_interrupted {
            return Err(Refused::Interrupted);
        }
        // Only that one was to be evaluated off the runtime's threads.
        self.budget = RefCell::new(Budget::inline());
        self.start_reached();
        Ok(())
    }

    /// The evaluation of a step, or of the outputs, was given up.
    pub(super) fn evaluation_failed(
        &mut self,
        step: Option<StepRunId>,
        failure: Failure,
    ) -> Result<(), Refused> {
        let Some(id) = step else {
            self.end(Event::Failed { error: failure });
            return Ok(());
        };
        let plan = self.execution.origin.plan.clone();
        self.require_startable(&plan, &id)?;
        self.settle_failed(&id, failure);
        self.start_reached();
        Ok(())
    }

    fn require_startable(&self, plan: &Plan, id: &StepRunId) -> Result<(), Refused> {
        let run = self.execution.steps.get(id);
        let is_pending = run.is_some_and(|run| run.state == StepState::Pending);
        match is_pending && readiness(plan, self.execution, id) == Readiness::Start {
            true => Ok(()),
            false => Err(Refused::Stale),
        }
    }
}

/// What a step is given.
struct Prepared {
    input: Arc<Value>,
    config: Arc<Value>,
    /// The secrets that are inserted into both; `None`: the definition names none.
    secrets: Option<Vec<SecretInsertion>>,
}

/// Why a step is not prepared.
enum Unprepared {
    /// It cannot be: the step fails.
    Failed(Failure),
    /// Its evaluation does not fit in the inline budget.
    NeedsFullBudget,
    /// Its evaluation was interrupted.
    Interrupted,
}

impl Unprepared {
    fn of(field: &str, error: &EvalError) -> Self {
        match error.kind {
            EvalErrorKind::NeedsFullBudget => Self::NeedsFullBudget,
            EvalErrorKind::Interrupted => Self::Interrupted,
            kind => Self::failed(evaluation_code(kind), format!("{field}: {error}")),
        }
    }

    fn failed(code: &str, message: String) -> Self {
        Self::Failed(Failure::new(code, message))
    }
}

/// `given`: the input instead of the one that the binding makes; it was checked when it was taken.
fn prepare(
    planned: &PlanStep,
    scope: &ExecutionScope<'_>,
    given: Option<Arc<Value>>,
) -> Result<Prepared, Unprepared> {
    let mut input = match given {
        Some(given) => Rendered { value: given, insertions: Vec::new() },
        None => bind::input(planned, scope).map_err(|error| Unprepared::of("input", &error))?,
    };
    let mut config =
        planned.config.render(scope).map_err(|error| Unprepared::of("config", &error))?;
    let secrets = (!planned.secrets.is_empty()).then(|| {
        place_under(&mut input.insertions, "input");
        place_under(&mut config.insertions, "config");
        [input.insertions, config.insertions].concat()
    });
    let (input, config) = (input.value, config.value);
    for (field, value) in [("input", &input), ("config", &config)] {
        if nests_deeper(value, MAX_VALUE_DEPTH) {
            return Err(Unprepared::failed(codes::VALUE_TOO_DEEP, too_deep(field)));
        }
    }
    let mut left = scope.budget().inline_left();
    let checks = planned.check(&input, &config, left.as_mut());
    if let (Some(left), Some(before)) = (left, scope.budget().inline_left()) {
        scope.spend(before - left);
    }
    let checks = checks.ok_or(Unprepared::NeedsFullBudget)?;
    checks.map_err(|problems| Unprepared::failed(codes::STEP_INPUT, problems.to_string()))?;
    Ok(Prepared { input, config, secrets })
}

/// The message for a value that is nested too deeply.
pub(super) fn too_deep(field: &str) -> String {
    format!(
        "{field}: the value is nested deeper than the {MAX_VALUE_DEPTH} levels that are allowed"
    )
}

/// The code with which a failed evaluation is reported.
pub(super) fn evaluation_code(kind: EvalErrorKind) -> &'static str {
    if kind == EvalErrorKind::Internal { codes::INTERNAL } else { codes::EXPRESSION }
}
