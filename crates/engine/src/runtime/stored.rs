//! Stored executions: loaded to be shown or to be driven.

use std::sync::Arc;
use std::time::Duration;
use stepwell_store::LoadExecution;

use stepwell_core::definition::Plan;
use stepwell_core::execution::{Execution, without_file_results};
use stepwell_core::ids::ExecutionId;
use stepwell_store::record::{ExecutionRecord, Loaded, StoredExecution};

use super::engine::Engine;
use super::journals::{Journal, JournalRef};
use super::runner::Retained;
use crate::AppError;
use crate::memory::{Hold, PATIENCE, Reservation};

/// A journal of at most so many bytes, as stored, is loaded at once: the memory for it is used for a
/// short time only.
const LOADED_AT_ONCE: usize = 16 << 10;

/// The size, as stored, after which a part of a journal ends.
const PART_BYTES: usize = 256 << 10;

/// The memory that is reserved for a part.
pub(crate) const PART_MEMORY: usize = 8 << 20;

/// Why a journal was not loaded.
enum NotLoaded {
    /// It was deleted meanwhile.
    Deleted,
    /// It could not be read, or there was no memory.
    Failed(AppError),
}

impl<E: Into<AppError>> From<E> for NotLoaded {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Engine {
    /// A stored execution, with its journal if that is small.
    ///
    /// # Errors
    /// The store could not be read.
    pub(crate) async fn find_stored(&self, id: ExecutionId) -> Result<Option<Loaded>, AppError> {
        Ok(self.store.load_unless_large(id, LOADED_AT_ONCE).await?)
    }

    /// A stored execution without its journal.
    ///
    /// # Errors
    /// The store could not be read.
    pub(crate) async fn stored_record(
        &self,
        id: ExecutionId,
    ) -> Result<Option<ExecutionRecord>, AppError> {
        Ok(self.find_stored(id).await?.map(|found| found.record().clone()))
    }

    /// The journal of a stored execution, to be shown; `None` if it was deleted meanwhile. A large
    /// one is without results that are in files.
    ///
    /// # Errors
    /// The store could not be read; `Unavailable` if no memory is free in time.
    pub(crate) async fn stored_journal(
        &self,
        found: Loaded,
    ) -> Result<Option<JournalRef>, AppError> {
        let (record, memory) = match found {
            Loaded::Events(StoredExecution { record, events }) => {
                return Ok(Some(JournalRef::own(record, events, Hold::default())));
            }
            Loaded::Large { record, memory } => (record, memory),
        };
        let id = record.id;
        let slot = self.journals.slot(id, record.seq);
        let loading = slot.get_or_try_init(|| async {
            let plan = self.plans.plan(record.workflow, record.release).await?;
            if plan.writes_files {
                let reserved = self.memory.reserve(memory.min(PART_MEMORY), PATIENCE).await?;
                return self.load_without_results(id, &plan, reserved).await;
            }
            let reserved = self.memory.reserve(memory, PATIENCE).await?;
            let stored = self.store.load_execution(id).await?.ok_or(NotLoaded::Deleted)?;
            let StoredExecution { record, events } = stored;
            Ok(Arc::new(Journal::new(record, events, Hold::new(reserved))))
        });
        // If the first reader fails, the waiting ones try one after the other, within this time.
        let journal = match tokio::time::timeout(2 * PATIENCE, loading).await {
            Ok(Ok(loaded)) => Arc::clone(loaded),
            Ok(Err(NotLoaded::Deleted)) => return Ok(None),
            Ok(Err(NotLoaded::Failed(error))) => return Err(error),
            Err(_) => return Err(self.memory.shortage(memory).into()),
        };
        Ok(Some(JournalRef::shared(journal, slot)))
    }

    /// A journal to be shown, read in parts so that only one at a time has the results that are in
    /// files.
    async fn load_without_results(
        &self,
        id: ExecutionId,
        plan: &Plan,
        mut memory: Reservation,
    ) -> Result<Arc<Journal>, NotLoaded> {
        let (mut events, mut retained) = (Vec::new(), Retained::default());
        let mut parts = JournalParts::new(self, id, 1);
        let mut found = None;
        while let Some(part) = parts.next().await? {
            events.extend(without_file_results(plan, &part.events).into_owned());
            found = Some(part.record);
        }
        retained.count(&events);
        memory.resize(retained.bytes());
        let record = found.ok_or(NotLoaded::Deleted)?;
        Ok(Arc::new(Journal::new(record, events, Hold::new(memory))))
    }

