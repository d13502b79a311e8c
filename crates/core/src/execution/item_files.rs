//! The files of an execution: the results of each `Map` with `collect: file`, as the journal has
//! them.
//!
//! Nothing else stores them. What shows or drives an execution needs only the numbers of these
//! results, so it works with events without them ([`without_file_results`]).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::blocks::{BodyResult, ItemLine};
use super::event::{Event, RecordedEvent};
use super::failure::Failure;
use super::step_run_id::StepRunId;
use crate::definition::Plan;
use crate::expr::shared_null;

/// A file of an execution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemFile {
    /// The number of items that completed.
    pub completed: u32,
    /// The number of items that failed.
    pub failed: u32,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether its `Map` has ended, so that it does not change any more.
    pub is_closed: bool,
}

/// The files of an execution, read from its journal.
#[derive(Debug)]
pub struct ItemFiles<'a> {
    plan: &'a Plan,
    files: BTreeMap<StepRunId, ItemFile>,
}

/// The result of an item, borrowed from an event.
#[derive(Debug, Clone, PartialEq)]
pub struct FileResult<'a> {
    /// The run of the `Map`.
    pub block: &'a StepRunId,
    /// The position of the item, from 0.
    pub index: u32,
    /// Its result.
    pub result: Cow<'a, BodyResult>,
}

impl<'a> ItemFiles<'a> {
    /// Those of an execution of this plan, before its first event.
    pub fn new(plan: &'a Plan) -> Self {
        Self { plan, files: BTreeMap::new() }
    }

    /// Reads the next event. Calls `each` for each result of a file in it.
    pub fn read_event(&mut self, event: &Event, each: &mut dyn FnMut(&FileResult<'_>)) {
        match event {
            Event::Accepted { rerun: Some(rerun), .. } => {
                rerun.events.iter().for_each(|event| self.read_event(event, each));
                let plan = self.plan;
                for reused in rerun.steps.iter().filter(|kept| plan.writes_file(kept.step.step)) {
                    self.files.entry(reused.step.clone()).or_default().is_closed = true;
                }
            }
            Event::StepStarted { step, .. } if self.is_of_file(step) => {
                self.files.entry(step.clone()).or_default();
            }
            Event::StepCompleted { step, .. }
            | Event::StepFailed { step, .. }
            | Event::StepCancelled { step } => {
                if let Some(file) = self.files.get_mut(step) {
                    file.is_closed = true;
                }
            }
            Event::BodyEnded { step, .. } | Event::ItemsEnded { step, .. }
                if self.is_of_file(step) =>
            {
                // A rerun takes over the results of a whole `Map` without its start.
                let taken_over = ItemFile { is_closed: true, ..ItemFile::default() };
                let file = self.files.entry(step.clone()).or_insert(taken_over);
                for_each_result(event, &mut |found| {
                    file.add(found);
                    each(found);
                });
            }
            event if event.is_final() => {
                self.files.values_mut().for_each(|file| file.is_closed = true);
            }
            _ => {}
        }
    }

    /// The files, in the order of the definition and of their iterations.
    pub fn list(&self) -> impl Iterator<Item = (String, &ItemFile)> {
        self.files.iter().map(|(id, file)| (id.display_in(self.plan).to_string(), file))
    }

    /// The file of a run of a `Map`.
    pub fn find(&self, block: &StepRunId) -> Option<&ItemFile> {
        self.files.get(block)
    }

    fn is_of_file(&self, block: &StepRunId) -> bool {
        self.plan.writes_file(block.step)
    }
}

impl ItemFile {
    fn add(&mut self, found: &FileResult<'_>) {
        match &*found.result {
            BodyResult::Completed(_) => self.completed += 1,
            BodyResult::Failed(_) => self.failed += 1,
        }
        self.bytes += ItemLine::new(found.index, &found.result).byte_count() as u64;
    }
}

/// Calls `each` with the results of items in an event about the end of bodies.
fn for_each_result(event: &Event, each: &mut dyn FnMut(&FileResult<'_>)) {
    match event {
        Event::BodyEnded { step, index, output, error, .. } => {
            let result = body_result(output.as_ref(), error.as_ref());
            each(&FileResult { block: step, index: *index, result: Cow::Owned(result) });
        }
        Event::ItemsEnded { step, index, results } => {
            for (index, result) in (*index..).zip(results) {
                each(&FileResult { block: step, index, result: Cow::Borrowed(result) });
            }
        }
        _ => {}
    }
}

/// The result of a body, as its event has it.
pub(super) fn body_result(output: Option<&Arc<Value>>, error: Option<&Failure>) -> BodyResult {
    match (output, error) {
        (Some(output), _) => BodyResult::Completed(output.clone()),
        (None, Some(error)) => BodyResult::Failed(error.clone()),
        (None, None) => BodyResult::Completed(shared_null().clone()),
    }
}

/// What a rerun keeps of an event about a `Map` with a file that it takes over as a whole:
/// without the results, the file of the rerun would be empty.
pub(super) fn kept_file_results(event: &Event, has_items: bool) -> Option<Event> {
    match event {
        Event::BodyEnded { step, index, output, error, .. } => {
            let results = vec![body_result(output.as_ref(), error.as_ref())];
            Some(Event::ItemsEnded { step: step.clone(), index: *index, results })
        }
        Event::ItemsEnded { .. } => Some(event.clone()),
        Event::StepCompleted { step, .. } if !has_items => {
            let (step, results) = (step.clone(), Vec::new());
            Some(Event::ItemsEnded { step, index: 0, results })
        }
        _ => None,
    }
}

/// The events without the outputs of items that are in files: what shows or drives an execution
/// does not need them.
pub fn without_file_results<'e>(
    plan: &Plan,
    events: &'e [RecordedEvent],
) -> Cow<'e, [RecordedEvent]> {
    if !plan.writes_files {
        return Cow::Borrowed(events);
    }
    let strip = |recorded: &RecordedEvent| {
        let event = strip_event(plan, &recorded.event);
        RecordedEvent { event: event.unwrap_or_else(|| recorded.event.clone()), ..*recorded }
    };
    Cow::Owned(events.iter().map(strip).collect())
}

/// An event without outputs of items that are in files; `None`: it has none.
fn strip_event(plan: &Plan, event: &Event) -> Option<Event> {
    match event {
        Event::BodyEnded { step, body, index, output: Some(_), error: None }
            if plan.writes_file(step.step) =>
        {
            let (step, output) = (step.clone(), Some(shared_null().clone()));
            Some(Event::BodyEnded { step, body: *body, index: *index, output, error: None })
        }
        Event::ItemsEnded { step, index, results } if plan.writes_file(step.step) => {
            let strip = |result: &BodyResult| match result {
                BodyResult::Completed(_) => BodyResult::Completed(shared_null().clone()),
                BodyResult::Failed(error) => BodyResult::Failed(error.clone()),
            };
            let results = results.iter().map(strip).collect();
            Some(Event::ItemsEnded { step: step.clone(), index: *index, results })
        }
        Event::Accepted { rerun: Some(rerun), .. } if !rerun.events.is_empty() => {
            let mut stripped = event.clone();
            if let Event::Accepted { rerun: Some(rerun), .. } = &mut stripped {
                for event in &mut rerun.events {
                    if let Some(without) = strip_event(plan, event) {
                        *event = without;
                    }
                }
            }
            Some(stripped)
        }
        _ => None,
    }
}
