//! What the application and executions refuse or fail with, as errors of a request.

use stepwell_core::Problems;
use stepwell_core::execution::{Failure, Status};
use stepwell_engine::view::ExecutionView;
use stepwell_engine::{AppError, AuthError};

use super::{ApiError, ErrorObject, Kind};

/// How the message about a wrong definition begins.
pub const INVALID_DEFINITION: &str = "the definition is not valid";

impl ApiError {
    /// An execution that was waited for ended otherwise than completed.
    pub fn ended(view: &ExecutionView) -> Self {
        let status = view.record.status;
        let message = match (&view.error, status) {
            (Some(Failure { message, .. }), Status::TimedOut) => {
                format!("the execution was stopped: {message}")
            }
            (Some(Failure { step: Some(step), message, .. }), _) => {
                format!("the execution failed in step `{step}`: {message}")
            }
            (Some(Failure { message, .. }), _) => format!("the execution failed: {message}"),
            (None, _) => format!("the execution ended as {}", status.name()),
        };
        let kind = match status {
            Status::TimedOut => Kind::Timeout,
            _ => Kind::ExecutionFailed,
        };
        let mut error = Self::new(kind, message).about(ErrorObject::Execution(view.record.id));
        error.0.failure.clone_from(&view.error);
        error
    }

    fn about(mut self, object: impl Into<Option<ErrorObject>>) -> Self {
        self.0.object = object.into();
        self
    }

    fn not_found(kind: &str, id: &str) -> Self {
        // What a store misses comes with its article.
        let kind = kind.strip_prefix("the ").unwrap_or(kind);
        let (error_kind, object) = match kind {
            "workflow" => (Kind::NoWorkflow, id.parse().ok().map(ErrorObject::Workflow)),
            "execution" => (Kind::NoExecution, id.parse().ok().map(ErrorObject::Execution)),
            "schedule" => (Kind::NoSchedule, None),
            "key" => (Kind::NoObject, id.parse().ok().map(ErrorObject::Key)),
            _ => (Kind::NoObject, None),
        };
        let message = if id.is_empty() {
            format!("this {kind} was not found")
        } else {
            format!("{kind} `{id}` was not found")
        };
        Self::new(error_kind, message).about(object)
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
        let plain = |kind| Self::new(kind, text.clone());
        match error {
            AppError::Auth(error) => error.into(),
            AppError::Forbidden(_) => plain(Kind::Forbidden),
            AppError::NotPermitted(_) => plain(Kind::NotPermitted),
            AppError::RateLimited(limited) => {
                let mut error = plain(Kind::RateLimited).after(limited.retry_after);
                error.0.standing = Some(limited.standing);
                error
            }
            AppError::NotFound { kind, id } => Self::not_found(kind, &id),
            AppError::InvalidDefinition(problems) => {
                combine_problems(Kind::InvalidDefinition, INVALID_DEFINITION, problems)
            }
            AppError::InvalidInput(problems) => {
                let intro = "the input does not fit the workflow's input schema";
                combine_problems(Kind::InvalidInput, intro, problems)
            }
            AppError::InvalidSchedule(problems) => {
                combine_problems(Kind::InvalidSchedule, "the schedule is not valid", problems)
            }
            AppError::InvalidObject { kind, problems } => combine_problems(
                Kind::InvalidRequest,
                &format!("the {kind} is not valid"),
                problems,
            ),
            AppError::InvalidRequest(problem) | AppError::UnknownReleaseTag(problem) => {
                Self::problem(problem)
            }
            AppError::TooLarge(problem) => {
                let mut error = plain(Kind::TooLarge);
                error.0.details = vec![problem];
                error
            }
            AppError::InvalidConcurrencyKey(problem) => {
                let intro = "the input gives no concurrency key";
                combine_problems(Kind::InvalidInput, intro, problem.into())
            }
            AppError::ConcurrencyLimit(_) => plain(Kind::ConcurrencyLimit),
            AppError::Inactive => plain(Kind::Inactive),
            AppError::IntegrationMissing(_) => plain(Kind::IntegrationMissing),
            AppError::Changed(_) => {
                let advice = "get it again, and send its ETag as If-Match";
                Self::new(Kind::Changed, format!("{text}; {advice}"))
            }
            AppError::AlreadyEnded(_) => plain(Kind::Ended),
            AppError::WrongState { .. } | AppError::Conflict(_) => plain(Kind::WrongState),
            AppError::SignalNotAwaited => plain(Kind::SignalNotAwaited),
            AppError::TooManySignals(_) => plain(Kind::TooManySignals),
            AppError::ExternalIdTaken(id) => {
                plain(Kind::ExternalIdTaken).about(ErrorObject::Execution(id))
            }
            AppError::IdempotencyKeyReused => {
                let advice = "send a new key for a new request";
                Self::new(Kind::IdempotencyKeyReused, format!("{text}; {advice}"))
            }
            AppError::StillRunning(id) => plain(Kind::Timeout).about(ErrorObject::Execution(id)),
            AppError::Unavailable { retry_after, .. } => {
                plain(Kind::Unavailable).after(retry_after)
            }
            AppError::Internal(log) => Self::internal(log),
        }
    }
}

fn combine_problems(kind: Kind, intro: &str, Problems(problems): Problems) -> ApiError {
    ApiError::with_problems(kind, intro, problems)
}

#[cfg(test)]
mod tests {
    use stepwell_core::Problem;

    use super::*;

    #[test]
    fn messages_count_what_they_leave_out() {
        let problems = vec![Problem::new("a", "is wrong"), Problem::new("b", "is wrong")];
        let error = ApiError::from(AppError::InvalidDefinition(Problems(problems)));
        assert_eq!(error.message(), "the definition is not valid: a: is wrong (and 1 more)");
        assert_eq!(error.details().len(), 2);
        let error = error.within(Kind::InvalidDefinition, "definition");
        let expect = "the definition is not valid: definition.a: is wrong (and 1 more)";
        assert_eq!((error.message(), error.details()[1].path.as_str()), (expect, "definition.b"));
    }

    #[test]
    fn internals_are_not_shown() {
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