    /// The whole journal of a stored execution, also the results that are in files.
    ///
    /// # Errors
    /// As [`Engine::stored_journal`].
    pub(crate) async fn journal_with_results(
        &self,
        id: ExecutionId,
    ) -> Result<Option<JournalRef>, AppError> {
        let reserved = match self.find_stored(id).await? {
            Some(Loaded::Events(StoredExecution { record, events })) => {
                return Ok(Some(JournalRef::own(record, events, Hold::default())));
            }
            Some(Loaded::Large { memory, .. }) => self.memory.reserve(memory, PATIENCE).await?,
            None => return Ok(None),
        };
        let stored = self.store.load_execution(id).await?;
        Ok(stored.map(|StoredExecution { record, events }| {
            JournalRef::own(record, events, Hold::new(reserved))
        }))
    }

    /// Replays a stored execution that is driven, and returns its journal without results that are
    /// in files, with the memory reserved for it. Waits for memory without a limit: it holds nothing
    /// that others wait for.
    ///
    /// # Errors
    /// The store could not be read, or the server stops.
    pub(crate) async fn load_to_drive(
        &self,
        found: Loaded,
        execution: &mut Execution,
    ) -> Result<Option<(StoredExecution, Reservation)>, AppError> {
        let plan = execution.origin.plan.clone();
        let (record, memory) = match found {
            Loaded::Events(mut stored) => {
                stored.events.iter().for_each(|event| execution.apply_event(event));
                if plan.writes_files {
                    stored.events = without_file_results(&plan, &stored.events).into_owned();
                }
                return Ok(Some((stored, self.memory.empty())));
            }
            Loaded::Large { record, memory } if plan.writes_files => {
                (record, memory.min(PART_MEMORY))
            }
            Loaded::Large { record, memory } => (record, memory),
        };
        let reserved = tokio::select! {
            biased;
            reserved = self.memory.reserve(memory, Duration::MAX) => reserved?,
            () = self.background.stopping() => return Err(AppError::stopping()),
        };
        if !plan.writes_files {
            let stored = self.store.load_execution(record.id).await?;
            for event in stored.iter().flat_map(|stored| &stored.events) {
                execution.apply_event(event);
            }
            return Ok(stored.map(|stored| (stored, reserved)));
        }
        let mut stored = StoredExecution { record, events: Vec::new() };
        let mut parts = JournalParts::new(self, stored.record.id, 1);
        while let Some(part) = parts.next().await? {
            part.events.iter().for_each(|event| execution.apply_event(event));
            stored.events.extend(without_file_results(&plan, &part.events).into_owned());
            stored.record = part.record;
        }
        Ok((!stored.events.is_empty()).then_some((stored, reserved)))
    }
}

/// Reads a journal in parts.
pub(crate) struct JournalParts<'a> {
    engine: &'a Engine,
    id: ExecutionId,
    next: u64,
}

impl<'a> JournalParts<'a> {
    /// From an event on.
    pub(crate) fn new(engine: &'a Engine, id: ExecutionId, first: u64) -> Self {
        Self { engine, id, next: first }
    }

    /// The next part, which has at least one event; `None` at the end, or if the execution does not
    /// exist.
    ///
    /// # Errors
    /// The store could not be read.
    pub(crate) async fn next(&mut self) -> Result<Option<StoredExecution>, AppError> {
        let found = self.engine.store.load_part(self.id, self.next, PART_BYTES).await?;
        let Some(part) = found else { return Ok(None) };
        let Some(last) = part.events.last() else { return Ok(None) };
        self.next = last.seq + 1;
        Ok(Some(part))
    }

    /// The sequence number with which the next part begins.
    pub(crate) fn first(&self) -> u64 {
        self.next
    }
}
