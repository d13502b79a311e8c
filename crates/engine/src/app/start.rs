//! Accepting executions.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use stepwell_core::Map;
use stepwell_core::audit::Action;
use stepwell_core::definition::SharedPlan;
use stepwell_core::execution::{Acceptance, Execution, Input, Origin, Status};
use stepwell_core::ids::{ExecutionId, WorkflowId};
use stepwell_core::{MAX_VALUE_DEPTH, Problem, names, nests_deeper};
use stepwell_steps::OutboundError;
use stepwell_store::StoreError;
use stepwell_store::record::{ExecutionRecord, WorkflowRecord};
use tokio::sync::{oneshot, watch};

use super::{App, Idempotency, Start, integrations, manage};
use crate::caller::Verb;
use crate::events::Follow;
use crate::memory::Hold;
use crate::runtime::engine::new_uuid;
use crate::runtime::feed::{Feed, Outcome};
use crate::runtime::runner::{Beginning, Retained, Runner, persist};
use crate::runtime::secrets;
use crate::view::ExecutionView;
use crate::{AppError, Caller};
use stepwell_core::memory::json_size;

/// How long to wait for an acceptance to be durable that is about to be reported.
const STORED_WITHIN: Duration = Duration::from_secs(10);

/// How long an input waits for its turn to be checked, where that is much work.
const CHECKED_WITHIN: Duration = Duration::from_secs(5);

/// How far an accepted execution is when the caller is answered.
pub(super) enum Accepted {
    /// It was accepted before, under the same idempotency key.
    Before(ExecutionId),
    /// It is driven here; maybe not durable yet. With a reader from its first moment on, unless
    /// only its end is awaited.
    Driven(ExecutionId, Arc<Feed>, Option<watch::Receiver<()>>),
    /// It is durable and waits in the queue.
    Queued(ExecutionId),
}

impl App {
    /// Accepts an execution; when this answers, it is durable. Scope `execute:workflows`. With an
    /// idempotency key seen before, answers the first one's id.
    ///
    /// # Errors
    /// `NotFound`, `Inactive`, `InvalidInput`, `InvalidRequest` (webhook URL), `RateLimited`,
    /// `Unavailable`.
    pub async fn execute(
        &self,
        caller: &Caller,
        workflow: WorkflowId,
        start: Start,
    ) -> Result<ExecutionId, AppError> {
        Ok(match self.accept_durably(caller, workflow, start).await? {
            Accepted::Before(id) | Accepted::Queued(id) | Accepted::Driven(id, ..) => id,
        })
    }

    /// As [`App::execute`], and follows it from its first moment on, however short it is. It goes
    /// on when the follower goes away.
    ///
    /// # Errors
    /// As `execute`.
    pub async fn execute_and_follow(
        &self,
        caller: &Caller,
        workflow: WorkflowId,
        start: Start,
    ) -> Result<Follow, AppError> {
        match self.accept_durably(caller, workflow, start).await? {
            Accepted::Before(id) | Accepted::Queued(id) => {
                self.follow_as(caller, Verb::Execute, None, id, 0).await
            }
            Accepted::Driven(id, feed, reader) => {
                let Some(record) = feed.record() else {
                    return self.follow_as(caller, Verb::Execute, None, id, 0).await;
                };
                let execution = self.unfolded(record).await?;
                let reader = reader.unwrap_or_else(|| feed.listen());
                Ok(Follow::of(self.engine.clone(), (feed, reader), execution))
            }
        }
    }

    /// Accepts an execution; when this answers, it is durable.
    pub(super) async fn accept_durably(
        &self,
        caller: &Caller,
        workflow: WorkflowId,
        start: Start,
    ) -> Result<Accepted, AppError> {
        let fingerprint = fingerprint(&start);
        let (told, accepted) = oneshot::channel();
        let (id, feed, reader) =
            match self.accept(caller, workflow, Box::new(start), Some(told)).await? {
                Accepted::Driven(id, feed, reader) => (id, feed, reader),
                other => return Ok(other),
            };
        match accepted.await {
            Ok(answer) => answer.map(|()| Accepted::Driven(id, feed, reader)),
            Err(_) => match feed.outcome() {
                Some(Outcome::NotAccepted(error)) => {
                    not_accepted(error, &fingerprint).map(Accepted::Before)
                }
                _ => Err(AppError::stopping()),
            },
        }
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
        let fingerprint = fingerprint(&start);
        let (id, feed) = match self.accept(caller, workflow, Box::new(start), None).await? {
            Accepted::Driven(id, feed, _) => (id, feed),
            // The futures of rare cases are boxed, so that the usual one is small.
            Accepted::Before(id) | Accepted::Queued(id) => {
                return Box::pin(self.wait_for(caller, id, patience)).await;
            }
        };
        match self.patiently(patience, feed.ended()).await {
            Some(Outcome::Ended(execution)) => match feed.record() {
                Some(record) => {
                    let memory = Hold::of(feed.memory());
                    Ok(ExecutionView::new(&execution, record, memory))
                }
                None => Box::pin(self.execution_as(caller, Verb::Execute, None, id)).await,
            },
            Some(Outcome::NotAccepted(error)) => {
                let first = not_accepted(&error, &fingerprint)?;
                Box::pin(self.wait_for(caller, first, patience)).await
            }
            Some(Outcome::Stopped) | None => Box::pin(still_running(id, &feed, &fingerprint)).await,
        }
    }

