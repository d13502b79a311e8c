//! How this dialect reports errors: one table of status and code, one envelope.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde_json::Value;

use super::envelope::{ErrorEnvelope, ErrorItem, FailedExecution};
use super::ids::key_id;
use crate::error::{ApiError, ErrorObject, Kind};
use crate::respond;

/// The status and code of each kind of error.
pub fn status_and_code(kind: Kind) -> (StatusCode, &'static str) {
    match kind {
        Kind::InvalidDefinition => (StatusCode::BAD_REQUEST, "INVALID_WORKFLOW_CONFIG"),
        Kind::InvalidParameters => (StatusCode::BAD_REQUEST, "INVALID_PARAMETERS"),
        Kind::InvalidInput => (StatusCode::UNPROCESSABLE_ENTITY, "PARAMETER_VALIDATION_ERROR"),
        Kind::Forbidden => (StatusCode::FORBIDDEN, "SCOPE_REQUIRED"),
        Kind::NotPermitted => (StatusCode::FORBIDDEN, "INSUFFICIENT_PERMISSIONS"),
        Kind::ExecutionFailed => (StatusCode::INTERNAL_SERVER_ERROR, "WORKFLOW_EXECUTION_ERROR"),
        Kind::SlowBody => (StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT"),
        Kind::Timeout => (StatusCode::GATEWAY_TIMEOUT, "EXECUTION_TIMEOUT"),
        _ => kind.default_status(),
    }
}

/// The status and body of an error: one entry for each problem, or one for the error.
pub fn write_error(error: &ApiError, request_id: &str) -> (StatusCode, Vec<u8>) {
    let (status, code) = match (error.kind(), error.object()) {
        // It was the request that took too long: no execution was stopped.
        (kind @ Kind::Timeout, None) => kind.default_status(),
        (kind, _) => status_and_code(kind),
    };
    let message = error_message(error);
    let mut errors: Vec<_> = error
        .located_details()
        .map(|(problem, position)| ErrorItem {
            code,
            detail: problem.to_string().into(),
            field: Some(problem.path.as_str()).filter(|path| !path.is_empty()),
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
            execution: None,
        })
        .collect();
    if errors.is_empty() {
        let execution = failed_execution(error);
        let detail = message.clone();
        errors.push(ErrorItem { code, detail, field: None, line: None, column: None, execution });
    }
    let body =
        ErrorEnvelope { status: "error", data: Value::Null, message: &message, errors, request_id };
    (status, respond::json_bytes(&body))
}

/// The execution that was waited for, and why it did not complete.
fn failed_execution(error: &ApiError) -> Option<FailedExecution<'_>> {
    let Some(ErrorObject::Execution(id)) = error.object() else { return None };
    if !matches!(error.kind(), Kind::ExecutionFailed | Kind::Timeout) {
        return None;
    }
    let cause = error.failure();
    Some(FailedExecution {
        execution_id: id.abi(),
        step: cause.and_then(|cause| cause.step.as_deref()),
        cause: cause.map(Into::into),
    })
}

/// The message, with ids as this dialect writes them.
fn error_message(error: &ApiError) -> Cow<'_, str> {
    match (error.kind(), error.object()) {
        (Kind::NoWorkflow, Some(ErrorObject::Workflow(id))) => {
            format!("workflow `{}` was not found", id.abi()).into()
        }
        (Kind::NoExecution, Some(ErrorObject::Execution(id))) => {
            format!("execution `{}` was not found", id.abi()).into()
        }
        (Kind::NoObject, Some(ErrorObject::Key(id))) => {
            format!("API key `{}` was not found", key_id(id)).into()
        }
        _ => error.message().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_in_the_envelope() {
        let (status, body) = write_error(&ApiError::invalid("name", "is required"), "r-1");
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"status":"error","data":null,"message":"name: is required","errors":[{"code":"INVALID_REQUEST","detail":"name: is required","field":"name"}],"request_id":"r-1"}"#
        );
    }
}
