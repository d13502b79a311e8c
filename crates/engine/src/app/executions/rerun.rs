//! Running an ended execution again.

use serde_json::Value;
use stepwell_core::execution::{Event, RerunError, RerunFrom, RerunSource, Status};
use stepwell_core::ids::{ExecutionId, WorkflowId};

use super::start::Start;
use crate::app::App;
use crate::caller::Verb;
use crate::runtime::journals::Journal;
use crate::{AppError, Caller};

/// How an execution is run again.
#[derive(Debug, Clone, Default)]
pub struct RerunRequest {
    /// The step to begin with; `None`: the first, and no result is reused.
    pub from: Option<RerunFrom>,
    /// Without `from`: its input; `None`: that of the original.
    pub input: Option<Value>,
    /// All other parameters; input and state are those of the original, and so is the release
    /// unless these name a release tag.
    pub start: Start,
}

impl App {
    /// The parameters of an execution that repeats another one, with the same release unless the
    /// request names a release tag. Scope `execute:workflows`.
    ///
    /// # Errors
    /// `NotFound`; `WrongState` if it has not ended or nothing failed; `InvalidRequest` for an
    /// unknown step, or a release tag if results are reused; `InvalidInput` for an input that does
    /// not match the schema.
    pub async fn rerun(
        &self,
        caller: &Caller,
        id: ExecutionId,
        request: RerunRequest,
    ) -> Result<(WorkflowId, Start), AppError> {
        let (mut journal, mut execution) = self.replayed(caller, Verb::Execute, None, id).await?;
        if execution.origin.plan.writes_files {
            // What is shown has no results that are in files.
            let whole = self.engine.journal_with_results(id).await?;
            journal = whole.ok_or_else(|| AppError::not_found("execution", id.dataflow()))?;
        }
        let Journal { record, events, .. } = &*journal;
        let status = execution.status();
        if !status.is_final() {
            let reason = "wait for its end, or cancel it, before it is run again";
            return Err(AppError::WrongState { status, reason });
        }
        let RerunRequest { from, input, start } = request;
        if from.is_some() && start.release_tag.is_some() {
            let message = "results are only reused with the release of the original; omit it, or \
                           run the execution again from its start";
            return Err(AppError::invalid("release_tag", message));
        }
        let rerun = match from {
            Some(from) => {
                // Checking the input of a step may be much work.
                let of = journal.clone();
                let decide = move || {
                    let rerun = execution.prepare_rerun(&of.events, from);
                    (execution, rerun)
                };
                let decided = self.engine.check_on_thread(decide).await?;
                execution = decided.0;
                decided.1.map_err(|why| rerun_error(&why, status))?
            }
            None => RerunSource { of: id, steps: Vec::new(), given: None, events: Vec::new() },
        };
        let first_state = events.iter().find_map(|recorded| match &recorded.event {
            Event::Accepted { state, .. } => Some(state.clone()),
            _ => None,
        });
        let (release, release_tag) = match start.release_tag {
            Some(tag) => (None, Some(tag)),
            None => (Some(record.release), execution.tag.clone()),
        };
        let start = Start {
            input: Some(input.unwrap_or_else(|| Value::clone(&execution.input))),
            release,
            release_tag,
            previous: execution.previous,
            metadata: record.metadata.clone(),
            state: first_state.flatten(),
            variables: execution.variables.clone(),
            rerun: Some(Box::new(rerun)),
            ..start
        };
        Ok((record.workflow, start))
    }
}

fn rerun_error(why: &RerunError, status: Status) -> AppError {
    match why {
        RerunError::NotEnded | RerunError::NothingFailed => {
            let reason = "nothing in it failed; name the step to begin from";
            AppError::WrongState { status, reason }
        }
        RerunError::NoSuchStep { .. } | RerunError::NoSuchIteration { .. } => {
            AppError::invalid("from_step", why.to_string())
        }
        RerunError::InvalidInput(problems) => AppError::InvalidInput(problems.clone()),
    }
}
