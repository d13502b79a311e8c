//! How this dialect reports errors: one table of status and code, one body.

use std::borrow::Cow;

use axum::http::StatusCode;
use stepwell_core::Problem;
use stepwell_core::definition::TextPosition;
use stepwell_engine::warning::Warning;

use super::wire;
use crate::error::{ApiError, ErrorObject, Kind};
use crate::respond;

/// The status and code of each kind of error.
pub fn status_and_code(kind: Kind) -> (StatusCode, &'static str) {
    match kind {
        Kind::MissingKey => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
        _ => kind.default_status(),
    }
}

/// The status and body of an error.
pub fn write_error(error: &ApiError, request_id: &str) -> (StatusCode, Vec<u8>) {
    let (status, code) = status_and_code(error.kind());
    let message = error_message(error);
    let details = error.located_details().map(error_detail).collect();
    let body =
        wire::ErrorBody { error: wire::Error { code, message: &message, details, request_id } };
    (status, respond::json_bytes(&body))
}

fn error_detail((problem, position): (&Problem, Option<TextPosition>)) -> wire::Detail<'_> {
    let Problem { path, message, expected, found } = problem;
    let (line, column) = position.map(|TextPosition { line, column }| (line, column)).unzip();
    let (expected, found) = (expected.as_deref(), found.as_deref());
    wire::Detail { path, line, column, message, expected, found }
}

impl<'a> From<&'a Warning> for wire::Warning<'a> {
    fn from(warning: &'a Warning) -> Self {
        let Warning { code, path, message } = warning;
        Self { code, path, message }
    }
}

/// The warnings of a response; `None` where there are none.
pub fn warnings_body<'w>(
    warnings: impl IntoIterator<Item = &'w Warning>,
) -> Option<Vec<wire::Warning<'w>>> {
    let warnings: Vec<_> = warnings.into_iter().map(Into::into).collect();
    Some(warnings).filter(|warnings| !warnings.is_empty())
}

/// The message, with ids as this dialect writes them.
fn error_message(error: &ApiError) -> Cow<'_, str> {
    match (error.kind(), error.object()) {
        (Kind::NoWorkflow, Some(ErrorObject::Workflow(id))) => {
            format!("workflow `{}` was not found", id.dataflow()).into()
        }
        (Kind::NoExecution, Some(ErrorObject::Execution(id))) => {
            format!("execution `{}` was not found in this workflow", id.dataflow()).into()
        }
        _ => error.message().into(),
    }
}

#[cfg(test)]
mod tests {
    use stepwell_engine::AppError;

    use super::*;

    #[test]
    fn bodies_have_the_contract_s_shape() {
        let problem = Problem::new("steps[1].input.text", "has the wrong type")
            .with_expectation("string", "number");
        let error = ApiError::from(AppError::InvalidDefinition(problem.into()));
        let (status, body) = write_error(&error, "r-1");
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"error":{"code":"INVALID_WORKFLOW","message":"the definition is not valid: steps[1].input.text: has the wrong type (expected string, found number)","details":[{"path":"steps[1].input.text","message":"has the wrong type","expected":"string","found":"number"}],"request_id":"r-1"}}"#
        );
    }

    #[test]
    fn missing_objects_are_named_as_this_dialect_does() {
        let id = "wf-01h455vb4pex5vsknk084sn02q";
        let uuid = id.parse::<stepwell_core::ids::WorkflowId>().unwrap().to_string();
        let error = ApiError::from(AppError::not_found("workflow", uuid));
        assert_eq!(error_message(&error), format!("workflow `{id}` was not found"));
    }
}
