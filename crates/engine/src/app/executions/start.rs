//! Starting executions.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stepwell_core::audit::Action;
use stepwell_core::execution::{Acceptance, Execution, Input, Origin, Rerun, Status};
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_core::{Map, names};
use stepwell_store::StoreError;
use stepwell_store::record::{ExecutionRecord, WorkflowRecord};
use tokio::sync::{oneshot, watch};

use crate::app::requests::Idempotency;
use crate::app::{App, integrations, workflows};
use crate::caller::Verb;
use crate::events::Follow;
use crate::memory::{HeldMemory, Hold};
use crate::runtime::engine::new_uuid;
use crate::runtime::feed::{Feed, Outcome};
use crate::runtime::registry::Control;
use crate::runtime::runner::{Retained, RunnerInit};
use crate::runtime::secrets::{self, Secrets};
use crate::view::{ExecutionView, NoticeKind};
use crate::{AppError, Caller};

/// How long an execution whose id is about to be returned may take to become durable.
const DURABLE_WITHIN: Duration = Duration::from_secs(10);

/// How long an execution may take to stop after its timeout.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// How long [`NewExecution::begun`] waits for the execution to begin.
const BEGIN_WITHIN: Duration = Duration::from_secs(1);

/// Parameters of an execution.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// The input; `None`: an empty object.
    pub input: Option<Value>,
    /// The URL that status changes are sent to.
    pub webhook_url: Option<String>,
    /// The URL that the execution is sent to when it has ended.
    pub callback_url: Option<String>,
    /// The time from its acceptance after which it ends as timed out.
    pub timeout: Option<Duration>,
    /// What it reuses from an earlier execution of the same release.
    pub rerun: Option<Box<Rerun>>,
    /// With `rerun`: the state values that the earlier execution began with.
    pub state: Option<Map>,
    /// Unique in the workspace.
    pub external_id: Option<String>,
    /// The user's own labels.
    pub metadata: Map,
    /// The release to run, as [`App::target`] selected it; `None`: the newest.
    pub release: Option<u32>,
    /// The tag that selected it.
    pub release_tag: Option<String>,
    /// An execution of the same workflow: its last state is the first state of this one.
    pub previous: Option<ExecutionId>,
    /// Third-party secrets by name, for the steps that use them; never stored or logged.
    pub secrets: Vec<(String, String)>,
    /// The idempotency key, if any.
    pub idempotency: Option<Idempotency>,
    /// The memory that is reserved for the request; it passes to the execution.
    pub memory: Option<Arc<HeldMemory>>,
}

/// An execution to be started. Its methods start it and differ in what they wait for. Dropping
/// them does not stop the execution.
///
/// All of them return `NotFound`, `Inactive`, `InvalidInput`, `InvalidRequest` (an invalid URL),
/// `RateLimited` and `Unavailable`. If the idempotency key was used before, they refer to the
/// execution of the first request.
#[must_use = "nothing is started until one of the methods is awaited"]
pub struct NewExecution<'a> {
    app: &'a App,
    caller: &'a Caller,
    workflow: WorkflowId,
    start: Start,
}

/// How an accepted execution continues.
pub(in crate::app) enum Started {
    /// The idempotency key was used before, for this execution.
    Replayed(ExecutionId),
    /// It is driven on this node and may not be durable yet. The receiver has seen no change of
    /// the feed.
    Running(ExecutionId, Arc<Feed>, watch::Receiver<()>),
    /// It is durable and waits in the queue.
    Queued(ExecutionId),
}

/// Receives the result of the acceptance's commit.
pub(in crate::app) type AcceptedSender = oneshot::Sender<Result<(), AppError>>;

impl App {
    /// Starts an execution: see the methods of [`NewExecution`]. Scope `execute:workflows`.
    pub fn execute<'a>(
        &'a self,
        caller: &'a Caller,
        workflow: WorkflowId,
        start: Start,
    ) -> NewExecution<'a> {
        NewExecution { app: self, caller, workflow, start }
    }

    /// Waits for the end of an execution. Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`; `StillRunning` after `patience`, or if the server stops before.
    pub async fn wait_for(
        &self,
        caller: &Caller,
        id: ExecutionId,
        patience: Duration,
    ) -> Result<ExecutionView, AppError> {
        let mut follow = self.follow_as(caller, Verb::Execute, None, id, 0).await?;
        let ended = async {
            while follow.next().await?.is_some() {}
            Ok::<_, AppError>(())
        };
        match self.with_timeout(patience, ended).await {
            Some(ended) => ended?,
            None => return Err(AppError::StillRunning(id)),
        }
        self.execution_as(caller, Verb::Execute, None, id).await
    }

    /// The result of `work`; `None` after `timeout` or if the server stops before.
    async fn with_timeout<T>(&self, timeout: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            result = work => Some(result),
            () = tokio::time::sleep(timeout) => None,
            () = self.engine.background.ended() => None,
        }
    }
}

