//! A step run: its state and its attempts.

use std::sync::Arc;

use serde_json::Value;

use super::approval_wait::ApprovalWait;
use super::blocks::block_run::BlockRun;
use super::event::{Event, SkipReason};
use super::failure::{Failure, codes};
use super::message::ChildLink;
use super::signal_wait::SignalWait;
use crate::Timestamp;
use crate::definition::concurrency::ConcurrencyPlace;
use crate::expr::SecretInsertion;
use crate::ids::ExecutionId;

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
    /// Its attempt waits for a place under the concurrency limit of the step. Begun by
    /// `PlaceAwaited`, ended by `PlaceTaken`.
    AwaitingPlace(Box<ConcurrencyPlace>),
    /// It waits for the end of its sub-workflow. Begun by `ChildStarted`.
    Child {
        /// The execution.
        execution: ExecutionId,
        /// When the wait began.
        since: Timestamp,
        /// When the step's timeout ends; `None`: it has none.
        until: Option<Timestamp>,
    },
    /// It waits for a signal. Begun by `SignalAwaited`, ended by `SignalConsumed`.
    AwaitingSignal(Box<SignalWait>),
    /// It waits for the decision of people. Begun by `ApprovalRequested`, ended by `ApprovalEnded`.
    AwaitingApproval(Box<ApprovalWait>),
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
            Self::Child { since, until, .. } => until.map(|until| (*since, until)),
            Self::AwaitingSignal(wait) => wait.until.map(|until| (wait.since, until)),
            Self::AwaitingApproval(wait) => wait.next_timer().map(|(at, _)| (wait.since, at)),
            Self::Block(block) => block.pause.map(|pause| (pause.since, pause.until)),
            _ => None,
        }
    }

    /// Whether it waits for a point in time, for a place, the end of a sub-workflow, a signal or an
    /// approval.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(
            self,
            Self::AwaitingPlace(_)
                | Self::Child { .. }
                | Self::AwaitingSignal(_)
                | Self::AwaitingApproval(_)
        ) || self.wait_bounds().is_some()
    }

    /// The name that expressions see.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running { .. } | Self::Backoff { .. } | Self::Block(_) => "running",
            Self::Waiting { .. }
            | Self::AwaitingPlace(_)
            | Self::Child { .. }
            | Self::AwaitingSignal(_)
            | Self::AwaitingApproval(_) => "waiting",
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
    /// The position of the retry policy that applied.
    pub policy: u32,
}

/// The next attempt after a failed one.
#[derive(Debug, Clone, Copy)]
pub(super) struct NextAttempt {
    /// When it is due.
    pub(super) at: Timestamp,
    /// The position of the retry policy that applied.
    pub(super) policy: u32,
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
    /// The sub-workflow that its last attempt started.
    pub child: Option<Box<ChildLink>>,
    /// The progress that it has stored last, until it settles.
    pub checkpoint: Option<Arc<Value>>,
    /// The place that each of its attempts needs.
    pub place: Option<Box<ConcurrencyPlace>>,
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
        child: None,
        checkpoint: None,
        place: None,
    };

    /// Starts an attempt.
    pub(super) fn begin_attempt(&mut self, attempt: u32, at: Timestamp) {
        // In journals of earlier versions, a recovery repeats an attempt as the next one.
        if matches!(self.state, StepState::Running { attempt: before } if before < attempt) {
            let text = "the server stopped while this attempt ran";
            let next = NextAttempt { at, policy: 0 };
            self.add_failed_attempt(&Failure::new(codes::INTERRUPTED, text), at, next);
        }
        self.state = StepState::Running { attempt };
        self.attempts = attempt;
        self.attempt_started_at = Some(at);
        self.started_at.get_or_insert(at);
    }

    /// Ends an attempt that failed and after which another one is due.
    pub(super) fn await_retry(&mut self, error: &Failure, at: Timestamp, next: NextAttempt) {
        self.add_failed_attempt(error, at, next);
        let (attempt, error) = (self.attempts, error.clone());
        self.state = StepState::Backoff { attempt, since: at, until: next.at, error };
    }

    /// Its attempt begins to wait for a place, or has it and runs from now on.
    pub(super) fn apply_place_event(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::PlaceAwaited { place, .. } => {
                self.state = StepState::AwaitingPlace(Box::new(place.clone()));
                self.place = Some(Box::new(place.clone()));
            }
            Event::PlaceTaken { .. } => {
                self.state = StepState::Running { attempt: self.attempts };
                self.attempt_started_at = Some(at);
            }
            _ => {}
        }
    }

    /// Begins to wait for the end of a sub-workflow.
    pub(super) fn await_child(
        &mut self,
        child: &ChildLink,
        since: Timestamp,
        until: Option<Timestamp>,
    ) {
        self.state = StepState::Child { execution: child.execution, since, until };
        self.child = Some(Box::new(child.clone()));
    }

    fn add_failed_attempt(&mut self, error: &Failure, at: Timestamp, next: NextAttempt) {
        self.failed_attempts.push(FailedAttempt {
            number: self.attempts,
            started_at: self.attempt_started_at.unwrap_or(at),
            ended_at: at,
            code: error.code.clone(),
            message: error.message.clone(),
            next_at: next.at,
            policy: next.policy,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_listed_with_their_failures() {
        let at = Timestamp::from_millis;
        let mut run = StepRun::PENDING;
        run.begin_attempt(1, at(1));
        let next = NextAttempt { at: at(5), policy: 0 };
        run.await_retry(&Failure::new("HTTP_STATUS", "503"), at(2), next);
        run.begin_attempt(2, at(6));
        // As journals of earlier versions have a recovery.
        run.begin_attempt(3, at(8));
        let shown = run.failed_attempts.iter().map(|failed| {
            let FailedAttempt { number, started_at, ended_at, code, next_at, .. } = failed;
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
}
