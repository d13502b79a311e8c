//! Why a request was not answered as asked, in words that belong to no dialect.
//!
//! A handler answers with an [`ApiError`]; the edge (see [`crate::edge`]) has the dialect of the
//! request write its body and choose status and code. Nothing here knows a dialect.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use stepwell_core::execution::{Failure, Status};
use stepwell_core::ids::{ExecutionId, KeyId, WorkflowId};
use stepwell_core::{Problem, Problems};
use stepwell_engine::limits::Standing;
use stepwell_engine::view::ExecutionView;
use stepwell_engine::{AppError, AuthError};

/// What kind of thing went wrong. Each dialect tells it by the usual status and code, or by its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The definition is wrong.
    InvalidDefinition,
    /// What an execution is to be started with has the wrong shape.
    InvalidParameters,
    /// The execution's input does not fit.
    InvalidInput,
    /// What is said of a schedule is wrong.
    InvalidSchedule,
    /// Something else in the request is wrong.
    InvalidRequest,
    /// No key came with the request.
    MissingKey,
    /// There is no such key.
    InvalidKey,
    /// The key is past its time.
    ExpiredKey,
    /// The key was revoked.
    RevokedKey,
    /// The key lacks a scope.
    Forbidden,
    /// The key has the scope and may not do that all the same.
    NotPermitted,
    /// A limit of the key or its workspace is used up.
    RateLimited,
    /// There is no such workflow.
    NoWorkflow,
    /// There is no such execution.
    NoExecution,
    /// There is no such schedule.
    NoSchedule,
    /// There is no such object of another kind.
    NoObject,
    /// There is no such path.
    NoRoute,
    /// The path knows other methods.
    MethodNotAllowed,
    /// The body is in a format that this path does not take.
    UnsupportedMediaType,
    /// The body or a value is too large.
    TooLarge,
    /// The workflow is not active.
    Inactive,
    /// The workflow requires an integration that is not connected.
    IntegrationMissing,
    /// The object is not at the version that a change was made for.
    Changed,
    /// An execution that was waited for did not complete.
    ExecutionFailed,
    /// The execution has ended already.
    Ended,
    /// The execution is not in a state in which that can be done.
    WrongState,
    /// The external id is taken.
    ExternalIdTaken,
    /// The idempotency key came before with another request.
    IdempotencyKeyReused,
    /// The first request with the idempotency key is still at work.
    IdempotencyKeyBusy,
    /// The answer under this idempotency key held a secret and was not stored.
    NotReplayable,
    /// The client took too long to send the body.
    SlowBody,
    /// The server took too long.
    Timeout,
    /// Try later.
    Unavailable,
    /// A fault of Stepwell itself.
    Internal,
}

impl Kind {
    /// The status and code by which a dialect tells it where it has no words of its own.
    pub const fn usual(self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidDefinition => (StatusCode::BAD_REQUEST, "INVALID_WORKFLOW"),
            Self::InvalidInput => (StatusCode::BAD_REQUEST, "INVALID_INPUT"),
            Self::InvalidSchedule => (StatusCode::BAD_REQUEST, "INVALID_SCHEDULE"),
            Self::InvalidRequest | Self::InvalidParameters => {
                (StatusCode::BAD_REQUEST, "INVALID_REQUEST")
            }
            Self::MissingKey | Self::InvalidKey => (StatusCode::UNAUTHORIZED, "INVALID_TOKEN"),
            Self::ExpiredKey => (StatusCode::UNAUTHORIZED, "EXPIRED_TOKEN"),
            Self::RevokedKey => (StatusCode::UNAUTHORIZED, "REVOKED_TOKEN"),
            Self::Forbidden | Self::NotPermitted => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            Self::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMIT_EXCEEDED"),
            Self::NoWorkflow => (StatusCode::NOT_FOUND, "WORKFLOW_NOT_FOUND"),
            Self::NoExecution => (StatusCode::NOT_FOUND, "EXECUTION_NOT_FOUND"),
            Self::NoSchedule => (StatusCode::NOT_FOUND, "SCHEDULE_NOT_FOUND"),
            Self::NoObject | Self::NoRoute => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
            Self::Inactive => (StatusCode::CONFLICT, "WORKFLOW_INACTIVE"),
            Self::IntegrationMissing => (StatusCode::CONFLICT, "INTEGRATION_MISSING"),
            Self::Changed => (StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED"),
            Self::ExecutionFailed => (StatusCode::INTERNAL_SERVER_ERROR, "EXECUTION_FAILED"),
            Self::Ended => (StatusCode::CONFLICT, "EXECUTION_ENDED"),
            Self::WrongState => (StatusCode::CONFLICT, "INVALID_STATE"),
            Self::ExternalIdTaken => (StatusCode::CONFLICT, "EXTERNAL_ID_TAKEN"),
            Self::IdempotencyKeyReused => {
                (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED")
            }
            Self::IdempotencyKeyBusy => (StatusCode::CONFLICT, "IDEMPOTENCY_IN_PROGRESS"),
            Self::NotReplayable => (StatusCode::CONFLICT, "IDEMPOTENCY_NOT_REPLAYABLE"),
            Self::SlowBody => (StatusCode::REQUEST_TIMEOUT, "TIMEOUT"),
            Self::Timeout => (StatusCode::GATEWAY_TIMEOUT, "TIMEOUT"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
        }
    }
}

/// An object that was asked for, so that a dialect can write its id its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// A workflow.
    Workflow(WorkflowId),
    /// An execution.
    Execution(ExecutionId),
    /// An API key.
    Key(KeyId),
}

/// The most problems that one answer tells; a body can hold as many as it has bytes.
const MOST_DETAILS: usize = 100;

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    message: String,
    details: Vec<Problem>,
    left_out: usize,
    object: Option<Object>,
    failure: Option<Failure>,
    retry_after: Option<Duration>,
    standing: Option<Standing>,
    log: Option<String>,
}

