//! How an execution will end, while compensations and the steps of `on_failure` run.

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::failure::{Failure, codes};

/// How an execution ends without success.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndOutcome {
    /// As `Failed`.
    Failed {
        /// Why.
        #[serde(rename = "err")]
        error: Failure,
    },
    /// As `TimedOut`.
    TimedOut {
        /// Why.
        #[serde(rename = "err")]
        error: Failure,
    },
    /// As `Cancelled`.
    Cancelled {
        /// The reason stated by the caller.
        #[serde(rename = "why", default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl EndOutcome {
    /// The outcome of a final event; `None`: it is not final, or a success.
    pub(super) fn of_event(event: &Event) -> Option<Self> {
        match event {
            Event::Failed { error } => Some(Self::Failed { error: error.clone() }),
            Event::TimedOut { error } => Some(Self::TimedOut { error: error.clone() }),
            Event::Cancelled { reason } => Some(Self::Cancelled { reason: reason.clone() }),
            _ => None,
        }
    }

    /// The final event.
    pub(super) fn into_event(self) -> Event {
        match self {
            Self::Failed { error } => Event::Failed { error },
            Self::TimedOut { error } => Event::TimedOut { error },
            Self::Cancelled { reason } => Event::Cancelled { reason },
        }
    }

    /// Why, as expressions see it.
    pub fn to_failure(&self) -> Failure {
        match self {
            Self::Failed { error } | Self::TimedOut { error } => error.clone(),
            Self::Cancelled { reason } => {
                let message = reason.as_deref().unwrap_or("the execution was cancelled");
                Failure::new(codes::CANCELLED, message)
            }
        }
    }
}
