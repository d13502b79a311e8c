//! The variables that expressions can read of an execution.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::state::Execution;
use super::step_run_id::StepRunId;
use super::step_runs::StepState;
use crate::Map;
use crate::expr::{EvalBudget, EvalScope, StepScope, shared_null};

/// The variables of an execution, borrowed: values are converted only when they are accessed.
#[derive(Debug)]
pub struct ExecutionScope<'a> {
    pub(super) execution: &'a Execution,
    /// The errors of failed steps as values, converted at the first access.
    errors: OnceCell<BTreeMap<StepRunId, Value>>,
    /// The budget that evaluations share; `None`: the full budget each.
    budget: Option<&'a RefCell<EvalBudget>>,
}

impl<'a> ExecutionScope<'a> {
    /// The scope of an execution in its present state.
    pub fn new(execution: &'a Execution) -> Self {
        Self { execution, errors: OnceCell::new(), budget: None }
    }

    /// As `new`, with a budget that all evaluations share.
    pub(super) fn with_budget(execution: &'a Execution, budget: &'a RefCell<EvalBudget>) -> Self {
        Self { budget: Some(budget), ..Self::new(execution) }
    }

    fn errors(&self) -> &BTreeMap<StepRunId, Value> {
        self.errors.get_or_init(|| {
            let runs = self.execution.steps.iter();
            runs.filter_map(|(id, run)| match &run.state {
                StepState::Failed { error, .. } | StepState::Backoff { error, .. } => {
                    let details = error.details.clone();
                    let shown = json!({
                        "code": error.code, "message": error.message, "details": details,
                    });
                    Some((id, shown))
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
        let id = StepRunId::from(*self.execution.origin.plan.by_id.get(id)?);
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
        self.execution.origin.plan.steps.iter().map(|s| s.id.as_str()).collect()
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
            _ => None,
        }
    }
}