impl NewExecution<'_> {
    /// Returns its id when it is durable.
    ///
    /// # Errors
    /// See [`NewExecution`].
    pub async fn durable(self) -> Result<ExecutionId, AppError> {
        Ok(match self.start_durably().await?.1 {
            Started::Replayed(id) | Started::Queued(id) | Started::Running(id, ..) => id,
        })
    }

    /// Follows it from its first event when it is durable.
    ///
    /// # Errors
    /// See [`NewExecution`].
    pub async fn follow(self) -> Result<Follow, AppError> {
        let caller = self.caller;
        let (app, started) = self.start_durably().await?;
        match started {
            Started::Replayed(id) | Started::Queued(id) => {
                app.follow_as(caller, Verb::Execute, None, id, 0).await
            }
            Started::Running(id, feed, subscriber) => {
                let Some(record) = feed.record() else {
                    return app.follow_as(caller, Verb::Execute, None, id, 0).await;
                };
                let execution = app.empty_execution(record).await?;
                Ok(Follow::of(app.engine.clone(), (feed, subscriber), execution))
            }
        }
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// See [`NewExecution`]; `StillRunning` after `patience`.
    pub async fn wait(self, patience: Duration) -> Result<ExecutionView, AppError> {
        let Self { app, caller, workflow, start } = self;
        let fingerprint = fingerprint(&start);
        let (id, feed) = match app.accept(caller, workflow, start, None).await? {
            Started::Running(id, feed, _) => (id, feed),
            Started::Replayed(id) | Started::Queued(id) => {
                return app.wait_for(caller, id, patience).await;
            }
        };
        match app.with_timeout(patience, feed.ended()).await {
            Some(Outcome::Ended(execution)) => match feed.record() {
                Some(record) => {
                    let memory = Hold::of(feed.memory());
                    Ok(ExecutionView::new(&execution, record, memory))
                }
                None => app.execution_as(caller, Verb::Execute, None, id).await,
            },
            Some(Outcome::NotAccepted(error)) => {
                let first = replayed_or_error(&error, &fingerprint)?;
                app.wait_for(caller, first, patience).await
            }
            Some(Outcome::Stopped) | None => still_running(id, &feed, &fingerprint).await,
        }
    }

    /// Waits for its end, which is at the latest when `timeout` is over.
    ///
    /// # Errors
    /// See [`NewExecution`]; `StillRunning` if it could not be stopped in time.
    pub async fn wait_within(self, timeout: Duration) -> Result<ExecutionView, AppError> {
        let (app, caller) = (self.app, self.caller);
        let start = Start { timeout: Some(timeout), ..self.start };
        match (Self { start, ..self }).wait(timeout + STOP_WITHIN).await {
            Err(AppError::StillRunning(id)) => {
                // In the queue no timeouts are checked.
                match app.engine.control(id, Control::Expire, None).await {
                    Ok(()) | Err(AppError::AlreadyEnded(_)) => {}
                    Err(error) => return Err(error),
                }
                app.wait_for(caller, id, STOP_WITHIN).await
            }
            ended => ended,
        }
    }

    /// Waits until it is durable and has begun, if there is room for it, and shows it as it is then.
    ///
    /// # Errors
    /// See [`NewExecution`].
    pub async fn begun(self) -> Result<ExecutionView, AppError> {
        let caller = self.caller;
        let (app, started) = self.start_durably().await?;
        let id = match started {
            Started::Replayed(id) | Started::Queued(id) => id,
            Started::Running(id, feed, subscriber) => {
                if let Some(record) = feed.record() {
                    let execution = app.empty_execution(record).await?;
                    let mut follow =
                        Follow::of(app.engine.clone(), (feed.clone(), subscriber), execution);
                    app.with_timeout(BEGIN_WITHIN, left_queue(&mut follow)).await.transpose()?;
                }
                id
            }
        };
        app.execution_as(caller, Verb::Execute, None, id).await
    }
}

