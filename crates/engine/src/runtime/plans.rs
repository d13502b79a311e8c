//! Workflows and compiled releases, cached.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use stepwell_core::Problems;
use stepwell_core::cache::{ByteCache, PoolUsage};
use stepwell_core::definition::{self, Definition, DefinitionLimits, Plan, SharedPlan};
use stepwell_core::ids::WorkflowId;
use stepwell_core::memory::{allocated_bytes, map_clone_bytes};
use stepwell_store::Store;
use stepwell_store::record::WorkflowRecord;
use stepwell_store::traits::FindWorkflow;
use tokio::sync::Semaphore;

use super::live_plans::LivePlans;
use crate::AppError;
use stepwell_core::memory::json_size;

/// The most memory for plans that are kept for the next execution, in bytes.
const CACHE_BYTES: u64 = 64 << 20;
/// The most memory for plans that executions use, cached or not, in bytes. Above it no other plan is
/// loaded until some of them have left memory.
const LIVE_BYTES: u64 = 256 << 20;
/// The most memory for the records of workflows, in bytes.
const WORKFLOW_BYTES: u64 = 16 << 20;
/// About how many bytes a workflow's use of an integration takes.
const INTEGRATION_BYTES: usize = 512;
/// A definition with more bytes of JSON is compiled on a thread that may be busy for a while.
const MAX_INLINE_DEFINITION: usize = 32 << 10;
/// The time after which to request a plan again for which there was no memory.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A release: a workflow's id and the release's number.
pub(crate) type ReleaseKey = (WorkflowId, u32);

/// Workflows and compiled releases of a store.
pub(crate) struct Plans {
    store: Arc<dyn Store>,
    cached: ByteCache<ReleaseKey, SharedPlan>,
    live: LivePlans,
    /// The most bytes of plans that are loaded.
    live_bytes: u64,
    workflows: ByteCache<WorkflowId, Arc<WorkflowRecord>>,
    /// Counts changes, so that a workflow read before a change is not cached after it.
    changes: AtomicU64,
    /// Counts releases that were compiled to be executed.
    compiled: AtomicU64,
    /// How many large definitions are compiled at once: as many as can make progress.
    compilers: Arc<Semaphore>,
}

