//! How this dialect tells errors: one table for requests that are wrong, one for executions that
//! failed.

use std::borrow::Cow;

use axum::http::StatusCode;
use stepwell_core::Problem;
use stepwell_core::execution::{Failure, Status, codes};

use super::wire;
use crate::error::{ApiError, Kind, Object};

/// The status and code of each kind of error.
pub fn status_and_code(kind: Kind) -> (StatusCode, &'static str) {
    match kind {
        Kind::InvalidDefinition => (StatusCode::BAD_REQUEST, "INVALID_WORKFLOW"),
        Kind::InvalidInput => (StatusCode::BAD_REQUEST, "INVALID_INPUTS"),
        Kind::InvalidRequest | Kind::InvalidParameters => {
            (StatusCode::BAD_REQUEST, "INVALID_REQUEST")
        }
        Kind::MissingKey | Kind::InvalidKey => (StatusCode::UNAUTHORIZED, "INVALID_TOKEN"),
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
        // Its clients send a conflict (409) again by themselves, which mends none of these.
        Kind::Inactive => (StatusCode::BAD_REQUEST, "WORKFLOW_INACTIVE"),
        Kind::IntegrationMissing => (StatusCode::BAD_REQUEST, "INTEGRATION_MISSING"),
        Kind::Changed => (StatusCode::BAD_REQUEST, "PRECONDITION_FAILED"),
        Kind::ExecutionFailed => (StatusCode::INTERNAL_SERVER_ERROR, "EXECUTION_FAILED"),
        Kind::Ended => (StatusCode::BAD_REQUEST, "EXECUTION_ENDED"),
        Kind::WrongState => (StatusCode::BAD_REQUEST, "INVALID_STATE"),
        Kind::ExternalIdTaken => (StatusCode::BAD_REQUEST, "EXTERNAL_ID_TAKEN"),
        Kind::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
        Kind::NotReplayable => (StatusCode::BAD_REQUEST, "IDEMPOTENCY_NOT_REPLAYABLE"),
        Kind::SlowBody => (StatusCode::BAD_REQUEST, "TIMEOUT"),
        Kind::Timeout => (StatusCode::GATEWAY_TIMEOUT, "TIMEOUT"),
        Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR"),
    }
}

/// The status and body of an error.
pub fn write(error: &ApiError, request_id: &str) -> (StatusCode, Vec<u8>) {
    let (status, code) = status_and_code(error.kind());
    let problems: Vec<Problem> = error.details().iter().map(placed).collect();
    let errors = problems
        .iter()
        .map(|problem| {
            let Problem { path, message, expected, found } = problem;
            wire::ErrorItem {
                field: path,
                message,
                expected: expected.as_deref(),
                found: found.as_deref(),
            }
        })
        .collect();
    let detail = detail(error, &problems);
    let body = wire::ErrorBody { detail: &detail, code, errors, request_id };
    // Texts and lists of texts cannot fail to be written.
    (status, serde_json::to_vec(&body).unwrap_or_default())
}

/// The place as this dialect's requests name it: the input of an execution is `inputs` here.
fn placed(problem: &Problem) -> Problem {
    let mut placed = problem.clone();
    if let Some(rest) = problem.path.strip_prefix("input")
        && (rest.is_empty() || rest.starts_with(['.', '[']))
    {
        placed.path = format!("inputs{rest}");
    }
    placed
}

/// What clients show: every problem with its place.
fn detail<'a>(error: &'a ApiError, problems: &[Problem]) -> Cow<'a, str> {
    match (error.kind(), error.object()) {
        (Kind::ExternalIdTaken, Some(Object::Execution(id))) => {
            return format!("external_id: is taken by execution {id} in this workspace").into();
        }
        (Kind::NoWorkflow, Some(Object::Workflow(id))) => {
            return format!("workflow deployment `{id}` was not found").into();
        }
        (Kind::NoExecution, Some(Object::Execution(id))) => {
            return format!("execution `{id}` was not found").into();
        }
        _ => {}
    }
    if problems.is_empty() {
        return error.message().into();
    }
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    told.join("; ").into()
}

