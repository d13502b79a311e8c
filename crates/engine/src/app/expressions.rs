//! Evaluating an expression alone, to try it.

use serde_json::Value;
use stepwell_core::expr::{self, TrialForm, TrialValue};
use stepwell_core::{MAX_VALUE_DEPTH, Map, Timestamp, nests_deeper};

use super::App;
use super::json_scope::JsonScope;
use super::workflows::KIND;
use crate::caller::Verb;
use crate::{AppError, Caller};

pub use stepwell_core::expr::TrialError as EvaluationError;

/// An expression to evaluate.
#[derive(Debug, Clone)]
pub struct EvaluationRequest {
    /// The text.
    pub text: String,
    /// How it is evaluated.
    pub form: TrialForm,
    /// Its variables by name: `inputs`, `steps`, `state`, `execution` and others.
    pub scope: Map,
    /// The moment `now`, if the scope has none; `None`: now.
    pub now: Option<Timestamp>,
}

/// The value of an expression, or why it has none.
pub type EvaluationResult = Result<TrialValue, EvaluationError>;

impl App {
    /// Evaluates an expression with the full budget of an expression. Scope `read:workflows`.
    ///
    /// # Errors
    /// `Forbidden`; `InvalidRequest` if the scope is nested too deep. An expression that fails is a
    /// result, not an error.
    pub async fn evaluate_expression(
        &self,
        caller: &Caller,
        request: EvaluationRequest,
    ) -> Result<EvaluationResult, AppError> {
        caller.require(Verb::Read, KIND)?;
        let EvaluationRequest { text, form, mut scope, now } = request;
        let scope_value = Value::Object(std::mem::take(&mut scope));
        if nests_deeper(&scope_value, MAX_VALUE_DEPTH) {
            let message = format!("is nested deeper than {MAX_VALUE_DEPTH} levels");
            return Err(AppError::invalid("scope", message));
        }
        if let Value::Object(fields) = scope_value {
            scope = fields;
        }
        let now = now.unwrap_or_else(|| self.engine.now());
        scope.entry("now").or_insert_with(|| now.to_string().into());
        let permit = self.engine.evaluations.clone().acquire_owned().await;
        let permit = permit.map_err(|_| AppError::stopping())?;
        // The budget bounds how long it takes; a caller that goes away leaves it to its end.
        let evaluation = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            expr::evaluate_text(&text, form, &JsonScope::new(scope))
        });
        evaluation.await.map_err(|error| AppError::Internal(error.to_string()))
    }
}
