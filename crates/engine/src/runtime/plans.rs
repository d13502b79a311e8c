//! Workflows and compiled releases, remembered.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use stepwell_core::definition::{self, Limits, SharedPlan};
use stepwell_core::ids::WorkflowId;
use stepwell_store::Store;
use stepwell_store::record::WorkflowRecord;

use crate::AppError;

/// The most entries of a kind that are remembered; past it all are forgotten and begin anew.
const MOST: usize = 10_000;

/// Remembers what it has looked up.
pub(crate) struct Memory<K, V>(Mutex<HashMap<K, V>>);

impl<K: Hash + Eq, V: Clone> Memory<K, V> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(crate) fn put(&self, key: K, value: V) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key, value);
    }

    pub(crate) fn forget(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Workflows and compiled releases of a store.
pub(crate) struct Plans {
    store: Arc<dyn Store>,
    compiled: Memory<(WorkflowId, u32), SharedPlan>,
    workflows: Memory<WorkflowId, Arc<WorkflowRecord>>,
    /// Counts changes, so that a workflow read before a change is not remembered after it.
    changes: AtomicU64,
}

impl Plans {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            compiled: Memory::new(),
            workflows: Memory::new(),
            changes: AtomicU64::new(0),
        }
    }

    /// The plan of a release. Releases are immutable, so it never grows old.
    pub(crate) async fn plan(
        &self,
        workflow: WorkflowId,
        number: u32,
    ) -> Result<SharedPlan, AppError> {
        if let Some(plan) = self.compiled.get(&(workflow, number)) {
            return Ok(plan);
        }
        let release =
            self.store.find_release(workflow, number).await?.ok_or_else(|| {
                AppError::Internal(format!("release {number} of {workflow} is gone"))
            })?;
        let compiled = definition::plan_stored(
            &release.source,
            stepwell_steps::registry(),
            &Limits::default(),
        );
        let plan = compiled.map_err(|problems| {
            AppError::Internal(format!(
                "release {number} of {workflow} no longer compiles: {problems}"
            ))
        })?;
        let plan = Arc::new(plan);
        self.remember(workflow, number, plan.clone());
        Ok(plan)
    }

    /// Remembers a plan that was just compiled.
    pub(crate) fn remember(&self, workflow: WorkflowId, number: u32, plan: SharedPlan) {
        self.compiled.put((workflow, number), plan);
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
        let found = self.store.find_workflow(id).await?;
        let Some(found) = found.filter(|w| w.deleted_at.is_none()) else { return Ok(None) };
        let found = Arc::new(found);
        if self.changes.load(Ordering::Acquire) == before {
            self.workflows.put(id, found.clone());
        }
        Ok(Some(found))
    }

    /// Forgets a workflow that was changed.
    pub(crate) fn changed(&self, id: WorkflowId) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.workflows.forget(&id);
    }
}
