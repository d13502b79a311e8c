//! Expressions that refer to nothing: they always have the same value, so they are evaluated once
//! when a definition is created.

use std::sync::Arc;

use serde_json::{Value, json};

use super::PlanCompiler;
use crate::Map;
use crate::expr::{
    EvalBudget, EvalError, EvalErrorKind, EvalScope, Expression, References, StepScope,
    ValueTemplate, find_insertions,
};

/// The most constant expressions of one definition that are evaluated.
const MAX_CONSTANTS: usize = 200;

/// Nothing to refer to.
#[derive(Debug)]
struct EmptyScope {
    inputs: Arc<Value>,
    state: Map,
}

impl EmptyScope {
    fn new() -> Self {
        Self { inputs: Arc::new(json!({})), state: Map::new() }
    }
}

impl EvalScope for EmptyScope {
    fn inputs(&self) -> &Arc<Value> {
        &self.inputs
    }

    fn step_scope(&self, _: &str) -> Option<StepScope<'_>> {
        None
    }

    fn step_ids(&self) -> Vec<&str> {
        Vec::new()
    }

    fn budget(&self) -> EvalBudget {
        EvalBudget::inline()
    }

    fn state(&self) -> &Map {
        &self.state
    }

    fn extra_root(&self, _: &str) -> Option<Value> {
        None
    }
}

fn is_constant(references: &References) -> bool {
    references.paths.is_empty()
}

impl PlanCompiler<'_> {
    /// Keeps the value of a text whose expressions are constant; a problem at `path` where it
    /// cannot be evaluated.
    pub(super) fn check_constant_text(&mut self, text: &str, path: &str) {
        if self.constants >= MAX_CONSTANTS {
            return;
        }
        let Ok(template) = ValueTemplate::compile_value(&Value::String(text.to_owned()), "") else {
            return;
        };
        if !is_constant(template.references()) {
            return self.check_constant_pieces(text, path);
        }
        self.constants += 1;
        match template.render_value(&EmptyScope::new()) {
            Ok(rendered) => {
                let value = Arc::unwrap_or_clone(rendered.value);
                self.constant_values.insert(path.to_owned(), value);
            }
            Err(error) => self.report_constant(error, path),
        }
    }

    /// Evaluates each constant expression of a text in which others are not.
    fn check_constant_pieces(&mut self, text: &str, path: &str) {
        for piece in find_insertions(text) {
            let Ok(expr) = Expression::compile_text(piece.trim(), "") else { continue };
            if self.constants >= MAX_CONSTANTS || !is_constant(expr.references()) {
                continue;
            }
            self.constants += 1;
            if let Err(error) = expr.eval_json(&EmptyScope::new()) {
                self.report_constant(error, path);
            }
        }
    }

    /// Reports a constant condition that cannot be evaluated.
    pub(super) fn check_constant_condition(&mut self, condition: &Expression, path: &str) {
        let is_constant = is_constant(condition.references());
        if !self.is_new || self.constants >= MAX_CONSTANTS || !is_constant {
            return;
        }
        self.constants += 1;
        if let Err(error) = condition.eval_bool(&EmptyScope::new()) {
            self.report_constant(error, path);
        }
    }

    /// What takes more than the small budget is left to the execution.
    fn report_constant(&mut self, error: EvalError, path: &str) {
        if error.kind == EvalErrorKind::Invalid {
            self.add_problem(path, error.message);
        }
    }
}