impl Plans {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self::with_limits(store, CACHE_BYTES, LIVE_BYTES)
    }

    fn with_limits(store: Arc<dyn Store>, cache_bytes: u64, live_bytes: u64) -> Self {
        let compilers = std::thread::available_parallelism().map_or(2, NonZero::get);
        Self {
            store,
            cached: ByteCache::new("plans", cache_bytes, 64 << 10),
            live: LivePlans::default(),
            live_bytes,
            workflows: ByteCache::new("workflows", WORKFLOW_BYTES, 1 << 10),
            changes: AtomicU64::new(0),
            compiled: AtomicU64::new(0),
            compilers: Arc::new(Semaphore::new(compilers)),
        }
    }

    /// The plan of a release; releases are immutable. Concurrent calls compile it once (single
    /// flight), and executions share it for as long as one of them holds it.
    ///
    /// # Errors
    /// `Unavailable` if the plans of running executions take all the memory for plans.
    pub(crate) async fn plan(
        &self,
        workflow: WorkflowId,
        number: u32,
    ) -> Result<SharedPlan, AppError> {
        let key = (workflow, number);
        let load = async {
            // A plan that was evicted, or is too large to be cached, but is in use.
            let plan = match self.live.get(&key) {
                Some(plan) => plan,
                None => self.load(key).await?,
            };
            Ok::<_, AppError>((plan.clone(), plan.memory_bytes as u64))
        };
        self.cached.get_or_load(&key, load).await
    }

    async fn load(&self, key: ReleaseKey) -> Result<SharedPlan, AppError> {
        let (workflow, number) = key;
        self.require_memory()?;
        let release =
            self.store.find_release(workflow, number).await?.ok_or_else(|| {
                AppError::Internal(format!("release {number} of {workflow} is gone"))
            })?;
        self.compiled.fetch_add(1, Ordering::Relaxed);
        let plan = self.compile(release.source, compile_stored).await?;
        let plan = Arc::new(plan.map_err(|problems| {
            AppError::Internal(format!(
                "release {number} of {workflow} no longer compiles: {problems}"
            ))
        })?);
        self.live.insert(key, &plan);
        Ok(plan)
    }

    fn require_memory(&self) -> Result<(), AppError> {
        if self.live.bytes() < self.live_bytes {
            return Ok(());
        }
        // Plans that are only cached make room.
        self.cached.clear();
        if self.live.bytes() < self.live_bytes {
            return Ok(());
        }
        Err(AppError::Unavailable {
            reason: "the workflows that are being executed take all the memory for plans".into(),
            retry_after: RETRY_AFTER,
        })
    }

    /// Checks and compiles a new definition.
    ///
    /// # Errors
    /// `InvalidDefinition` with every problem.
    pub(crate) async fn compile_new(
        &self,
        source: Arc<Value>,
    ) -> Result<(Definition, SharedPlan), AppError> {
        let compiled = self.compile(source, compile_new).await?;
        let (definition, plan) = compiled.map_err(AppError::InvalidDefinition)?;
        Ok((definition, Arc::new(plan)))
    }

    /// Compiles a small definition inline, others on a blocking thread.
    async fn compile<T: Send + 'static>(
        &self,
        source: Arc<Value>,
        compile: fn(&Value) -> Result<T, Problems>,
    ) -> Result<Result<T, Problems>, AppError> {
        if json_size(&source, MAX_INLINE_DEFINITION) < MAX_INLINE_DEFINITION {
            return Ok(compile(&source));
        }
        let permit = self.compilers.clone().acquire_owned().await;
        let permit = permit.map_err(|error| AppError::Internal(error.to_string()))?;
        let compiled = tokio::task::spawn_blocking(move || {
            let compiled = compile(&source);
            drop(permit);
            compiled
        });
        compiled.await.map_err(|error| AppError::Internal(format!("compiling stopped: {error}")))
    }

    /// Caches the plan of a release that was just stored.
    pub(crate) fn remember(&self, workflow: WorkflowId, number: u32, plan: SharedPlan) {
        let (key, bytes) = ((workflow, number), plan.memory_bytes as u64);
        self.live.insert(key, &plan);
        self.cached.insert(key, plan, bytes);
    }

    /// A workflow that is not deleted.
    pub(crate) async fn workflow(
        &self,
        id: WorkflowId,
    ) -> Result<Option<Arc<WorkflowRecord>>, AppError> {
        if let Some(known) = self.workflows.get(&id) {
            return Ok(Some(known));
        }
        let before = self.changes.load(Ordering::Acquire);
        let found = self.store.find_workflow(FindWorkflow::Id(id)).await?;
        let Some(found) = found.filter(|w| w.deleted_at.is_none()) else { return Ok(None) };
        let found = Arc::new(found);
        if self.changes.load(Ordering::Acquire) == before {
            self.workflows.insert(id, found.clone(), workflow_bytes(&found) as u64);
        }
        Ok(Some(found))
    }

    /// Removes a workflow that was changed from the cache.
    pub(crate) fn changed(&self, id: WorkflowId) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.workflows.remove(&id);
    }

    /// The number of releases that were compiled to be executed.
    pub(crate) fn compiled(&self) -> u64 {
        self.compiled.load(Ordering::Relaxed)
    }

    /// The memory of cached plans, of other plans in use, and of workflows.
    pub(crate) fn usage(&self) -> [PoolUsage; 3] {
        let cached = self.cached.pool_usage();
        let used = self.live.bytes().saturating_sub(cached.used);
        let running = PoolUsage::new("running_plans", used, self.live_bytes);
        [cached, running, self.workflows.pool_usage()]
    }
}

fn compile_new(source: &Value) -> Result<(Definition, Plan), Problems> {
    definition::plan_source(source, stepwell_steps::step_registry(), &DefinitionLimits::default())
}

fn compile_stored(source: &Value) -> Result<Plan, Problems> {
    definition::plan_stored(source, stepwell_steps::step_registry(), &DefinitionLimits::default())
}

/// About how many bytes the record of a workflow takes.
fn workflow_bytes(record: &WorkflowRecord) -> usize {
    let texts =
        [record.name.len(), record.kind.len(), record.description.as_ref().map_or(0, String::len)];
    size_of::<WorkflowRecord>()
        + texts.into_iter().map(allocated_bytes).sum::<usize>()
        + map_clone_bytes(&record.metadata)
        + record.configuration.as_ref().map_or(0, map_clone_bytes)
        + record.integrations.len() * INTEGRATION_BYTES
}

#[cfg(test)]
mod tests;
