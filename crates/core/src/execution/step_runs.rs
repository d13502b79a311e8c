//! The step runs of an execution. Only this module looks step runs up by position.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::blocks::block_run::{BlockRun, BodyRunId};
use super::event::SkipReason;
use super::failure::{Failure, codes};
use super::step_run_id::StepRunId;
use crate::Timestamp;
use crate::definition::plan::PlanStep;
use crate::definition::{Plan, StepIndex};
use crate::expr::SecretInsertion;

/// The state of a step run. Each variant has the data of its state.
#[derive(Debug, Clone, PartialEq)]
pub enum StepState {
    /// Not reached yet.
    Pending,
    /// An attempt is running. Begun by `StepStarted`.
    Running {
        /// From 1.
        attempt: u32,
    },
    /// It waits (`Delay`). Begun by `StepWaiting`, ended by `StepCompleted`.
    Waiting {
        /// When the wait began.
        since: Timestamp,
        /// When the wait ends.
        until: Timestamp,
    },
    /// It is a block, in which steps run. Begun by `StepStarted`, ended by the end of its bodies.
    Block(Box<BlockRun>),
    /// An attempt failed, the next one waits. Begun by `StepRetrying`, ended by `StepStarted`.
    Backoff {
        /// The attempt that failed.
        attempt: u32,
        /// When it failed.
        since: Timestamp,
        /// When the next one begins.
        until: Timestamp,
        /// Why it failed.
        error: Failure,
    },
    /// Final. By `StepCompleted`.
    Completed {
        /// Its output.
        output: Arc<Value>,
        /// Its output port; `None`: the default port.
        port: Option<String>,
    },
    /// Final. By `StepFailed`.
    Failed {
        /// Why.
        error: Failure,
        /// Whether the definition handles the failure, so that the execution continues.
        handled: bool,
    },
    /// Final. By `StepSkipped`.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
    /// Final. By `StepCancelled`.
    Cancelled,
}

impl StepState {
    /// Whether the state is final.
    pub const fn is_settled(&self) -> bool {
        matches!(
            self,
            Self::Completed { .. } | Self::Failed { .. } | Self::Skipped { .. } | Self::Cancelled
        )
    }

    /// Whether its condition was false: steps that follow by the order of the list continue with what
    /// came before it.
    pub const fn is_bypassed(&self) -> bool {
        matches!(self, Self::Skipped { reason: SkipReason::Condition })
    }

    /// When it began to wait for a point in time, and that point.
    pub(super) fn wait_bounds(&self) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::Waiting { since, until } | Self::Backoff { since, until, .. } => {
                Some((*since, *until))
            }
            Self::Block(block) => block.pause.map(|pause| (pause.since, pause.until)),
            _ => None,
        }
    }

    /// The name that expressions see.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running { .. } | Self::Backoff { .. } | Self::Block(_) => "running",
            Self::Waiting { .. } => "waiting",
            Self::Completed { .. } => "completed",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}

/// An attempt that failed and after which another one was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempt {
    /// From 1.
    pub number: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// When it failed.
    pub ended_at: Timestamp,
    /// The code of its failure.
    pub code: String,
    /// Human-readable description of its failure.
    pub message: String,
    /// When the next attempt was due.
    pub next_at: Timestamp,
}

/// A step run.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRun {
    /// Its state.
    pub state: StepState,
    /// How many attempts have started.
    pub attempts: u32,
    /// When the last attempt started.
    pub attempt_started_at: Option<Timestamp>,
    /// The attempts that failed and after which another one was due, in order.
    pub failed_attempts: Vec<FailedAttempt>,
    /// The input of the last attempt.
    pub input: Option<Arc<Value>>,
    /// The configuration of the last attempt, if expressions created it.
    pub config: Option<Arc<Value>>,
    /// The secrets that are inserted into both before the step runs, by pointers from
    /// `{"input", "config"}`; `None`: none, or started by a version that did not record them.
    pub secrets: Option<Vec<SecretInsertion>>,
    /// When the first attempt started.
    pub started_at: Option<Timestamp>,
    /// When it settled; `None` for a step that never started.
    pub ended_at: Option<Timestamp>,
    /// Whether it was taken over from an earlier execution.
    pub reused: bool,
}

