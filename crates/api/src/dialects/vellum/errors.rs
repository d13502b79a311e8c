//! How this dialect reports errors: one table for requests that are wrong, one for executions that
//! failed.

use std::borrow::Cow;

use axum::http::StatusCode;
use stepwell_core::Problem;
use stepwell_core::execution::{Failure, Status, codes};

use super::wire;
use crate::error::{ApiError, ErrorObject, Kind};
use crate::respond;

/// The status and code of each kind of error.
pub fn status_and_code(kind: Kind) -> (StatusCode, &'static str) {
    match kind {
        Kind::InvalidInput => (StatusCode::BAD_REQUEST, "INVALID_INPUTS"),
        Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR"),
        // Its clients send a conflict (409) and a slow request (408) again by themselves, which
        // mends none of these.
        Kind::Inactive
        | Kind::ConcurrencyLimit
        | Kind::IntegrationMissing
        | Kind::Changed
        | Kind::Ended
        | Kind::WrongState
        | Kind::ExternalIdTaken
        | Kind::NotReplayable
        | Kind::SlowBody => (StatusCode::BAD_REQUEST, kind.default_status().1),
        _ => kind.default_status(),
    }
}

/// The status and body of an error.
pub fn write_error(error: &ApiError, request_id: &str) -> (StatusCode, Vec<u8>) {
    let (status, code) = status_and_code(error.kind());
    let problems: Vec<Problem> = error.details().iter().map(placed_problem).collect();
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
    let detail = error_detail(error, &problems);
    let body = wire::ErrorBody { detail: &detail, code, errors, request_id };
    (status, respond::json_bytes(&body))
}

/// The place as this dialect's requests name it: the input of an execution is `inputs` here.
fn placed_problem(problem: &Problem) -> Problem {
    let mut placed = problem.clone();
    if let Some(rest) = problem.path.strip_prefix("input")
        && (rest.is_empty() || rest.starts_with(['.', '[']))
    {
        placed.path = format!("inputs{rest}");
    }
    placed
}

/// What clients show: every problem with its place.
fn error_detail<'a>(error: &'a ApiError, problems: &[Problem]) -> Cow<'a, str> {
    match (error.kind(), error.object()) {
        (Kind::ExternalIdTaken, Some(ErrorObject::Execution(id))) => {
            return format!("external_id: is taken by execution {id} in this workspace").into();
        }
        (Kind::NoWorkflow, Some(ErrorObject::Workflow(id))) => {
            return format!("workflow deployment `{id}` was not found").into();
        }
        (Kind::NoExecution, Some(ErrorObject::Execution(id))) => {
            return format!("execution `{id}` was not found").into();
        }
        _ => {}
    }
    if problems.is_empty() {
        return error.message().into();
    }
    let messages: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let more = match error.omitted() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    (messages.join("; ") + &more).into()
}

/// The code of a failure, by its two names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureCode {
    /// As the clients' types name it.
    pub code: &'static str,
    /// As the older description of this API names it, by where it happened.
    pub error_code: &'static str,
}

const INITIALIZATION: &str = "WORKFLOW_INITIALIZATION_ERROR";
const NODE: &str = "NODE_EXECUTION_ERROR";

/// A row: the clients' code, the older one, and the server's codes that it represents. A step type
/// may give one of the clients' codes itself.
const CODES: [(&str, &str, &[&str]); 15] = [
    ("WORKFLOW_INITIALIZATION", INITIALIZATION, &[]),
    ("WORKFLOW_CANCELLED", "WORKFLOW_CANCELLED", &[]),
    ("WORKFLOW_TIMEOUT", "WORKFLOW_TIMEOUT", &[codes::EXECUTION_TIMEOUT]),
    ("PROVIDER_CREDENTIALS_UNAVAILABLE", NODE, &[]),
    ("INTEGRATION_CREDENTIALS_UNAVAILABLE", NODE, &[codes::SECRET_UNAVAILABLE]),
    ("NODE_EXECUTION_COUNT_LIMIT_REACHED", NODE, &[]),
    ("INTERNAL_SERVER_ERROR", "INTERNAL_SERVER_ERROR", &[codes::INTERNAL]),
    ("NODE_EXECUTION", NODE, &[]),
    ("NODE_CANCELLED", NODE, &[]),
    ("NODE_TIMEOUT", NODE, &[codes::STEP_TIMEOUT]),
    ("LLM_PROVIDER", NODE, &[]),
    ("INVALID_TEMPLATE", NODE, &[codes::EXPRESSION, codes::UNKNOWN_VARIABLE]),
    ("INVALID_INPUTS", NODE, &[codes::STEP_INPUT]),
    ("PROVIDER_QUOTA_EXCEEDED", NODE, &[]),
    ("USER_DEFINED_ERROR", NODE, &[codes::USER_DEFINED]),
];

