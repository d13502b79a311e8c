//! Starting executions.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value;
use stepwell_core::execution::{RerunSource, Status};
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_core::{Map, names};
use stepwell_store::StoreError;
use tokio::sync::{oneshot, watch};

use crate::app::requests::Idempotency;
use crate::app::{App, workflows};
use crate::caller::Verb;
use crate::events::Follow;
use crate::memory::{HeldMemory, Hold};
use crate::runtime::feed::{Feed, Outcome};
use crate::runtime::registry::Control;
use crate::view::{ExecutionView, NoticeKind};
use crate::warning::Warning;
use crate::{AppError, Caller};

/// How long an execution whose id is about to be returned may take to become durable.
const DURABLE_WITHIN: Duration = Duration::from_secs(10);

/// How long an execution may take to stop after its timeout.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// How long [`NewExecution::accepted`] waits for the execution to begin.
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
    pub rerun: Option<Box<RerunSource>>,
    /// With `rerun`: the state values that the earlier execution began with.
    pub state: Option<Map>,
    /// With `rerun`: the variables of the workspace that the earlier execution began with. Those
    /// that it did not have are read.
    pub variables: Option<Arc<Value>>,
    /// Unique in the workspace.
    pub external_id: Option<String>,
    /// The user's own labels.
    pub metadata: Map,
    /// The release to run, as [`App::target`] selected it; `None`: the one of the tag or, without
    /// one, the newest.
    pub release: Option<u32>,
    /// The tag that selects or selected it.
    pub release_tag: Option<String>,
    /// Decides between several releases of the tag.
    pub traffic_key: Option<String>,
    /// An execution of the same workflow: its last state is the first state of this one.
    pub previous: Option<ExecutionId>,
    /// Third-party secrets by name, for the steps that use them; never stored or logged.
    pub secrets: Vec<(String, String)>,
    /// The idempotency key, if any.
    pub idempotency: Option<Idempotency>,
    /// Gets the warnings about the input when the execution is accepted.
    pub warnings: InputWarnings,
    /// The memory that is reserved for the request; it passes to the execution.
    pub memory: Option<Arc<HeldMemory>>,
}

/// The warnings about an input, which are known once the execution is accepted; empty before, and
/// for a repeated request.
#[derive(Debug, Clone, Default)]
pub struct InputWarnings(Arc<OnceLock<Vec<Warning>>>);

impl InputWarnings {
    /// The warnings.
    pub fn get(&self) -> &[Warning] {
        self.0.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// Sets them, once.
    pub(super) fn set(&self, warnings: Vec<Warning>) {
        if !warnings.is_empty() {
            self.0.get_or_init(|| warnings);
        }
    }
}

/// An execution to be started. Its methods start it and differ in what they wait for. Dropping
/// them does not stop the execution.
///
/// All of them return `NotFound`, `Inactive`, `InvalidInput`, `InvalidRequest` (an invalid URL or
/// traffic key), `UnknownReleaseTag`, `RateLimited` and `Unavailable`. If the idempotency key was used before, they refer to the
/// execution of the first request.
#[must_use = "nothing is started until one of the methods is awaited"]
pub struct NewExecution<'a> {
    app: &'a App,
    caller: &'a Caller,
    workflow: WorkflowId,
    start: Box<Start>,
}

