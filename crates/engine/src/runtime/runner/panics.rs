//! What happens when the code of a runner panics: its execution fails, everything else goes on.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use stepwell_core::execution::{Execution, Failure, Input, codes};

use super::{Gone, Runner};
use crate::view::step_run_name;

/// The text that a panic carries.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

impl Runner {
    /// Fails the execution whose runner panicked.
    pub(super) async fn after_panic(&mut self, panic: Box<dyn Any + Send>) -> Gone {
        let id = self.record.id;
        let message = panic_message(&*panic).to_owned();
        tracing::error!(%id, step = self.current_step(), message, "a panic; the execution fails");
        // What the panic left half done may make this panic too.
        match AssertUnwindSafe(self.fail_after_panic()).catch_unwind().await {
            Ok(gone) => gone,
            Err(panic) => {
                let message = panic_message(&*panic).to_owned();
                tracing::error!(%id, message, "a panic again; the next start goes on with it");
                Gone::Stopped
            }
        }
    }

    /// The step run whose command was being carried out, as it is written.
    fn current_step(&self) -> Option<String> {
        step_run_name(&self.execution, self.current.as_ref()?)
    }

    async fn fail_after_panic(&mut self) -> Gone {
        for (_, attempt) in self.under_way.drain() {
            attempt.abort();
        }
        self.commands.clear();
        if let Err(gone) = self.rebuild().await {
            return gone;
        }
        let text = "a part of the server failed while it worked on this execution; \
                    this is a bug in Stepwell";
        let mut error = Failure::new(codes::INTERNAL, text);
        error.step = self.current_step();
        self.tell(Input::Abort { error });
        match self.commit().await {
            Ok(()) => Gone::Ended,
            Err(gone) => gone,
        }
    }

    /// The execution as its events say: a decision that a panic cut short left it half changed.
    async fn rebuild(&mut self) -> Result<(), Gone> {
        self.take_back_commit();
        let mut execution = Execution::new(self.execution.origin.clone());
        if self.record.seq > 0 {
            match self.engine.store.load_execution(self.record.id).await {
                Ok(Some(stored)) => stored.events.iter().for_each(|event| execution.apply(event)),
                Ok(None) => return Err(Gone::Lost),
                Err(error) => {
                    tracing::error!(id = %self.record.id, %error, "an execution could not be loaded");
                    return Err(Gone::Lost);
                }
            }
        }
        self.uncommitted.iter().for_each(|event| execution.apply(event));
        self.execution = execution;
        Ok(())
    }
}
