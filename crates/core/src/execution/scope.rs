//! The variables that expressions can read of an execution.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::blocks::block_run::{BodyResult, BodyRunId, BodyRunKey};
use super::failure::Failure;
use super::state::Execution;
use super::step_run::StepState;
use super::step_run_id::{IterationPath, StepRunId};
use crate::definition::StepIndex;
use crate::definition::blocks::BodyRole;
use crate::definition::plan_block::PlanBlockKind;
use crate::expr::{EvalBudget, EvalScope, StepScope, no_variables, shared_null};
use crate::{Map, Timestamp};

/// Where expressions are, and so which iterations they read.
#[derive(Debug, Clone)]
enum ScopePosition {
    /// Outside of all blocks.
    Top,
    /// In a body run.
    Body(BodyRunId),
}

/// The variables of an execution, borrowed: values are converted only when they are accessed.
#[derive(Debug)]
pub struct ExecutionScope<'a> {
    pub(super) execution: &'a Execution,
    /// Where the expressions are.
    at: ScopePosition,
    /// The errors of failed steps as values, converted at the first access.
    errors: OnceCell<BTreeMap<StepRunId, Value>>,
    /// The budget that evaluations share; `None`: the full budget each.
    budget: Option<&'a RefCell<EvalBudget>>,
    /// The moment of the transition, which is that of its events; `None`: nothing is decided.
    now: Option<Timestamp>,
}

impl<'a> ExecutionScope<'a> {
    /// The scope of an execution in its present state.
    pub fn new(execution: &'a Execution) -> Self {
        Self { execution, at: ScopePosition::Top, errors: OnceCell::new(), budget: None, now: None }
    }

    /// The scope of a step run's expressions.
    #[must_use]
    pub fn of_step(self, id: &StepRunId) -> Self {
        let around = BodyRunId::around(&self.execution.origin.plan, id);
        Self { at: around.map_or(ScopePosition::Top, ScopePosition::Body), ..self }
    }

    /// The scope of expressions about a body run.
    #[must_use]
    pub(super) fn of_body(self, body: BodyRunId) -> Self {
        Self { at: ScopePosition::Body(body), ..self }
    }

    /// As before, with the moment that expressions read as `now`.
    #[must_use]
    pub(super) fn with_now(self, now: Timestamp) -> Self {
        Self { now: Some(now), ..self }
    }

    /// As before, with a budget that all evaluations share.
    #[must_use]
    pub(super) fn with_budget(self, budget: &'a RefCell<EvalBudget>) -> Self {
        Self { budget: Some(budget), ..self }
    }

    /// The run of a step that can be read here: in the same iterations, as far as they enclose it.
    pub(super) fn run_id(&self, step: StepIndex) -> StepRunId {
        let plan = &self.execution.origin.plan;
        let depth = plan.step(step).map_or(0, |planned| planned.enclosing.len());
        let path = match &self.at {
            ScopePosition::Body(body) if depth > 0 => body.path(plan).truncated(depth),
            _ => IterationPath::EMPTY,
        };
        StepRunId { step, path }
    }

    /// What a block around the expressions gives to the first steps of its bodies.
    pub(super) fn given_by(&self, block: StepIndex) -> Arc<Value> {
        let body = self.bodies().find(|body| body.block.step == block);
        body.map_or_else(
            || shared_null().clone(),
            |body| inner_input(self.execution, &body.block, body.key),
        )
    }

    /// The body runs around the expressions, innermost first.
    fn bodies(&self) -> impl Iterator<Item = BodyRunId> {
        let first = match &self.at {
            ScopePosition::Top => None,
            ScopePosition::Body(body) => Some(body.clone()),
        };
        let plan = &self.execution.origin.plan;
        std::iter::successors(first, |body| BodyRunId::around(plan, &body.block))
    }

    /// A variable of the blocks around the expressions.
    fn variable(&self, name: &str) -> Option<Value> {
        self.bodies().find_map(|BodyRunId { block, key }| {
            let planned = self.execution.origin.plan.step(block.step)?.block.as_deref()?;
            match (&planned.kind, name) {
                (PlanBlockKind::Map(map), name) if map.item_name == name => {
                    Some(inner_input(self.execution, &block, key).as_ref().clone())
                }
                (PlanBlockKind::Map(_) | PlanBlockKind::Loop(_), "index") => {
                    Some(Value::from(key.index))
                }
                (PlanBlockKind::Loop(_), "last") => {
                    let last = self.execution.steps.block(&block)?.last.as_ref();
                    Some(last.map_or(Value::Null, |last| Value::clone(last)))
                }
                (PlanBlockKind::Try, "error") => {
                    let role = &planned.bodies.get(key.body as usize)?.role;
                    match self.execution.steps.block(&block)?.result(0)? {
                        BodyResult::Failed(error) if matches!(role, BodyRole::Catch(_)) => {
                            Some(error_value(error))
                        }
                        _ => None,
                    }
                }
                _ => None,
            }
        })
    }

