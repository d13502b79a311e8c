//! The step runs of an execution. Only this module looks step runs up by position.

use std::sync::Arc;

use serde_json::Value;

use super::event::SkipReason;
use super::failure::{Failure, codes};
use super::step_run_id::StepRunId;
use crate::Timestamp;
use crate::definition::StepIndex;
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

    /// The name that expressions see.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running { .. } | Self::Backoff { .. } => "running",
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

/// The step runs of an execution: one for each step of its plan.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRuns {
    /// In the order of the plan's steps.
    runs: Vec<StepRun>,
    /// The number of unsettled runs.
    open: usize,
}

impl StepRuns {
    /// The runs of a plan with this number of steps, all pending.
    pub(super) fn all_pending(steps: usize) -> Self {
        Self { runs: vec![StepRun::PENDING; steps], open: steps }
    }

    /// A step run; `None` if the plan has no such step, or not in this iteration.
    pub fn get(&self, id: &StepRunId) -> Option<&StepRun> {
        self.runs.get(id.step.position()).filter(|_| id.path.is_empty())
    }

    /// As [`StepRuns::get`], but an unknown run is pending.
    pub fn run(&self, id: &StepRunId) -> &StepRun {
        self.get(id).unwrap_or(&NOT_BEGUN)
    }

    pub(super) fn get_mut(&mut self, id: &StepRunId) -> Option<&mut StepRun> {
        self.runs.get_mut(id.step.position()).filter(|_| id.path.is_empty())
    }

    /// Sets the final state of a step run; `None` if there is no such run.
    pub(super) fn settle_run(&mut self, id: &StepRunId, state: StepState) -> Option<&mut StepRun> {
        let run = self.runs.get_mut(id.step.position()).filter(|_| id.path.is_empty())?;
        if !run.state.is_settled() {
            self.open = self.open.saturating_sub(1);
        }
        run.state = state;
        Some(run)
    }

    /// As [`StepRuns::settle_run`], with the time.
    pub(super) fn settle_at(&mut self, id: &StepRunId, at: Timestamp, state: StepState) {
        if let Some(run) = self.settle_run(id, state) {
            run.ended_at = Some(at);
        }
    }

    /// Whether all step runs are settled.
    pub(super) const fn are_settled(&self) -> bool {
        self.open == 0
    }

    /// The number of step runs.
    pub const fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether the plan has no steps.
    pub const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The ids, in the order of the plan.
    pub fn ids(&self) -> impl Iterator<Item = StepRunId> + use<> {
        (0..self.runs.len()).map(|position| StepIndex::at(position).into())
    }

    /// All step runs, in the order of the plan.
    pub fn iter(&self) -> impl Iterator<Item = (StepRunId, &StepRun)> {
        self.ids().zip(&self.runs)
    }

    /// Whether any step run is in a state that satisfies `is_in`.
    pub(super) fn any_state(&self, is_in: impl Fn(&StepState) -> bool) -> bool {
        self.runs.iter().any(|run| is_in(&run.state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKIPPED: StepState = StepState::Skipped { reason: SkipReason::NotTaken };

    #[test]
    fn a_run_in_an_iteration_is_not_the_run_of_the_plan() {
        let mut runs = StepRuns::all_pending(2);
        let outside = StepRunId::from(1);
        let inside = StepRunId { path: [0].into(), ..outside.clone() };
        runs.settle_at(&inside, Timestamp::default(), SKIPPED);
        assert_eq!(runs, StepRuns::all_pending(2));
        assert!(runs.get(&inside).is_none() && runs.get_mut(&inside).is_none());
        assert_eq!(runs.run(&inside), &StepRun::PENDING);

        runs.settle_at(&outside, Timestamp::default(), SKIPPED);
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
        let mut runs = StepRuns::all_pending(2);
        for _ in 0..2 {
            runs.settle_run(&0.into(), StepState::Cancelled);
            assert!(!runs.are_settled());
        }
        runs.settle_run(&1.into(), SKIPPED);
        assert!(runs.are_settled());
    }
}
