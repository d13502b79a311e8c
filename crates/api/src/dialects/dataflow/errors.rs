//! How this dialect tells errors: one table of status and code, one body.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::Serialize;
use stepwell_core::Problem;

use super::wire;
use crate::error::{ApiError, Kind, Object};

/// The status and code of each kind of error.
pub fn status_and_code(kind: Kind) -> (StatusCode, &'static str) {
    match kind {
        Kind::InvalidDefinition => (StatusCode::BAD_REQUEST, "INVALID_WORKFLOW"),
        Kind::InvalidInput => (StatusCode::BAD_REQUEST, "INVALID_INPUT"),
        Kind::InvalidRequest | Kind::InvalidParameters => {
            (StatusCode::BAD_REQUEST, "INVALID_REQUEST")
        }
        Kind::MissingKey => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
        Kind::InvalidKey => (StatusCode::UNAUTHORIZED, "INVALID_TOKEN"),
        Kind::ExpiredKey => (StatusCode::UNAUTHORIZED, "EXPIRED_TOKEN"),
        Kind::RevokedKey => (StatusCode::UNAUTHORIZED, "REVOKED_TOKEN"),
        Kind::Forbidden => (StatusCode::FORBIDDEN, "FORBIDDEN"),
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
        Kind::ExecutionFailed => (StatusCode::INTERNAL_SERVER_ERROR, "EXECUTION_FAILED"),
        Kind::Ended => (StatusCode::CONFLICT, "EXECUTION_ENDED"),
        Kind::WrongState => (StatusCode::CONFLICT, "INVALID_STATE"),
        Kind::ExternalIdTaken => (StatusCode::CONFLICT, "EXTERNAL_ID_TAKEN"),
        Kind::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
        Kind::NotReplayable => (StatusCode::CONFLICT, "IDEMPOTENCY_NOT_REPLAYABLE"),
        Kind::SlowBody => (StatusCode::REQUEST_TIMEOUT, "TIMEOUT"),
        Kind::Timeout => (StatusCode::GATEWAY_TIMEOUT, "TIMEOUT"),
        Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
    }
}

/// The status and body of an error.
pub fn write(error: &ApiError, request_id: &str) -> (StatusCode, Vec<u8>) {
    let (status, code) = status_and_code(error.kind());
    let message = message(error);
    let details = error.details().iter().map(detail).collect();
    let body =
        wire::ErrorBody { error: wire::Error { code, message: &message, details, request_id } };
    (status, bytes(&body))
}

fn bytes(body: &impl Serialize) -> Vec<u8> {
    // Texts and lists of texts cannot fail to be written.
    serde_json::to_vec(body).unwrap_or_default()
}

fn detail(problem: &Problem) -> wire::Detail<'_> {
    let Problem { path, message, expected, found } = problem;
    wire::Detail { path, message, expected: expected.as_deref(), found: found.as_deref() }
}

/// The message, with ids as this dialect writes them.
fn message(error: &ApiError) -> Cow<'_, str> {
    match (error.kind(), error.object()) {
        (Kind::NoWorkflow, Some(Object::Workflow(id))) => {
            format!("workflow `{}` was not found", id.dataflow()).into()
        }
        (Kind::NoExecution, Some(Object::Execution(id))) => {
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
        let problem =
            Problem::new("steps[1].input.text", "has the wrong type").expecting("string", "number");
        let error = ApiError::from(AppError::InvalidDefinition(problem.into()));
        let (status, body) = write(&error, "r-1");
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
        assert_eq!(message(&error), format!("workflow `{id}` was not found"));
    }
}
