//! Why a request failed, independent of dialects.
//!
//! A handler returns an [`ApiError`]; the edge (see [`crate::edge`]) has the dialect of the
//! request write its body and choose status and code. Nothing here knows a dialect.

mod from;
mod kind;

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use stepwell_core::Problem;
use stepwell_core::definition::{SourceFormat, TextPosition, locate_problems};
use stepwell_core::execution::Failure;
use stepwell_core::ids::{ExecutionId, KeyId, WorkflowId};
use stepwell_engine::limits::BucketStatus;

pub use from::INVALID_DEFINITION;
pub use kind::Kind;

/// The object of a request, so that a dialect can write its id in its own format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorObject {
    /// A workflow.
    Workflow(WorkflowId),
    /// An execution.
    Execution(ExecutionId),
    /// An API key.
    Key(KeyId),
}

/// The most problems in one response; a body can have as many as it has bytes.
const MOST_DETAILS: usize = 100;

#[derive(Debug, Clone)]
struct ErrorInner {
    kind: Kind,
    message: String,
    details: Vec<Problem>,
    /// Where the details are in the text of the body; empty: not known.
    positions: Vec<Option<TextPosition>>,
    omitted: usize,
    object: Option<ErrorObject>,
    failure: Option<Failure>,
    retry_after: Option<Duration>,
    standing: Option<BucketStatus>,
    log: Option<String>,
}

/// Why a request failed.
#[derive(Debug, Clone)]
pub struct ApiError(Box<ErrorInner>);

impl ApiError {
    /// An error of that kind with a message.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorInner {
            kind,
            message: message.into(),
            details: Vec::new(),
            positions: Vec::new(),
            omitted: 0,
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
        error.0.omitted = problems.len().saturating_sub(MOST_DETAILS);
        problems.truncate(MOST_DETAILS);
        error.0.details = problems;
        error
    }

    /// Something in the request is wrong at `path`.
    pub fn invalid(path: &str, message: impl Into<String>) -> Self {
        Self::problem(Problem::new(path, message))
    }

    /// The same, with the line and column of each problem in the text that was read.
    #[must_use]
    pub fn located_in(mut self, text: &str, format: SourceFormat) -> Self {
        self.0.positions = locate_problems(text, format, &self.0.details);
        self
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
    pub fn replaced(self, from: &str, to: &str) -> Self {
        self.renamed(|path| {
            let rest = path.strip_prefix(from)?;
            (rest.is_empty() || rest.starts_with(['.', '['])).then(|| format!("{to}{rest}"))
        })
    }

    /// The same error; if it is of that kind, its problems are in parts of `place`.
    #[must_use]
    pub fn within(self, kind: Kind, place: &str) -> Self {
        if self.kind() != kind {
            return self;
        }
        self.renamed(|path| match path {
            "" => Some(place.to_owned()),
            path => Some(format!("{place}.{path}")),
        })
    }

    fn renamed(mut self, new: impl Fn(&str) -> Option<String>) -> Self {
        let ErrorInner { details, message, .. } = &mut *self.0;
        for problem in details {
            if let Some(path) = new(&problem.path) {
                let original = problem.to_string();
                problem.path = path;
                *message = message.replacen(&original, &problem.to_string(), 1);
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

    /// The same, each with its position in the text of the body, where it is known.
    pub fn located_details(&self) -> impl Iterator<Item = (&Problem, Option<TextPosition>)> {
        let positions = self.0.positions.iter().copied().chain(std::iter::repeat(None));
        self.0.details.iter().zip(positions)
    }

    /// How many problems there were beyond that bound.
    pub fn omitted(&self) -> usize {
        self.0.omitted
    }

    /// The object that it is about, where its id was readable.
    pub fn object(&self) -> Option<ErrorObject> {
        self.0.object
    }

    /// When to try again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The status of the exhausted limit.
    pub fn standing(&self) -> Option<BucketStatus> {
        self.0.standing
    }

    /// What is for the log only.
    pub fn log(&self) -> Option<&str> {
        self.0.log.as_deref()
    }
}

/// As much of what a user wrote as an error repeats: the first 64 characters.
pub fn shorten_text(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Carries itself to the edge, which writes the body; the status here is never sent.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
