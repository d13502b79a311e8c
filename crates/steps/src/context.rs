//! What a running step is given and what it gives back.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use stepwell_core::execution::codes;
use stepwell_core::redact::Redact;

use crate::WorkingMemory;

/// A step under way.
pub type StepFuture<'a> = Pin<Box<dyn Future<Output = Result<StepOutput, Failure>> + Send + 'a>>;

/// What a step made.
#[derive(Debug, Clone, PartialEq)]
pub struct StepOutput {
    /// Its output value. Shared, so that passing an input on costs nothing.
    pub value: Arc<Value>,
    /// The port it leaves by; `None`: the usual one.
    pub port: Option<&'static str>,
}

impl StepOutput {
    /// An output that leaves by the usual way.
    pub fn new(value: Value) -> Self {
        Self { value: Arc::new(value), port: None }
    }
}

impl From<Arc<Value>> for StepOutput {
    fn from(value: Arc<Value>) -> Self {
        Self { value, port: None }
    }
}

/// Why a step failed, told by what the caller can do.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// A stable code in upper snake case: `HTTP_STATUS`, `INVALID_JSON`.
    pub code: &'static str,
    /// What happened, for a person.
    pub message: String,
    /// More for a machine, such as the answer's status and body; `null` where there is none.
    pub details: Value,
    /// Whether another attempt may help.
    pub retryable: bool,
    /// The earliest moment for another attempt, as a pause from now (`Retry-After`).
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure that another attempt cannot mend.
    pub fn permanent(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Value::Null,
            retryable: false,
            retry_after: None,
        }
    }

    /// A failure that another attempt may mend.
    pub fn transient(code: &'static str, message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::permanent(code, message) }
    }

    /// The failure of a step that ended early because its result was not wanted any more.
    pub(crate) fn interrupted() -> Self {
        Self::transient(codes::INTERRUPTED, "the step was interrupted")
    }

    /// Adds details for a machine.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }
}

/// What an asynchronous step is called with.
pub struct RunContext<'a> {
    /// The input, checked against the type's schema.
    pub input: Arc<Value>,
    /// The configuration, checked against the type's schema, secrets resolved in its sensitive
    /// fields.
    pub config: &'a Value,
    /// The same text for each repeat of this step of this execution: `execution/step/path`.
    pub idempotency_key: &'a str,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The way to the outside.
    pub outbound: &'a dyn Outbound,
    /// Takes log lines of this step run: level (`info`, `warn`, `error`) and text.
    pub log: &'a (dyn Fn(&'static str, String) + Send + Sync),
    /// Takes the output's `text` piece by piece while it is being made, for those who watch live.
    /// Pieces are never stored: the whole text must be in the step's output as well.
    pub delta: &'a (dyn Fn(&str) + Send + Sync),
    /// Where it reserves the memory for what it reads and makes.
    pub memory: &'a dyn WorkingMemory,
    /// Recognises the secrets of the execution. What a step returns, logs or fails with is redacted
    /// by the engine; a step redacts itself before it cuts text, or writes bytes as text.
    pub redact: &'a dyn Redact,
}

/// The one way to the outside: HTTP through the egress rules (time-outs, size limits, redirects
/// re-checked, private ranges refused).
#[async_trait]
pub trait Outbound: Send + Sync {
    /// Sends a request and reads the whole answer, for which it reserves memory as it comes.
    async fn send(
        &self,
        request: OutboundRequest,
        memory: &dyn WorkingMemory,
    ) -> Result<OutboundResponse, OutboundError>;
}

/// An HTTP request to the outside.
#[derive(Debug, Clone, Default)]
pub struct OutboundRequest {
    /// `GET`, `POST`…
    pub method: String,
    /// An absolute `http` or `https` URL.
    pub url: String,
    /// In order; names may repeat.
    pub headers: Vec<(String, String)>,
    /// The body, if any.
    pub body: Option<Vec<u8>>,
    /// The most redirects that are followed; 0: none.
    pub max_redirects: usize,
    /// The time for everything; `None`: the egress client's default.
    pub timeout: Option<Duration>,
    /// The longest answer in bytes; `None`: the egress client's default.
    pub max_response_bytes: Option<usize>,
}

/// The answer to an [`OutboundRequest`].
#[derive(Debug, Clone, Default)]
pub struct OutboundResponse {
    /// The HTTP status.
    pub status: u16,
    /// Lower-case names; values of a repeated header joined by `, ` (RFC 9110, section 5.3).
    /// Without `Set-Cookie`, whose values cannot be joined.
    pub headers: BTreeMap<String, String>,
    /// The values of `Set-Cookie`, in order.
    pub set_cookie: Vec<String>,
    /// The whole body, its content codings undone.
    pub body: Vec<u8>,
    /// The URL that answered, after redirects.
    pub url: String,
    /// The pause before another request that a 429 or 503 response asks for (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// The redirects that were followed, in order.
    pub redirects: Vec<Redirect>,
}

/// A redirect that was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The HTTP status of the redirect.
    pub status: u16,
    /// The URL that it led to.
    pub to: String,
}

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The egress rules forbid it; another attempt meets the same answer.
    #[error("{0}")]
    Refused(String),
    /// The URL, a header or the method is malformed.
    #[error("{0}")]
    Invalid(String),
    /// Nothing answered, or not in time, or the answer broke off.
    #[error("{0}")]
    Unreachable(String),
    /// No answer within the time-out.
    #[error("{0}")]
    TimedOut(String),
    /// The answer was larger than allowed.
    #[error("{0}")]
    TooLarge(String),
    /// There was no memory for the answer in time.
    #[error("{0}")]
    NoMemory(String),
    /// The body is in a content coding that is not known.
    #[error("{0}")]
    Undecodable(String),
}
