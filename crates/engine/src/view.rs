//! Executions as they are shown: replayed from the journal. Each dialect has its own format for
//! them.

use std::sync::Arc;

use serde_json::Value;
use stepwell_core::Timestamp;
use stepwell_core::definition::model::StepRole;
use stepwell_core::execution::{
    ChildLink, Event, Execution, Failure, RecordedEvent, SkipReason, Status, StepRun, StepRunId,
    StepState,
};
use stepwell_core::ids::{ExecutionId, TaskId};
use stepwell_store::record::ExecutionRecord;

use crate::execution_log::log_line;
use crate::memory::Hold;
use crate::warning::Warning;
use attempts::{all_attempts, last_attempt};
use credentials::mask_credentials;
use stepwell_core::memory::{json_size, value_bytes};
use stepwell_core::{Excerpt, shorten_value};
use waiting::{execution_wait, step_wait};

mod attempts;
mod credentials;
mod waiting;

pub use attempts::{AttemptFailure, AttemptView};
pub use waiting::{AwaitedPlace, AwaitedSignal, ExecutionWait, StepWait, WaitReason};

/// The size of a step's configuration as it is shown, in bytes; a larger one is shortened.
const CONFIG_BYTES: usize = 16 << 10;

/// The size of all configurations of an execution that are shortened or masked, together.
const COPIED_BYTES: usize = 1 << 20;

/// An execution with all of its steps.
#[derive(Debug, Clone)]
pub struct ExecutionView {
    /// Ids, status and times.
    pub record: ExecutionRecord,
    /// Its input.
    pub input: Arc<Value>,
    /// Its output, when completed.
    pub output: Option<Arc<Value>>,
    /// Why it failed or timed out.
    pub error: Option<Failure>,
    /// The release tag that selected its release.
    pub release_tag: Option<String>,
    /// The execution that it repeats.
    pub rerun_of: Option<ExecutionId>,
    /// The variables of the workspace that its definition reads, as they were when it was accepted;
    /// `None`: it reads none.
    pub variables: Option<Arc<Value>>,
    /// What it waits for, if nothing of it runs.
    pub waiting: Option<ExecutionWait>,
    /// The failures over which it continued, if it has completed.
    pub warnings: Vec<Warning>,
    /// Every step of the definition, in its order. Behind a block that repeats the steps in it are
    /// those of its iterations, as far as they are kept.
    pub steps: Vec<StepView>,
    /// Keeps the memory of the values reserved.
    pub memory: Hold,
}

/// A step of an execution.
#[derive(Debug, Clone)]
pub struct StepView {
    /// The step run.
    pub step_run: StepRunId,
    /// Its id in the APIs.
    pub run_id: TaskId,
    /// The written form of the step run: the step's id in the definition, in an iteration with the
    /// enclosing steps.
    pub step_id: String,
    /// Its type.
    pub type_name: &'static str,
    /// Its status.
    pub status: StepStatus,
    /// Its input.
    pub input: Option<Arc<Value>>,
    /// Its output.
    pub output: Option<Arc<Value>>,
    /// Why it (or its last attempt) failed.
    pub error: Option<Failure>,
    /// How many attempts have begun.
    pub attempt_count: u32,
    /// Its attempts; in a notice only the last one.
    pub attempts: Vec<AttemptView>,
    /// What it waits for.
    pub waiting: Option<StepWait>,
    /// Its resolved configuration, with `[secret]` in place of secrets and credentials; see
    /// [`ExecutionView::with_configs`].
    pub config: Option<Excerpt>,
    /// When the first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it completed, failed or was skipped.
    pub ended_at: Option<Timestamp>,
    /// Why it was skipped.
    pub skip_reason: Option<SkipReason>,
    /// Whether its result was reused from an earlier execution.
    pub reused: bool,
    /// The block that it is in.
    pub parent: Option<StepRunId>,
    /// The sub-workflow that its last attempt started.
    pub child: Option<ChildLink>,
    /// When it runs; of a compensation, with the written form of the step run that it compensates.
    pub role: StepRole<String>,
}

/// The status of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepStatus {
    /// Not reached yet.
    Pending,
    /// An attempt is under way, or a retry is waiting.
    Running,
    /// It waits for a time, a sub-workflow, a signal or an approval.
    Waiting,
    /// It completed.
    Completed,
    /// Failed for good.
    Failed,
    /// Its condition was false or nothing led to it.
    Skipped,
    /// It was under way when the execution ended.
    Cancelled,
    /// The execution ended before the step was reached.
    NotReached,
}

impl StepStatus {
    /// Whether the status is final.
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Pending | Self::Running | Self::Waiting)
    }

    /// Whether the step has finished: completed, failed or skipped.
    const fn has_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Skipped)
    }
}

