//! How settled steps lead to the next ones.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

use super::advance::{Turn, index};
use super::bind;
use super::event::{Event, SkipReason};
use super::failure::{Failure, codes};
use super::input::{Command, Refused};
use super::scope::ExecutionScope;
use super::state::{Execution, Status, StepState};
use crate::catalog::Action;
use crate::definition::model::{Join, OnError};
use crate::definition::plan::{Edge, Plan, PlanStep};
use crate::expr::{
    Budget, EvalError, EvalErrorKind, Rendered, Scope as _, SecretInsertion, place_under,
};
use crate::{MAX_VALUE_DEPTH, Map, Timestamp, names, nests_deeper};

/// What an edge amounts to at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EdgeState {
    Open,
    Taken,
    NotTaken,
}

/// What to do with a step that was not reached yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readiness {
    Wait,
    Start,
    Skip,
}

impl Turn<'_> {
    /// Starts or skips what comes after a step that just settled, unless that must wait.
    pub(super) fn flow_from(&mut self, step: usize) {
        self.start(self.execution.origin.plan.steps[step].dependents.clone());
    }

    /// Looks at these steps, and at all that follow from them, and starts or skips those whose
    /// time has come.
    pub(super) fn start(&mut self, steps: Vec<usize>) {
        let plan = self.execution.origin.plan.clone();
        let mut queue = VecDeque::from(steps);
        while let Some(step) = queue.pop_front() {
            if self.execution.phase != Status::Running {
                return;
            }
            if self.execution.steps[step].state != StepState::Pending {
                continue;
            }
            match readiness(&plan, self.execution, step) {
                Readiness::Wait => {}
                Readiness::Start => self.begin(&plan, step, &mut queue),
                Readiness::Skip => self.skip(&plan, step, SkipReason::NotTaken, &mut queue),
            }
        }
        self.settle_if_done();
    }

    fn skip(&mut self, plan: &Plan, step: usize, reason: SkipReason, queue: &mut VecDeque<usize>) {
        self.record(Event::StepSkipped { step: index(step), reason });
        queue.extend(&plan.steps[step].dependents);
    }

    /// A step's time has come: its condition, then its input and configuration, then its action.
    fn begin(&mut self, plan: &Plan, step: usize, queue: &mut VecDeque<usize>) {
        let planned = &plan.steps[step];
        let scope = ExecutionScope::within(self.execution, &self.budget);
        if let Some(when) = &planned.when {
            match when.eval_bool(&scope) {
                Ok(true) => {}
                Ok(false) => return self.skip(plan, step, SkipReason::Condition, queue),
                Err(error) => {
                    let unprepared = Unprepared::of(planned, "when", &error);
                    return self.not_prepared(step, unprepared, queue);
                }
            }
        }
        let given = self.execution.given.as_ref().filter(|(given, _)| *given == step);
        let given = given.map(|(_, input)| input.clone());
        match prepare(planned, &scope, given) {
            Ok(prepared) => self.act(planned, step, prepared, queue),
            Err(unprepared) => self.not_prepared(step, unprepared, queue),
        }
    }

    fn not_prepared(&mut self, step: usize, why: Unprepared, queue: &mut VecDeque<usize>) {
        match why {
            Unprepared::Failed(failure) => self.fail_and_flow(step, failure, queue),
            // The step stays as it is, so that whatever happens meanwhile can look at it again.
            Unprepared::NeedsFullBudget => self.command(Command::Evaluate { step: Some(step) }),
            Unprepared::Interrupted => self.is_interrupted = true,
        }
    }

    /// Starts a step, or completes the execution, with the whole budget for its evaluation.
    pub(super) fn evaluate(&mut self, step: Option<usize>) -> Result<(), Refused> {
        let mut queue = VecDeque::new();
        match step {
            Some(step) => {
                let plan = self.execution.origin.plan.clone();
                self.require_startable(&plan, step)?;
                self.begin(&plan, step, &mut queue);
            }
            None if self.execution.open > 0 => return Err(Refused::Stale),
            None => self.settle_if_done(),
        }
        if self.is_interrupted {
            return Err(Refused::Interrupted);
        }
        // Only that one was to be evaluated off the runtime's threads.
        self.budget = RefCell::new(Budget::inline());
        self.start(queue.into());
        Ok(())
    }

    /// The evaluation of a step, or of the outputs, was given up.
    pub(super) fn evaluation_failed(
        &mut self,
        step: Option<usize>,
        failure: Failure,
    ) -> Result<(), Refused> {
        let Some(step) = step else {
            self.end(Event::Failed { error: failure });
            return Ok(());
        };
        let plan = self.execution.origin.plan.clone();
        self.require_startable(&plan, step)?;
        let failure = Failure { step: Some(plan.steps[step].id.clone()), ..failure };
        let mut queue = VecDeque::new();
        self.fail_and_flow(step, failure, &mut queue);
        self.start(queue.into());
        Ok(())
    }

    fn require_startable(&self, plan: &Plan, step: usize) -> Result<(), Refused> {
        let is_pending =
            self.execution.steps.get(step).is_some_and(|s| s.state == StepState::Pending);
        match is_pending && readiness(plan, self.execution, step) == Readiness::Start {
            true => Ok(()),
            false => Err(Refused::Stale),
        }
    }

    fn act(
        &mut self,
        planned: &PlanStep,
        step: usize,
        prepared: Prepared,
        queue: &mut VecDeque<usize>,
    ) {
        let Prepared { input, config, secrets } = prepared;
        self.record(Event::StepStarted {
            step: index(step),
            attempt: 1,
            input: Some(input.clone()),
            config: (!planned.config.is_static()).then(|| config.clone()),
            secrets,
        });
        match planned.action {
            Action::Run => self.command(Command::Run { step, attempt: 1 }),
            Action::Delay => match bind::delay_until(&config, self.moment.now) {
                Ok(until) => self.wait(planned, step, until),
                Err(message) => {
                    let failure = failure(planned, codes::STEP_INPUT, message);
                    self.fail_and_flow(step, failure, queue);
                }
            },
            Action::SetState => {
                let values: Map = input.as_object().cloned().unwrap_or_default();
                if let Err(problem) = names::check_visible_keys("input", &values) {
                    let failure = failure(planned, codes::STEP_INPUT, problem.to_string());
                    return self.fail_and_flow(step, failure, queue);
                }
                self.record(Event::StateSet { values });
                self.record(Event::StepCompleted { step: index(step), output: input, port: None });
                queue.extend(&planned.dependents);
            }
            Action::Fail => {
                let text = |key: &str| config.get(key).and_then(Value::as_str).map(str::to_owned);
                let code = text("code").unwrap_or_else(|| codes::USER_DEFINED.into());
                if let Err(problem) = names::check_visible(&code) {
                    let message = format!("config.code: `code` {problem}");
                    let failure = failure(planned, codes::STEP_INPUT, message);
                    return self.fail_and_flow(step, failure, queue);
                }
                let message = text("message").unwrap_or_default();
                self.fail_and_flow(step, failure(planned, &code, message), queue);
            }
        }
    }

    /// A step waits by itself, though no longer than its time-out.
    pub(super) fn wait(&mut self, planned: &PlanStep, step: usize, until: Timestamp) {
        let cut = planned.timeout.map(|timeout| self.moment.now.after(timeout));
        let until = cut.map_or(until, |cut| cut.min(until));
        self.record(Event::StepWaiting { step: index(step), until });
    }

    fn fail_and_flow(&mut self, step: usize, failure: Failure, queue: &mut VecDeque<usize>) {
        // One that fails before its first attempt has none.
        let attempt = Some(self.execution.steps[step].attempts).filter(|attempts| *attempts > 0);
        let failure = Failure { attempt, ..failure };
        let handled = self.execution.origin.plan.steps[step].on_error != OnError::Fail;
        let error = failure.clone();
        self.record(Event::StepFailed { step: index(step), error, handled });
        if handled {
            queue.extend(&self.execution.origin.plan.steps[step].dependents);
        } else {
            self.end(Event::Failed { error: failure });
        }
    }

    /// Completes the execution when every step is settled.
    pub(super) fn settle_if_done(&mut self) {
        if self.execution.phase != Status::Running || self.execution.open > 0 {
            return;
        }
        let outputs = bind::outputs(&ExecutionScope::within(self.execution, &self.budget));
        match outputs {
            Ok(output) if nests_deeper(&output, MAX_VALUE_DEPTH) => {
                let error = Failure::new(codes::VALUE_TOO_DEEP, too_deep("outputs"));
                self.end(Event::Failed { error });
            }
            Ok(output) => self.end(Event::Completed { output }),
            Err((name, error)) => match error.kind {
                EvalErrorKind::NeedsFullBudget => self.command(Command::Evaluate { step: None }),
                EvalErrorKind::Interrupted => self.is_interrupted = true,
                kind => {
                    let message = format!("output `{name}`: {error}");
                    self.end(Event::Failed { error: Failure::new(evaluation_code(kind), message) });
                }
            },
        }
    }

    /// Ends the execution: stops and settles what is under way, then records the final event.
    pub(super) fn end(&mut self, last: Event) {
        for step in 0..self.execution.steps.len() {
            let state = &self.execution.steps[step].state;
            let stop = matches!(state, StepState::Running { .. });
            if stop || matches!(state, StepState::Waiting { .. } | StepState::Backoff { .. }) {
                self.record(Event::StepCancelled { step: index(step) });
            }
            if stop {
                self.command(Command::Stop { step });
            }
        }
        self.record(last);
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
    fn of(planned: &PlanStep, field: &str, error: &EvalError) -> Self {
        match error.kind {
            EvalErrorKind::NeedsFullBudget => Self::NeedsFullBudget,
            EvalErrorKind::Interrupted => Self::Interrupted,
            kind => {
                let message = format!("{field}: {error}");
                Self::Failed(failure(planned, evaluation_code(kind), message))
            }
        }
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
        None => {
            bind::input(planned, scope).map_err(|error| Unprepared::of(planned, "input", &error))?
        }
    };
    let mut config =
        planned.config.render(scope).map_err(|error| Unprepared::of(planned, "config", &error))?;
    let secrets = (!planned.secrets.is_empty()).then(|| {
        place_under(&mut input.insertions, "input");
        place_under(&mut config.insertions, "config");
        [input.insertions, config.insertions].concat()
    });
    let (input, config) = (input.value, config.value);
    for (field, value) in [("input", &input), ("config", &config)] {
        if nests_deeper(value, MAX_VALUE_DEPTH) {
            let failure = failure(planned, codes::VALUE_TOO_DEEP, too_deep(field));
            return Err(Unprepared::Failed(failure));
        }
    }
    let mut left = scope.budget().inline_left();
    let checks = planned.check(&input, &config, left.as_mut());
    if let (Some(left), Some(before)) = (left, scope.budget().inline_left()) {
        scope.spend(before - left);
    }
    match checks.ok_or(Unprepared::NeedsFullBudget)? {
        Ok(()) => Ok(Prepared { input, config, secrets }),
        Err(problems) => {
            let failure = failure(planned, codes::STEP_INPUT, problems.to_string());
            Err(Unprepared::Failed(failure))
        }
    }
}

