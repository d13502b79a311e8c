//! The application services: what every dialect, the CLI and the tests call.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stepwell_core::definition::{Definition, SharedPlan};
use stepwell_core::execution::Status;
use stepwell_core::ids::{ExecutionId, KeyId, WorkflowId};
use stepwell_core::{Map, Timestamp};
use stepwell_store::Store;
use stepwell_store::record::{ExecutionRecord, KeyRecord, WorkflowRecord, WorkflowStats};

use crate::clock::Clock;
use crate::events::Follow;
use crate::view::{ExecutionView, LogLine};
use crate::{AppError, Caller, EngineConfig};

/// The application. Cheap to clone.
#[derive(Clone)]
pub struct App {}

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

impl App {
    /// Starts the engine over a store: joins as a node, takes over what a dead node left, and
    /// resumes it.
    ///
    /// # Errors
    /// The store could not be read or written.
    pub async fn start(
        store: Arc<dyn Store>,
        config: EngineConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AppError> {
        todo!()
    }

    /// Stops taking work, lets steps finish for the grace period, hands the rest over.
    pub async fn shutdown(&self) {
        todo!()
    }

    /// Whether work can be taken.
    pub async fn readiness(&self) -> Readiness {
        todo!()
    }

    /// Checks a definition without storing it.
    ///
    /// # Errors
    /// `InvalidDefinition` with every problem.
    pub fn validate(&self, source: &Value) -> Result<(Definition, SharedPlan), AppError> {
        todo!()
    }

    /// Creates a workflow. Scope `write:workflows`. Answers its id; with an idempotency key seen
    /// before, that of the first time.
    ///
    /// # Errors
    /// `InvalidDefinition` with every problem.
    pub async fn create_workflow(
        &self,
        caller: &Caller,
        create: CreateWorkflow,
    ) -> Result<WorkflowId, AppError> {
        todo!()
    }

    /// Makes a new release. Scope `write:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `InvalidDefinition`.
    pub async fn update_workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
        source: Value,
    ) -> Result<WorkflowView, AppError> {
        todo!()
    }