    /// Whether the block of a body run is a `Map` whose items have this name.
    fn names_items(&self, body: &BodyRunId, name: &str) -> bool {
        let planned = self.execution.origin.plan.step(body.block.step);
        let block = planned.and_then(|planned| planned.block.as_deref());
        let kind = block.map(|block| &block.kind);
        matches!(kind, Some(PlanBlockKind::Map(map)) if map.item_name == name)
    }

    /// Why the execution ends, in compensations and `on_failure`.
    fn ending_error(&self) -> Option<Value> {
        self.execution.ending.as_ref().map(|outcome| error_value(&outcome.to_failure()))
    }

    fn errors(&self) -> &BTreeMap<StepRunId, Value> {
        self.errors.get_or_init(|| {
            let runs = self.execution.steps.iter();
            runs.filter_map(|(id, run)| match &run.state {
                StepState::Failed { error, .. } | StepState::Backoff { error, .. } => {
                    Some((id, error_value(error)))
                }
                _ => None,
            })
            .collect()
        })
    }
}

impl EvalScope for ExecutionScope<'_> {
    fn inputs(&self) -> &Arc<Value> {
        &self.execution.input
    }

    fn step_scope(&self, id: &str) -> Option<StepScope<'_>> {
        let id = self.run_id(*self.execution.origin.plan.by_id.get(id)?);
        let run = self.execution.steps.run(&id);
        let output = match &run.state {
            StepState::Completed { output, .. } => output,
            _ => shared_null(),
        };
        let error = match &run.state {
            StepState::Failed { .. } | StepState::Backoff { .. } => {
                self.errors().get(&id).unwrap_or(&Value::Null)
            }
            _ => &Value::Null,
        };
        Some(StepScope { output, status: run.state.name(), error })
    }

    fn step_ids(&self) -> Vec<&str> {
        let regular = self.execution.origin.plan.steps.iter().filter(|s| s.role.is_regular());
        regular.map(|step| step.id.as_str()).collect()
    }

    fn state(&self) -> &Map {
        &self.execution.state
    }

    fn budget(&self) -> EvalBudget {
        self.budget.map_or_else(EvalBudget::full, |budget| budget.borrow().clone())
    }

    fn spend_units(&self, units: u64) {
        if let Some(budget) = self.budget {
            budget.borrow_mut().spend_units(units);
        }
    }

    fn variables(&self) -> Option<&Arc<Value>> {
        let is_shadowed = self.bodies().any(|body| self.names_items(&body, "vars"));
        (!is_shadowed).then(|| self.execution.variables.as_ref().unwrap_or(no_variables()))
    }

    fn extra_root(&self, name: &str) -> Option<Value> {
        let origin = &self.execution.origin;
        match name {
            "execution" => Some(json!({
                "id": origin.id.to_string(),
                "created_at": self.execution.created_at.to_string(),
            })),
            "workflow" => Some(json!({
                "id": origin.workflow.to_string(),
                "name": origin.plan.name,
                "release": origin.release,
            })),
            // A variable of a block may have the same name.
            "now" => self.variable(name).or_else(|| Some(self.now?.to_string().into())),
            _ => self.variable(name).or_else(|| self.ending_error().filter(|_| name == "error")),
        }
    }
}

/// An error as expressions see it.
fn error_value(error: &Failure) -> Value {
    json!({"code": error.code, "message": error.message, "details": error.details})
}

/// What a block gives to the first steps of a body run.
pub(super) fn inner_input(execution: &Execution, block: &StepRunId, key: BodyRunKey) -> Arc<Value> {
    let run = execution.steps.run(block);
    let input = || run.input.as_ref().unwrap_or(shared_null()).clone();
    let planned = execution.origin.plan.step(block.step).and_then(|step| step.block.as_deref());
    match planned.map(|planned| &planned.kind) {
        Some(PlanBlockKind::Map(_)) => {
            let items = run.input.as_ref().and_then(|input| input.as_array());
            Arc::new(
                items.and_then(|items| items.get(key.index as usize)).cloned().unwrap_or_default(),
            )
        }
        Some(PlanBlockKind::Loop(_)) => {
            let last = execution.steps.block(block).and_then(|block| block.last.clone());
            last.unwrap_or_else(input)
        }
        _ => input(),
    }
}
