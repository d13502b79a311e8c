//! After a panic of a runner, its execution fails and everything else continues.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use stepwell_core::execution::{Execution, Failure, TransitionInput, codes};
use stepwell_store::LoadExecution;

use super::{Runner, StopReason};
use crate::execution_log::step_run_name;
use crate::runtime::panic_message::panic_message;

impl Runner {
    /// Fails the execution whose runner panicked.
    pub(super) async fn after_panic(&mut self, panic: Box<dyn Any + Send>) -> StopReason {
        let id = self.record.id;
        let message = panic_message(&*panic).to_owned();
        tracing::error!(%id, step = self.current_step(), message, "a panic; the execution fails");
        // The state may be inconsistent after the panic, so this may panic too.
        match AssertUnwindSafe(self.fail_after_panic()).catch_unwind().await {
            Ok(reason) => reason,
            Err(panic) => {
                let message = panic_message(&*panic).to_owned();
                tracing::error!(%id, message, "a panic again; the next start continues it");
                StopReason::Stopped
            }
        }
    }

    /// The written form of the step run whose command was being carried out.
    fn current_step(&self) -> Option<String> {
        step_run_name(&self.execution, self.current.as_ref()?)
    }

    async fn fail_after_panic(&mut self) -> StopReason {
        for (_, attempt) in self.under_way.drain() {
            attempt.abort();
        }
        self.commands.clear();
        if let Err(reason) = self.rebuild().await {
            return reason;
        }
        let text = "a part of the server failed while it worked on this execution; \
                    this is a bug in Stepwell";
        let mut error = Failure::new(codes::INTERNAL, text);
        error.step = self.current_step();
        self.apply_input(TransitionInput::Abort { error });
        match self.commit().await {
            // It is loaded again and continues with its compensations.
            Ok(()) if !self.execution.status().is_final() => StopReason::Lost,
            Ok(()) => StopReason::Ended,
            Err(reason) => reason,
        }
    }

    /// Rebuilds the execution from its events: a panic may have interrupted a decision.
    async fn rebuild(&mut self) -> Result<(), StopReason> {
        self.take_back_commit();
        let mut execution = Execution::new(self.execution.origin.clone());
        if self.record.seq > 0 {
            match self.engine.store.load_execution(self.record.id).await {
                Ok(Some(stored)) => {
                    stored.events.iter().for_each(|event| execution.apply_event(event))
                }
                Ok(None) => return Err(StopReason::Lost),
                Err(error) => {
                    tracing::error!(id = %self.record.id, %error, "an execution could not be loaded");
                    return Err(StopReason::Lost);
                }
            }
        }
        self.uncommitted.iter().for_each(|event| execution.apply_event(event));
        self.execution = execution;
        Ok(())
    }
}

/// The error of an execution that crashes the server.
pub(super) fn poisoned_failure() -> Failure {
    let text = "the server stopped or hung when it last continued this execution, twice in a row; \
                it is not recovered again, but can be rerun";
    Failure::new(codes::POISONED, text)
}
