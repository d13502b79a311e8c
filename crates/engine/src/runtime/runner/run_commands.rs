//! Carries out the commands of an execution.

use std::sync::Arc;
use std::time::Duration;

use stepwell_core::catalog::Effect;
use stepwell_core::execution::{
    AttemptError, AttemptId, Command, StepResult, TransitionInput, codes,
};
use stepwell_core::memory::json_size;

use super::{Runner, StopReason};
use crate::memory::SMALL;
use crate::runtime::attempt_error::permanent_error;
use crate::runtime::commands::StepAttempt;

/// The number of commands of one chain after which the runner checks its messages and the time.
const COMMANDS_BETWEEN_CHECKS: u32 = 16;

/// The time after which the first chain of pure steps is interrupted by a commit.
const DURABLE_WITHIN: Duration = Duration::from_millis(200);

/// The number of events after which a chain of pure steps is interrupted by a commit.
const MAX_UNCOMMITTED: usize = 10_000;

impl Runner {
    /// Carries out the commands: quick pure steps inline, others in tasks.
    pub(super) async fn run_commands(&mut self) -> Result<(), StopReason> {
        while !self.commands.is_empty() {
            if self.has_messages {
                Box::pin(self.read_messages()).await;
            }
            let Some(command) = self.commands.pop_front() else { break };
            match command {
                Command::Stop { step } => {
                    if let Some(attempt) = self.under_way.remove(&step) {
                        attempt.abort();
                    }
                    self.places.remove(&step);
                }
                Command::Run(_)
                | Command::RunItems { .. }
                | Command::TakePlace(_)
                | Command::StartChild(_)
                | Command::Evaluate { .. }
                | Command::Continue { .. }
                    if self.draining => {}
                Command::StartChild(attempt) => {
                    self.current = Some(attempt.step_run.clone());
                    Box::pin(self.start_child(attempt)).await?;
                }
                Command::Run(attempt) => {
                    self.current = Some(attempt.step_run.clone());
                    self.run(attempt).await?;
                }
                Command::TakePlace(attempt) => {
                    self.current = Some(attempt.step_run.clone());
                    self.demand_place(attempt);
                }
                Command::RunItems { step, first } => {
                    self.current = Some(step.clone());
                    Box::pin(self.run_items(step, first)).await?;
                }
                Command::Evaluate { step } => {
                    self.current.clone_from(&step);
                    Box::pin(self.evaluate(step)).await?;
                }
                Command::Continue { step } => {
                    self.current = Some(step.clone());
                    self.apply_input(TransitionInput::Continue { step });
                }
            }
            self.current = None;
            self.carried_out = self.carried_out.wrapping_add(1);
            if self.carried_out.is_multiple_of(COMMANDS_BETWEEN_CHECKS) {
                self.check_messages().await?;
            }
            // A long chain of pure steps yields to other tasks.
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    /// In a long chain of pure steps: handles messages and timeouts, and makes the acceptance durable.
    async fn check_messages(&mut self) -> Result<(), StopReason> {
        self.handle_deferred();
        while let Ok(message) = self.mailbox.try_recv() {
            self.handle_message(message);
        }
        let (now, elapsed) = self.engine.clocks();
        if self.execution.is_timeout_over(now, elapsed) {
            self.apply_input(TransitionInput::Timer);
        }
        let is_late = self.record.seq == 0 && now.since(self.record.created_at) > DURABLE_WITHIN;
        if is_late || self.uncommitted.len() > MAX_UNCOMMITTED {
            Box::pin(self.commit()).await?;
        }
        Ok(())
    }

    async fn run(&mut self, attempt: AttemptId) -> Result<(), StopReason> {
        let step = &self.execution.origin.plan[attempt.step_run.step];
        if !step.secrets.is_empty() && self.engine.has_installed_secrets(self.record.workspace) {
            Box::pin(self.refresh_secrets()).await;
        }
        let ready = StepAttempt::prepare(
            &self.engine,
            &self.execution,
            &self.secrets,
            &attempt,
            self.retained.bytes(),
        );
        let may_run_inline = self.may_run_inline();
        let run = |ready: StepAttempt| if may_run_inline { ready.run_inline() } else { Err(ready) };
        match ready.map(run) {
            Err(fault) => {
                self.apply_input(TransitionInput::StepEnded { attempt, result: Err(fault) });
                Ok(())
            }
            Ok(Ok(result)) => {
                self.step_ended(attempt, result);
                Ok(())
            }
            // Boxed, so that the future of the usual case stays small.
            Ok(Err(ready)) => Box::pin(self.run_in_task(attempt, ready)).await,
        }
    }

    /// Reads the secrets of the installation again: they may have been replaced since the
    /// execution began.
    async fn refresh_secrets(&mut self) {
        let (secrets, workspace) = (self.secrets.clone(), self.record.workspace);
        let plan = self.execution.origin.plan.clone();
        let secrets = self.engine.add_installed_secrets(secrets, workspace, &plan).await;
        if !secrets.is_same(&self.secrets) {
            let redact = secrets.redact();
            self.feed.set_redact(redact.as_ref());
            self.execution.set_redact(redact);
            self.secrets = secrets;
        }
    }

    /// Runs an attempt in a task of its own, once everything that must be durable before it is.
    async fn run_in_task(
        &mut self,
        attempt: AttemptId,
        ready: StepAttempt,
    ) -> Result<(), StopReason> {
        if self.under_way.len() >= self.engine.config().max_parallel_steps {
            // Wait for one of them to end before starting another one.
            self.commands.push_back(Command::Run(attempt));
            self.commit().await?;
            return self.handle_next_message().await;
        }
        let AttemptId { step_run, .. } = attempt;
        let effect = self.execution.origin.plan[step_run.step].effect;
        if effect == Effect::External || self.record.seq == 0 {
            self.commit().await?;
        }
        let task = tokio::spawn(ready.run(
            self.engine.clone(),
            Arc::downgrade(&self.feed),
            self.sender.clone(),
        ));
        self.under_way.insert(step_run, task.abort_handle());
        Ok(())
    }

    pub(super) fn step_ended(
        &mut self,
        attempt: AttemptId,
        result: Result<StepResult, AttemptError>,
    ) {
        let result = result.and_then(|done| {
            self.bytes += json_size(&done.output, usize::MAX);
            match self.exceeded_size() {
                Some(message) => Err(permanent_error(codes::VALUE_TOO_LARGE, message)),
                None => Ok(done),
            }
        });
        self.apply_input(TransitionInput::StepEnded { attempt, result });
    }

    /// The error message if the values of the execution are larger than allowed.
    pub(super) fn exceeded_size(&self) -> Option<String> {
        let limit = self.engine.config().max_execution_bytes;
        (self.bytes > limit).then(|| {
            format!("the execution's values are larger than the limit of {limit} bytes together")
        })
    }

    /// Whether a step may run inline: if no memory is free, steps of executions with large values wait
    /// for it.
    fn may_run_inline(&self) -> bool {
        self.retained.bytes() < SMALL || !self.engine.memory.is_exhausted()
    }
}