fn too_deep(field: &str) -> String {
    format!(
        "{field}: the value is nested deeper than the {MAX_VALUE_DEPTH} levels that are allowed"
    )
}

fn failure(planned: &PlanStep, code: &str, message: impl Into<String>) -> Failure {
    Failure { step: Some(planned.id.clone()), ..Failure::new(code, message) }
}

/// The code with which a failed evaluation is reported.
fn evaluation_code(kind: EvalErrorKind) -> &'static str {
    if kind == EvalErrorKind::Internal { codes::INTERNAL } else { codes::EXPRESSION }
}

impl Execution {
    /// Whether an evaluation is still to come: a step that can start or be skipped, or the outputs.
    pub fn has_evaluation_pending(&self) -> bool {
        let plan = &self.origin.plan;
        let is_reached = |step: usize| {
            self.steps[step].state == StepState::Pending
                && readiness(plan, self, step) != Readiness::Wait
        };
        self.phase == Status::Running && (self.open == 0 || (0..self.steps.len()).any(is_reached))
    }
}

/// Whether a step that was not reached yet starts now.
fn readiness(plan: &Plan, execution: &Execution, step: usize) -> Readiness {
    let planned = &plan.steps[step];
    if planned.after.is_empty() {
        return Readiness::Start;
    }
    let (mut open, mut taken) = (0, 0);
    for edge in &planned.after {
        match edge_state(plan, execution, edge) {
            EdgeState::Open => open += 1,
            EdgeState::Taken => taken += 1,
            EdgeState::NotTaken => {}
        }
    }
    let needed = match planned.join {
        Join::All => 1,
        Join::Any => return first_of(taken, open, 1),
        Join::Count(n) => return first_of(taken, open, n),
    };
    match (open, taken) {
        (0, taken) if taken >= needed => Readiness::Start,
        (0, _) => Readiness::Skip,
        _ => Readiness::Wait,
    }
}

/// A join that needs `n` edges and waits for no more.
fn first_of(taken: usize, open: usize, n: usize) -> Readiness {
    if taken >= n {
        Readiness::Start
    } else if taken + open < n {
        Readiness::Skip
    } else {
        Readiness::Wait
    }
}

fn edge_state(plan: &Plan, execution: &Execution, edge: &Edge) -> EdgeState {
    let taken = match &execution.steps[edge.from].state {
        StepState::Completed { port, .. } => *port == edge.port,
        StepState::Failed { handled: true, .. } => match plan.steps[edge.from].on_error {
            OnError::Port => edge.port.as_deref() == Some(ERROR_PORT),
            // Where the step says `continue`, its usual way out is taken.
            _ => edge.port.is_none(),
        },
        StepState::Failed { handled: false, .. } | StepState::Skipped | StepState::Cancelled => {
            false
        }
        _ => return EdgeState::Open,
    };
    if taken { EdgeState::Taken } else { EdgeState::NotTaken }
}

/// The port by which a failed step leaves.
pub const ERROR_PORT: &str = "error";