    /// Waits for the end of an execution. Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`; `StillRunning` when `patience` is over, or the server stops before it ended.
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
        match self.patiently(patience, ended).await {
            Some(ended) => ended?,
            None => return Err(AppError::StillRunning(id)),
        }
        self.execution_as(caller, Verb::Execute, None, id).await
    }

    /// What `work` makes, unless patience is over before, or the server stops.
    pub(super) async fn patiently<T>(
        &self,
        patience: Duration,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::select! {
            biased;
            made = work => Some(made),
            () = tokio::time::sleep(patience) => None,
            () = self.engine.background.ended() => None,
        }
    }

    async fn accept(
        &self,
        caller: &Caller,
        workflow: WorkflowId,
        start: Box<Start>,
        accepted: Option<oneshot::Sender<Result<(), AppError>>>,
    ) -> Result<Accepted, AppError> {
        let workflow = self.find_for(caller, Verb::Execute, workflow).await?;
        if let Some(outcome) = self.seen(caller, start.idempotency.as_ref()).await? {
            return Ok(Accepted::Before(replayed_id(&outcome)?));
        }
        manage::check_labels(Some(&start.metadata))?;
        if let Some(Err(message)) = start.external_id.as_deref().map(names::check_visible) {
            return Err(AppError::invalid("external_id", message));
        }
        let beginning = self.beginning(caller, &workflow, start, accepted).await?;
        self.take_in(caller, beginning).await
    }

    /// Drives an execution, or queues it where there is no room.
    pub(super) async fn take_in(
        &self,
        caller: &Caller,
        beginning: Box<Beginning>,
    ) -> Result<Accepted, AppError> {
        let id = beginning.record.id;
        let engine = &self.engine;
        let place = engine.admit(caller, id)?;
        if engine.has_room()
            && let Ok(seat) = engine.registry.sit(id)
        {
            let feed = seat.feed.clone();
            let reader = beginning.accepted.is_some().then(|| feed.listen());
            tokio::spawn(Runner::begin(engine.clone(), seat, beginning));
            place.keep();
            engine.metrics.accepted.increment(1);
            return Ok(Accepted::Driven(id, feed, reader));
        }
        if engine.background.is_stopping() {
            return Err(AppError::stopping());
        }
        Box::pin(self.queue(*beginning)).await?;
        place.keep();
        engine.metrics.accepted.increment(1);
        Ok(Accepted::Queued(id))
    }

    async fn queue(&self, beginning: Beginning) -> Result<(), AppError> {
        let engine = &self.engine;
        if engine.queued.load(Ordering::Relaxed) >= engine.config.max_queued {
            return Err(AppError::Unavailable {
                reason: "too many executions wait in the queue".into(),
                retry_after: Duration::from_secs(5),
            });
        }
        persist::queue(engine, beginning).await?;
        engine.count_queued();
        Ok(())
    }

    pub(super) async fn beginning(
        &self,
        caller: &Caller,
        workflow: &WorkflowRecord,
        start: Box<Start>,
        accepted: Option<oneshot::Sender<Result<(), AppError>>>,
    ) -> Result<Box<Beginning>, AppError> {
        let start = *start;
        if !workflow.active {
            return Err(AppError::Inactive);
        }
        integrations::require(workflow)?;
        let release = start.release.unwrap_or(workflow.release);
        let plan = self.engine.plans.plan(workflow.id, release).await?;
        self.check_urls(&start)?;
        let input = start.input.unwrap_or_else(|| Value::Object(stepwell_core::Map::new()));
        let input = self.checked_input(&plan, input).await?;
        secrets::check(&start.secrets)?;
        let secrets = self.engine.vault.open(start.secrets);
        secrets.check_absent(&input, "input")?;
        secrets.check_map(&start.metadata, "metadata")?;
        secrets.check_text(start.external_id.as_deref(), "external_id")?;
        let key = start.idempotency.as_ref().map(|idempotency| idempotency.key.as_str());
        secrets.check_text(key, "Idempotency-Key")?;
        let state = match start.previous {
            // One that is run again begins as the first one did, not as that one's predecessor ended.
            Some(previous) if start.rerun.is_none() => {
                Some(Box::pin(self.last_state(caller, workflow, previous)).await?)
            }
            _ => start.state,
        };
        let id = ExecutionId::from_uuid(new_uuid());
        let rerun = start.rerun.as_ref().map(|rerun| {
            let note = self.engine.noted(caller, Action::ExecutionRerun, rerun.of);
            note.with("workflow_id", workflow.id.abi()).with("execution_id", id.abi())
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
        Ok(Box::new(Beginning {
            execution,
            record,
            uncommitted: decision.events,
            notes: rerun.into_iter().collect(),
            idempotency,
            schedule: None,
            secrets,
            accepted,
            memory: start.memory.and_then(|memory| memory.take()),
            retained: Retained::default(),
        }))
    }

    /// Nobody is told of an execution at an address that may not be reached.
    fn check_urls(&self, start: &Start) -> Result<(), AppError> {
        let urls = [("webhook_url", &start.webhook_url), ("callback_url", &start.callback_url)];
        for (field, url) in urls {
            if let Some(url) = url {
                let checked = self.engine.egress.check_url(url);
                checked.map_err(|error| refused_url(field, &error))?;
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
        let found = self.folded(caller, Verb::Execute, None, previous).await;
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

    /// The input with defaults filled in, if the plan can be executed with it.
    pub(super) async fn checked_input(
        &self,
        plan: &SharedPlan,
        input: Value,
    ) -> Result<Value, AppError> {
        let input = plan.with_defaults(input);
        check_depth(&input)?;
        self.check_size(&input)?;
        if let Some(checked) = plan.check_input_inline(&input) {
            return checked.map(|()| input).map_err(AppError::InvalidInput);
        }
        let plan = plan.clone();
        let check = move || plan.check_input(&input).map(|()| input);
        Box::pin(self.check_on_a_thread(check)).await?.map_err(AppError::InvalidInput)
    }

    /// What `check` makes, on a thread for blocking work, bounded in number.
    pub(super) async fn check_on_a_thread<T: Send + 'static>(
        &self,
        check: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AppError> {
        let place = self.engine.input_checks.clone().acquire_owned();
        let place = match tokio::time::timeout(CHECKED_WITHIN, place).await {
            Ok(place) => place.map_err(|error| AppError::Internal(error.to_string()))?,
            Err(_) => {
                return Err(AppError::Unavailable {
                    reason: "many large inputs are being checked".into(),
                    retry_after: CHECKED_WITHIN,
                });
            }
        };
        let checked = tokio::task::spawn_blocking(move || {
            let checked = check();
            drop(place);
            checked
        });
        checked.await.map_err(|error| AppError::Internal(format!("a check stopped: {error}")))
    }

    fn check_size(&self, input: &Value) -> Result<(), AppError> {
        let limit = self.engine.config.max_value_bytes;
        if json_size(input, limit + 1) <= limit {
            return Ok(());
        }
        let message = format!("the input is larger than the limit of {limit} bytes");
        Err(AppError::TooLarge(Problem::new("input", message)))
    }
}

/// Before anything else looks at the input: what follows recurses.
fn check_depth(input: &Value) -> Result<(), AppError> {
    if !nests_deeper(input, MAX_VALUE_DEPTH) {
        return Ok(());
    }
    let message =
        format!("the input is nested deeper than the {MAX_VALUE_DEPTH} levels that are allowed");
    Err(AppError::InvalidInput(Problem::new("input", message).into()))
}

fn fingerprint(start: &Start) -> Vec<u8> {
    start.idempotency.as_ref().map(|key| key.fingerprint.clone()).unwrap_or_default()
}

fn refused_url(field: &str, error: &OutboundError) -> AppError {
    AppError::invalid(field, format!("is refused: {error}"))
}

/// What it means that the store refused the first commit.
fn not_accepted(error: &StoreError, fingerprint: &[u8]) -> Result<ExecutionId, AppError> {
    match error {
        StoreError::Replayed(found) => replayed_id(&Idempotency::outcome_of(fingerprint, found)?),
        StoreError::ExternalIdTaken(id) => Err(AppError::ExternalIdTaken(*id)),
        StoreError::Unavailable(reason) => Err(StoreError::Unavailable(reason.clone()).into()),
        StoreError::Fenced => Err(StoreError::Fenced.into()),
        other => Err(AppError::Internal(other.to_string())),
    }
}

/// The answer for an execution that goes on: its id is named only once it is durable.
async fn still_running(
    id: ExecutionId,
    feed: &Feed,
    fingerprint: &[u8],
) -> Result<ExecutionView, AppError> {
    match tokio::time::timeout(STORED_WITHIN, feed.stored()).await {
        Ok(Ok(())) => Err(AppError::StillRunning(id)),
        Ok(Err(Outcome::Ended(_))) => Err(AppError::StillRunning(id)),
        Ok(Err(Outcome::NotAccepted(error))) => {
            not_accepted(&error, fingerprint).and_then(|first| Err(AppError::StillRunning(first)))
        }
        Ok(Err(Outcome::Stopped)) => Err(AppError::stopping()),
        Err(_) => Err(AppError::Unavailable {
            reason: "the execution could not be stored in time; send the request again with the                      same Idempotency-Key"
                .into(),
            retry_after: Duration::from_secs(1),
        }),
    }
}

fn replayed_id(outcome: &str) -> Result<ExecutionId, AppError> {
    // The key was used for something else than an execution.
    outcome.parse().map_err(|_| AppError::IdempotencyKeyReused)
}
