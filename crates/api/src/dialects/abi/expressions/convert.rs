//! Evaluations: from requests, and to bodies.

use stepwell_core::Problem;
use stepwell_core::expr::{TrialError, TrialForm, TrialValue};
use stepwell_engine::app::{EvaluationRequest, EvaluationResult};

use super::wire;
use crate::error::ApiError;
use crate::fields::{Fields, FromFields as _};

/// Reads a request.
pub(super) fn evaluation_request(mut fields: Fields) -> Result<EvaluationRequest, ApiError> {
    let wire::EvaluationRequest { expression, template, scope } =
        wire::EvaluationRequest::read(&mut fields);
    let source = match (expression, template) {
        (Some(text), None) => Some((text, TrialForm::Expression)),
        (None, Some(text)) => Some((text, TrialForm::Template)),
        (None, None) | (Some(_), Some(_)) => {
            fields.push(Problem::new("expression", "send either `expression` or `template`"));
            None
        }
    };
    fields.finish()?;
    let (text, form) = source.unwrap_or_else(|| (String::new(), TrialForm::Expression));
    Ok(EvaluationRequest { text, form, scope: scope.unwrap_or_default(), now: None })
}

/// The body about an evaluation.
pub(super) fn evaluation_body(result: &EvaluationResult) -> wire::Evaluation<'_> {
    match result {
        Ok(TrialValue { value, type_name }) => {
            wire::Evaluation { value: Some(value), value_type: Some(type_name), error: None }
        }
        Err(TrialError { message, position }) => wire::Evaluation {
            value: None,
            value_type: None,
            error: Some(wire::EvaluationError {
                message,
                line: position.map(|position| position.line),
                column: position.map(|position| position.column),
            }),
        },
    }
}