    /// Activates or deactivates a workflow. Scope `write:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_active(
        &self,
        caller: &Caller,
        id: WorkflowId,
        active: bool,
    ) -> Result<(), AppError> {
        todo!()
    }

    /// Deletes a workflow; running executions finish, history stays. Scope `write:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_workflow(&self, caller: &Caller, id: WorkflowId) -> Result<(), AppError> {
        todo!()
    }

    /// A workflow with its current release. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn workflow(
        &self,
        caller: &Caller,
        id: WorkflowId,
    ) -> Result<WorkflowView, AppError> {
        todo!()
    }

    /// The newest workflow of that name. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn workflow_by_name(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<WorkflowView, AppError> {
        todo!()
    }

    /// Workflows, newest first. Scope `read:workflows`.
    ///
    /// # Errors
    /// `InvalidRequest` for a cursor or limit that is wrong.
    pub async fn workflows(
        &self,
        caller: &Caller,
        query: WorkflowsQuery,
    ) -> Result<Page<WorkflowRecord>, AppError> {
        todo!()
    }

    /// Counts of a workflow's executions. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn workflow_stats(
        &self,
        caller: &Caller,
        id: WorkflowId,
    ) -> Result<WorkflowStats, AppError> {
        todo!()
    }

    /// Accepts an execution; when this answers, it is durable. Scope `execute:workflows`. With an
    /// idempotency key seen before, answers the first one's id.
    ///
    /// # Errors
    /// `NotFound`, `Inactive`, `InvalidInput`, `InvalidRequest` (webhook URL), `Unavailable`.
    pub async fn execute(
        &self,
        caller: &Caller,
        workflow: WorkflowId,
        start: Start,
    ) -> Result<ExecutionId, AppError> {
        todo!()
    }

    /// As [`App::execute`], and waits for the end. It goes on when the caller goes away or
    /// `patience` is over.
    ///
    /// # Errors
    /// As `execute`; `StillRunning` when `patience` is over.
    pub async fn execute_and_wait(
        &self,
        caller: &Caller,
        workflow: WorkflowId,
        start: Start,
        patience: Duration,
    ) -> Result<ExecutionView, AppError> {
        todo!()
    }

    /// An execution with all its steps. Scope `read:workflows`. `workflow`: only where it belongs
    /// to that one.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn execution(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<ExecutionView, AppError> {
        todo!()
    }

    /// Executions, newest first. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound` for the workflow, `InvalidRequest` for a cursor or limit that is wrong.
    pub async fn executions(
        &self,
        caller: &Caller,
        query: ExecutionsQuery,
    ) -> Result<Page<ExecutionRecord>, AppError> {
        todo!()
    }

    /// Follows an execution from after `seq` (0: from the beginning). Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn follow(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
        seq: u64,
    ) -> Result<Follow, AppError> {
        todo!()
    }

    /// The log lines of an execution, in order. Scope `read:workflows`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn logs(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<Vec<LogLine>, AppError> {
        todo!()
    }

    /// Cancels an execution; durable when this answers. Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyEnded`.
    pub async fn cancel(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
        reason: Option<String>,
    ) -> Result<(), AppError> {
        todo!()
    }

    /// Pauses an execution: what is under way finishes, nothing further starts. Scope
    /// `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyEnded`, `WrongState` when paused already.
    pub async fn pause(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<(), AppError> {
        todo!()
    }

    /// Resumes a paused execution. Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyEnded`, `WrongState` when not paused.
    pub async fn resume(
        &self,
        caller: &Caller,
        workflow: Option<WorkflowId>,
        id: ExecutionId,
    ) -> Result<(), AppError> {
        todo!()
    }

    /// Who a token is. Does not touch the store for a key seen recently.
    ///
    /// # Errors
    /// `Auth`, `Unavailable`.
    pub async fn authenticate(&self, token: Option<&str>) -> Result<Caller, AppError> {
        todo!()
    }

    /// Makes a key in the caller's workspace. Scope `admin`.
    ///
    /// # Errors
    /// `InvalidRequest` naming the field.
    pub async fn create_key(&self, caller: &Caller, create: CreateKey) -> Result<NewKey, AppError> {
        todo!()
    }

    /// The keys of the caller's workspace, newest first. Scope `admin`.
    ///
    /// # Errors
    /// `Forbidden`.
    pub async fn keys(&self, caller: &Caller) -> Result<Vec<KeyRecord>, AppError> {
        todo!()
    }

    /// Revokes a key at once. Scope `admin`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn revoke_key(&self, caller: &Caller, id: KeyId) -> Result<(), AppError> {
        todo!()
    }

    /// The secret (`whsec_…`) with which this workspace's execution webhooks are signed. Scope
    /// `admin`.
    ///
    /// # Errors
    /// `Forbidden`, `Unavailable`.
    pub async fn webhook_secret(&self, caller: &Caller) -> Result<String, AppError> {
        todo!()
    }

    /// The answer stored under an idempotency key for a POST that creates neither a workflow nor
    /// an execution; `None`: the key is new.
    ///
    /// # Errors
    /// `IdempotencyKeyReused` where it came with another request.
    pub async fn replay(
        &self,
        caller: &Caller,
        key: &Idempotency,
    ) -> Result<Option<String>, AppError> {
        todo!()
    }

    /// Stores the answer for [`App::replay`].
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn remember(
        &self,
        caller: &Caller,
        key: Idempotency,
        answer: String,
    ) -> Result<(), AppError> {
        todo!()
    }

    /// Makes a consistent copy of the store while serving. Scope `admin`.
    ///
    /// # Errors
    /// `InvalidRequest` where the target exists.
    pub async fn backup(&self, caller: &Caller, target: PathBuf) -> Result<(), AppError> {
        todo!()
    }
}