/// The codes that executions and nodes fail with. A step type may give one of them itself.
const CODES: [&str; 15] = [
    "WORKFLOW_INITIALIZATION",
    "WORKFLOW_CANCELLED",
    "WORKFLOW_TIMEOUT",
    "PROVIDER_CREDENTIALS_UNAVAILABLE",
    "INTEGRATION_CREDENTIALS_UNAVAILABLE",
    "NODE_EXECUTION_COUNT_LIMIT_REACHED",
    "INTERNAL_SERVER_ERROR",
    "NODE_EXECUTION",
    "NODE_CANCELLED",
    "NODE_TIMEOUT",
    "LLM_PROVIDER",
    "INVALID_TEMPLATE",
    "INVALID_INPUTS",
    "PROVIDER_QUOTA_EXCEEDED",
    "USER_DEFINED_ERROR",
];

/// The code of a failure; `of_fail_step`: it is that of a `Fail` step, whose codes are the user's.
pub fn failure_code(failure: &Failure, of_fail_step: bool) -> &'static str {
    if of_fail_step {
        return "USER_DEFINED_ERROR";
    }
    match failure.code.as_str() {
        codes::USER_DEFINED => "USER_DEFINED_ERROR",
        codes::EXPRESSION => "INVALID_TEMPLATE",
        codes::STEP_INPUT => "INVALID_INPUTS",
        codes::STEP_TIMEOUT => "NODE_TIMEOUT",
        codes::EXECUTION_TIMEOUT => "WORKFLOW_TIMEOUT",
        codes::SECRET_UNAVAILABLE => "INTEGRATION_CREDENTIALS_UNAVAILABLE",
        codes::INTERNAL => "INTERNAL_SERVER_ERROR",
        own => CODES.into_iter().find(|known| *known == own).unwrap_or("NODE_EXECUTION"),
    }
}

/// The code of an execution that ended so, where no failure says more.
pub const fn ending_code(status: Status) -> &'static str {
    match status {
        Status::Cancelled => "WORKFLOW_CANCELLED",
        Status::TimedOut => "WORKFLOW_TIMEOUT",
        _ => "INTERNAL_SERVER_ERROR",
    }
}

#[cfg(test)]
mod tests {
    use stepwell_core::Problems;
    use stepwell_core::ids::ExecutionId;
    use stepwell_engine::AppError;

    use super::*;

    fn written(error: AppError) -> (u16, serde_json::Value) {
        let (status, body) = write(&error.into(), "r-1");
        (status.as_u16(), serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn details_name_fields() {
        let problem = Problem::new("input.n", "has the wrong type").expecting("number", "string");
        let (status, body) = written(AppError::InvalidInput(Problems(vec![problem])));
        assert_eq!((status, body["code"].as_str()), (400, Some("INVALID_INPUTS")));
        let detail = "inputs.n: has the wrong type (expected number, found string)";
        assert_eq!(body["detail"], detail);
        assert_eq!(body["errors"][0]["field"], "inputs.n");
        let id = ExecutionId::from_uuid(uuid::Uuid::from_u128(7));
        let (status, body) = written(AppError::ExternalIdTaken(id));
        assert_eq!(status, 400);
        assert!(body["detail"].as_str().unwrap().contains(&id.to_string()), "{body}");
    }

    #[test]
    fn failures_have_the_clients_codes() {
        for (code, fail, expect) in [
            ("NO_LUCK", true, "USER_DEFINED_ERROR"),
            ("HTTP_STATUS", false, "NODE_EXECUTION"),
            ("STEP_TIMEOUT", false, "NODE_TIMEOUT"),
            ("EXPRESSION_ERROR", false, "INVALID_TEMPLATE"),
            ("EXECUTION_TIMEOUT", false, "WORKFLOW_TIMEOUT"),
            ("LLM_PROVIDER", false, "LLM_PROVIDER"),
            ("INTERNAL_ERROR", false, "INTERNAL_SERVER_ERROR"),
        ] {
            assert_eq!(failure_code(&Failure::new(code, ""), fail), expect, "{code}");
        }
    }
}
