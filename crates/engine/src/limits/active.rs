//! The executions that one key or one workspace has at the same time.
//!
//! They are counted by their ids, and only if a limit needs it: otherwise a million waiting
//! executions cost no memory.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stepwell_core::ids::ExecutionId;

/// The executions that are accepted and have not ended.
#[derive(Debug, Default)]
pub(crate) struct ActiveExecutions {
    // A short critical section, nothing awaits under it; of one limited key or workspace.
    state: Mutex<State>,
    /// Held while they are read from the store.
    filling: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    ids: HashSet<ExecutionId>,
}

#[derive(Debug, Default)]
enum Phase {
    /// They are not counted.
    #[default]
    Off,
    /// The earlier ones are being read; these have ended meanwhile.
    Filling(HashSet<ExecutionId>),
    /// All are counted.
    On,
}

impl ActiveExecutions {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an execution unless `most` others are counted.
    pub(super) fn try_enter(&self, id: ExecutionId, most: usize) -> bool {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Off) || state.ids.contains(&id) {
            return true;
        }
        let room = state.ids.len() < most;
        if room {
            state.ids.insert(id);
        }
        room
    }

    /// Counts an execution without a limit.
    pub(super) fn enter(&self, id: ExecutionId) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Off) {
            state.ids.insert(id);
        }
    }

    /// Stops counting an execution.
    pub(super) fn leave(&self, id: ExecutionId) {
        let mut state = self.lock();
        state.ids.remove(&id);
        if let Phase::Filling(ended) = &mut state.phase {
            ended.insert(id);
        }
    }

    /// Starts counting with the executions that `find` returns. Those that start or end meanwhile
    /// are counted correctly. Does nothing if they are counted already.
    pub(crate) async fn fill<E>(
        &self,
        find: impl Future<Output = Result<Vec<ExecutionId>, E>>,
    ) -> Result<(), E> {
        let _one_at_a_time = self.filling.lock().await;
        {
            let mut state = self.lock();
            if matches!(state.phase, Phase::On) {
                return Ok(());
            }
            *state = State { phase: Phase::Filling(HashSet::new()), ids: HashSet::new() };
        }
        let found = find.await;
        let mut state = self.lock();
        match found {
            Ok(found) => {
                if let Phase::Filling(ended) = std::mem::replace(&mut state.phase, Phase::On) {
                    state.ids.extend(found.into_iter().filter(|id| !ended.contains(id)));
                }
                Ok(())
            }
            Err(error) => {
                *state = State::default();
                Err(error)
            }
        }
    }

    /// Stops counting all.
    pub(crate) async fn stop(&self) {
        let _not_while_filling = self.filling.lock().await;
        *self.lock() = State::default();
    }

    /// The number of executions for which memory is allocated.
    pub(super) fn capacity(&self) -> usize {
        self.lock().ids.capacity()
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.lock().ids.len()
    }
}
