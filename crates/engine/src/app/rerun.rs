//! Running an ended execution again.

use serde_json::Value;
use stepwell_core::execution::{Event, RerunError, RerunFrom, RerunSource, Status};
use stepwell_core::ids::{ExecutionId, WorkflowId};

use super::{App, Start};
use crate::caller::Verb;
use crate::runtime::journals::Journal;
use crate::{AppError, Caller};

/// How an execution is run again.
#[derive(Debug, Clone, Default)]
pub struct Again {
    /// From where; `None`: from the beginning, and no result is taken over.
    pub from: Option<RerunFrom>,
    /// With no `from`: its input instead of the first one's.
    pub input: Option<Value>,
    /// Everything else that an execution is started with; input, release and state are taken from
    /// the first one.
    pub start: Start,
}

impl App {
    /// What starts an execution that runs another one again, with the release that that one ran.
    /// Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`; `WrongState` where it has not ended or nothing failed; `InvalidRequest` for a
    /// step that is not there; `InvalidInput` for an input that does not fit.
    pub async fn rerun(
        &self,
        caller: &Caller,
        id: ExecutionId,
        again: Again,
    ) -> Result<(WorkflowId, Start), AppError> {
        let (journal, mut execution) = self.folded(caller, Verb::Execute, None, id).await?;
        let Journal { record, events, .. } = &*journal;
        let status = execution.status();
        if !status.is_final() {
            let reason = "wait for its end, or cancel it, before it is run again";
            return Err(AppError::WrongState { status, reason });
        }
        let Again { from, input, start } = again;
        let rerun = match from {
            Some(from) => {
                // To check the input of a step may be much work.
                let of = journal.clone();
                let decide = move || {
                    let rerun = execution.prepare_rerun(&of.events, from);
                    (execution, rerun)
                };
                let decided = self.check_on_a_thread(decide).await?;
                execution = decided.0;
                decided.1.map_err(|why| refused(&why, status))?
            }
            None => RerunSource { of: id, steps: Vec::new(), given: None },
        };
        let first_state = events.iter().find_map(|recorded| match &recorded.event {
            Event::Accepted { state, .. } => Some(state.clone()),
            _ => None,
        });
        let start = Start {
            input: Some(input.unwrap_or_else(|| Value::clone(&execution.input))),
            release: Some(record.release),
            release_tag: execution.tag.clone(),
            previous: execution.previous,
            metadata: record.metadata.clone(),
            state: first_state.flatten(),
            rerun: Some(Box::new(rerun)),
            ..start
        };
        Ok((record.workflow, start))
    }
}

fn refused(why: &RerunError, status: Status) -> AppError {
    match why {
        RerunError::NotEnded | RerunError::NothingFailed => {
            let reason = "nothing in it failed; name the step to begin from";
            AppError::WrongState { status, reason }
        }
        RerunError::NoSuchStep(_) => AppError::invalid("from_step", why.to_string()),
        RerunError::InvalidInput(problems) => AppError::InvalidInput(problems.clone()),
    }
}
