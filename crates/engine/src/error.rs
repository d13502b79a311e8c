//! The errors of the services. Each dialect has its own format for them.

use std::time::Duration;

use stepwell_core::execution::Status;
use stepwell_core::{Problem, Problems};
use stepwell_store::StoreError;

use crate::limits::Limited;

/// The error of a service.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The caller is not authenticated.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The caller lacks this scope.
    #[error("this key lacks the scope `{0}`")]
    Forbidden(String),
    /// The caller has the scope, but is not permitted to do this; the reason.
    #[error("{0}")]
    NotPermitted(&'static str),
    /// A rate limit of the key or its workspace is exceeded.
    #[error("{0}")]
    RateLimited(Limited),
    /// The caller's workspace has no such object.
    #[error("{kind} `{id}` was not found")]
    NotFound {
        /// `workflow`, `execution`, `key`, `release`, `schedule`, `webhook`, `delivery`.
        kind: &'static str,
        /// As the caller wrote it.
        id: String,
    },
    /// The definition is invalid; every problem is listed.
    #[error("the definition is not valid: {0}")]
    InvalidDefinition(Problems),
    /// The execution's input does not match the workflow's input schema.
    #[error("the input does not fit the workflow's input schema: {0}")]
    InvalidInput(Problems),
    /// The schedule is invalid; every problem names its field.
    #[error("the schedule is not valid: {0}")]
    InvalidSchedule(Problems),
    /// A configured object is invalid; every problem names its field.
    #[error("the {kind} is not valid: {problems}")]
    InvalidObject {
        /// `template`, ….
        kind: &'static str,
        /// The problems.
        problems: Problems,
    },
    /// Another part of the request is invalid.
    #[error("{0}")]
    InvalidRequest(Problem),
    /// The workflow has no such release tag; the problem names those that it has.
    #[error("{0}")]
    UnknownReleaseTag(Problem),
    /// A value or request is larger than allowed.
    #[error("{0}")]
    TooLarge(Problem),
    /// The input gives no valid concurrency key.
    #[error("{0}")]
    InvalidConcurrencyKey(Problem),
    /// All places of the concurrency key are taken; how many there are.
    #[error(
        "all places of this concurrency key are taken ({0}); start it again when an execution with \
         the key has ended"
    )]
    ConcurrencyLimit(u32),
    /// The workflow is not active.
    #[error("the workflow is inactive; activate it first")]
    Inactive,
    /// Required integrations of the workflow are not connected; their ids.
    #[error("the workflow requires integrations that are not connected: {}", .0.join(", "))]
    IntegrationMissing(Vec<String>),
    /// The object does not have an expected version; the version that it has.
    #[error("the object has changed since; it is at version {0}")]
    Changed(u64),
    /// The execution has ended already.
    #[error("the execution has already ended as {}", .0.name())]
    AlreadyEnded(Status),
    /// The state of the execution does not allow the operation.
    #[error("the execution is {}: {reason}", shown(*.status))]
    WrongState {
        /// The state.
        status: Status,
        /// The reason.
        reason: &'static str,
    },
    /// The present state does not allow the operation; the message has what to change first.
    #[error("{0}")]
    Conflict(String),
    /// No step waits for the signal.
    #[error("no step waits for this signal")]
    SignalNotAwaited,
    /// Too many signals are kept that no step has consumed.
    #[error("{0}")]
    TooManySignals(String),
    /// The external id is taken in this workspace.
    #[error("the external id is taken by execution {0}")]
    ExternalIdTaken(stepwell_core::ids::ExecutionId),
    /// The idempotency key was used with a different request.
    #[error("this Idempotency-Key was used before with a different request")]
    IdempotencyKeyReused,
    /// The execution has not ended in the time that the request may wait; it continues.
    #[error("execution {0} has not ended yet; it continues")]
    StillRunning(stepwell_core::ids::ExecutionId),
    /// Too much work is queued, the server is stopping, or the store is unavailable: retry later.
    #[error("{reason}")]
    Unavailable {
        /// Why.
        reason: String,
        /// The time after which to retry.
        retry_after: Duration,
    },
    /// A bug in Stepwell; the message is for the log, not for the caller.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Why a token is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The request has none.
    #[error("no API key was sent; send `X-API-KEY: <key>` or `Authorization: Bearer <key>`")]
    Missing,
    /// There is no such key.
    #[error("the API key is not valid")]
    Invalid,
    /// It has expired.
    #[error("the API key has expired")]
    Expired,
    /// It was revoked.
    #[error("the API key was revoked")]
    Revoked,
}

impl AppError {
    /// The object was not found.
    pub fn not_found(kind: &'static str, id: impl ToString) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }

    /// The server stops; another one, or the same one later, can handle the request.
    pub fn stopping() -> Self {
        Self::Unavailable {
            reason: "the server is stopping".into(),
            retry_after: Duration::from_secs(1),
        }
    }

    /// The request is invalid at `path`.
    pub fn invalid(path: &str, message: impl Into<String>) -> Self {
        Self::InvalidRequest(Problem::new(path, message))
    }
}

/// A status in a message. Users see a waiting execution as running.
const fn shown(status: Status) -> &'static str {
    match status {
        Status::Waiting => Status::Running.name(),
        status => status.name(),
    }
}

impl From<Limited> for AppError {
    fn from(limited: Limited) -> Self {
        Self::RateLimited(limited)
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::ExternalIdTaken(id) => Self::ExternalIdTaken(id),
            StoreError::NoPlace { limit, .. } => Self::ConcurrencyLimit(limit),
            StoreError::Missing(kind) => Self::not_found(kind, ""),
            StoreError::Changed(version) => Self::Changed(version),
            StoreError::Unavailable(reason) => Self::Unavailable {
                reason: format!("the store is unavailable: {reason}"),
                retry_after: Duration::from_secs(1),
            },
            StoreError::Outdated(kind) => Self::Unavailable {
                reason: format!("other requests keep changing {kind}"),
                retry_after: Duration::from_secs(1),
            },
            StoreError::UniqueKeyTaken(kind) => {
                Self::Conflict(format!("another {kind} has this name"))
            }
            StoreError::Fenced => Self::Unavailable {
                reason: "this node was replaced by another one".into(),
                retry_after: Duration::from_secs(1),
            },
            StoreError::Replayed(_) | StoreError::Conflict { .. } | StoreError::Corrupt(_) => {
                Self::Internal(error.to_string())
            }
        }
    }
}
