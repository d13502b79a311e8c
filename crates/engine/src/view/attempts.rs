//! The attempts of a step run as they are shown.

use stepwell_core::Timestamp;
use stepwell_core::execution::{FailedAttempt, StepRun, StepState};

use super::StepStatus;

/// An attempt of a step run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// From 1.
    pub number: u32,
    /// `Running`, `Waiting`, `Completed`, `Failed` or `Cancelled`.
    pub status: StepStatus,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<AttemptFailure>,
    /// When the next attempt is due, or was.
    pub next_at: Option<Timestamp>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptFailure {
    /// A stable code.
    pub code: String,
    /// Human-readable description.
    pub message: String,
}

/// All attempts of a step run, in order.
pub(super) fn all_attempts(run: &StepRun) -> Vec<AttemptView> {
    let last = last_unrepeated(run);
    let mut attempts = Vec::with_capacity(run.failed_attempts.len() + usize::from(last.is_some()));
    attempts.extend(run.failed_attempts.iter().map(Into::into));
    attempts.extend(last);
    attempts
}

/// The last attempt of a step run.
pub(super) fn last_attempt(run: &StepRun) -> Option<AttemptView> {
    last_unrepeated(run).or_else(|| run.failed_attempts.last().map(Into::into))
}

/// The last attempt, unless another one was due after it.
fn last_unrepeated(run: &StepRun) -> Option<AttemptView> {
    let started_at = run.attempt_started_at?;
    if run.failed_attempts.last().is_some_and(|failed| failed.number == run.attempts) {
        return None;
    }
    let error = match &run.state {
        StepState::Failed { error, .. } => {
            Some(AttemptFailure { code: error.code.clone(), message: error.message.clone() })
        }
        _ => None,
    };
    let status = StepStatus::from(&run.state);
    Some(AttemptView {
        number: run.attempts,
        status,
        started_at,
        ended_at: run.ended_at,
        error,
        next_at: None,
    })
}

impl From<&FailedAttempt> for AttemptView {
    fn from(failed: &FailedAttempt) -> Self {
        let FailedAttempt { number, started_at, ended_at, code, message, next_at, policy: _ } =
            failed;
        Self {
            number: *number,
            status: StepStatus::Failed,
            started_at: *started_at,
            ended_at: Some(*ended_at),
            error: Some(AttemptFailure { code: code.clone(), message: message.clone() }),
            next_at: Some(*next_at),
        }
    }
}