impl StepRun {
    pub(super) const PENDING: Self = Self {
        state: StepState::Pending,
        attempts: 0,
        attempt_started_at: None,
        failed_attempts: Vec::new(),
        input: None,
        config: None,
        secrets: None,
        started_at: None,
        ended_at: None,
        reused: false,
    };

    /// Starts an attempt.
    pub(super) fn begin_attempt(&mut self, attempt: u32, at: Timestamp) {
        // In journals of earlier versions, a recovery repeats an attempt as the next one.
        if matches!(self.state, StepState::Running { attempt: before } if before < attempt) {
            let text = "the server stopped while this attempt ran";
            self.add_failed_attempt(&Failure::new(codes::INTERRUPTED, text), at, at);
        }
        self.state = StepState::Running { attempt };
        self.attempts = attempt;
        self.attempt_started_at = Some(at);
        self.started_at.get_or_insert(at);
    }

    /// Ends an attempt that failed and after which another one is due.
    pub(super) fn await_retry(&mut self, error: &Failure, at: Timestamp, until: Timestamp) {
        self.add_failed_attempt(error, at, until);
        let (attempt, error) = (self.attempts, error.clone());
        self.state = StepState::Backoff { attempt, since: at, until, error };
    }

    fn add_failed_attempt(&mut self, error: &Failure, at: Timestamp, next_at: Timestamp) {
        self.failed_attempts.push(FailedAttempt {
            number: self.attempts,
            started_at: self.attempt_started_at.unwrap_or(at),
            ended_at: at,
            code: error.code.clone(),
            message: error.message.clone(),
            next_at,
        });
    }
}

static NOT_BEGUN: StepRun = StepRun::PENDING;

/// The most runs of ended iterations that are kept.
const MAX_KEPT: usize = 2_000;

/// A run in an iteration.
#[derive(Debug, Clone, PartialEq)]
struct IterationRun {
    run: StepRun,
    /// Whether it is in [`StepRuns::kept`].
    is_kept: bool,
}

/// The step runs of an execution.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRuns {
    /// In the order of the plan's steps; `None` for a step that runs in iterations.
    runs: Vec<Option<StepRun>>,
    /// The runs in iterations that have begun or settled.
    repeated: BTreeMap<StepRunId, IterationRun>,
    /// The runs of ended iterations among them, the oldest first.
    kept: VecDeque<StepRunId>,
    /// The number of unsettled runs outside all blocks.
    open: usize,
}

impl StepRuns {
    /// The runs of a plan, all pending.
    pub(super) fn all_pending(plan: &Plan) -> Self {
        let run = |step: &PlanStep| step.enclosing.is_empty().then_some(StepRun::PENDING);
        Self {
            runs: plan.steps.iter().map(run).collect(),
            repeated: BTreeMap::new(),
            kept: VecDeque::new(),
            open: plan.top.steps.len(),
        }
    }

    /// A step run; `None` if the plan has no such step, or it has not begun in this iteration.
    pub fn get(&self, id: &StepRunId) -> Option<&StepRun> {
        if !id.path.is_empty() {
            return self.repeated.get(id).map(|repeated| &repeated.run);
        }
        self.runs.get(id.step.position())?.as_ref()
    }

    /// As [`StepRuns::get`], but an unknown run is pending.
    pub fn run(&self, id: &StepRunId) -> &StepRun {
        self.get(id).unwrap_or(&NOT_BEGUN)
    }

    /// As [`StepRuns::get`], but a run in an iteration is created.
    pub(super) fn get_mut(&mut self, id: &StepRunId) -> Option<&mut StepRun> {
        if id.path.is_empty() {
            return self.runs.get_mut(id.step.position())?.as_mut();
        }
        let pending = || IterationRun { run: StepRun::PENDING, is_kept: false };
        Some(&mut self.repeated.entry(id.clone()).or_insert_with(pending).run)
    }

