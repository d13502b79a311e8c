//! The background tasks of an engine: started, supervised, stopped.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::panic_message::panic_message;

/// The pause before a loop that panicked is restarted.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// The background tasks of one engine.
pub(crate) struct Background {
    stop: watch::Sender<bool>,
    /// Whether no execution is driven here any more.
    ended: watch::Sender<bool>,
    tasks: TaskTracker,
}

/// The signal for a task to stop.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Background {
    pub(crate) fn new() -> Self {
        Self {
            stop: watch::channel(false).0,
            ended: watch::channel(false).0,
            tasks: TaskTracker::new(),
        }
    }

    /// Starts a loop that runs as long as the engine; after a panic it is restarted.
    pub(crate) fn supervise<F: Future<Output = ()> + Send + 'static>(
        &self,
        name: &'static str,
        run: impl Fn(Stop) -> F + Send + 'static,
    ) {
        self.start(|mut stop| async move {
            while let Err(panic) = AssertUnwindSafe(run(stop.clone())).catch_unwind().await {
                let message = panic_message(&*panic).to_owned();
                tracing::error!(name, message, "a background loop panicked; restarting it");
                if !stop.sleep(AFTER_PANIC).await {
                    return;
                }
            }
        });
    }

    /// Starts a task that ends by itself.
    pub(crate) fn start<F: Future<Output = ()> + Send + 'static>(
        &self,
        run: impl FnOnce(Stop) -> F,
    ) {
        let work = AssertUnwindSafe(run(Stop(self.stop.subscribe()))).catch_unwind();
        self.tasks.spawn(async move {
            if let Err(panic) = work.await {
                let message = panic_message(&*panic).to_owned();
                tracing::error!(message, "a background task panicked");
            }
        });
    }

    /// Whether the engine is stopping.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until the engine is stopping.
    pub(crate) async fn stopping(&self) {
        Stop(self.stop.subscribe()).stopped().await;
    }

    /// Notifies waiting callers that no execution is driven here any more.
    pub(crate) fn end(&self) {
        self.ended.send_replace(true);
    }

    /// Waits until no execution is driven here any more.
    pub(crate) async fn ended(&self) {
        // An error means that the engine is gone, which is an end too.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    /// Stops all tasks and waits for them.
    pub(crate) async fn stop(&self) {
        self.stop.send_replace(true);
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Stop {
    /// Waits until the task must stop.
    pub(crate) async fn stopped(&mut self) {
        // An error means that the engine is gone, which is a stop too.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Sleeps; returns `false` if the task must stop instead.
    pub(crate) async fn sleep(&mut self, duration: Duration) -> bool {
        tokio::select! {
            () = self.stopped() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_panics_is_restarted() {
        let background = Background::new();
        let starts = Arc::new(AtomicU32::new(0));
        let counter = starts.clone();
        background.supervise("test", move |mut stop| {
            let nth = counter.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(nth >= 2, "the first two panic");
                stop.stopped().await;
            }
        });
        while starts.load(Ordering::SeqCst) < 3 {
            tokio::time::advance(AFTER_PANIC).await;
            tokio::task::yield_now().await;
        }
        background.stop().await;
        assert_eq!(starts.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn stopping_waits_for_tasks_and_survives_their_panics() {
        let background = Background::new();
        let ended = Arc::new(AtomicU32::new(0));
        let counter = ended.clone();
        background.start(|_| async { panic!("planted") });
        background.start(|mut stop| async move {
            stop.stopped().await;
            tokio::task::yield_now().await;
            counter.fetch_add(1, Ordering::SeqCst);
        });
        background.stop().await;
        assert_eq!(ended.load(Ordering::SeqCst), 1);
    }
}
