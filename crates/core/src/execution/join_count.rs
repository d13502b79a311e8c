//! Computed joins: how many edges, or branches, an expression states.

use std::cell::RefCell;

use serde_json::Value;

use super::failure::{Failure, codes};
use super::scope::ExecutionScope;
use super::state::Execution;
use crate::definition::plan::PlanStep;
use crate::definition::plan_block::PlanBlockKind;
use crate::expr::{EvalBudget, EvalErrorKind};

impl Execution {
    /// The count of a computed join. It depends on the inputs only, and its budget is always the
    /// same, so it is never recorded.
    ///
    /// # Errors
    /// The failure of the step, if there is no such count.
    pub(super) fn computed_join(&self, planned: &PlanStep) -> Result<usize, Failure> {
        let fail = |text: String| Failure::new(codes::INVALID_JOIN, format!("join.n: {text}"));
        let (most, parts) = match planned.block.as_deref() {
            Some(block) if matches!(block.kind, PlanBlockKind::Parallel { .. }) => {
                (block.bodies.len(), "branches")
            }
            _ => (planned.after.len(), "edges into the step"),
        };
        let Some(template) = &planned.join_count else { return Ok(most) };
        let budget = RefCell::new(EvalBudget::inline());
        let scope = ExecutionScope::new(self).with_budget(&budget);
        let value = template.render_value(&scope).map_err(|error| match error.kind {
            EvalErrorKind::NeedsFullBudget => {
                fail("the expression takes too much work; compute the number before".to_owned())
            }
            _ => fail(error.to_string()),
        })?;
        let count = whole_number(&value.value).filter(|count| (1..=most).contains(count));
        count.ok_or_else(|| {
            let shown: String = value.value.to_string().chars().take(80).collect();
            fail(format!("it must be 1 to {most}, the number of {parts}, but it is {shown}"))
        })
    }
}

fn whole_number(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok())
}