impl<'a> NewExecution<'a> {
    /// Starts it and waits until it is durable.
    async fn start_durably(self) -> Result<(&'a App, Started), AppError> {
        let Self { app, caller, workflow, start } = self;
        let fingerprint = fingerprint(&start);
        let (sender, accepted) = oneshot::channel();
        let (id, feed, subscriber) = match app.accept(caller, workflow, start, Some(sender)).await?
        {
            Started::Running(id, feed, subscriber) => (id, feed, subscriber),
            other => return Ok((app, other)),
        };
        let started = match accepted.await {
            Ok(accepted) => accepted.map(|()| Started::Running(id, feed, subscriber)),
            Err(_) => match feed.outcome() {
                Some(Outcome::NotAccepted(error)) => {
                    replayed_or_error(error, &fingerprint).map(Started::Replayed)
                }
                _ => Err(AppError::stopping()),
            },
        };
        Ok((app, started?))
    }
}

/// Reads until the execution has left the queue.
async fn left_queue(follow: &mut Follow) -> Result<(), AppError> {
    while let Some(notice) = follow.next().await? {
        if matches!(notice.kind, NoticeKind::Status { status, .. } if status != Status::Queued) {
            break;
        }
    }
    Ok(())
}

impl App {
    /// Accepts an execution, unless its idempotency key was used before.
    async fn accept(
        &self,
        caller: &Caller,
        workflow: WorkflowId,
        start: Start,
        accepted: Option<AcceptedSender>,
    ) -> Result<Started, AppError> {
        let workflow = self.find_for(caller, Verb::Execute, workflow).await?;
        if let Some(outcome) = self.find_replay(caller, start.idempotency.as_ref()).await? {
            return Ok(Started::Replayed(replayed_id(&outcome)?));
        }
        workflows::check_labels(Some(&start.metadata))?;
        if let Some(Err(message)) = start.external_id.as_deref().map(names::check_visible) {
            return Err(AppError::invalid("external_id", message));
        }
        let prepared = self.prepare_execution(caller, &workflow, start, accepted).await?;
        self.admit_execution(caller, prepared).await
    }

    /// Checks the parameters of an execution and decides its first event.
    pub(in crate::app) async fn prepare_execution(
        &self,
        caller: &Caller,
        workflow: &WorkflowRecord,
        mut start: Start,
        accepted: Option<AcceptedSender>,
    ) -> Result<RunnerInit, AppError> {
        if !workflow.active {
            return Err(AppError::Inactive);
        }
        integrations::require(workflow)?;
        let release = start.release.unwrap_or(workflow.release);
        let plan = self.engine.plans.plan(workflow.id, release).await?;
        self.check_urls(&start)?;
        let input = start.input.take().unwrap_or_else(|| Value::Object(Map::new()));
        let input = self.checked_input(&plan, input).await?;
        let secrets = self.open_secrets(&mut start, &input)?;
        let state = match start.previous {
            // A rerun begins with the original's first state, not with its predecessor's last.
            Some(previous) if start.rerun.is_none() => {
                Some(self.last_state(caller, workflow, previous).await?)
            }
            _ => start.state,
        };
        let id = ExecutionId::from_uuid(new_uuid());
        let entry = start.rerun.as_ref().map(|rerun| {
            let entry = self.engine.audit_entry(caller, Action::ExecutionRerun, rerun.of);
            entry.with("workflow_id", workflow.id.abi()).with("execution_id", id.abi())
        });
        let origin = Origin { id, workflow: workflow.id, release, plan };
        let mut execution = Execution::new(origin);
        execution.set_redact(secrets.redact());
        let acceptance = Acceptance {
            input: Arc::new(input),
            state,
            previous: start.previous,
            tag: start.release_tag,
            timeout: start.timeout,
            rerun: start.rerun,
        };
        let moment = self.engine.creation();
        let decision = execution
            .advance(Input::Accept(acceptance), moment)
            .map_err(|refused| AppError::Internal(refused.to_string()))?;
        let record = ExecutionRecord {
            id,
            workspace: caller.workspace,
            workflow: workflow.id,
            release,
            status: Status::Queued,
            seq: 0,
            created_at: moment.now,
            started_at: None,
            ended_at: None,
            wake_at: None,
            owner: None,
            external_id: start.external_id,
            metadata: start.metadata,
            webhook_url: start.webhook_url,
            started_by: caller.key(),
            callback_url: start.callback_url,
        };
        let idempotency =
            start.idempotency.map(|key| key.record(caller.workspace, id.to_string(), moment.now));
        Ok(RunnerInit {
            execution,
            record,
            uncommitted: decision.events,
            audit: entry.into_iter().collect(),
            idempotency,
            schedule: None,
            secrets,
            accepted,
            memory: start.memory.and_then(|memory| memory.take()),
            retained: Retained::default(),
        })
    }

