//! How this dialect tells errors: one table of status and code, one envelope.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde_json::Value;

use super::{convert, wire};
use crate::error::{ApiError, Kind, Object};

/// The status and code of each kind of error.
pub fn status_and_code(kind: Kind) -> (StatusCode, &'static str) {
    match kind {
        Kind::InvalidDefinition => (StatusCode::BAD_REQUEST, "INVALID_WORKFLOW_CONFIG"),
        Kind::InvalidParameters => (StatusCode::BAD_REQUEST, "INVALID_PARAMETERS"),
        Kind::InvalidInput => (StatusCode::UNPROCESSABLE_ENTITY, "PARAMETER_VALIDATION_ERROR"),
        Kind::InvalidRequest => (StatusCode::BAD_REQUEST, "INVALID_REQUEST"),
        Kind::MissingKey | Kind::InvalidKey => (StatusCode::UNAUTHORIZED, "INVALID_TOKEN"),
        Kind::ExpiredKey => (StatusCode::UNAUTHORIZED, "EXPIRED_TOKEN"),
        Kind::RevokedKey => (StatusCode::UNAUTHORIZED, "REVOKED_TOKEN"),
        Kind::Forbidden => (StatusCode::FORBIDDEN, "SCOPE_REQUIRED"),
        Kind::NoWorkflow => (StatusCode::NOT_FOUND, "WORKFLOW_NOT_FOUND"),
        Kind::NoExecution => (StatusCode::NOT_FOUND, "EXECUTION_NOT_FOUND"),
        Kind::NoObject | Kind::NoRoute => (StatusCode::NOT_FOUND, "NOT_FOUND"),
        Kind::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
        Kind::UnsupportedMediaType => {
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE")
        }
        Kind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
        Kind::Inactive => (StatusCode::CONFLICT, "WORKFLOW_INACTIVE"),
        Kind::IntegrationMissing => (StatusCode::CONFLICT, "INTEGRATION_MISSING"),
        Kind::Changed => (StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED"),
        Kind::ExecutionFailed => (StatusCode::INTERNAL_SERVER_ERROR, "WORKFLOW_EXECUTION_ERROR"),
        Kind::Ended => (StatusCode::CONFLICT, "EXECUTION_ENDED"),
        Kind::WrongState => (StatusCode::CONFLICT, "INVALID_STATE"),
        Kind::ExternalIdTaken => (StatusCode::CONFLICT, "EXTERNAL_ID_TAKEN"),
        Kind::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
        Kind::NotReplayable => (StatusCode::CONFLICT, "IDEMPOTENCY_NOT_REPLAYABLE"),
        Kind::SlowBody => (StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT"),
        Kind::Timeout => (StatusCode::GATEWAY_TIMEOUT, "EXECUTION_TIMEOUT"),
        Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
    }
}

/// The status and body of an error: one entry for each problem, or one for the error.
pub fn write(error: &ApiError, request_id: &str) -> (StatusCode, Vec<u8>) {
    let (status, code) = status_and_code(error.kind());
    let message = message(error);
    let mut errors: Vec<_> = error
        .details()
        .iter()
        .map(|problem| wire::ErrorItem {
            code,
            detail: problem.to_string().into(),
            field: Some(problem.path.as_str()).filter(|path| !path.is_empty()),
            of: None,
        })
        .collect();
    if errors.is_empty() {
        let of = failed_execution(error);
        errors.push(wire::ErrorItem { code, detail: message.clone(), field: None, of });
    }
    let body = wire::ErrorEnvelope {
        status: "error",
        data: Value::Null,
        message: &message,
        errors,
        request_id,
    };
    // Texts and lists of texts cannot fail to be written.
    (status, serde_json::to_vec(&body).unwrap_or_default())
}

/// The execution that was waited for, and why it did not complete.
fn failed_execution(error: &ApiError) -> Option<wire::FailedExecution<'_>> {
    let Some(Object::Execution(id)) = error.object() else { return None };
    if !matches!(error.kind(), Kind::ExecutionFailed | Kind::Timeout) {
        return None;
    }
    let cause = error.failure();
    Some(wire::FailedExecution {
        execution_id: id.abi(),
        step: cause.and_then(|cause| cause.step.as_deref()),
        cause: cause.map(Into::into),
    })
}

/// The message, with ids as this dialect writes them.
fn message(error: &ApiError) -> Cow<'_, str> {
    match (error.kind(), error.object()) {
        (Kind::NoWorkflow, Some(Object::Workflow(id))) => {
            format!("workflow `{}` was not found", id.abi()).into()
        }
        (Kind::NoExecution, Some(Object::Execution(id))) => {
            format!("execution `{}` was not found", id.abi()).into()
        }
        (Kind::NoObject, Some(Object::Key(id))) => {
            format!("API key `{}` was not found", convert::key_id(id)).into()
        }
        _ => error.message().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_in_the_envelope() {
        let (status, body) = write(&ApiError::invalid("name", "is required"), "r-1");
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"status":"error","data":null,"message":"name: is required","errors":[{"code":"INVALID_REQUEST","detail":"name: is required","field":"name"}],"request_id":"r-1"}"#
        );
    }
}
