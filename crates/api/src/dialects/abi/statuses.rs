//! The statuses of executions and steps in this dialect.

use std::str::FromStr;

use serde::Serialize;
use stepwell_core::execution::Status;
use stepwell_engine::view::StepStatus;
use utoipa::ToSchema;

/// The status of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = abi::ExecutionStatus)]
pub enum ExecutionStatus {
    /// It waits for its turn.
    Queued,
    /// It is under way, or waits for a moment.
    Running,
    /// It starts no further steps until it is resumed.
    Paused,
    /// All steps are settled.
    Completed,
    /// A step failed and nothing handled it.
    Failed,
    /// It took longer than it may.
    TimedOut,
    /// Cancelled by a request.
    Cancelled,
}

impl ExecutionStatus {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Queued, "queued"),
        (Self::Running, "running"),
        (Self::Paused, "paused"),
        (Self::Completed, "completed"),
        (Self::Failed, "failed"),
        (Self::TimedOut, "timed_out"),
        (Self::Cancelled, "cancelled"),
    ];

    /// The statuses that a filter means with this name: those that are shown so, or `waiting`.
    pub fn parse_filter(text: &str) -> Option<Vec<Status>> {
        let name = text.trim();
        if name == Status::Waiting.name() {
            return Some(vec![Status::Waiting]);
        }
        let shown: Self = name.parse().ok()?;
        Some(Status::ALL.into_iter().filter(|status| Self::from(*status) == shown).collect())
    }

    /// What [`ExecutionStatus::parse_filter`] reads, for messages.
    pub fn filter_forms() -> String {
        format!("one of {}, waiting", Self::ALL.map(|(_, name)| name).join(", "))
    }
}

impl FromStr for ExecutionStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|(_, name)| *name == text).map(|(status, _)| status).ok_or(())
    }
}

impl From<Status> for ExecutionStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Queued => Self::Queued,
            Status::Running | Status::Waiting => Self::Running,
            Status::Paused => Self::Paused,
            Status::Completed => Self::Completed,
            Status::Failed => Self::Failed,
            Status::TimedOut => Self::TimedOut,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

/// The status of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = abi::RunStatus)]
pub enum RunStatus {
    /// Not reached yet.
    Pending,
    /// An attempt is under way, or the step waits.
    Running,
    /// Done.
    Completed,
    /// Failed for good.
    Failed,
    /// Its condition was false, or nothing led to it.
    Skipped,
    /// It was under way when the execution ended.
    Cancelled,
    /// The execution ended before it was reached.
    NotReached,
}

impl From<StepStatus> for RunStatus {
    fn from(status: StepStatus) -> Self {
        match status {
            StepStatus::Pending => Self::Pending,
            StepStatus::Running | StepStatus::Waiting => Self::Running,
            StepStatus::Completed => Self::Completed,
            StepStatus::Failed => Self::Failed,
            StepStatus::Skipped => Self::Skipped,
            StepStatus::Cancelled => Self::Cancelled,
            StepStatus::NotReached => Self::NotReached,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_read_as_written() {
        for (status, name) in ExecutionStatus::ALL {
            assert_eq!(name.parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), name);
        }
        assert_eq!("COMPLETED".parse::<ExecutionStatus>(), Err(()));
        assert!(Status::ALL.iter().all(|status| {
            ExecutionStatus::ALL.iter().any(|(known, _)| *known == (*status).into())
        }));
    }
}