impl From<&StepState> for StepStatus {
    fn from(state: &StepState) -> Self {
        match state {
            StepState::Pending => Self::Pending,
            StepState::Running { .. } | StepState::Backoff { .. } | StepState::Block(_) => {
                Self::Running
            }
            StepState::Waiting { .. }
            | StepState::AwaitingPlace(_)
            | StepState::Child { .. }
            | StepState::AwaitingSignal(_)
            | StepState::AwaitingApproval(_) => Self::Waiting,
            StepState::Completed { .. } => Self::Completed,
            StepState::Failed { .. } => Self::Failed,
            StepState::Skipped { .. } => Self::Skipped,
            StepState::Cancelled => Self::Cancelled,
        }
    }
}

impl ExecutionView {
    /// The number of finished steps (completed, failed or skipped), and of all steps: those inside
    /// blocks are part of their blocks.
    pub fn progress(&self) -> (usize, usize) {
        let top =
            || self.steps.iter().filter(|step| step.parent.is_none() && step.role.is_regular());
        (top().filter(|step| step.status.has_finished()).count(), top().count())
    }

    /// The memory of a copy of its values, in bytes, without sharing.
    pub fn value_bytes(&self) -> usize {
        let steps = self.steps.iter().flat_map(|step| [&step.input, &step.output]);
        let values = steps.chain([&self.output]).flatten().chain([&self.input]);
        values.map(|value| value_bytes(value)).sum()
    }

    /// The view of a replayed execution; status, sequence number and times are taken from it, the
    /// rest from `record`.
    pub fn new(execution: &Execution, record: &ExecutionRecord, memory: Hold) -> Self {
        let record = ExecutionRecord {
            status: execution.status(),
            seq: execution.seq,
            started_at: execution.started_at,
            ended_at: execution.ended_at,
            ..record.clone()
        };
        Self {
            input: execution.input.clone(),
            output: execution.output.clone(),
            error: execution.error.clone(),
            release_tag: execution.tag.clone(),
            rerun_of: execution.rerun_of,
            variables: execution.variables.clone(),
            waiting: execution_wait(execution, &record),
            warnings: Warning::of_completed(execution),
            record,
            steps: step_views(execution),
            memory,
        }
    }

    /// As [`ExecutionView::new`], with the resolved configuration of every step that started.
    pub fn with_configs(execution: &Execution, record: &ExecutionRecord, memory: Hold) -> Self {
        let mut view = Self::new(execution, record, memory);
        let mut left = COPIED_BYTES;
        for step in &mut view.steps {
            let Some(config) = execution.step_config(&step.step_run) else { continue };
            let mut excerpt = shorten_value(config, CONFIG_BYTES.min(left));
            let masked = mask_credentials(&excerpt.value);
            let is_copied = excerpt.is_shortened || masked.is_some();
            excerpt.value = masked.unwrap_or(excerpt.value);
            if is_copied {
                left = left.saturating_sub(json_size(&excerpt.value, CONFIG_BYTES));
            }
            step.config = Some(excerpt);
        }
        view
    }
}

fn step_views(execution: &Execution) -> Vec<StepView> {
    let runs = execution.steps.iter();
    let is_shown = |(id, _): &(StepRunId, &StepRun)| is_shown(execution, id);
    let views = runs.filter(is_shown).filter_map(|(id, run)| {
        Some(StepView { attempts: all_attempts(run), ..view_without_attempts(execution, &id)? })
    });
    let mut views: Vec<StepView> = views.collect();
    if execution.steps.has_iterations() {
        views.sort_by_cached_key(|view| sort_key(execution, &view.step_run));
    }
    views
}

/// Whether a step is shown: one that runs only if the execution fails, once it has begun.
fn is_shown(execution: &Execution, id: &StepRunId) -> bool {
    let plan = &execution.origin.plan;
    let has_begun = |id: &StepRunId| execution.steps.run(id).state != StepState::Pending;
    match plan.step(id.step).map(|step| step.role) {
        Some(StepRole::Compensation(_)) => has_begun(id),
        _ if plan.is_in_failure_handler(id.step) => {
            plan.failure_handler.is_some_and(|handler| has_begun(&handler.into()))
        }
        _ => true,
    }
}

/// Sorts step runs as they are written, the iterations of a block behind it one by one.
fn sort_key(execution: &Execution, id: &StepRunId) -> Vec<u32> {
    let mut key = vec![id.step.number()];
    let mut at = id.clone();
    while let Some(block) = execution.enclosing_block(&at) {
        if let Some(index) = at.path.indexes().get(block.path.indexes().len()) {
            key.push(*index);
        }
        key.push(block.step.number());
        at = block;
    }
    key.reverse();
    key
}

/// As [`ExecutionView::progress`].
fn count_progress(execution: &Execution) -> (usize, usize) {
    let steps = &execution.origin.plan.top.steps;
    let runs = steps.iter().map(|step| execution.steps.run(&(*step).into()));
    let finished = runs.filter(|run| StepStatus::from(&run.state).has_finished()).count();
    (finished, steps.len())
}