    /// Takes the secrets out of the request. They must not be anywhere else in it, since everything
    /// else is stored.
    fn open_secrets(&self, start: &mut Start, input: &Value) -> Result<Secrets, AppError> {
        secrets::check(&start.secrets)?;
        let secrets = self.engine.vault.open(std::mem::take(&mut start.secrets));
        secrets.check_absent(input, "input")?;
        secrets.check_map(&start.metadata, "metadata")?;
        secrets.check_text(start.external_id.as_deref(), "external_id")?;
        let key = start.idempotency.as_ref().map(|idempotency| idempotency.key.as_str());
        secrets.check_text(key, "Idempotency-Key")?;
        Ok(secrets)
    }

    /// Rejects URLs that the egress rules forbid.
    fn check_urls(&self, start: &Start) -> Result<(), AppError> {
        let urls = [("webhook_url", &start.webhook_url), ("callback_url", &start.callback_url)];
        for (field, url) in urls {
            if let Some(url) = url {
                let checked = self.engine.egress.check_url(url);
                checked
                    .map_err(|error| AppError::invalid(field, format!("is refused: {error}")))?;
            }
        }
        Ok(())
    }

    /// The state with which an earlier execution of the workflow ended.
    async fn last_state(
        &self,
        caller: &Caller,
        workflow: &WorkflowRecord,
        previous: ExecutionId,
    ) -> Result<Map, AppError> {
        let refuse = |why: &str| AppError::invalid("previous_execution_id", why);
        let found = self.replayed(caller, Verb::Execute, None, previous).await;
        let (journal, execution) = match found {
            Err(AppError::NotFound { .. }) => {
                return Err(refuse("there is no such execution"));
            }
            found => found?,
        };
        if journal.record.workflow != workflow.id {
            return Err(refuse("is an execution of another workflow; name one of the same"));
        }
        if !execution.status().is_final() {
            return Err(refuse("has not ended yet; wait for its end"));
        }
        Ok(execution.state)
    }
}

fn fingerprint(start: &Start) -> Vec<u8> {
    start.idempotency.as_ref().map(|key| key.fingerprint.clone()).unwrap_or_default()
}

/// The error for a first commit that the store rejected; or the execution of the first request,
/// if one with the same idempotency key was faster.
fn replayed_or_error(error: &StoreError, fingerprint: &[u8]) -> Result<ExecutionId, AppError> {
    match error {
        StoreError::Replayed(found) => replayed_id(&Idempotency::outcome_of(fingerprint, found)?),
        StoreError::ExternalIdTaken(id) => Err(AppError::ExternalIdTaken(*id)),
        StoreError::Unavailable(reason) => Err(StoreError::Unavailable(reason.clone()).into()),
        StoreError::Fenced => Err(StoreError::Fenced.into()),
        other => Err(AppError::Internal(other.to_string())),
    }
}

/// The result for an execution that continues: its id is returned only once it is durable.
async fn still_running(
    id: ExecutionId,
    feed: &Feed,
    fingerprint: &[u8],
) -> Result<ExecutionView, AppError> {
    match tokio::time::timeout(DURABLE_WITHIN, feed.stored()).await {
        Ok(Ok(())) => Err(AppError::StillRunning(id)),
        Ok(Err(Outcome::Ended(_))) => Err(AppError::StillRunning(id)),
        Ok(Err(Outcome::NotAccepted(error))) => {
            let first = replayed_or_error(&error, fingerprint)?;
            Err(AppError::StillRunning(first))
        }
        Ok(Err(Outcome::Stopped)) => Err(AppError::stopping()),
        Err(_) => Err(AppError::Unavailable {
            reason: "the execution could not be stored in time; send the request again with the \
                     same Idempotency-Key"
                .into(),
            retry_after: Duration::from_secs(1),
        }),
    }
}

fn replayed_id(outcome: &str) -> Result<ExecutionId, AppError> {
    // The key was used for something other than an execution.
    outcome.parse().map_err(|_| AppError::IdempotencyKeyReused)
}
