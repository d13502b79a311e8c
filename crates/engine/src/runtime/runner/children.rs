//! Sub-workflows of an execution: starting them, and messages between executions.

use stepwell_core::execution::{
    AttemptId, ChildResult, ExecutionMessage, HeldKey, ParentLink, StepState, TransitionInput,
    codes,
};
use stepwell_core::ids::ExecutionId;
use stepwell_core::memory::json_size;
use stepwell_store::record::{ExecutionRecord, StoredMessage};

use super::{Runner, StopReason};
use crate::runtime::sub_workflows::{ChildError, ChildRequest, PreparedChild, waits_for_end};

/// The most executions that one commit starts.
const MAX_STARTED: usize = 64;

/// The most messages that are read at a time, and so that one commit handles.
const MAX_MESSAGES: usize = 64;

impl Runner {
    /// Starts the sub-workflow of a step; it becomes durable with the event of its start.
    pub(super) async fn start_child(&mut self, attempt: AttemptId) -> Result<(), StopReason> {
        let Some(request) = self.child_request(&attempt) else { return Ok(()) };
        let waits = request.parent.waits;
        match self.engine.prepare_child(request).await {
            Ok(PreparedChild { link, started, secrets }) => {
                let id = link.execution;
                let input = TransitionInput::ChildStarted { attempt, child: link, waits };
                if self.apply_input(input).is_none() {
                    // Before it can be claimed.
                    self.engine.vault.keep(id, &secrets);
                    self.related.started.push(started);
                    self.stay_in_memory();
                }
            }
            Err(ChildError::Failed(error)) => {
                self.apply_input(TransitionInput::StepEnded { attempt, result: Err(error) });
            }
            Err(ChildError::Unavailable(reason)) => {
                tracing::warn!(id = %self.record.id, reason, "a sub-workflow cannot be started now");
                self.commands.push_back(stepwell_core::execution::Command::StartChild(attempt));
                self.wait_for_store(&reason).await;
                if self.engine.background.is_stopping() {
                    return Err(StopReason::Stopped);
                }
                self.handle_deferred();
            }
        }
        if self.related.started.len() >= MAX_STARTED {
            self.commit().await?;
        }
        Ok(())
    }

    /// What the attempt demands; `None`: it is not running any more.
    fn child_request(&self, attempt: &AttemptId) -> Option<ChildRequest> {
        let AttemptId { step_run, attempt } = attempt;
        let run = self.execution.steps.run(step_run);
        if run.state != (StepState::Running { attempt: *attempt }) {
            return None;
        }
        let config = self.execution.step_config(step_run).cloned().unwrap_or_default();
        let waits = waits_for_end(&config);
        Some(ChildRequest {
            parent: ParentLink {
                execution: self.record.id,
                step: step_run.clone(),
                step_name: step_run.display_in(&self.execution.origin.plan).to_string(),
                depth: self.execution.depth() + 1,
                waits,
                held: if waits { self.execution.held_keys() } else { Vec::new() },
            },
            workspace: self.record.workspace,
            started_by: self.record.started_by,
            active: self.execution.active_children().len(),
            starting: self.starting_keys(),
            config,
            input: run.input.clone().unwrap_or_default(),
            secrets: self.secrets.clone(),
        })
    }

    /// The concurrency keys of the sub-workflows that the next commit starts.
    fn starting_keys(&self) -> Vec<HeldKey> {
        let started = self.related.started.iter().map(|started| &started.record);
        let keyed = started.filter_map(|record| {
            let key = record.concurrency.as_ref()?.needed.key.clone();
            Some(HeldKey { workflow: record.workflow, key })
        });
        keyed.collect()
    }

    /// Reads the stored messages to the execution and handles them; its next commit deletes them.
    pub(super) async fn read_messages(&mut self) {
        self.has_messages = false;
        let found = self.engine.store.list_messages(self.record.id, MAX_MESSAGES).await;
        let found = match found {
            Ok(found) => found,
            // The loop of messages notifies this runner again.
            Err(error) => {
                let id = self.record.id;
                return tracing::warn!(%id, %error, "messages to an execution cannot be read");
            }
        };
        let known = self.related.handled.len();
        for StoredMessage { number, message } in found {
            if !self.related.handled.contains(&number) {
                self.handle_execution_message(message);
                self.related.handled.push(number);
            }
        }
        if self.related.handled.len() >= known + MAX_MESSAGES {
            // There may be more, after the commit that deletes these.
            self.has_messages = true;
        }
        self.stay_in_memory();
    }

    /// What means nothing to the execution any more is ignored.
    fn handle_execution_message(&mut self, message: ExecutionMessage) {
        let input = match message {
            ExecutionMessage::ChildEnded { step, child, result } => {
                if matches!(result, ChildResult::Rejected(_)) {
                    self.forget_rejected(child);
                }
                let result = self.limit_result(result);
                TransitionInput::ChildEnded { step, child, result }
            }
            ExecutionMessage::Cancel { reason } => TransitionInput::Cancel { reason: Some(reason) },
            ExecutionMessage::Pause => TransitionInput::Pause,
            ExecutionMessage::Resume => TransitionInput::Resume,
        };
        self.apply_control(input);
        self.resize_memory();
    }

    /// Stops counting a sub-workflow that was not stored.
    fn forget_rejected(&self, child: ExecutionId) {
        let record = ExecutionRecord { id: child, ..self.record.clone() };
        self.engine.meters.left(&record);
        self.engine.count_claimed(1);
        drop(self.engine.vault.take(child));
    }

    /// The output of a sub-workflow counts towards the size of the execution.
    fn limit_result(&mut self, result: ChildResult) -> ChildResult {
        let ChildResult::Completed(output) = &result else { return result };
        self.bytes += json_size(output, usize::MAX);
        match self.exceeded_size() {
            Some(message) => ChildResult::Failed(stepwell_core::execution::Failure::new(
                codes::VALUE_TOO_LARGE,
                message,
            )),
            None => result,
        }
    }

    /// Keeps an execution that waits for sub-workflows in memory for a moment: often, several of
    /// them end soon after each other.
    fn stay_in_memory(&mut self) {
        let (_, elapsed) = self.engine.clocks();
        let keep = self.engine.config().keep_in_memory_millis;
        self.stays_until = elapsed + std::time::Duration::from_millis(keep);
    }

    /// How long an idle execution stays in memory to wait for messages; `None`: it leaves.
    pub(super) fn stays_for(&self) -> Option<std::time::Duration> {
        let (_, elapsed) = self.engine.clocks();
        let left = self.stays_until.saturating_sub(elapsed);
        let stays = !left.is_zero()
            && !self.draining
            && self.execution.awaits_child()
            && self.engine.has_room();
        stays.then_some(left)
    }
}