/// The view of one step run, with its last attempt only: a stream of views in which each had all
/// attempts would grow with their square.
pub fn step_view(execution: &Execution, id: &StepRunId) -> Option<StepView> {
    let last = last_attempt(execution.steps.get(id)?);
    let attempts = last.into_iter().collect();
    Some(StepView { attempts, ..view_without_attempts(execution, id)? })
}

fn view_without_attempts(execution: &Execution, id: &StepRunId) -> Option<StepView> {
    let plan = &execution.origin.plan;
    let (step, run) = plan.step(id.step).zip(execution.steps.get(id))?;
    let step_id = id.display_in(plan).to_string();
    let (output, error) = match &run.state {
        StepState::Completed { output, .. } => (Some(output.clone()), None),
        StepState::Failed { error, .. } | StepState::Backoff { error, .. } => {
            (None, Some(error.clone()))
        }
        _ => (None, None),
    };
    Some(StepView {
        step_run: id.clone(),
        run_id: TaskId::for_step_run(execution.origin.id, &step_id),
        step_id,
        type_name: step.type_name,
        status: match StepStatus::from(&run.state) {
            // Steps that were not reached before the end have no event.
            StepStatus::Pending if !execution.can_reach(id) => StepStatus::NotReached,
            status => status,
        },
        input: run.input.clone(),
        output,
        error,
        attempt_count: run.attempts,
        attempts: Vec::new(),
        waiting: step_wait(&run.state),
        config: None,
        started_at: run.started_at,
        ended_at: run.ended_at,
        skip_reason: match run.state {
            StepState::Skipped { reason } => Some(reason),
            _ => None,
        },
        reused: run.reused,
        parent: execution.enclosing_block(id),
        child: run.child.as_deref().cloned(),
        role: match step.role {
            StepRole::Regular => StepRole::Regular,
            StepRole::Compensation(of) => {
                StepRole::Compensation(id.sibling(of).display_in(plan).to_string())
            }
            StepRole::FailureHandler => StepRole::FailureHandler,
        },
    })
}

/// A line that a step of an execution logged, or that reports a failed attempt.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// Its position in the journal.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The step, if it is about one.
    pub step_id: Option<String>,
    /// `info`, `warn` or `error`.
    pub level: String,
    /// The text.
    pub message: String,
}

/// A change of an execution, for its readers.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The journal's sequence number: a reader that reconnects resumes after the last one.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The kind of change.
    pub kind: NoticeKind,
}

/// The kind of a change.
#[derive(Debug, Clone)]
pub enum NoticeKind {
    /// The execution's status changed.
    Status {
        /// The new status.
        status: Status,
        /// Its output, when completed.
        output: Option<Arc<Value>>,
        /// Its error, when failed or timed out.
        error: Option<Failure>,
    },
    /// A step's status changed.
    Step {
        /// The step as it is now.
        step: Box<StepView>,
        /// The number of finished steps: completed, failed or skipped.
        finished: usize,
        /// The number of all steps.
        total: usize,
    },
    /// A step logged a line.
    Log(LogLine),
    /// A running step sent the next piece of its output's `text`. Pieces are not journaled; `seq` is
    /// that of the event before.
    Delta {
        /// Counts the pieces of the execution, from 0.
        number: u64,
        /// The step run.
        step: StepRunId,
        /// The piece.
        text: Arc<str>,
    },
}

impl Notice {
    /// Roughly how many bytes its values have as text.
    pub fn text_bytes(&self) -> usize {
        let size = |value: &Option<Arc<Value>>| {
            value.as_ref().map_or(0, |value| json_size(value, usize::MAX))
        };
        match &self.kind {
            NoticeKind::Status { output, .. } => size(output),
            NoticeKind::Step { step, .. } => size(&step.input) + size(&step.output),
            NoticeKind::Log(line) => line.message.len(),
            NoticeKind::Delta { text, .. } => text.len(),
        }
    }
}

/// Applies one event and returns the notice for readers, if any.
pub fn observe_event(execution: &mut Execution, recorded: &RecordedEvent) -> Option<Notice> {
    let before = execution.status();
    execution.apply_event(recorded);
    let kind = match recorded.event.step_run() {
        Some(id) => step_notice(execution, recorded, id)?,
        None => {
            let status = execution.status();
            if status == before && recorded.seq > 1 {
                return None;
            }
            NoticeKind::Status {
                status,
                output: execution.output.clone(),
                error: execution.error.clone(),
            }
        }
    };
    Some(Notice { seq: recorded.seq, at: recorded.at, kind })
}

fn step_notice(
    execution: &Execution,
    recorded: &RecordedEvent,
    id: &StepRunId,
) -> Option<NoticeKind> {
    if let Some(line) = log_line(execution, recorded) {
        return Some(NoticeKind::Log(line));
    }
    // The progress of a step is its own.
    if matches!(recorded.event, Event::StepCheckpoint { .. }) {
        return None;
    }
    let step = Box::new(step_view(execution, id)?);
    let (finished, total) = count_progress(execution);
    Some(NoticeKind::Step { step, finished, total })
}
