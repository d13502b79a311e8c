//! What can go wrong, and the status and code with which a dialect reports it by default.

use axum::http::StatusCode;

/// The kind of an error. Each dialect reports it with the usual status and code, or with its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The definition is wrong.
    InvalidDefinition,
    /// What an execution is to be started with has the wrong shape.
    InvalidParameters,
    /// The execution's input does not fit.
    InvalidInput,
    /// A schedule is invalid.
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
    /// The path and the query are too long.
    UriTooLong,
    /// The headers are too large, or there are too many.
    HeadersTooLarge,
    /// The header `Expect` requires something that is not supported.
    ExpectationFailed,
    /// All places of the concurrency key are taken.
    ConcurrencyLimit,
    /// The workflow is not active.
    Inactive,
    /// The workflow requires an integration that is not connected.
    IntegrationMissing,
    /// The object is not at the version that a change is based on.
    Changed,
    /// An execution that was waited for did not complete.
    ExecutionFailed,
    /// The execution has ended already.
    Ended,
    /// The execution is not in a state in which that can be done.
    WrongState,
    /// No step waits for the signal.
    SignalNotAwaited,
    /// Too many signals are kept.
    TooManySignals,
    /// The external id is taken.
    ExternalIdTaken,
    /// The idempotency key came before with another request.
    IdempotencyKeyReused,
    /// The first request with the idempotency key is still at work.
    IdempotencyKeyBusy,
    /// The response under this idempotency key held a secret and was not stored.
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
    /// The status and code with which a dialect reports it by default.
    pub const fn default_status(self) -> (StatusCode, &'static str) {
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
            Self::UriTooLong => (StatusCode::URI_TOO_LONG, "URI_TOO_LONG"),
            Self::HeadersTooLarge => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "HEADERS_TOO_LARGE")
            }
            Self::ExpectationFailed => (StatusCode::EXPECTATION_FAILED, "EXPECTATION_FAILED"),
            Self::ConcurrencyLimit => (StatusCode::CONFLICT, "CONCURRENCY_LIMIT"),
            Self::Inactive => (StatusCode::CONFLICT, "WORKFLOW_INACTIVE"),
            Self::IntegrationMissing => (StatusCode::CONFLICT, "INTEGRATION_MISSING"),
            Self::Changed => (StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED"),
            Self::ExecutionFailed => (StatusCode::INTERNAL_SERVER_ERROR, "EXECUTION_FAILED"),
            Self::Ended => (StatusCode::CONFLICT, "EXECUTION_ENDED"),
            Self::WrongState => (StatusCode::CONFLICT, "INVALID_STATE"),
            Self::SignalNotAwaited => (StatusCode::NOT_FOUND, "SIGNAL_NOT_AWAITED"),
            Self::TooManySignals => (StatusCode::CONFLICT, "TOO_MANY_SIGNALS"),
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
