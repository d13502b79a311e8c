//! The state of a block that runs, and the identity of its body runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::item_counts::ItemCounts;
use crate::Timestamp;
use crate::definition::Plan;
use crate::definition::plan_block::{BodyIndex, StepList};
use crate::execution::failure::Failure;
use crate::execution::step_run_id::{IterationPath, StepRunId};
use crate::memory::json_size;

/// The state of a block that runs.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockRun {
    /// When it started.
    pub since: Timestamp,
    /// The bodies that run, with the number of their steps that have not settled.
    pub(in crate::execution) active: BTreeMap<BodyRunKey, usize>,
    /// The number of iterations that have started.
    pub started: u32,
    /// Whether the items of a `Map` are run in chunks, of which only the results are recorded.
    pub(in crate::execution) is_chunked: bool,
    /// From which item on there may be some that have neither begun nor a result, if a rerun took
    /// over the results of others.
    pub(in crate::execution) gaps_from: Option<u32>,
    /// The results of ended bodies: of a `Map`, and of a `Loop` that collects them, by iteration;
    /// of a `Parallel` or `Try` by body.
    pub(in crate::execution) results: Vec<Option<BodyResult>>,
    /// What is kept of the items of a `Map` that does not keep their outputs.
    pub(in crate::execution) item_counts: ItemCounts,
    /// The size of the kept outputs and errors, in bytes as JSON text.
    pub(in crate::execution) result_bytes: usize,
    /// The number of bodies that completed.
    pub completed: u32,
    /// The number of bodies that failed.
    pub failed: u32,
    /// The output of the last body that completed.
    pub(in crate::execution) last: Option<Arc<Value>>,
    /// The pause before the next iteration.
    pub(in crate::execution) pause: Option<BlockPause>,
}

/// How far a block run is. What was evaluated for it is outdated once this has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockProgress {
    /// The number of iterations that have started.
    started: u32,
    /// The number of bodies that have ended.
    ended: u32,
}

/// The pause between two iterations of a `Loop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::execution) struct BlockPause {
    /// When it began.
    pub(in crate::execution) since: Timestamp,
    /// When it ends.
    pub(in crate::execution) until: Timestamp,
}

/// How a body ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum BodyResult {
    /// Its output.
    #[serde(rename = "out")]
    Completed(Arc<Value>),
    /// Why it failed.
    #[serde(rename = "err")]
    Failed(Failure),
}

/// Identifies a body run inside its block run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BodyRunKey {
    /// The position of the body in the block.
    pub body: u32,
    /// The iteration, from 0; 0 if the block does not repeat it.
    pub index: u32,
}

/// Identifies a body run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::execution) struct BodyRunId {
    /// The run of the block.
    pub(in crate::execution) block: StepRunId,
    /// The body run in it.
    pub(in crate::execution) key: BodyRunKey,
}

/// The item whose steps a transition runs, instead of all that follows for the block.
#[derive(Debug)]
pub(in crate::execution) struct ItemBody {
    pub(in crate::execution) block: StepRunId,
    /// Why it failed.
    pub(in crate::execution) failure: Option<Failure>,
}

impl BlockRun {
    pub(in crate::execution) fn new(since: Timestamp) -> Self {
        Self {
            since,
            active: BTreeMap::new(),
            started: 0,
            is_chunked: false,
            gaps_from: None,
            results: Vec::new(),
            item_counts: ItemCounts::default(),
            result_bytes: 0,
            completed: 0,
            failed: 0,
            last: None,
            pause: None,
        }
    }

    /// A copy for the steps of single items, without the results of iterations: none of these steps
    /// reads them.
    pub(in crate::execution) fn copy_without_results(&self) -> Self {
        let (last, active) = (self.last.clone(), self.active.clone());
        Self { last, active, started: self.started, ..Self::new(self.since) }
    }

    /// Starts again with the first item that has no result.
    pub(in crate::execution) fn find_gaps(&mut self) {
        self.gaps_from = (!self.is_chunked).then_some(0);
    }

    /// The next item: the first one that neither runs nor has a result.
    pub(in crate::execution) fn next_index(&self) -> u32 {
        let Some(from) = self.gaps_from else { return self.started };
        let is_free = |index: &u32| {
            !self.has_ended(*index)
                && !self.active.contains_key(&BodyRunKey { body: 0, index: *index })
        };
        (from..).find(is_free).unwrap_or(u32::MAX)
    }

    /// A body all of whose steps have settled.
    pub(in crate::execution) fn ended_body(&self) -> Option<BodyRunKey> {
        self.active.iter().find(|(_, open)| **open == 0).map(|(key, _)| *key)
    }

    /// The result of a body at a position of the results.
    pub(in crate::execution) fn result(&self, position: usize) -> Option<&BodyResult> {
        self.results.get(position)?.as_ref()
    }

    /// Counts the end of a body.
    pub(in crate::execution) fn count_end(&mut self, result: &BodyResult) {
        match result {
            BodyResult::Completed(_) => self.completed = self.completed.saturating_add(1),
            BodyResult::Failed(_) => self.failed = self.failed.saturating_add(1),
        }
    }

    /// How far it is.
    pub const fn progress(&self) -> BlockProgress {
        let ended = self.completed.saturating_add(self.failed);
        BlockProgress { started: self.started, ended }
    }

    /// Stores the result of a body at a position of the results.
    pub(in crate::execution) fn set_result(&mut self, position: usize, result: BodyResult) {
        if self.results.len() <= position {
            self.results.resize(position + 1, None);
        }
        if let BodyResult::Completed(output) = &result {
            self.result_bytes += json_size(output, usize::MAX);
        }
        if let Some(slot) = self.results.get_mut(position) {
            *slot = Some(result);
        }
    }

    /// When the pause before the next iteration ends.
    pub const fn pause_until(&self) -> Option<Timestamp> {
        match &self.pause {
            Some(pause) => Some(pause.until),
            None => None,
        }
    }
}

impl BodyRunId {
    /// The body run that a step run is in; `None`: it is outside all blocks.
    pub(in crate::execution) fn around(plan: &Plan, id: &StepRunId) -> Option<Self> {
        let parent = plan.step(id.step)?.parent?;
        let is_repeating = plan.step(parent.block)?.block.as_ref()?.is_repeating();
        let (path, index) = match is_repeating {
            true => id.path.split_last()?,
            false => (id.path.clone(), 0),
        };
        let key = BodyRunKey { body: parent.body, index };
        Some(Self { block: StepRunId { step: parent.block, path }, key })
    }

    /// The path of the steps in it.
    pub(in crate::execution) fn path(&self, plan: &Plan) -> IterationPath {
        let block = plan.step(self.block.step).and_then(|step| step.block.as_ref());
        match block.is_some_and(|block| block.is_repeating()) {
            true => self.block.path.with_index(self.key.index),
            false => self.block.path.clone(),
        }
    }

    /// The list of its steps.
    pub(in crate::execution) fn step_list<'p>(&self, plan: &'p Plan) -> Option<&'p StepList> {
        plan.step_list(Some(BodyIndex { block: self.block.step, body: self.key.body }))
    }
}
