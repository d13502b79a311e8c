//! What the services are asked with and what they answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stepwell_core::definition::SharedPlan;
use stepwell_core::execution::{RerunSource, Status};
use stepwell_core::ids::{ExecutionId, WorkflowId, WorkspaceId};
use stepwell_core::rate::RateLimits;
use stepwell_core::{Map, Timestamp};
use stepwell_store::lists::{Order, WorkflowSort};
use stepwell_store::record::{IntegrationUse, WorkflowRecord};

use crate::api_key::ApiKey;
use crate::objects::Object;

use crate::memory::HeldMemory;

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

/// Asks for a workflow of a type.
#[derive(Debug, Clone)]
pub struct NewWorkflow {
    /// Its name.
    pub name: String,
    /// What it is for; `None`: what its definition says.
    pub description: Option<String>,
    /// Its type.
    pub kind: String,
    /// What its definition is made of.
    pub configuration: Map,
    /// What it is connected to.
    pub integrations: Vec<IntegrationUse>,
    /// The user's own labels; `None`: what its definition says.
    pub metadata: Option<Map>,
    /// The idempotency key, if any.
    pub idempotency: Option<Idempotency>,
}

/// Asks for changes of a workflow; what is `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct ChangeWorkflow {
    /// Its name.
    pub name: Option<String>,
    /// What it is for; `Some(None)`: nothing is said of that any more.
    pub description: Option<Option<String>>,
    /// Its type.
    pub kind: Option<String>,
    /// What its definition is made of.
    pub configuration: Option<Map>,
    /// What it is connected to.
    pub integrations: Option<Vec<IntegrationUse>>,
    /// The user's own labels.
    pub metadata: Option<Map>,
}

/// The versions that an object may be at for a change to be made.
#[derive(Debug, Clone, Default)]
pub enum Expected {
    /// Any.
    #[default]
    Any,
    /// One of these.
    OneOf(Vec<u64>),
}

/// How a workflow is deleted.
#[derive(Debug, Clone, Default)]
pub struct Deletion {
    /// The versions that it may be at.
    pub expected: Expected,
    /// Whether its executions that have not ended are cancelled; else they go on to their end.
    pub cancel_running: bool,
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
    /// Where the execution is sent once it has ended.
    pub callback_url: Option<String>,
    /// How long it may take from its acceptance on; past that it ends as timed out.
    pub timeout: Option<Duration>,
    /// What it takes over from an earlier execution of the same release.
    pub rerun: Option<Box<RerunSource>>,
    /// With `rerun`: the state values that the earlier execution began with.
    pub state: Option<Map>,
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
    /// The memory that is reserved for the request; the execution takes it over.
    pub memory: Option<Arc<HeldMemory>>,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `None`: this was the last.
    pub next_cursor: Option<String>,
    /// How many items there are on all pages, where that was asked for.
    pub total: Option<u64>,
}

/// Which page of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageAt {
    /// The one that begins where `next_cursor` of the page before says; `None`: the first.
    Cursor(Option<String>),
    /// The page of that number, from 1.
    Number(u64),
    /// The one that so many items come before.
    Skip(u64),
}

impl Default for PageAt {
    fn default() -> Self {
        Self::Cursor(None)
    }
}

/// Asks for a page of workflows.
#[derive(Debug, Clone, Default)]
pub struct WorkflowsQuery {
    /// Only active or only inactive ones.
    pub active: Option<bool>,
    /// Only those of this type.
    pub kind: Option<String>,
    /// Only those that have all of these labels.
    pub labels: Vec<(String, String)>,
    /// What they are sorted by.
    pub sort: WorkflowSort,
    /// Which come first.
    pub order: Order,
    /// Which page.
    pub at: PageAt,
    /// At most so many, 1 to 100.
    pub limit: usize,
    /// Whether to tell how many there are in all.
    pub count: bool,
}

/// Asks for a page of executions, sorted by when they were created.
#[derive(Debug, Clone, Default)]
pub struct ExecutionsQuery {
    /// Only this workflow's.
    pub workflow: Option<WorkflowId>,
    /// Only those in one of these statuses; empty: all.
    pub statuses: Vec<Status>,
    /// Only the one with this external id.
    pub external_id: Option<String>,
    /// Only those created at this moment or later.
    pub from: Option<Timestamp>,
    /// Only those created at this moment or before.
    pub until: Option<Timestamp>,
    /// Only those that have all of these labels.
    pub labels: Vec<(String, String)>,
    /// Which come first.
    pub order: Order,
    /// Which page.
    pub at: PageAt,
    /// At most so many, 1 to 100.
    pub limit: usize,
    /// Whether to tell how many there are in all.
    pub count: bool,
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
    pub record: Object<ApiKey>,
    /// `sk_live_…`.
    pub secret: String,
}