/// How an accepted execution continues.
pub(in crate::app) enum Started {
    /// The idempotency key was used before, for this execution.
    Replayed(ExecutionId),
    /// It is driven on this node and may not be durable yet. With a receiver that has seen no
    /// change of the feed, unless only the end is awaited.
    Running(ExecutionId, Arc<Feed>, Option<watch::Receiver<()>>),
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
        NewExecution { app: self, caller, workflow, start: Box::new(start) }
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
        let mut follow = self.follow_started(caller, id).await?;
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
            Started::Replayed(id) | Started::Queued(id) => app.follow_started(caller, id).await,
            Started::Running(id, feed, subscriber) => {
                let Some(record) = feed.record() else {
                    return app.follow_started(caller, id).await;
                };
                let execution = app.empty_execution(record).await?;
                let subscriber = subscriber.unwrap_or_else(|| feed.subscribe());
                Ok(Follow::of(app.engine.clone(), feed, subscriber, execution))
            }
        }
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// See [`NewExecution`]; `StillRunning` after `patience`.
    pub async fn wait(self, patience: Duration) -> Result<ExecutionView, AppError> {
        let Self { app, caller, workflow, start } = self;
        let fingerprint = start_fingerprint(&start);
        let (id, feed) = match app.accept(caller, workflow, start, None).await? {
            Started::Running(id, feed, _) => (id, feed),
            Started::Replayed(id) | Started::Queued(id) => {
                // The futures of rare cases are boxed, so that the usual one is small.
                return Box::pin(app.wait_for(caller, id, patience)).await;
            }
        };
        match app.with_timeout(patience, feed.ended()).await {
            Some(Outcome::Ended(execution)) => match feed.record() {
                Some(record) => {
                    let memory = Hold::of(feed.memory());
                    Ok(ExecutionView::new(&execution, record, memory))
                }
                None => Box::pin(app.execution_as(caller, Verb::Execute, None, id)).await,
            },
            Some(Outcome::NotAccepted(error)) => {
                let first = replayed_or_error(&error, &fingerprint)?;
                Box::pin(app.wait_for(caller, first, patience)).await
            }
            Some(Outcome::Stopped) | None => Box::pin(still_running(id, &feed, &fingerprint)).await,
        }
    }

    /// Waits for its end, which is at the latest when `timeout` is over.
    ///
    /// # Errors
    /// See [`NewExecution`]; `StillRunning` if it could not be stopped in time.
    pub async fn wait_within(mut self, timeout: Duration) -> Result<ExecutionView, AppError> {
        let (app, caller) = (self.app, self.caller);
        self.start.timeout = Some(timeout);
        match self.wait(timeout + STOP_WITHIN).await {
            Err(AppError::StillRunning(id)) => {
                // In the queue no timeouts are checked.
                match app.engine.control(id, Control::Expire, None).await {
                    Ok(_) | Err(AppError::AlreadyEnded(_)) => {}
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
    pub async fn accepted(self) -> Result<ExecutionView, AppError> {
        let caller = self.caller;
        let (app, started) = self.start_durably().await?;
        let id = match started {
            Started::Replayed(id) | Started::Queued(id) => id,
            Started::Running(id, feed, subscriber) => {
                if let Some(record) = feed.record() {
                    let execution = app.empty_execution(record).await?;
                    let subscriber = subscriber.unwrap_or_else(|| feed.subscribe());
                    let mut follow =
                        Follow::of(app.engine.clone(), feed.clone(), subscriber, execution);
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
        let fingerprint = start_fingerprint(&start);
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
        start: Box<Start>,
        accepted: Option<AcceptedSender>,
    ) -> Result<Started, AppError> {
        let workflow = self.find_for(caller, Verb::Execute, workflow).await?;
        if let Some(outcome) = self.find_replay(caller, start.idempotency.as_ref()).await? {
            return Ok(Started::Replayed(Idempotency::created_id(&outcome)?));
        }
        workflows::check_labels(Some(&start.metadata))?;
        if let Some(Err(message)) = start.external_id.as_deref().map(names::check_visible) {
            return Err(AppError::invalid("external_id", message));
        }
        let prepared = self.prepare_execution(caller, &workflow, start, accepted).await?;
        self.admit_execution(caller, prepared).await
    }
}

fn start_fingerprint(start: &Start) -> Vec<u8> {
    start.idempotency.as_ref().map(|key| key.fingerprint.clone()).unwrap_or_default()
}

/// The error for a first commit that the store rejected; or the execution of the first request,
/// if one with the same idempotency key was faster.
fn replayed_or_error(error: &StoreError, fingerprint: &[u8]) -> Result<ExecutionId, AppError> {
    match error {
        StoreError::Replayed(found) => {
            Idempotency::created_id(&Idempotency::outcome_of(fingerprint, found)?)
        }
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