    /// Sets the final state of a step run; `None` if there is no such run.
    pub(super) fn settle_run(
        &mut self,
        plan: &Plan,
        id: &StepRunId,
        state: StepState,
    ) -> Option<&mut StepRun> {
        let was_settled = self.get_mut(id)?.state.is_settled();
        if !was_settled {
            match BodyRunId::around(plan, id) {
                None => self.open = self.open.saturating_sub(1),
                Some(body) => {
                    if let Some(open) = self.open_in(&body) {
                        *open = open.saturating_sub(1);
                    }
                }
            }
        }
        let run = self.get_mut(id)?;
        run.state = state;
        Some(run)
    }

    /// As [`StepRuns::settle_run`], with the time.
    pub(super) fn settle_at(
        &mut self,
        plan: &Plan,
        id: &StepRunId,
        at: Timestamp,
        state: StepState,
    ) {
        if let Some(run) = self.settle_run(plan, id, state) {
            run.ended_at = Some(at);
        }
    }

    /// The number of unsettled steps of a body that runs.
    fn open_in(&mut self, body: &BodyRunId) -> Option<&mut usize> {
        self.block_mut(&body.block)?.active.get_mut(&body.key)
    }

    /// A block that runs.
    pub(super) fn block(&self, id: &StepRunId) -> Option<&BlockRun> {
        match &self.get(id)?.state {
            StepState::Block(block) => Some(block),
            _ => None,
        }
    }

    /// A block that runs, to be changed.
    pub(super) fn block_mut(&mut self, id: &StepRunId) -> Option<&mut BlockRun> {
        let run = match id.path.is_empty() {
            true => self.runs.get_mut(id.step.position())?.as_mut()?,
            false => &mut self.repeated.get_mut(id)?.run,
        };
        match &mut run.state {
            StepState::Block(block) => Some(block),
            _ => None,
        }
    }

    /// Whether the steps around a step run are running, so that it can start.
    pub(super) fn is_reachable(&self, plan: &Plan, id: &StepRunId) -> bool {
        BodyRunId::around(plan, id).is_none_or(|body| {
            self.block(&body.block).is_some_and(|block| block.active.contains_key(&body.key))
        })
    }

    /// The runs of the steps inside a body run that have begun or settled, those in inner blocks
    /// too.
    pub(super) fn inside(&self, plan: &Plan, body: &BodyRunId) -> Vec<StepRunId> {
        let path = body.path(plan);
        let end = plan.step(body.block.step).and_then(|step| step.block.as_ref()).map(|b| b.end);
        let (first, end) = (body.block.step.position() + 1, end.map_or(0, StepIndex::position));
        let is_in_body = |step: StepIndex| {
            let mut at = plan.step(step).and_then(|step| step.parent);
            while let Some(parent) = at {
                if parent.block == body.block.step {
                    return parent.body == body.key.body;
                }
                at = plan.step(parent.block).and_then(|block| block.parent);
            }
            false
        };
        let mut found = Vec::new();
        for step in (first..end).map(StepIndex::at).filter(|step| is_in_body(*step)) {
            if path.is_empty() && self.get(&step.into()).is_some() {
                found.push(step.into());
                continue;
            }
            let start = StepRunId { step, path: path.clone() };
            let runs = self.repeated.range(start..).map(|(id, _)| id);
            let within =
                |id: &&StepRunId| id.step == step && id.path.indexes().starts_with(path.indexes());
            found.extend(runs.take_while(within).cloned());
        }
        found
    }

    /// Takes note that an iteration has ended: its runs are kept as long as there is room.
    pub(super) fn keep_ended(&mut self, ids: Vec<StepRunId>) {
        for id in ids {
            if let Some(repeated) = self.repeated.get_mut(&id)
                && !std::mem::replace(&mut repeated.is_kept, true)
            {
                self.kept.push_back(id);
            }
        }
        while self.kept.len() > MAX_KEPT {
            if let Some(oldest) = self.kept.pop_front() {
                self.repeated.remove(&oldest);
            }
        }
    }

