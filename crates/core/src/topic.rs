//! The events that webhooks can subscribe to, and a selection of them.

use std::fmt;
use std::str::FromStr;

/// A kind of event that webhooks can subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// A workflow was created.
    WorkflowCreated,
    /// A workflow or its definition was changed.
    WorkflowUpdated,
    /// A workflow was activated.
    WorkflowActivated,
    /// A workflow was deactivated.
    WorkflowDeactivated,
    /// A workflow was deleted.
    WorkflowDeleted,
    /// An execution of a workflow started.
    WorkflowExecuted,
    /// A step of an execution completed.
    StepCompleted,
    /// An execution completed.
    ExecutionCompleted,
    /// An execution failed, or timed out.
    ExecutionFailed,
    /// An execution was cancelled.
    ExecutionCancelled,
    /// An execution was paused.
    ExecutionPaused,
    /// A paused execution was resumed.
    ExecutionResumed,
    /// An execution received a signal.
    SignalReceived,
    /// A step waits for an approval.
    ApprovalRequested,
    /// The approvers of an approval are reminded, or further ones are added.
    ApprovalReminded,
    /// An approval was approved or rejected.
    ApprovalDecided,
    /// The time of an approval was over.
    ApprovalExpired,
    /// A schedule was created.
    ScheduleCreated,
    /// A schedule was changed.
    ScheduleUpdated,
    /// A schedule was deleted.
    ScheduleDeleted,
    /// A schedule started an execution.
    ScheduleTriggered,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::WorkflowCreated,
        Self::WorkflowUpdated,
        Self::WorkflowActivated,
        Self::WorkflowDeactivated,
        Self::WorkflowDeleted,
        Self::WorkflowExecuted,
        Self::StepCompleted,
        Self::ExecutionCompleted,
        Self::ExecutionFailed,
        Self::ExecutionCancelled,
        Self::ExecutionPaused,
        Self::ExecutionResumed,
        Self::SignalReceived,
        Self::ApprovalRequested,
        Self::ApprovalReminded,
        Self::ApprovalDecided,
        Self::ApprovalExpired,
        Self::ScheduleCreated,
        Self::ScheduleUpdated,
        Self::ScheduleDeleted,
        Self::ScheduleTriggered,
    ];

    /// Its name: `workflow.created`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WorkflowCreated => "workflow.created",
            Self::WorkflowUpdated => "workflow.updated",
            Self::WorkflowActivated => "workflow.activated",
            Self::WorkflowDeactivated => "workflow.deactivated",
            Self::WorkflowDeleted => "workflow.deleted",
            Self::WorkflowExecuted => "workflow.executed",
            Self::StepCompleted => "execution.step_completed",
            Self::ExecutionCompleted => "execution.completed",
            Self::ExecutionFailed => "execution.failed",
            Self::ExecutionCancelled => "execution.cancelled",
            Self::ExecutionPaused => "execution.paused",
            Self::ExecutionResumed => "execution.resumed",
            Self::SignalReceived => "signal.received",
            Self::ApprovalRequested => "approval.requested",
            Self::ApprovalReminded => "approval.reminded",
            Self::ApprovalDecided => "approval.decided",
            Self::ApprovalExpired => "approval.expired",
            Self::ScheduleCreated => "schedule.created",
            Self::ScheduleUpdated => "schedule.updated",
            Self::ScheduleDeleted => "schedule.deleted",
            Self::ScheduleTriggered => "schedule.triggered",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Topic {
    type Err = UnknownTopic;

    fn from_str(text: &str) -> Result<Self, UnknownTopic> {
        Self::ALL.into_iter().find(|topic| topic.name() == text).ok_or(UnknownTopic)
    }
}

/// The text names no [`Topic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown event")]
pub struct UnknownTopic;

/// The topics of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicFilter {
    /// All, also those that later versions add. Written `*`.
    Every,
    /// These, in the order in which they were named, each once.
    Some(Vec<Topic>),
}

impl TopicFilter {
    /// How [`TopicFilter::Every`] is written.
    pub const STAR: &'static str = "*";

    /// Whether that topic is one of them.
    pub fn contains(&self, topic: Topic) -> bool {
        match self {
            Self::Every => true,
            Self::Some(topics) => topics.contains(&topic),
        }
    }

    /// As they are written.
    pub fn names(&self) -> Vec<&'static str> {
        match self {
            Self::Every => vec![Self::STAR],
            Self::Some(topics) => topics.iter().map(|topic| topic.name()).collect(),
        }
    }

    /// Reads what [`TopicFilter::names`] wrote; a name that comes twice counts once, and a star makes
    /// the others superfluous.
    ///
    /// # Errors
    /// The place of each name that is unknown.
    pub fn parse_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, Vec<usize>> {
        let (mut topics, mut star, mut unknown) = (Vec::new(), false, Vec::new());
        for (place, name) in names.into_iter().enumerate() {
            match name.parse::<Topic>() {
                Ok(topic) if topics.contains(&topic) => {}
                Ok(topic) => topics.push(topic),
                Err(UnknownTopic) if name == Self::STAR => star = true,
                Err(UnknownTopic) => unknown.push(place),
            }
        }
        match unknown.as_slice() {
            [] if star => Ok(Self::Every),
            [] => Ok(Self::Some(topics)),
            _ => Err(unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for topic in Topic::ALL {
            assert_eq!(topic.name().parse(), Ok(topic));
        }
        assert!("workflow.create".parse::<Topic>().is_err());
        assert!("".parse::<Topic>().is_err());
    }

    #[test]
    fn subscriptions_read_back() {
        use Topic::{ExecutionFailed, WorkflowCreated};
        for (names, expect) in [
            (vec!["*"], Ok(TopicFilter::Every)),
            (vec!["execution.failed", "*"], Ok(TopicFilter::Every)),
            (vec![], Ok(TopicFilter::Some(vec![]))),
            (
                vec!["execution.failed", "workflow.created", "execution.failed"],
                Ok(TopicFilter::Some(vec![ExecutionFailed, WorkflowCreated])),
            ),
            (vec!["*", "nope", "execution.failed", "**"], Err(vec![1, 3])),
        ] {
            assert_eq!(TopicFilter::parse_names(names.iter().copied()), expect, "{names:?}");
        }
        let some = TopicFilter::Some(vec![ExecutionFailed]);
        assert!(some.contains(ExecutionFailed) && !some.contains(WorkflowCreated));
        assert_eq!(some.names(), ["execution.failed"]);
        assert!(TopicFilter::Every.contains(WorkflowCreated));
    }
}
