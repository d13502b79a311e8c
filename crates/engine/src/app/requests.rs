//! What the services are asked with and what they answer.

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::definition::SharedPlan;
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, WorkflowId, WorkspaceId};
use stepwell_core::rate::RateLimits;
use stepwell_core::{Map, Timestamp};
use stepwell_store::record::{KeyRecord, WorkflowRecord};

/// An `Idempotency-Key` with the digest of the request that it came with.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The key as sent, at most 255 characters.
    pub key: String,
    /// A digest of method, path and body.
    pub fingerprint: Vec<u8>,
}

/// Asks for a workflow.
#[derive(Debug, Clone)]
pub struct CreateWorkflow {
    /// The definition, as JSON value.
    pub source: Value,
    /// Whether it may be executed at once.
    pub active: bool,
    /// The idempotency key, if any.
    pub idempotency: Option<Idempotency>,
}

/// A workflow with its current release.
#[derive(Clone)]
pub struct WorkflowView {
    /// The object.
    pub record: WorkflowRecord,
    /// The definition as given.
    pub source: Arc<Value>,
    /// The same, compiled: steps with ids, schemas, input schema.
    pub plan: SharedPlan,
}

/// Asks for an execution.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// The input; `None`: an empty object.
    pub input: Option<Value>,
    /// Where status changes are sent.
    pub webhook_url: Option<String>,
    /// Unique in the workspace.
    pub external_id: Option<String>,
    /// The user's own labels.
    pub metadata: Map,
    /// The release to run, as [`super::App::target`] chose it; `None`: the newest.
    pub release: Option<u32>,
    /// The tag by which it was chosen.
    pub release_tag: Option<String>,
    /// An execution of the same workflow: its last state is the first state of this one.
    pub previous: Option<ExecutionId>,
    /// Third-party secrets by name, for the steps that ask for them; never stored or logged.
    pub secrets: Vec<(String, String)>,
    /// The idempotency key, if any.
    pub idempotency: Option<Idempotency>,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `None`: this was the last.
    pub next_cursor: Option<String>,
}

/// Asks for a page of workflows.
#[derive(Debug, Clone, Default)]
pub struct WorkflowsQuery {
    /// Only active or only inactive ones.
    pub active: Option<bool>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// At most so many, 1 to 100.
    pub limit: usize,
}

/// Asks for a page of executions.
#[derive(Debug, Clone, Default)]
pub struct ExecutionsQuery {
    /// Only this workflow's.
    pub workflow: Option<WorkflowId>,
    /// Only those in one of these statuses; empty: all.
    pub statuses: Vec<Status>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// At most so many, 1 to 100.
    pub limit: usize,
}

/// Asks for a key.
#[derive(Debug, Clone)]
pub struct CreateKey {
    /// What people will call it, 1 to 100 characters.
    pub name: String,
    /// What it may do; not empty.
    pub scopes: Vec<String>,
    /// When it stops being accepted; in the future.
    pub expires_at: Option<Timestamp>,
    /// What it may use.
    pub limits: RateLimits,
    /// The workspace whose objects it opens; `None`: that of whoever asks.
    pub workspace: Option<WorkspaceId>,
}

impl CreateKey {
    /// A key of the caller's own workspace that may do that for ever, without limits.
    pub fn new(name: impl Into<String>, scopes: &[&str]) -> Self {
        Self {
            name: name.into(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            expires_at: None,
            limits: RateLimits::NONE,
            workspace: None,
        }
    }
}

/// A key just made: the only moment at which its secret is known.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What is stored.
    pub record: KeyRecord,
    /// `sk_live_…`.
    pub secret: String,
}

/// Whether the server can take work.
#[derive(Debug, Clone)]
pub struct Readiness {
    /// Whether it can.
    pub ready: bool,
    /// Why not.
    pub reason: Option<String>,
}
