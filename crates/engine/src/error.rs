//! Why a service did not do what it was asked. Each dialect writes these its own way.

use std::time::Duration;

use stepwell_core::execution::Status;
use stepwell_core::{Problem, Problems};
use stepwell_store::StoreError;

use crate::limits::Limited;

/// Why a service did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Who asks is not known.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Who asks may not do that; the scope that would be needed.
    #[error("this key lacks the scope `{0}`")]
    Forbidden(String),
    /// Who asks has the scope, and may not do that all the same; why.
    #[error("{0}")]
    NotPermitted(&'static str),
    /// A limit of the key or its workspace is used up.
    #[error("{0}")]
    RateLimited(Limited),
    /// There is no such object in the caller's workspace.
    #[error("{kind} `{id}` was not found")]
    NotFound {
        /// `workflow`, `execution`, `key`, `release`, `schedule`, `webhook`, `delivery`.
        kind: &'static str,
        /// As the caller wrote it.
        id: String,
    },
    /// The definition is wrong; every problem is listed.
    #[error("the definition is not valid: {0}")]
    InvalidDefinition(Problems),
    /// The execution's input does not fit the workflow's input schema.
    #[error("the input does not fit the workflow's input schema: {0}")]
    InvalidInput(Problems),
    /// What is said of a schedule is wrong; every problem names its field.
    #[error("the schedule is not valid: {0}")]
    InvalidSchedule(Problems),
    /// A configured object is not valid; every problem names its field.
    #[error("the {kind} is not valid: {problems}")]
    InvalidObject {
        /// `template`, ….
        kind: &'static str,
        /// The problems.
        problems: Problems,
    },
    /// Something else in the request is wrong.
    #[error("{0}")]
    InvalidRequest(Problem),
    /// A value or request is larger than allowed.
    #[error("{0}")]
    TooLarge(Problem),
    /// The workflow is not active.
    #[error("the workflow is inactive; activate it first")]
    Inactive,
    /// Integrations that the workflow cannot do without are not there or do not work; their ids.
    #[error("the workflow requires integrations that are not connected: {}", .0.join(", "))]
    IntegrationMissing(Vec<String>),
    /// The object has another version than the change requires; the version that it has.
    #[error("the object has changed since; it is at version {0}")]
    Changed(u64),
    /// The execution has ended already.
    #[error("the execution has already ended as {}", .0.name())]
    AlreadyEnded(Status),
    /// The execution is not in a state in which that can be done.
    #[error("the execution is {}: {reason}", shown(*.status))]
    WrongState {
        /// Where it stands.
        status: Status,
        /// Why that does not go.
        reason: &'static str,
    },
    /// That does not go as things are; the text tells what to change first.
    #[error("{0}")]
    Conflict(String),
    /// The external id is taken in this workspace.
    #[error("the external id is taken by execution {0}")]
    ExternalIdTaken(stepwell_core::ids::ExecutionId),
    /// The idempotency key came before with another request.
    #[error("this Idempotency-Key was used before with a different request")]
    IdempotencyKeyReused,
    /// A request that waited for the end of an execution waited too long; the execution goes on.
    #[error("execution {0} has not ended yet; it goes on")]
    StillRunning(stepwell_core::ids::ExecutionId),
    /// Too much work is queued, or the server is stopping, or the store is away: try later.
    #[error("{reason}")]
    Unavailable {
        /// Why.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// A fault of Stepwell itself; the message is for the log, not for the caller.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Why a token was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There was none.
    #[error("no API key was sent; send `X-API-KEY: <key>` or `Authorization: Bearer <key>`")]
    Missing,
    /// There is no such key.
    #[error("the API key is not valid")]
    Invalid,
    /// It is past its time.
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

    /// The server stops; another one, or the same one later, can do it.
    pub fn stopping() -> Self {
        Self::Unavailable {
            reason: "the server is stopping".into(),
            retry_after: Duration::from_secs(1),
        }
    }

    /// Something in the request is wrong at `path`.
    pub fn invalid(path: &str, message: impl Into<String>) -> Self {
        Self::InvalidRequest(Problem::new(path, message))
    }
}

/// A status in a message. One that waits by itself is under way as far as users are told.
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
            StoreError::Missing(kind) => Self::not_found(kind, ""),
            StoreError::Changed(version) => Self::Changed(version),
            StoreError::Unavailable(reason) => Self::Unavailable {
                reason: format!("the store cannot answer now: {reason}"),
                retry_after: Duration::from_secs(1),
            },
            StoreError::Outdated(kind) => Self::Unavailable {
                reason: format!("{kind} is being changed by others as well"),
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
