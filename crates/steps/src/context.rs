//! The context of a running step, and its way to the outside.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use stepwell_core::redact::Redact;

use crate::memory::WorkingMemory;

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
    pub outbound: &'a dyn OutboundClient,
    /// Takes log lines of this step run: level (`info`, `warn`, `error`) and text.
    pub log: &'a (dyn Fn(&'static str, String) + Send + Sync),
    /// What this step run passed to `save_checkpoint` last, if an earlier attempt did, also before
    /// a crash of the server.
    pub checkpoint: Option<&'a Value>,
    /// Stores the progress of this step run, from which its next attempt continues: at most
    /// 16 KiB, without secrets. It returns at once, and stores a value at most once a second; of
    /// more, the last one is stored when the attempt fails.
    pub save_checkpoint: &'a (dyn Fn(Value) + Send + Sync),
    /// Streams the output's `text` in pieces while it is generated, to live readers.
    /// Pieces are never stored: the whole text must be in the step's output as well.
    pub delta: &'a (dyn Fn(&str) + Send + Sync),
    /// Where it reserves the memory for what it reads and makes.
    pub memory: &'a dyn WorkingMemory,
    /// Redacts the secrets of the execution. What a step returns, logs or fails with is redacted
    /// by the engine; a step redacts itself before it cuts text, or writes bytes as text.
    pub redact: &'a dyn Redact,
}

/// HTTP through the egress rules (timeouts, size limits, redirects re-checked, private ranges
/// refused).
#[async_trait]
pub trait OutboundClient: Send + Sync {
    /// Sends a request and reads the whole response, for which it reserves memory as it arrives.
    async fn send_request(
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
    /// The longest response in bytes; `None`: the egress client's default.
    pub max_response_bytes: Option<usize>,
}

/// The response to an [`OutboundRequest`].
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
    /// The URL that responded, after redirects.
    pub url: String,
    /// The pause before another request that a 429 or 503 response requests (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// The redirects that were followed, in order.
    pub redirects: Vec<RedirectPolicy>,
}

/// A redirect that was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectPolicy {
    /// The HTTP status of the redirect.
    pub status: u16,
    /// The URL that it led to.
    pub to: String,
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The egress rules forbid it; a retry fails in the same way.
    #[error("{0}")]
    Refused(String),
    /// The URL, a header or the method is malformed.
    #[error("{0}")]
    Invalid(String),
    /// The connection failed, or the response was truncated.
    #[error("{0}")]
    Unreachable(String),
    /// No response within the timeout.
    #[error("{0}")]
    TimedOut(String),
    /// The response was larger than allowed.
    #[error("{0}")]
    TooLarge(String),
    /// No memory was free for the response in time.
    #[error("{0}")]
    NoMemory(String),
    /// The body is in a content coding that is not known.
    #[error("{0}")]
    Undecodable(String),
}
