//! The executions that one key or one workspace has at the same time.
//!
//! They are known by their ids, and only where a limit asks for it: a million that wait cost no
//! memory otherwise.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stepwell_core::ids::ExecutionId;

/// The executions that are accepted and not ended.
#[derive(Debug, Default)]
pub(crate) struct Active {
    // A short critical section, nothing awaits under it; of one limited key or workspace.
    state: Mutex<State>,
    /// Held by whoever is finding out which there are.
    filling: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    ids: HashSet<ExecutionId>,
}

#[derive(Debug, Default)]
enum Phase {
    /// Nobody counts.
    #[default]
    Off,
    /// Those that were there before are being looked for; these have ended meanwhile.
    Filling(HashSet<ExecutionId>),
    /// All are known.
    On,
}

impl Active {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts it, unless there are `most` others. One that is counted already is no other.
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

    /// Counts one that is there, however many there are.
    pub(super) fn enter(&self, id: ExecutionId) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Off) {
            state.ids.insert(id);
        }
    }

    /// It has ended, or never was.
    pub(super) fn leave(&self, id: ExecutionId) {
        let mut state = self.lock();
        state.ids.remove(&id);
        if let Phase::Filling(ended) = &mut state.phase {
            ended.insert(id);
        }
    }

    /// Counts from now on, beginning with those that `find` finds. Whatever begins or ends while
    /// it looks is counted right. Does nothing where they are counted already.
    pub(super) async fn fill<E>(
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

    /// Nobody asks any more.
    pub(super) async fn stop(&self) {
        let _not_while_filling = self.filling.lock().await;
        *self.lock() = State::default();
    }

    /// For how many executions there is memory.
    pub(super) fn capacity(&self) -> usize {
        self.lock().ids.capacity()
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.lock().ids.len()
    }
}