/// Why a request was not answered as asked.
#[derive(Debug, Clone)]
pub struct ApiError(Box<Inner>);

impl ApiError {
    /// An error of that kind, told by `message`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            details: Vec::new(),
            left_out: 0,
            object: None,
            failure: None,
            retry_after: None,
            standing: None,
            log: None,
        }))
    }

    /// An error of that kind with all that is wrong, up to a bound; the first problem is the
    /// message.
    pub fn with_problems(kind: Kind, intro: &str, mut problems: Vec<Problem>) -> Self {
        let message = match problems.as_slice() {
            [] => intro.to_owned(),
            [one] => format!("{intro}: {one}"),
            [first, rest @ ..] => format!("{intro}: {first} (and {} more)", rest.len()),
        };
        let mut error = Self::new(kind, message);
        error.0.left_out = problems.len().saturating_sub(MOST_DETAILS);
        problems.truncate(MOST_DETAILS);
        error.0.details = problems;
        error
    }

    /// Something in the request is wrong at `path`.
    pub fn invalid(path: &str, message: impl Into<String>) -> Self {
        Self::problem(Problem::new(path, message))
    }

    /// The same, as another kind of error.
    #[must_use]
    pub fn into_kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    /// One problem with the request.
    pub fn problem(problem: Problem) -> Self {
        let mut error = Self::new(Kind::InvalidRequest, problem.to_string());
        error.0.details = vec![problem];
        error
    }

    /// A fault of Stepwell itself; `log` is for the log, not for the caller.
    pub fn internal(log: impl Into<String>) -> Self {
        let mut error = Self::new(
            Kind::Internal,
            "an internal error happened; it was logged under this request id",
        );
        error.0.log = Some(log.into());
        error
    }

    /// The same, with when to try again.
    pub fn after(mut self, retry_after: Duration) -> Self {
        self.0.retry_after = Some(retry_after);
        self
    }

    /// An execution that was waited for ended otherwise than completed.
    pub fn ended(view: &ExecutionView) -> Self {
        let status = view.record.status;
        let kind = match status {
            Status::TimedOut => Kind::Timeout,
            _ => Kind::ExecutionFailed,
        };
        let told = match &view.error {
            Some(Failure { step: Some(step), message, .. }) => {
                format!("the execution failed in step `{step}`: {message}")
            }
            Some(Failure { message, .. }) => format!("the execution failed: {message}"),
            None => format!("the execution ended as {}", status.name()),
        };
        let mut error = Self::new(kind, told);
        error.0.object = Some(Object::Execution(view.record.id));
        error.0.failure.clone_from(&view.error);
        error
    }

    /// The same of another kind, where it is of the kind `from`.
    #[must_use]
    pub fn recast(mut self, from: Kind, to: Kind) -> Self {
        if self.0.kind == from {
            self.0.kind = to;
        }
        self
    }

    /// The same, with the places that begin with `from` named otherwise.
    #[must_use]
    pub fn replaced(mut self, from: &str, to: &str) -> Self {
        let Inner { details, message, .. } = &mut *self.0;
        for problem in details {
            if let Some(rest) = problem.path.strip_prefix(from)
                && (rest.is_empty() || rest.starts_with(['.', '[']))
            {
                let told = problem.to_string();
                problem.path = format!("{to}{rest}");
                *message = message.replacen(&told, &problem.to_string(), 1);
            }
        }
        self
    }

    /// Why the execution that it is about failed.
    pub fn failure(&self) -> Option<&Failure> {
        self.0.failure.as_ref()
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What happened and what to change, for a person.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Everything that is wrong, place by place, up to a bound.
    pub fn details(&self) -> &[Problem] {
        &self.0.details
    }

    /// How many problems there were beyond that bound.
    pub fn left_out(&self) -> usize {
        self.0.left_out
    }

    /// The object that it is about, where its id was readable.
    pub fn object(&self) -> Option<Object> {
        self.0.object
    }

    /// When to try again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// How the limit stands that is used up.
    pub fn standing(&self) -> Option<Standing> {
        self.0.standing
    }

    /// What is for the log only.
    pub fn log(&self) -> Option<&str> {
        self.0.log.as_deref()
    }

    fn not_found(kind: &str, id: &str) -> Self {
        // What a store misses comes with its article.
        let kind = kind.strip_prefix("the ").unwrap_or(kind);
        let (error_kind, object) = match kind {
            "workflow" => (Kind::NoWorkflow, id.parse().ok().map(Object::Workflow)),
            "execution" => (Kind::NoExecution, id.parse().ok().map(Object::Execution)),
            "schedule" => (Kind::NoSchedule, None),
            "key" => (Kind::NoObject, id.parse().ok().map(Object::Key)),
            _ => (Kind::NoObject, None),
        };
        let message = if id.is_empty() {
            format!("this {kind} was not found")
        } else {
            format!("{kind} `{id}` was not found")
        };
        let mut error = Self::new(error_kind, message);
        error.0.object = object;
        error
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let kind = match error {
            AuthError::Missing => Kind::MissingKey,
            AuthError::Invalid => Kind::InvalidKey,
            AuthError::Expired => Kind::ExpiredKey,
            AuthError::Revoked => Kind::RevokedKey,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<AppError> for ApiError {
    fn from(error: AppError) -> Self {
        let text = error.to_string();
        match error {
            AppError::Auth(error) => error.into(),
            AppError::Forbidden(_) => Self::new(Kind::Forbidden, text),
            AppError::NotPermitted(_) => Self::new(Kind::NotPermitted, text),
            AppError::RateLimited(limited) => {
                let mut error = Self::new(Kind::RateLimited, text);
                error.0.retry_after = Some(limited.retry_after);
                error.0.standing = Some(limited.standing);
                error
            }
            AppError::NotFound { kind, id } => Self::not_found(kind, &id),
            AppError::InvalidDefinition(Problems(problems)) => {
                Self::with_problems(Kind::InvalidDefinition, INVALID_DEFINITION, problems)
            }
            AppError::InvalidInput(Problems(problems)) => Self::with_problems(
                Kind::InvalidInput,
                "the input does not fit the workflow's input schema",
                problems,
            ),
            AppError::InvalidSchedule(Problems(problems)) => {
                Self::with_problems(Kind::InvalidSchedule, "the schedule is not valid", problems)
            }
            AppError::InvalidRequest(problem) => Self::problem(problem),
            AppError::TooLarge(problem) => {
                let mut error = Self::new(Kind::TooLarge, text);
                error.0.details = vec![problem];
                error
            }
            AppError::Inactive => Self::new(Kind::Inactive, text),
            AppError::IntegrationMissing(_) => Self::new(Kind::IntegrationMissing, text),
            AppError::Changed(_) => Self::new(
                Kind::Changed,
                format!("{text}; get it again, and send its ETag as If-Match"),
            ),
            AppError::AlreadyEnded(_) => Self::new(Kind::Ended, text),
            AppError::WrongState { .. } | AppError::Conflict(_) => {
                Self::new(Kind::WrongState, text)
            }
            AppError::ExternalIdTaken(id) => {
                let mut error = Self::new(Kind::ExternalIdTaken, text);
                error.0.object = Some(Object::Execution(id));
                error
            }
            AppError::IdempotencyKeyReused => Self::new(
                Kind::IdempotencyKeyReused,
                format!("{text}; send a new key for a new request"),
            ),
            AppError::StillRunning(id) => {
                let mut error = Self::new(Kind::Timeout, text);
                error.0.object = Some(Object::Execution(id));
                error
            }
            AppError::Unavailable { retry_after, .. } => {
                let mut error = Self::new(Kind::Unavailable, text);
                error.0.retry_after = Some(retry_after);
                error
            }
            AppError::Internal(log) => Self::internal(log),
        }
    }
}

/// How the message about a wrong definition begins.
pub const INVALID_DEFINITION: &str = "the definition is not valid";

/// Carries itself to the edge, which writes the body; the status here is never sent.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_count_what_they_leave_out() {
        let problems = vec![Problem::new("a", "is wrong"), Problem::new("b", "is wrong")];
        let error = ApiError::from(AppError::InvalidDefinition(Problems(problems)));
        assert_eq!(error.message(), "the definition is not valid: a: is wrong (and 1 more)");
        assert_eq!(error.details().len(), 2);
    }

    #[test]
    fn internals_are_not_told() {
        let error = ApiError::from(AppError::Internal("table x is corrupt".into()));
        assert!(!error.message().contains("table x"));
        assert_eq!(error.log(), Some("table x is corrupt"));
    }

    #[test]
    fn objects_that_are_missing_are_known_by_kind() {
        for (kind, expect) in [
            ("workflow", Kind::NoWorkflow),
            ("execution", Kind::NoExecution),
            ("the workflow", Kind::NoWorkflow),
            ("key", Kind::NoObject),
            ("release", Kind::NoObject),
        ] {
            assert_eq!(ApiError::from(AppError::not_found(kind, "x")).kind(), expect, "{kind}");
        }
    }
}
