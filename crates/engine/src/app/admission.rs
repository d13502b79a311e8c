//! Admission: rate limits, and whether an accepted execution starts at once or is queued.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use stepwell_core::ids::{ExecutionId, KeyId, WorkspaceId};
use stepwell_core::rate::RateLimits;
use stepwell_store::StoreError;
use stepwell_store::traits::{ActiveOf, Unfinished};

use super::App;
use super::executions::Started;
use super::requests::Idempotency;
use crate::limits::{BucketStatus, Limited, Limits, Meter};
use crate::objects;
use crate::runtime::runner::{RunnerInit, persist};
use crate::workspace::Workspace;
use crate::{AppError, Caller};

/// Counts an execution against the caller's concurrency limits; stops counting it if it is dropped
/// before the execution is accepted.
struct ConcurrencyPermit {
    limits: Limits,
    id: Option<ExecutionId>,
}

impl ConcurrencyPermit {
    /// The execution was accepted: it counts until it ends.
    fn keep(mut self) {
        self.id = None;
    }
}

impl Drop for ConcurrencyPermit {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.limits.leave(id);
        }
    }
}

impl App {
    /// Drives an execution, or queues it if there is no room in memory.
    pub(super) async fn admit_execution(
        &self,
        caller: &Caller,
        prepared: Box<RunnerInit>,
    ) -> Result<Started, AppError> {
        let id = prepared.record.id;
        let engine = &self.engine;
        let permit = self.take_execution(caller, id)?;
        // One that needs a place under a concurrency limit gets it from the store, in the queue.
        if prepared.record.concurrency.is_none()
            && engine.has_room()
            && let Ok(slot) = engine.registry.acquire(id)
        {
            let feed = slot.feed.clone();
            let subscriber = prepared.accepted.is_some().then(|| feed.subscribe());
            engine.start_runner(slot, prepared);
            permit.keep();
            engine.metrics.accepted.increment(1);
            return Ok(Started::Running(id, feed, subscriber));
        }
        if engine.background.is_stopping() {
            return Err(AppError::stopping());
        }
        // The futures of rare cases are boxed, so that the usual one is small.
        if let Some(first) = Box::pin(self.queue_execution(*prepared)).await? {
            return Ok(Started::Replayed(first));
        }
        permit.keep();
        engine.metrics.accepted.increment(1);
        Ok(Started::Queued(id))
    }

    /// Stores an execution as queued. Returns the execution of the first request if another one
    /// with the same idempotency key was faster.
    async fn queue_execution(&self, prepared: RunnerInit) -> Result<Option<ExecutionId>, AppError> {
        let engine = &self.engine;
        if engine.queued.load(Ordering::Relaxed) >= engine.config().max_queued {
            return Err(AppError::Unavailable {
                reason: "too many executions wait in the queue".into(),
                retry_after: Duration::from_secs(5),
            });
        }
        let key = prepared.idempotency.as_ref();
        let fingerprint = key.map(|key| key.fingerprint.clone()).unwrap_or_default();
        match persist::commit_queued(engine, prepared).await {
            Ok(()) => {
                engine.count_queued(1);
                Ok(None)
            }
            Err(StoreError::Replayed(found)) => {
                let outcome = Idempotency::outcome_of(&fingerprint, &found)?;
                Idempotency::created_id(&outcome).map(Some)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Counts a request against the limits of the caller's key and workspace. Does not access the
    /// store.
    ///
    /// # Errors
    /// `RateLimited`.
    pub fn admit_request(&self, caller: &Caller) -> Result<(), AppError> {
        let taken = caller.limits.take_request(self.engine.steady_now());
        Ok(taken.map_err(|limited| self.with_wall_clock(limited))?)
    }

    /// Counts the start of an execution against the caller's limits.
    fn take_execution(
        &self,
        caller: &Caller,
        id: ExecutionId,
    ) -> Result<ConcurrencyPermit, AppError> {
        let taken = caller.limits.take_execution(id, self.engine.steady_now());
        taken.map_err(|limited| self.with_wall_clock(limited))?;
        Ok(ConcurrencyPermit { limits: caller.limits.clone(), id: Some(id) })
    }

    /// The status of the limit that has the least left; `None` if there is no limit.
    pub fn standing(&self, limits: &Limits) -> Option<BucketStatus> {
        let standing = limits.standing(self.engine.steady_now())?;
        let full_at = self.engine.to_wall_clock(standing.full_at);
        Some(BucketStatus { full_at, ..standing })
    }

    /// Converts the time at which the bucket is full to the wall clock.
    fn with_wall_clock(&self, limited: Limited) -> Limited {
        let full_at = self.engine.to_wall_clock(limited.standing.full_at);
        Limited { standing: BucketStatus { full_at, ..limited.standing }, ..limited }
    }

    /// The meters of a key and its workspace, with their stored limits.
    pub(super) async fn load_limits(
        &self,
        key: KeyId,
        of_key: RateLimits,
        workspace: WorkspaceId,
    ) -> Result<Limits, AppError> {
        let engine = &self.engine;
        let found = objects::find_object::<Workspace>(&*engine.store, workspace).await?;
        let of_workspace = found.map_or(RateLimits::NONE, |found| found.document.limits);
        let key = if of_key == RateLimits::NONE {
            None
        } else {
            let meter = engine.meters.of_key(key, engine.steady_now());
            self.set_limits(&meter, of_key, ActiveOf::Key(key)).await?;
            Some(meter)
        };
        let workspace = Some(self.limit_workspace(workspace, of_workspace).await?);
        Ok(Limits { key, workspace })
    }

    /// Changes the limits of a workspace, with immediate effect.
    pub(super) async fn limit_workspace(
        &self,
        workspace: WorkspaceId,
        limits: RateLimits,
    ) -> Result<Arc<Meter>, AppError> {
        let meter = self.engine.meters.of_workspace(workspace, self.engine.steady_now());
        self.set_limits(&meter, limits, ActiveOf::Workspace(workspace)).await?;
        Ok(meter)
    }

    async fn set_limits(
        &self,
        meter: &Meter,
        limits: RateLimits,
        of: ActiveOf,
    ) -> Result<(), AppError> {
        let engine = &self.engine;
        if limits.concurrent_executions.is_none() {
            meter.set(limits, engine.steady_now());
            meter.active.stop().await;
            return Ok(());
        }
        // Before the executions are read: those that end meanwhile are reported to the meter.
        engine.meters.start_counting();
        let find = async {
            let mut found = engine.store.unfinished_executions(Unfinished::active(of)).await?;
            // Those without a commit are not in the store yet.
            found.extend(engine.registry.active_executions(|record| match of {
                ActiveOf::Key(key) => record.started_by == Some(key),
                ActiveOf::Workspace(workspace) => record.workspace == workspace,
            }));
            Ok::<_, AppError>(found)
        };
        meter.active.fill(find).await?;
        meter.set(limits, engine.steady_now());
        Ok(())
    }
}