    /// Whether all step runs outside of blocks are settled.
    pub(super) const fn are_settled(&self) -> bool {
        self.open == 0
    }

    /// Whether there are runs in iterations.
    pub fn has_iterations(&self) -> bool {
        !self.repeated.is_empty()
    }

    /// Whether the plan has no steps.
    pub const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The ids: of steps that run once in the order of the plan, then of those in iterations.
    pub fn ids(&self) -> impl Iterator<Item = StepRunId> + '_ {
        self.iter().map(|(id, _)| id)
    }

    /// All step runs, in the order of [`StepRuns::ids`].
    pub fn iter(&self) -> impl Iterator<Item = (StepRunId, &StepRun)> {
        let once = self.runs.iter().enumerate();
        let once = once.filter_map(|(at, run)| Some((StepIndex::at(at).into(), run.as_ref()?)));
        once.chain(self.repeated.iter().map(|(id, repeated)| (id.clone(), &repeated.run)))
    }

    /// Whether any step run is in a state that satisfies `is_in`.
    pub(super) fn any_state(&self, is_in: impl Fn(&StepState) -> bool) -> bool {
        let once = self.runs.iter().flatten();
        once.chain(self.repeated.values().map(|repeated| &repeated.run))
            .any(|run| is_in(&run.state))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::definition::{DefinitionLimits, plan_source};
    use crate::test_support::TestCatalog;

    fn two_steps() -> Plan {
        let steps = ["a", "b"].map(|id| json!({"id": id, "type": "Echo"}));
        let source = json!({"name": "n", "steps": steps});
        plan_source(&source, &TestCatalog::new(), &DefinitionLimits::default()).unwrap().1
    }

    const SKIPPED: StepState = StepState::Skipped { reason: SkipReason::NotTaken };

    #[test]
    fn a_run_in_an_iteration_is_not_the_run_of_the_plan() {
        let plan = two_steps();
        let mut runs = StepRuns::all_pending(&plan);
        let outside = StepRunId::from(1);
        let inside = StepRunId { path: [0].into(), ..outside.clone() };
        assert!(runs.get(&inside).is_none());
        runs.settle_at(&plan, &inside, Timestamp::default(), SKIPPED);
        assert_eq!(runs.run(&outside), &StepRun::PENDING);

        runs.settle_at(&plan, &outside, Timestamp::default(), SKIPPED);
        assert_eq!(runs.run(&outside).state, SKIPPED);
        assert!(runs.get(&StepRunId::from(2)).is_none());
    }

    #[test]
    fn attempts_are_listed_with_their_failures() {
        let at = Timestamp::from_millis;
        let mut run = StepRun::PENDING;
        run.begin_attempt(1, at(1));
        run.await_retry(&Failure::new("HTTP_STATUS", "503"), at(2), at(5));
        run.begin_attempt(2, at(6));
        // As journals of earlier versions have a recovery.
        run.begin_attempt(3, at(8));
        let shown = run.failed_attempts.iter().map(|failed| {
            let FailedAttempt { number, started_at, ended_at, code, message: _, next_at } = failed;
            (*number, [*started_at, *ended_at, *next_at], code.as_str())
        });
        let expected = [
            (1, [at(1), at(2), at(5)], "HTTP_STATUS"),
            (2, [at(6), at(8), at(8)], codes::INTERRUPTED),
        ];
        assert_eq!(shown.collect::<Vec<_>>(), expected);
        assert_eq!((run.attempts, run.attempt_started_at), (3, Some(at(8))));
        assert_eq!(run.started_at, Some(at(1)));
    }

    #[test]
    fn a_run_is_settled_once() {
        let plan = two_steps();
        let mut runs = StepRuns::all_pending(&plan);
        for _ in 0..2 {
            runs.settle_run(&plan, &0.into(), StepState::Cancelled);
            assert!(!runs.are_settled());
        }
        runs.settle_run(&plan, &1.into(), SKIPPED);
        assert!(runs.are_settled());
    }
}