/// The code for one of the server's or of the clients' codes: what no row names is a
/// step's own, so the node failed.
fn as_failure_code(code: &str) -> FailureCode {
    let found = CODES.iter().find(|(client, _, own)| *client == code || own.contains(&code));
    let (code, error_code) =
        found.map_or(("NODE_EXECUTION", NODE), |(code, older, _)| (*code, *older));
    FailureCode { code, error_code }
}

/// The code of a failure; `of_fail_step`: it is that of a `Fail` step, whose codes are the user's.
pub fn failure_code(failure: &Failure, of_fail_step: bool) -> FailureCode {
    // One that never began failed by something else: its message could not be made.
    let users = of_fail_step && failure.attempt.is_some();
    let code = if users { codes::USER_DEFINED } else { failure.code.as_str() };
    as_failure_code(code)
}

/// The code of a node that was stopped because its execution ended.
pub fn stopped_code() -> FailureCode {
    as_failure_code("NODE_CANCELLED")
}

/// The code of an execution that ended so, if no failure is more specific.
pub fn ending_code(status: Status) -> FailureCode {
    as_failure_code(match status {
        Status::Cancelled => "WORKFLOW_CANCELLED",
        Status::TimedOut => "WORKFLOW_TIMEOUT",
        _ => "INTERNAL_SERVER_ERROR",
    })
}

#[cfg(test)]
mod tests {
    use stepwell_core::Problems;
    use stepwell_core::ids::ExecutionId;
    use stepwell_engine::AppError;

    use super::*;

    fn written(error: AppError) -> (u16, serde_json::Value) {
        let (status, body) = write_error(&error.into(), "r-1");
        (status.as_u16(), serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn details_name_fields() {
        let problem =
            Problem::new("input.n", "has the wrong type").with_expectation("number", "string");
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
    fn failures_have_the_clients_codes_and_the_older_ones() {
        for (own, fail, expect) in [
            ("NO_LUCK", true, ("USER_DEFINED_ERROR", NODE)),
            ("STEP_TIMEOUT", true, ("USER_DEFINED_ERROR", NODE)),
            ("HTTP_STATUS", false, ("NODE_EXECUTION", NODE)),
            ("VALUE_TOO_LARGE", false, ("NODE_EXECUTION", NODE)),
            ("STEP_TIMEOUT", false, ("NODE_TIMEOUT", NODE)),
            ("EXPRESSION_ERROR", false, ("INVALID_TEMPLATE", NODE)),
            ("INVALID_STEP_INPUT", false, ("INVALID_INPUTS", NODE)),
            ("SECRET_UNAVAILABLE", false, ("INTEGRATION_CREDENTIALS_UNAVAILABLE", NODE)),
            ("EXECUTION_TIMEOUT", false, ("WORKFLOW_TIMEOUT", "WORKFLOW_TIMEOUT")),
            ("LLM_PROVIDER", false, ("LLM_PROVIDER", NODE)),
            ("WORKFLOW_INITIALIZATION", false, ("WORKFLOW_INITIALIZATION", INITIALIZATION)),
            ("INTERNAL_ERROR", false, ("INTERNAL_SERVER_ERROR", "INTERNAL_SERVER_ERROR")),
        ] {
            let failure = Failure { attempt: Some(1), ..Failure::new(own, "") };
            let found = failure_code(&failure, fail);
            assert_eq!((found.code, found.error_code), expect, "{own}");
        }
        let unmade = Failure::new("EXPRESSION_ERROR", "its message could not be made");
        assert_eq!(failure_code(&unmade, true).code, "INVALID_TEMPLATE");
        assert_eq!(ending_code(Status::Cancelled).code, "WORKFLOW_CANCELLED");
        assert_eq!(ending_code(Status::TimedOut).code, "WORKFLOW_TIMEOUT");
        assert_eq!(stopped_code().error_code, NODE);
    }
}
